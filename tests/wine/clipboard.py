#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Event 24: a second program sets the clipboard; the helper that the service started in the session tells of it."""
import hashlib
import os
import shutil
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness  # noqa: E402

CONFIG = '''<Sysmon schemaversion="4.90">
  <HashAlgorithms>md5,sha256</HashAlgorithms>
  <ArchiveDirectory>Kept</ArchiveDirectory>
  <CaptureClipboard/>
  <EventFiltering><ClipboardChange onmatch="exclude"/></EventFiltering>
</Sysmon>
'''


def copied(t, form, text):
    """Puts `text` on the clipboard and waits for the event of its hash."""
    data = text.encode('utf-16-le')
    want = f'MD5={hashlib.md5(data).hexdigest()},SHA256={hashlib.sha256(data).hexdigest()}'.replace('=', '=', 1)
    want = ','.join(p.split('=')[0] + '=' + p.split('=')[1].upper() for p in want.split(','))
    result = t.run(r'C:\copy_text.exe', str(form), text)
    event = t.wait(lambda: next((e for e in t.events() if e['EventID'] == 24 and e['Hashes'] == want), None), 20)
    t.check(f'format {form}: an event with the hashes of the text', event, result.out + result.err + str(t.events()[-4:]))
    return event or {}, result.out.strip(), 'CLIP-' + hashlib.md5(data).hexdigest().upper() + hashlib.sha256(data).hexdigest().upper()


def test(t):
    shutil.copy(os.path.join(harness.BUILD, 'tests', 'wine', 'copy_text.exe'), t.c)
    t.equal('installed', t.sysmon('-i', t.write('config.xml', CONFIG)).code, 0)
    t.run('reg', 'add', harness.SERVICES + r'\Sysmon64\Parameters', '/v', 'Outputs', '/t', 'REG_MULTI_SZ', '/d', r'json:C:\events.json', '/f')
    t.run('sc', 'stop', 'Sysmon64')
    t.wait(lambda: t.state('Sysmon64') == 'STOPPED')
    t.run('sc', 'start', 'Sysmon64')
    t.wait(lambda: t.state('Sysmon64') == 'RUNNING')
    t.wait(lambda: ' -z ' in t.run('wmic', 'process', 'get', 'CommandLine').out or t.run('tasklist').out.count('Sysmon64.exe') > 1, 20)
    # the helper may still be on its way to its window: the first text is set until it is seen
    for attempt in range(5):
        event, pid, name = {}, '', ''
        t.run(r'C:\copy_text.exe', '13', f'warm {attempt}')
        if t.wait(lambda: any(e['EventID'] == 24 for e in t.events()), 5):
            break
    t.check('the helper watches', any(e['EventID'] == 24 for e in t.events()), [e for e in t.events() if e['EventID'] == 255])
    event, pid, name = copied(t, 13, 'r\u00e9sum\u00e9 \u4e2d')
    t.equal('its owner', str(event.get('ProcessId')), pid)
    t.check('session, client', event.get('Session') == 1 and event.get('ClientInfo', '').startswith('user: '), event)
    t.equal('archived', event.get('Archived'), 'true')
    data = open(t.file('Kept', name), 'rb').read() if os.path.exists(t.file('Kept', name)) else None
    t.equal('the archive has the text under its hash', data, 'r\u00e9sum\u00e9 \u4e2d'.encode('utf-16-le'))
    copied(t, 1, 'plain')
    copied(t, 7, 'oem')
    t.equal('removed', t.sysmon('-u').code, 0)
    t.check('the helper is gone', t.wait(lambda: 'Sysmon64.exe' not in t.run('tasklist').out, 20))


harness.main(test, 'clipboard')
