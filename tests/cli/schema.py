#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Schemas: what each version added, against the published history; the generated pages are current.

usage: schema.py SYSMON SOURCE_ROOT
"""
import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as xml

PROGRAM, ROOT = sys.argv[1:]
USERS = [f'{e}.User' for e in (2, 5, 7, 9, 11, 12, 13, 14, 15, 17, 18, 22, 24, 25)]
# Version: what it has that the one before has not (+) or what is gone (-), for Windows.
HISTORY = {
    '4.1': {f'+{e}.RuleName' for e in (1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 17, 18, 19, 20, 21)},
    '4.2': set(),
    '4.21': {'+event 22', '+1.OriginalFileName', '+7.OriginalFileName', '+17.EventType', '+18.EventType', '+option DnsQuery'},
    '4.22': {'+is contains any', '+is contains all'},
    '4.23': {'+is excludes any', '+is excludes all'},
    '4.30': {'+event 23', '+option DnsLookup', '+option ArchiveDirectory', '-option CopyOnDelete_PE', '-option CopyOnDelete_SIDs',
             '-option CopyOnDelete_Extensions', '-option CopyOnDelete_Processes'},
    '4.31': {'+is is any', '+15.Contents'},
    '4.32': {'+2 version 5', '-2 version 4', '+6 version 4', '-6 version 3'},
    '4.40': {'+event 24', '+option CaptureClipboard'},
    '4.50': {'+event 25'},
    '4.60': {'+event 26', '+23 template File Delete archived', '-23 template File Delete'},
    '4.70': {'+is not begin with', '+is not end with', '+option Service'},
    '4.80': {'+' + u for u in USERS} | {'+8.SourceUser', '+8.TargetUser', '+10.SourceUser', '+10.TargetUser', '+1.ParentUser'},
    '4.81': {'+option FieldSizes'},
    '4.82': {'+event 27'},
    '4.83': {'+event 28'},
    '4.90': {'+event 29'},
    '4.91': {'+option DriverQueueSize', '+option SigningQueueSize'},
}


def run(*arguments):
    return subprocess.run([PROGRAM, *arguments], capture_output=True, text=True)


def manifests(text):
    return xml.fromstring('<all>' + text + '</all>').findall('manifest')


def content(manifest):
    """Everything a manifest says, as a set of short texts; fields of new events do not count one by one."""
    out = {'option ' + o.get('name') for o in manifest.iter('option')}
    out |= {'is ' + c for c in manifest.find('configuration/filters').text.split(',')}
    for event in manifest.iter('event'):
        ident = event.get('value')
        out |= {f'event {ident}', f"{ident} version {event.get('version')}", f"{ident} template {event.get('template')}"}
        out |= {f"{ident}.{d.get('name')}" for d in event.iter('data')}
    return out


def changes(older, newer):
    new_events = {e.split()[1] for e in newer - older if e.startswith('event ')}
    return {sign + c for sign, side in (('+', newer - older), ('-', older - newer)) for c in side
            if c.replace('.', ' ').split()[0] not in new_events}


def history(_):
    """every version differs from the one before as published"""
    every = manifests(run('schema', 'all', '--system', 'windows').stdout)
    versions = [m.get('schemaversion') for m in every]
    assert versions == sorted(versions, key=float, reverse=True) and versions[-1] == '4.0', versions
    for newer, older in zip(every, every[1:]):
        version = newer.get('schemaversion')
        found = changes(content(older), content(newer))
        assert found == HISTORY.pop(version), (version, found)
    assert not HISTORY, HISTORY


def forms(_):
    """4.90 for Windows has events 27 to 29 and nothing of Linux; for Linux it has event 100 and targets"""
    windows, linux = (manifests(run('schema', '4.90', '--system', s).stdout)[0] for s in ('windows', 'linux'))
    ids = {e.get('value') for e in windows.iter('event')}
    assert {'27', '28', '29', '255'} <= ids and '100' not in ids
    assert not [e for e in windows.iter() if e.get('target')] and not [o for o in windows.iter('option') if o.get('name') == 'BTF']
    by_id = {e.get('value'): e for e in linux.iter('event')}
    assert by_id['100'].get('target') == 'linux' and by_id['12'].get('target') == 'windows' and by_id['1'].get('target') is None
    assert [o for o in linux.iter('option') if o.get('name') == 'BTF']
    assert linux.find('configuration/filters').text.split(',')[-4:] == ['not end with', 'less than', 'more than', 'image']
    assert len(by_id['1'].findall('data')) == 23 and by_id['1'].get('ruledefault') == 'include'


def selection(_):
    """-s picks the newest version whose text starts like the argument"""
    for wanted, found in {(): '4.90', ('4.8',): '4.83', ('4.2',): '4.23', ('4.50',): '4.50', ('4.0',): '4.0', ('4',): '4.91'}.items():
        out = run('-s', *wanted)
        assert out.returncode == 0 and [m.get('schemaversion') for m in manifests(out.stdout)] == [found], (wanted, out)
    assert run('-S').stdout == run('-s').stdout
    missing = run('-s', '9')
    assert missing.returncode == 1 and 'There is no schema that matches that version.' in missing.stderr and not missing.stdout


def pages(folder):
    """docs/events.md and docs/ecs.md are what the schema says now"""
    sources = [os.path.join(ROOT, 'schema', f) for f in ('events.schema', 'options.schema', 'history.schema', 'ecs.schema')]
    for name in ('events.md', 'ecs.md'):
        made = os.path.join(folder, name)
        subprocess.run([sys.executable, os.path.join(ROOT, 'schema', 'documents.py'), name, *sources, made], check=True)
        assert open(made).read() == open(os.path.join(ROOT, 'docs', name)).read(), f'run schema/documents.py {name} …'


def main():
    tests = [history, forms, selection, pages]
    print(f'1..{len(tests)}')
    for number, test in enumerate(tests, 1):
        with tempfile.TemporaryDirectory() as folder:
            try:
                test(folder)
                print(f'ok {number} - {test.__doc__}')
            except Exception as error:
                print(f'not ok {number} - {test.__doc__}')
                print('# ' + repr(error).replace('\n', '\n# '))


if __name__ == '__main__':
    main()
