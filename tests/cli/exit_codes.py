#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Exit codes: the list, the page and the program agree. usage: exit_codes.py SOURCE_ROOT"""
import os
import re
import sys

ROOT = sys.argv[1]


def sources():
    for folder, _, files in os.walk(os.path.join(ROOT, 'src')):
        for name in files:
            if name.endswith('.c'):
                yield os.path.join(folder, name), open(os.path.join(folder, name), encoding='utf-8').read()


def main():
    header = open(os.path.join(ROOT, 'src/cli/exit_codes.h'), encoding='utf-8').read()
    page = open(os.path.join(ROOT, 'docs/exit-codes.md'), encoding='utf-8').read()
    header = header.replace('EXIT_NUMBER_NOT_ROOT,', '228,')
    listed = re.findall(r'X\((EXIT_\w+), (\d+), "([^"]*)"\)', header)
    shown = re.findall(r'^\| (\d+) \| `(EXIT_\w+)` \| ([^|]*?) \|', page, re.M)
    text = list(sources())
    unused = [n for n, _, _ in listed if not any(re.search(rf'\b{n}\b', t) for _, t in text)]
    literal = [f'{os.path.relpath(p, ROOT)}: {m.group(0)}' for p, t in text if '/bpf/' not in p
               for m in re.finditer(r'\bexit\((?!EXIT_|code|result|status)[^)]*\)|\b_exit\(\d+\)', t)]
    points = [
        ('header and page list the same', sorted(set(shown) ^ {(v, n, m) for n, v, m in listed})),
        ('numbers are distinct and fit a shell', [n for n, v, _ in listed if int(v) > 255 or [x for _, x, _ in listed].count(v) > 1]),
        ('every code is used', unused),
        ('no exit with a bare number', literal),
    ]
    print(f'1..{len(points)}')
    for number, (name, bad) in enumerate(points, 1):
        print(f"{'not ok' if bad else 'ok'} {number} - {name}")
        for b in bad:
            print(f'# {b}')


if __name__ == '__main__':
    main()
