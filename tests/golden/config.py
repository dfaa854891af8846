#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What `check` says about the files of tests/golden/config, byte for byte, for both systems.

usage: config.py [--update] COMMAND...      COMMAND: the program, with what runs it (`wine Sysmon64.exe`)
"""
import glob
import os
import subprocess
import sys

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'config')


def check(command, name, system):
    done = subprocess.run([*command, 'check', '--system', system, name], cwd=HERE, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, timeout=60)
    return done.stdout.replace(b'\r\n', b'\n') + b'exit %d\n' % done.returncode


def main():
    arguments = sys.argv[1:]
    update = '--update' in arguments
    command = [os.path.abspath(a) if os.path.exists(a) else a for a in arguments if a != '--update']
    names = sorted(os.path.basename(p) for p in glob.glob(os.path.join(HERE, '*.xml')))
    print(f'1..{2 * len(names)}')
    for number, (name, system) in enumerate(((n, s) for n in names for s in ('linux', 'windows')), 1):
        golden = os.path.join(HERE, f'{name[:-4]}.{system}.golden')
        said = check(command, name, system)
        if update:
            open(golden, 'wb').write(said)
        wanted = open(golden, 'rb').read() if os.path.exists(golden) else b''
        print(f"{'ok' if said == wanted else 'not ok'} {number} - {name} on {system}")
        if said != wanted:
            for line in said.decode('utf-8', 'replace').splitlines():
                print('#', line)


if __name__ == '__main__':
    main()
