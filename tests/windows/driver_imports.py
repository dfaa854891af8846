#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Hold SysmonDrv.sys to what a kernel loader checks before any of its code runs. Prints TAP.

usage: driver_imports.py SysmonDrv.sys nt52-exports.txt
Imports against the allow-list of NT 5.2 (a name that is missing keeps the driver from loading there), header fields, checksum,
sections that are both writable and executable. Reads the file with nothing but the standard library.
"""
import struct
import sys

MACHINES = {0x8664: ('x64', 1), 0x14C: ('x86', 2)}
MODULES = {'ntoskrnl.exe': 'B', 'hal.dll': 'H'}


class Image:
    def __init__(self, data):
        self.data = data
        pe = struct.unpack_from('<I', data, 0x3C)[0]
        assert data[:2] == b'MZ' and data[pe:pe + 4] == b'PE\0\0', 'no PE image'
        self.machine, sections, _, _, _, optional, self.characteristics = struct.unpack_from('<HHIIIHH', data, pe + 4)
        self.header = pe + 24
        self.is_64 = struct.unpack_from('<H', data, self.header)[0] == 0x20B
        self.directories = self.header + (112 if self.is_64 else 96)
        self.sections = []
        for i in range(sections):
            at = self.header + optional + 40 * i
            name = data[at:at + 8].rstrip(b'\0').decode()
            size, rva, raw_size, raw = struct.unpack_from('<IIII', data, at + 8)
            self.sections.append((name, rva, size, raw, raw_size, struct.unpack_from('<I', data, at + 36)[0]))

    def field(self, offset, form):
        return struct.unpack_from(form, self.data, self.header + offset)[0]

    def offset(self, rva):
        for _, start, size, raw, raw_size, _ in self.sections:
            if start <= rva < start + max(size, raw_size):
                return raw + rva - start
        raise ValueError(f'address {rva:#x} is in no section')

    def text(self, rva):
        at = self.offset(rva)
        return self.data[at:self.data.index(b'\0', at)].decode()

    def directory(self, index):
        return struct.unpack_from('<II', self.data, self.directories + 8 * index)

    def imports(self):
        at = self.offset(self.directory(1)[0])
        while True:
            names, _, _, module, _ = struct.unpack_from('<IIIII', self.data, at)
            if not module:
                return
            yield from ((self.text(module).lower(), name) for name in self.thunks(names))
            at += 20

    def thunks(self, rva):
        width, form = (8, '<Q') if self.is_64 else (4, '<I')
        at = self.offset(rva)
        while (value := struct.unpack_from(form, self.data, at)[0]):
            yield f'ordinal {value & 0xFFFF}' if value >> (width * 8 - 1) else self.text(value + 2)
            at += width

    def checksum(self):
        data = bytearray(self.data)
        data[self.header + 64:self.header + 68] = b'\0\0\0\0'
        data += b'\0' * (len(data) % 2)
        total = sum(struct.unpack(f'<{len(data) // 2}H', data))
        while total >> 16:
            total = (total & 0xFFFF) + (total >> 16)
        return total + len(self.data)


def allowed(path, column):
    rows = (line.split() for line in open(path) if not line.startswith('#'))
    return {row[0]: row[column] for row in rows}


def main():
    image = Image(open(sys.argv[1], 'rb').read())
    name, column = MACHINES[image.machine]
    allow = allowed(sys.argv[2], column)
    imports = list(image.imports())
    flags = image.field(70, '<H')
    checks = {
        f'{name}: {len(imports)} imports, all exported by NT 5.2': [
            f'{m}!{n}' for m, n in imports if allow.get(n, '-') == '-' or MODULES.get(m) != allow[n]],
        'imports something': [] if len(imports) > 10 else ['the import table could not be read'],
        'native subsystem, versions 5.2': [
            f'{what} is {got}' for what, got, want in (
                ('Subsystem', image.field(68, '<H'), 1),
                ('SubsystemVersion', (image.field(48, '<H'), image.field(50, '<H')), (5, 2)),
                ('OperatingSystemVersion', (image.field(40, '<H'), image.field(42, '<H')), (5, 2))) if got != want],
        'WDM_DRIVER, NX_COMPAT, FORCE_INTEGRITY, DYNAMIC_BASE': [] if flags & 0x21C0 == 0x21C0 else [f'{flags:#x}'],
        'can be moved': [] if not image.characteristics & 1 and image.directory(5)[1] else ['relocations are stripped'],
        'no TLS, no exports': [str(i) for i in (0, 9) if image.directory(i)[0]],
        'no section both writable and executable': [s[0] for s in image.sections if s[5] & 0xA0000000 == 0xA0000000],
        'sections on pages': [f'{image.field(32, "<I"):#x}'] if image.field(32, '<I') < 0x1000 else [],
        'checksum': [] if image.field(64, '<I') == image.checksum() else
                    [f'{image.field(64, "<I"):#x}, computed {image.checksum():#x}'],
    }
    print(f'1..{len(checks)}')
    for number, (check, bad) in enumerate(checks.items(), 1):
        print(f"{'not ok' if bad else 'ok'} {number} - {check}")
        for b in bad:
            print(f'# {b}')
    sys.exit(any(checks.values()))


if __name__ == '__main__':
    main()
