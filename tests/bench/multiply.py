#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Write a configuration with TIMES as many literals: every filter and every Rule is followed by copies whose literals differ.

usage: multiply.py suffix|spread TIMES IN OUT
  suffix: the copies' literals end differently       spread: they also differ at their beginning or in their middle

Filters that match by absence (`is not`, `excludes` …) and comparisons keep their value; outside Rules they are not copied, because
a second one would always match.
"""
import copy
import sys
import xml.etree.ElementTree as ET

ABSENT = ('is not', 'excludes', 'excludes any', 'excludes all', 'not begin with', 'not end with', 'less than', 'more than')
LISTS = ('contains any', 'contains all', 'is any')


def condition(field):
    return (field.get('condition') or 'is').lower()


def vary(literal, number, manner):
    mark = f'~{number}'
    if not literal or manner == 'suffix' or number % 3 == 0:
        return literal + mark
    at = 0 if number % 3 == 1 else len(literal) // 2
    return literal[:at] + mark + literal[at:]


def change(field, number, manner):
    if condition(field) in ABSENT:
        return
    parts = (field.text or '').split(';') if condition(field) in LISTS else [field.text or '']
    field.text = ';'.join(vary(p, number, manner) for p in parts)


def copies(child, times, manner):
    for number in range(1, times):
        twin = copy.deepcopy(child)
        fields = list(twin) if twin.tag == 'Rule' else [twin]
        for field in fields:
            change(field, number, manner)
        if twin.tag == 'Rule' or condition(twin) not in ABSENT:
            yield twin


def main():
    manner, times, source, target = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
    tree = ET.parse(source)
    blocks = [e for f in tree.getroot().iter('EventFiltering') for e in f.iter() if e.get('onmatch')]
    for block in blocks:
        children = list(block)
        for child in children:
            block.remove(child)
        for child in children:
            block.append(child)
            block.extend(copies(child, times, manner))
    tree.write(target, encoding='utf-8')


if __name__ == '__main__':
    main()
