#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The program must load on every Windows from NT 5.2 on, and needs no DLL that Windows does not bring. Prints TAP.

usage: user_imports.py PROGRAM.exe LIST     LIST: `[dll]` and the functions used from it, all of them in Server 2003
A function that is missing from the list is either new (add it, if Server 2003 has it) or must be looked up at run time.
"""
import struct
import sys


def imports(data):
    header, = struct.unpack_from('<I', data, 0x3C)
    sections, optional_size = struct.unpack_from('<H', data, header + 6)[0], struct.unpack_from('<H', data, header + 20)[0]
    wide = struct.unpack_from('<H', data, header + 24)[0] == 0x20B
    directory, = struct.unpack_from('<I', data, header + 24 + (112 if wide else 96) + 8)
    table = [struct.unpack_from('<IIII', data, header + 24 + optional_size + 40 * i + 8) for i in range(sections)]

    def at(rva):
        return next(rva - va + raw for _, va, size, raw in table if va <= rva < va + size)

    def text(rva):
        start = at(rva)
        return data[start:data.index(b'\0', start)].decode()

    form, step, flag = ('<Q', 8, 1 << 63) if wide else ('<I', 4, 1 << 31)
    entry = at(directory)
    while (row := struct.unpack_from('<IIIII', data, entry))[3]:
        slot = at(row[0] or row[4])
        while (value := struct.unpack_from(form, data, slot)[0]):
            yield text(row[3]).lower(), f'#{value & 0xFFFF}' if value & flag else text(value + 2)
            slot += step
        entry += 20


def versions(data):
    header, = struct.unpack_from('<I', data, 0x3C)
    return struct.unpack_from('<HH', data, header + 24 + 48), struct.unpack_from('<H', data, header + 24 + 70)[0]


def main():
    data, allowed, dll = open(sys.argv[1], 'rb').read(), set(), None
    for line in open(sys.argv[2], encoding='utf-8'):
        line = line.split('#')[0].strip()
        if line.startswith('['):
            dll = line[1:-1].lower()
        elif line:
            allowed |= {(dll, name) for name in line.split()}
    used = sorted(set(imports(data)))
    known = {d for d, _ in allowed}
    foreign = sorted({d for d, _ in used if d not in known})
    new = [f'{d}: {n}' for d, n in used if d in known and (d, n) not in allowed]
    (major, minor), characteristics = versions(data)
    points = [('only DLLs that Windows brings', foreign), ('only functions that NT 5.2 has', new),
              ('subsystem version at most 5.2', [f'{major}.{minor}'] if (major, minor) > (5, 2) else []),
              ('address randomisation and no execution of data', [hex(characteristics)] if characteristics & 0x140 != 0x140 else [])]
    print(f'1..{len(points)}')
    for number, (name, bad) in enumerate(points, 1):
        print(f"{'not ok' if bad else 'ok'} {number} - {name}")
        for b in bad:
            print('# ' + b)


if __name__ == '__main__':
    main()
