#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Hold the freestanding part of the engine to its word: nothing undefined but the four functions every C compiler needs.

usage: freestanding.py NM ARCHIVE      prints TAP, one point per object file
"""
import re
import subprocess
import sys

ALLOWED = {'memcpy', 'memmove', 'memset', 'memcmp', '_GLOBAL_OFFSET_TABLE_'}
# Inserted by coverage and sanitizer builds, which are not what is loaded into a kernel.
INSTRUMENTED = re.compile(r'__(asan|ubsan|sanitizer|sancov|gcov|llvm)_')


def symbols(nm, archive):
    """[(object, {defined}, {undefined})]"""
    out, current = [], None
    for line in subprocess.run([nm, '-g', archive], capture_output=True, text=True, check=True).stdout.splitlines():
        if line.endswith(':'):
            current = (line[:-1], set(), set())
            out.append(current)
        elif line.strip():
            kind, name = line.split()[-2:]
            current[2 if kind == 'U' else 1].add(name)
    return out


def main():
    nm, archive = sys.argv[1:3]
    objects = symbols(nm, archive)
    defined = set().union(*(o[1] for o in objects))
    # 32-bit Windows writes an underscore before every name
    allowed = ALLOWED | {'_' + name for name in ALLOWED}
    bad = {o[0]: sorted(n for n in o[2] - defined - allowed if not INSTRUMENTED.match(n)) for o in objects}
    print(f'1..{len(objects)}')
    for number, (name, foreign) in enumerate(bad.items(), 1):
        print(f"{'not ok' if foreign else 'ok'} {number} - {name} {' '.join(foreign)}")
    sys.exit(1 if any(bad.values()) or not objects else 0)


if __name__ == '__main__':
    main()
