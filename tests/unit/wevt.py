#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The manifest compiler against reference outputs, and the catalogue's own manifest read back. Prints TAP.

usage: wevt.py SOURCE_ROOT
The reader below was written from the layout alone and shares nothing with the compiler.
"""
import os
import struct
import sys

ROOT = sys.argv[1]
sys.path.insert(0, os.path.join(ROOT, 'schema'))
import generate  # noqa: E402
import instrumentation  # noqa: E402
import wevt  # noqa: E402
from wevt_reader import Messages, Resource  # noqa: E402

CORPUS = os.environ.get('SYSMON_CORPUS') or os.path.join(ROOT, '..', 'shared', 'corpus')
points = []


def point(name, good, why=''):
    points.append((name, good, why))


def reference(name, version):
    folder = os.path.join(CORPUS, 'wevt')
    label = f'{name} version {version} is the reference output byte for byte'
    if not os.path.isdir(folder):
        points.append((label + f' # skip no corpus at {folder}', True, ''))
        return
    read = lambda suffix: open(os.path.join(folder, name + suffix), 'rb').read()
    resource, messages = wevt.compile_manifest(read('.man'), version)
    point(label, resource == read(f'.wevt.v{version}.bin') and messages == read('.msg.bin'))


def catalogue():
    events = [e for e in generate.read_events(os.path.join(ROOT, 'schema', 'events.schema')) if 'windows' in e['systems']]
    classic = {instrumentation.CLASSIC[e['level']] + e['id']: instrumentation.message(e) for e in events}
    data, table = wevt.compile_manifest(instrumentation.manifest(events), extra=classic)
    resource, messages = Resource(data), Messages(table)
    point('provider', resource.providers == ['5770385f-c22a-43e0-bf4c-06f5698ffbd9'])
    point('one channel, number 16', resource.channels == {16: 'Microsoft-Windows-Sysmon/Operational'})
    point('every event of the catalogue, no other', sorted(resource.events) == sorted(e['id'] for e in events))
    wrong = []
    for e in events:
        got = resource.events[e['id']]
        want = dict(version=e['version'], level=e['level'], channel=16, opcode=0, task=e['id'], keyword=1 << 63,
                    fields=[(name, wevt.IN_TYPES.index(instrumentation.TYPES[kind][0])) for name, kind, _ in e['fields']],
                    substitutions=[(name, i) for i, (name, _, _) in enumerate(e['fields'])])
        wrong += [f"event {e['id']} {key}: {got[key]} instead of {value}" for key, value in want.items() if got[key] != value]
        text = messages.text.get(got['message'], '')
        if not text.startswith(e['template'] + ':%n' + e['fields'][0][0] + ': %1!s!') or text.count('!s!') != len(e['fields']):
            wrong.append(f"event {e['id']}: message {text!r}")
        if messages.text.get(instrumentation.CLASSIC[e['level']] + e['id']) != text:
            wrong.append(f"event {e['id']}: no classic message")
        task = resource.tasks[e['id']]
        if task['name'] != 'SysmonTask-' + e['symbol'] or not task['guid'].endswith(f"{e['id']:08x}"):
            wrong.append(f"event {e['id']}: task {task}")
    point('descriptors, fields and messages agree with the catalogue', not wrong, '\n'.join(wrong))


def main():
    for name in ('TaskOpcodes', 'wpf-etw'):
        for version in (3, 5):
            reference(name, version)
    catalogue()
    print(f'1..{len(points)}')
    for number, (name, good, why) in enumerate(points, 1):
        print(f"{'ok' if good else 'not ok'} {number} - {name}")
        for line in why.splitlines():
            print('# ' + line)
    sys.exit(any(not good for _, good, _ in points))


if __name__ == '__main__':
    main()
