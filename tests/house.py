#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Hold the shape of the house (docs/contributing.md): licence lines, function and file length, banned functions, file size.

Prints TAP, one point per rule. usage: house.py SOURCE_ROOT
"""
import os
import re
import subprocess
import sys

ROOT = sys.argv[1]
MAX_FUNCTION, MAX_FILE, MAX_BYTES = 120, 1000, 512 << 10
BANNED = re.compile(r'\b(strcpy|strcat|sprintf|vsprintf|gets|strtok|tmpnam|mktemp|alloca)\s*\(')
CODE = ('.c', '.h', '.py', '.sh', '.S')


def tracked():
    listed = subprocess.run(['git', '-C', ROOT, 'ls-files', '-co', '--exclude-standard'], capture_output=True, text=True)
    if listed.returncode == 0:
        return [p for p in listed.stdout.splitlines() if os.path.isfile(os.path.join(ROOT, p))]
    return [os.path.relpath(os.path.join(d, f), ROOT) for d, sub, files in os.walk(ROOT)
            if '/build' not in d and '/.git' not in d for f in files]


def functions(text):
    """(first line number, name, length) of every function whose braces stand in column 0."""
    start = name = None
    previous = []
    for number, line in enumerate(text.splitlines(), 1):
        if line == '{':
            head = ' '.join(previous[-6:])
            found = re.findall(r'(\w+)\s*\(', head)
            start, name = number, found[0] if found else '?'
        elif line == '}' and start:
            yield start, name, number - start - 1
            start = None
        previous = [] if line in ('', '}') else previous + [line]


def main():
    files = tracked()
    text = {p: open(os.path.join(ROOT, p), encoding='utf-8', errors='replace').read() for p in files if p.endswith(CODE)}
    rules = {
        'every source names its licence': [p for p, t in text.items() if 'SPDX-License-Identifier' not in t[:400]],
        f'functions of at most {MAX_FUNCTION} lines': [
            f'{p}:{line}: {name} has {length}' for p, t in text.items() if p.endswith('.c')
            for line, name, length in functions(t) if length > MAX_FUNCTION],
        f'files of at most {MAX_FILE} lines': [
            f'{p}: {t.count(chr(10))}' for p, t in text.items() if t.count('\n') > MAX_FILE],
        'no banned functions': [
            f'{p}: {m.group(1)}' for p, t in text.items() if p.endswith(('.c', '.h')) for m in BANNED.finditer(t)],
        'no grab-bag names': [p for p in files if re.search(r'(^|/)(utils?|common|misc|helpers?)\.[ch]$', p)],
        f'no tracked file above {MAX_BYTES >> 10} KiB': [
            p for p in files if os.path.getsize(os.path.join(ROOT, p)) > MAX_BYTES],
        'no binaries': [p for p in files if b'\0' in open(os.path.join(ROOT, p), 'rb').read(8192)
                        and not p.startswith(('tests/golden/', 'tests/fuzz/seeds/'))],
    }
    print(f'1..{len(rules)}')
    for number, (rule, bad) in enumerate(rules.items(), 1):
        print(f"{'not ok' if bad else 'ok'} {number} - {rule}")
        for b in bad:
            print(f'# {b}')


if __name__ == '__main__':
    main()
