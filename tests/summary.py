#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Count the results of several Meson test logs, TAP subtests one by one, and close with one plain line.

usage: summary.py BUILD_FAILURES LOG.json...     exit 1 when anything failed
"""
import json
import os
import re
import sys

TAP = re.compile(r'^\s*(not )?ok\b(?:\s+\d+)?[ -]*(.*)$')


def count(test):
    """(passed, failed, skipped, failure names) of one test."""
    result, text = test['result'], test.get('stdout') or ''
    points = [m for m in map(TAP.match, text.splitlines()) if m] if re.search(r'^(\d+\.\.\d+|ok |not ok )', text, re.M) else []
    passed = failed = skipped = 0
    names = []
    for bad, rest in (m.groups() for m in points):
        if re.search(r'#\s*skip', rest, re.I):
            skipped += 1
        elif bad:
            failed += 1
            names.append(rest)
        else:
            passed += 1
    if result in ('OK', 'EXPECTEDFAIL'):
        return (passed, failed, skipped, names) if points else (1, 0, 0, [])
    if result == 'SKIP':
        return passed, failed, max(skipped, 1), names
    return passed, max(failed, 1), skipped, names or [result]


def main():
    total = [0, int(sys.argv[1]), 0]
    for log in sys.argv[2:]:
        if not os.path.exists(log):
            print(f'FAILED {log}: no test ran')
            total[1] += 1
            continue
        for line in open(log, encoding='utf-8', errors='replace'):
            test = json.loads(line)
            passed, failed, skipped, names = count(test)
            total[0] += passed
            total[1] += failed
            total[2] += skipped
            for name in names:
                print(f"FAILED {test['name']}: {name}")
            if skipped:
                why = re.search(r'(?:#\s*skip|skipped:?)\s*(.*)', (test.get('stdout') or '') + (test.get('stderr') or ''), re.I)
                print(f"SKIPPED {test['name']}: {why.group(1) if why else ''}")
    print(f'{total[0]} passed, {total[1]} failed, {total[2]} skipped')
    sys.exit(1 if total[1] or not total[0] else 0)


if __name__ == '__main__':
    main()
