#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Hold the include rules of the rooms: which folder may include what. Prints TAP, one point per room.

A quoted include must resolve in the room itself or in a room it may use; the engine may include no system header.
"""
import os
import re
import sys

ROOT = sys.argv[1]
INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]', re.M)
C11 = {'assert.h', 'ctype.h', 'errno.h', 'float.h', 'inttypes.h', 'limits.h', 'math.h', 'stdalign.h', 'stdarg.h', 'stdatomic.h',
       'stdbool.h', 'stddef.h', 'stdint.h', 'stdio.h', 'stdlib.h', 'string.h', 'time.h'}
GENERATED = {'catalogue_ids.h', 'schema_history.h'}
# room: (rooms whose headers it may include, system headers it may include; None = any)
ROOMS = {
    'include/sysmon': (['include/sysmon'], {'stdbool.h', 'stddef.h', 'stdint.h', 'stdio.h', 'stdarg.h'}),
    'src/engine': (['include/sysmon', 'src/engine', 'src/port'], C11),
    'src/port': (['include/sysmon', 'src/port'], None),
    'src/outputs': (['include/sysmon', 'src/engine', 'src/port', 'src/outputs'], None),
    'src/cli': (['include/sysmon', 'src/engine', 'src/port', 'src/outputs', 'src/cli'], None),
    'src/linux/bpf': (['include/sysmon', 'src/linux/bpf'], None),
    'src/linux': (['include/sysmon', 'src/engine', 'src/port', 'src/outputs', 'src/cli', 'src/linux'], None),
    'src/windows/driver': (['include/sysmon', 'src/windows/driver'], None),
    'src/windows/service': (['include/sysmon', 'src/engine', 'src/port', 'src/outputs', 'src/cli', 'src/windows/service'], None),
}


def room_of(path):
    return max((r for r in ROOMS if path == r or path.startswith(r + '/')), key=len, default=None)


def resolves(name, here, allowed):
    if os.path.basename(name) in GENERATED or name.endswith('.skel.h') or name == 'vmlinux.h':
        return True
    candidates = [os.path.normpath(os.path.join(here, name))]
    candidates += [os.path.normpath(os.path.join(base, name)) for base in ['include', 'src', '.'] + allowed]
    for c in candidates:
        if os.path.exists(os.path.join(ROOT, c)):
            home = room_of(os.path.dirname(c))
            return home is not None and any(home == a or home.startswith(a + '/') for a in allowed)
    return False


def main():
    print(f'1..{len(ROOMS)}')
    for number, (room, (allowed, system)) in enumerate(ROOMS.items(), 1):
        bad = []
        for folder, _, files in os.walk(os.path.join(ROOT, room)):
            here = os.path.relpath(folder, ROOT)
            if room_of(here) != room:
                continue
            for name in files:
                if not name.endswith(('.c', '.h')):
                    continue
                text = open(os.path.join(folder, name), encoding='utf-8').read()
                for kind, header in INCLUDE.findall(text):
                    if kind == '"' and not resolves(header, here, allowed):
                        bad.append(f'{here}/{name}: "{header}"')
                    if kind == '<' and system is not None and header not in system:
                        bad.append(f'{here}/{name}: <{header}>')
        print(f"{'not ok' if bad else 'ok'} {number} - includes of {room}")
        for b in bad:
            print(f'# {b}')


if __name__ == '__main__':
    main()
