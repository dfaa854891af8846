#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Event 24 on a display of the test's own (Xvfb, xclip). Prints TAP. usage: clipboard.py SYSMON"""
import hashlib
import json
import os
import shutil
import subprocess
import sys

import sandbox
from sandbox import Events, Tap, run, wait_for

SYSMON = '/run/programs/sysmon'
DISPLAY = ':77'
RULES = '<EventFiltering><RuleGroup groupRelation="or"><ClipboardChange onmatch="exclude"/></RuleGroup></EventFiltering></Sysmon>'
CONFIG = '<Sysmon schemaversion="4.90"><HashAlgorithms>md5,sha256</HashAlgorithms><CaptureClipboard/>' + RULES
WITHOUT = '<Sysmon schemaversion="4.90">' + RULES
UID = 65534
tap = Tap()


def hashes(text):
    return f'MD5={hashlib.md5(text).hexdigest()},SHA256={hashlib.sha256(text).hexdigest()}'.lower()


def copy(text, uid=0):
    """Puts a text on the clipboard; the process that owns it from then on."""
    child = subprocess.Popen(['xclip', '-quiet', '-selection', 'clipboard', '-i'], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL,
                             env={'DISPLAY': DISPLAY, 'PATH': os.environ['PATH']}, user=uid)
    child.stdin.write(text)
    child.stdin.close()
    return child


def helpers(monitor):
    with open(f'/proc/{monitor.pid}/task/{monitor.pid}/children') as children:
        return [int(pid) for pid in children.read().split()]


def uids(pid):
    with open(f'/proc/{pid}/status') as status:
        return next(line.split()[1:] for line in status if line.startswith('Uid:'))


def changes(events):
    owners = []
    for number, text in enumerate((b'a secret', 'žluťoučký kůň\n'.encode(), b'x' * 100000)):
        owners.append(copy(text))
        found = events.wait(24, ProcessId=owners[-1].pid)
        if not tap.point(found, f'text {number} is told', events.of(24)):
            continue
        e, start = found[0], (events.wait(1, ProcessId=owners[-1].pid) or [{}])[0]
        tap.equal((len(found), e['ProcessGuid'], e['Image'], e['Session'], e['ClientInfo'], e['Hashes'].lower(), e['Archived'], e['User'], e['RuleName'], e['Display'],
                   e.get('ProcessIsClaimed')),
                  (1, start.get('ProcessGuid'), os.path.realpath(shutil.which('xclip')), os.getsid(owners[-1].pid), 'user: nobody', hashes(text), 'true', 'root', '-',
                   DISPLAY, None), 'its fields')
        name = [n for n in os.listdir('/var/lib/sysmon/archive') if hashlib.sha256(text).hexdigest() in n.lower() or hashlib.md5(text).hexdigest() in n.lower()]
        tap.equal([(open(f'/var/lib/sysmon/archive/{n}', 'rb').read() == text, oct(os.stat(f'/var/lib/sysmon/archive/{n}').st_mode & 0o777)) for n in name],
                  [(True, '0o600')], 'the text is in the archive')
    tap.equal(oct(os.stat('/var/lib/sysmon/archive').st_mode & 0o777), '0o700', 'the archive is nobody else\'s')
    huge = copy(b'y' * 3000000)
    e = (events.wait(24, ProcessId=huge.pid) or [{}])[0]
    tap.equal((e.get('Hashes'), e.get('Archived')), ('-', 'false: too large'), 'a text of three megabytes')
    for child in owners + [huge]:
        child.kill()
        child.wait()


def helper_goes(monitor, events):
    """A helper that dies is started again."""
    before = helpers(monitor)
    tap.equal([uids(pid) for pid in before], [[str(UID)] * 4], "one helper, under the display's user")
    os.kill(before[0], 9)
    tap.point(wait_for(lambda: len(now := helpers(monitor)) == 1 and now != before), 'a helper that died is replaced')
    owner = wait_for(lambda: (c := copy(b'again')) and (wait_for(lambda: events.of(24, ProcessId=c.pid), 3) and c or c.kill()))
    tap.point(owner, 'and watches')
    owner.kill()
    owner.wait()


def without_option(monitor, events):
    with open('/run/c/config.xml', 'w') as out:
        out.write(WITHOUT)
    monitor.send_signal(1)
    events.wait(16, 2)
    tap.point(wait_for(lambda: not helpers(monitor)), 'without the option nothing watches')


def main():
    for program in 'Xvfb', 'xclip':
        if not shutil.which(program):
            sandbox.skip(f'{program} is not installed')
    sandbox.enter_private_view(os.path.abspath(__file__), [os.path.abspath(sys.argv[1])])
    sandbox.need_sensor(sys.argv[1])
    sandbox.make_private_view([sys.argv[1]])
    os.makedirs('/run/c')
    os.makedirs('/tmp/.X11-unix', 0o1777)
    os.chmod('/tmp/.X11-unix', 0o1777)
    with open('/run/c/config.xml', 'w') as out:
        out.write(CONFIG)
    server = subprocess.Popen(['Xvfb', DISPLAY, '-screen', '0', '64x64x8', '-nolisten', 'tcp', '-noreset', '-ac'], stderr=subprocess.DEVNULL, user=UID)
    wait_for(lambda: os.path.exists(f'/tmp/.X11-unix/X{DISPLAY[1:]}'))
    events = Events('/run/c/events.json')
    monitor = subprocess.Popen([SYSMON, 'run', '-c', '/run/c/config.xml', '--output', 'json:/run/c/events.json'], stderr=subprocess.PIPE, text=True)
    try:
        tap.point(events.wait(4), 'started')
        wait_for(lambda: helpers(monitor))
        ready = wait_for(lambda: (c := copy(b'warm-up')) and (wait_for(lambda: events.of(24, ProcessId=c.pid), 3) and c or c.kill()))
        tap.point(ready, 'a display is found')
        if ready:
            ready.kill()
            ready.wait()
            changes(events)
            helper_goes(monitor, events)
            totals = json.loads(run(SYSMON, 'stats', '--json').stdout)
            tap.equal(totals['events_lost'].get('24 ClipboardChange', {}), {}, 'nothing was lost')
            without_option(monitor, events)
    finally:
        monitor.terminate()
        _, text = monitor.communicate(timeout=60)
        server.terminate()
        server.wait(60)
    tap.equal(monitor.returncode, 0, 'ends well')
    tap.end()


if __name__ == '__main__':
    main()
