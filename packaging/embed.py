#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A file as a C array: embed.py FILE SYMBOL. The array is terminated; SYMBOL_size leaves the terminator out."""
import sys

data = open(sys.argv[1], 'rb').read()
symbol = sys.argv[2]
print('/* SPDX-License-Identifier: MIT */')
print(f'/* Generated from {sys.argv[1].rsplit("/", 1)[-1]}. */')
print('#include <stddef.h>')
print(f'extern const unsigned char {symbol}[];\nextern const size_t {symbol}_size;')
print(f'const unsigned char {symbol}[] = {{')
for at in range(0, len(data), 16):
    print('    ' + ' '.join(f'{b},' for b in data[at:at + 16]))
print(f'    0,\n}};\nconst size_t {symbol}_size = {len(data)};')
