#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The catalogue says where events are observed (`check` notes the others): every event the Linux room makes must say linux.

usage: observed.py SOURCE_ROOT
"""
import glob
import os
import re
import sys

ROOT = sys.argv[1]
sys.path.insert(0, os.path.join(ROOT, 'schema'))
import generate  # noqa: E402


def main():
    source = ''.join(open(p, encoding='utf-8').read() for p in glob.glob(os.path.join(ROOT, 'src', 'linux', '*.c')))
    made = set(re.findall(r'\bEVENT_([A-Z_0-9]+)\b', source))
    events = [e for e in generate.read_events(os.path.join(ROOT, 'schema', 'events.schema')) if generate.stem(e) in made]
    print(f'1..{len(events)}')
    for number, event in enumerate(events, 1):
        good = 'linux' in event['systems']
        print(f"{'ok' if good else 'not ok'} {number} - event {event['id']} is observed on Linux")
        if not good:
            print('# add linux to its systems in schema/events.schema, and run schema/documents.py for docs/events.md')


if __name__ == '__main__':
    main()
