#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Turn exports.txt into a C table.  usage: exports.py exports.txt OUTPUT.c

A version becomes the build number of the first kernel of that name; 0 = since 5.2 SP1, 0xffffffff = never.
"""
import sys

BUILDS = {'B': 0, 'H': 0, '-': 0xffffffff, '5.2-SP1': 0, '5.2-SP2': 3790, '6.0': 6000, '6.0-SP1': 6001, '6.1': 7600, '6.1-SP1': 7601,
          '6.2': 9200, '6.3': 9600, '10': 10240, '1511': 10586, '1607': 14393, '1703': 15063, '1709': 16299, '1803': 17134,
          '1809': 17763, '1903': 18362, '2004': 19041, '11': 22000, '11-22H2': 22621}
IRQL = {'P': 0, 'A': 1, 'D': 2, 'd': 2, '*': 31, '-': 31}


def convention(text):
    """(kind, bytes of arguments on the x86 stack and in registers)"""
    if text == 'data':
        return 'FACT_DATA', 0
    if text.startswith('f@'):
        return 'FACT_FASTCALL', int(text[2:])
    if text.startswith('@'):
        return 'FACT_STDCALL', int(text[1:])
    return 'FACT_CDECL', 0


def main():
    rows = []
    for line in open(sys.argv[1], encoding='utf-8'):
        if line.startswith('#') or not line.strip():
            continue
        module, name, x64, x86, irql, suffix = line.split()
        kind, size = convention(suffix)
        hal = (x64 == 'H') << 0 | (x86 == 'H') << 1
        rows.append(f'    {{"{name}", {"FACT_FLTMGR" if module == "flt" else "FACT_KERNEL"}, {hal}, {kind}, {size}, '
                    f'{IRQL[irql]}, {int(irql == "d")}, {{{BUILDS[x64]}u, {BUILDS[x86]}u}}}},')
    rows.sort()
    with open(sys.argv[2], 'w', encoding='utf-8') as out:
        out.write('/* Generated from exports.txt. */\n#include "export.h"\n\nconst struct export_fact export_facts[] = {\n')
        out.write('\n'.join(rows))
        out.write('\n};\nconst size_t export_fact_count = sizeof export_facts / sizeof export_facts[0];\n')


if __name__ == '__main__':
    main()
