#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The PE reader against built vectors (spec 09 section 10.3, 10.4) and against every PE file on this machine, the latter
with an independent reader written here. Prints TAP. usage: pe_files.py PE_PRINT
"""
import glob
import hashlib
import os
import random
import struct
import subprocess
import sys
import tempfile

FLAG = {False: 1 << 31, True: 1 << 63}
WS = 'ws2_32.dll', 'wsock32.dll'


# --- building -------------------------------------------------------------------------------------------------------

def build(imports, wide, patch=None):
    """A PE file with one section at RVA 0x1000. imports: [(module, [name | ordinal])]; patch(bytearray, layout)."""
    base, size = 0x1000, 8 if wide else 4
    pack = '<Q' if wide else '<I'
    at = base + 20 * (len(imports) + 1)
    tables = []
    for _, functions in imports:
        tables.append((at, at + size * (len(functions) + 1)))
        at += 2 * size * (len(functions) + 1)
    body = {}
    layout = {'tables': tables, 'names': [], 'descriptors': base, 'hints': []}
    for (module, functions), (ilt, iat) in zip(imports, tables):
        layout['names'].append(at)
        body[at] = module.encode('latin1') + b'\0'
        at += len(module) + 1
        for i, f in enumerate(functions + [None]):
            if f is None:
                value = 0
            elif isinstance(f, int):
                value = FLAG[wide] | f
            else:
                at += at & 1
                value = at
                layout['hints'].append(at)
                body[at] = b'\0\0' + f.encode('latin1') + b'\0'
                at += len(f) + 3
            body[ilt + i * size] = body[iat + i * size] = struct.pack(pack, value)
    for i, ((ilt, iat), name) in enumerate(zip(tables, layout['names'])):
        body[base + 20 * i] = struct.pack('<5I', ilt, 0, 0, name, iat)
    section = bytearray((at - base + 511) & ~511)
    for where, data in body.items():
        section[where - base:where - base + len(data)] = data
    optional = bytearray(240 if wide else 224)
    struct.pack_into('<H', optional, 0, 0x20b if wide else 0x10b)
    struct.pack_into('<II', optional, 32, 0x1000, 0x200)
    struct.pack_into('<II', optional, 56, 0x1000 + len(section), 0x200)
    struct.pack_into('<I', optional, 108 if wide else 92, 16)
    if imports:
        struct.pack_into('<II', optional, (112 if wide else 96) + 8, base, 20)
    head = bytearray(0x200)
    head[0:2] = b'MZ'
    head[2:4] = b'\x90\0'
    struct.pack_into('<I', head, 60, 0x40)
    struct.pack_into('<4sHHIIIHH', head, 0x40, b'PE\0\0', 0x8664 if wide else 0x14c, 1, 0, 0, 0, len(optional), 0x22)
    head[0x58:0x58 + len(optional)] = optional
    struct.pack_into('<8sIIII', head, 0x58 + len(optional), b'.idata', len(section), base, len(section), 0x200)
    data = head + section
    if patch:
        patch(data, layout, lambda rva: rva - base + 0x200, pack)
    return bytes(data)


V2 = [('USER32.dll', ['MessageBoxA', 'GetDC']), ('KERNEL32.dll', ['ExitProcess', 'GetProcAddress'])]
VECTORS = [
    ('V1', [('KERNEL32.dll', ['ExitProcess'])], 'f9ade0aa18f660a34a4fa23392e21838'),
    ('V2', V2, 'fad8fd2f34a2de11907b5d79d5b2cd0d'),
    ('V3', V2[::-1], '0d89468289614bec271155143f0acd07'),
    ('V4', [(m, f[::-1] if m == 'USER32.dll' else f) for m, f in V2], '4a8f1bbc33ba86af25e032b45dc4246d'),
    ('V5', [('KeRnEl32.DLL', ['eXiTpRoCeSs'])], 'f9ade0aa18f660a34a4fa23392e21838'),
    ('V6', [('WINSPOOL.DRV', ['OpenPrinterW']), ('kernel32.dll', ['ExitProcess'])], 'e25582aa89e45d641fb37de557e2849d'),
    ('V7', [('ntoskrnl.exe', ['IoCreateDevice']), ('HAL.dll', ['KfRaiseIrql']), ('comctl32.ocx', ['InitCommonControls']),
            ('NDIS.SYS', ['NdisReadConfiguration']), ('main.cpl', ['CPlApplet'])], '8cdcafd56918ee61536d44b312f0a778'),
    ('V8', [('mylib', ['f']), ('api-ms-win-crt-runtime-l1-1-0.dll', ['exit']), ('a.b.dll', ['g']), ('x.dll.sys', ['h'])],
     '4f9f2c1bc9d57b61c53a13c40075d13f'),
    ('V9', [('COMCTL32.dll', [17, 'ImageList_Create']), ('MFC42.DLL', [1, 65535])], '6f7f8eb063e219b5c7b9a810772f828a'),
    ('V10', [('WS2_32.dll', [115, 23, 4, 3, 116, 151, 500])], '848242a75c35add5edd8b82e907db3b8'),
    ('V11', [('WSOCK32.dll', [115, 23, 4, 3, 116, 1141])], '54ff36cd77d9c4cd9765d8edbad0f375'),
    ('V12', [('OLEAUT32.dll', [2, 6, 9, 8, 443, 500])], '907cb856335afd2d845db3428e68cbeb'),
    ('V13', [('ws2_32.dll', [600, 1])], '4bfb5290c4c19669e2b93e9b7d3ae72b'),
    ('V14', [('ws2_32', [1])], 'dfc90aea20a9a8ae7881546f050e59f0'),
    ('V15', [('KERNEL32.dll', ['ExitProcess']), ('KERNEL32.dll', ['Sleep'])], 'a3b183a3587e60809b7099ba787a3790'),
    ('V16', [('KERNEL32.dll', ['Sleep', 'Sleep'])], '325493e5fe299adbd54594a345ee9730'),
    ('V17', [('mscoree.dll', ['_CorExeMain'])], 'f34d5f2d4577ed6d9ceec516c1f5a744'),
    ('V18', [('mscoree.dll', ['_CorDllMain'])], 'dae02f32a21e03ce65412f6e56942daa'),
    ('V19', [('MSVCP60.dll', ['?cout@std@@3V?$basic_ostream@DU?$char_traits@D@std@@@1@A']), ('KERNEL32.dll', ['ExitProcess'])],
     '8759de3ef8923863df5b87ee6da4af14'),
    ('V20', [('WS2_32.dll', [24, 99, 100])], '6b15e7e8cf64dd0964f33a740f537387'),
    ('V21', [], '-2'),
]


def md5(text):
    return hashlib.md5(text.encode()).hexdigest()


def damaged():
    """(name, imports, patch, expected canonical text) of spec 09 section 10.4."""
    full = 'user32.messageboxa,user32.getdc,kernel32.exitprocess,kernel32.getprocaddress'
    rest = 'kernel32.exitprocess,kernel32.getprocaddress'

    def put(form, where, value):
        return lambda d, l, at, pack: struct.pack_into(form or pack, d, at(where(l)), value)

    def bound(d, l, at, pack):
        for _, iat in l['tables']:
            for i in range(2):
                struct.pack_into(pack, d, at(iat) + i * struct.calcsize(pack), 0x77001234)

    def text(where, value):
        def patch(d, l, at, pack):
            start = at(where(l))
            d[start:start + len(value)] = value
        return patch
    yield 'lookup table 0', V2, put('<I', lambda l: 0x1000, 0), full
    yield 'lookup table outside', V2, put('<I', lambda l: 0x1000, 0x7fff0000), full
    yield 'bound addresses', V2, bound, full
    yield 'module name outside', V2, put('<I', lambda l: 0x1000 + 12, 0x7fff0000), rest
    yield 'module name empty', V2, text(lambda l: l['names'][0], b'\0'), rest
    yield 'module name at 0', V2, put('<I', lambda l: 0x1000 + 12, 0), \
        full.replace('user32', '*invalid*')
    yield 'module name with blank', V2, text(lambda l: l['names'][0], b'us er'), full.replace('user32', '*invalid*')
    yield 'module name above 0x7f', V2, text(lambda l: l['names'][0], b'us\xff'), full.replace('user32', '*invalid*')
    yield 'thunk outside in lookup table', V2, put(None, lambda l: l['tables'][0][0], 0x7fff0000), full
    yield 'ordinal 0', [('a.dll', [0, 7])], None, 'a.ord7'
    yield 'function name empty', V2, text(lambda l: l['hints'][0] + 2, b'\0'), full.replace('user32.messageboxa,', '')
    yield 'function name with dash', V2, text(lambda l: l['hints'][0] + 2, b'Me-s'), full.replace('user32.messageboxa,', '')


# --- an independent reader of undamaged files -----------------------------------------------------------------------

class Pe:
    def __init__(self, data):
        self.d = data
        pe = struct.unpack_from('<I', data, 60)[0]
        count, optional = struct.unpack_from('<H', data, pe + 6)[0], struct.unpack_from('<H', data, pe + 20)[0]
        self.wide = struct.unpack_from('<H', data, pe + 24)[0] == 0x20b
        self.flat = struct.unpack_from('<I', data, pe + 56)[0] < 4096
        directories = pe + 24 + (112 if self.wide else 96)
        self.directory = [struct.unpack_from('<I', data, directories + 8 * i)[0] for i in range(16)]
        self.sections = [struct.unpack_from('<IIII', data, pe + 24 + optional + 40 * i + 8) for i in range(count)]

    def at(self, rva):
        for vsize, va, rsize, raw in self.sections:
            if not self.flat and va <= rva < va + max(vsize, rsize):
                return raw + rva - va
        return rva

    def u(self, form, rva):
        return struct.unpack_from(form, self.d, self.at(rva))[0]

    def text(self, rva):
        start = self.at(rva)
        return self.d[start:self.d.index(b'\0', start)].decode('latin1')

    def imphash(self, ordinals):
        parts, at = [], self.directory[1]
        while at:
            ilt, _, _, name, iat = struct.unpack_from('<5I', self.d, self.at(at))
            if not (ilt or name or iat):
                break
            module = self.text(name).lower()
            stem, dot, extension = module.rpartition('.')
            stem = stem if dot and extension in ('dll', 'ocx', 'sys') else module
            thunk, step, form = ilt or iat, 8 if self.wide else 4, '<Q' if self.wide else '<I'
            while value := self.u(form, thunk):
                if value & FLAG[self.wide]:
                    number = value & 0xffff
                    parts.append(f"{stem}.{ordinals(module, number)}")
                else:
                    parts.append(f'{stem}.{self.text(value + 2).lower()}')
                thunk += step
            at += 20
        return md5(','.join(parts)) if parts else '-2'

    def version(self):
        root = self.directory[2]
        if not root:
            return None

        def entries(at):
            named, ids = struct.unpack_from('<HH', self.d, self.at(root + at) + 12)
            return [struct.unpack_from('<II', self.d, self.at(root + at) + 16 + 8 * i) for i in range(named + ids)]
        kinds = dict(entries(0))
        if 16 not in kinds:
            return None
        language = entries(entries(kinds[16] & 0x7fffffff)[0][1] & 0x7fffffff)[0][1]
        rva, size = struct.unpack_from('<II', self.d, self.at(root + language))
        blob = self.d[self.at(rva):self.at(rva) + size]
        return self.strings(blob)

    @staticmethod
    def strings(blob):
        """Every string of every table: {table: {name: text}}, and the first translation."""
        tables, translation = {}, None

        def node(at):
            length, value_length, kind = struct.unpack_from('<HHH', blob, at)
            end = at + 6
            while blob[end:end + 2] != b'\0\0':
                end += 2
            return length, value_length, kind, blob[at + 6:end].decode('utf-16le'), (end + 2 + 3) & ~3

        def children(start, end):
            while start + 8 <= end:
                n = node(start)
                if not n[0]:
                    return
                yield start, n
                start = (start + n[0] + 3) & ~3
        length, value_length, _, _, value = node(0)
        for at, (n, _, _, key, start) in children((value + value_length + 3) & ~3, length):
            for at2, (n2, v2, _, key2, start2) in children(start, at + n):
                if key == 'VarFileInfo':
                    low, high = struct.unpack_from('<HH', blob, start2)
                    translation = translation or f'{low:04X}{high:04X}'
                else:
                    tables[key2.upper()] = {k3: blob[s3:a3 + n3].decode('utf-16le', 'replace').split('\0')[0]
                                            for a3, (n3, v3, _, k3, s3) in children(start2, at2 + n2) if v3}
        for name in (translation, '040904B0', '040904E4', '04090000'):
            if name in tables:
                return tables[name]
        return next(iter(tables.values()), None)


FIELDS = 'FileVersion', 'FileDescription', 'ProductName', 'CompanyName', 'OriginalFilename'
KNOWN = {  # SHA-256 (first 16 hex digits): value of the reference implementation
    '273073618002c7c3': 'dba1138574ae4813ca81835aae76e6cd', '1f9df6c3da7001ca': '4f3c83e43ca3a7f2bf90ef920558e79a',
    '38f844a00cb9f886': 'ad8e050e3de2a4c51b3f7a78c24d6b8b', '5968380fd70941f5': '7054bc5ac8a978bbae7b34d81f3160a3',
    '01659a9584f8e935': '18858a72c4fcbf2c467cbe7584002c67', 'fad8130d1f5f0209': 'd4c1fcaa5246c33a81d0fae808ca6b18',
    '13234866089d6b12': '46a38c30f02e6e7f7ecd4566da46a920', 'c0de4c7ff9b4f1fe': '61d8f194c157bfcdf845913c7d5a8306',
    '60f9cd56f2cc629d': '3635333ed34d541c46a5bcedde448878', 'dbb66cef315c811c': 'e8ab98bd223e7737fae7a7a02964af52',
    '4c72533b264e93ca': '5b668bc7f24df52c2157201de41889b6', '313f854146994e91': '32b93a465a1fc50484de59fdcc0db614',
    '628db91036a1ffe7': 'a1856002ecd2d17453517aa49029ea8b', '442753c30d9b3189': '-2',
}


def ordinal_name(module, number):
    """Real files here import only these by number; anything else must be seen as unknown and fail loudly."""
    if module in WS + ('oleaut32.dll',):
        raise KeyError(f'{module}#{number}')
    return f'ord{number}'


def run(tool, paths):
    out = subprocess.run([tool], input='\n'.join(paths) + '\n', capture_output=True, text=True, timeout=300, check=True).stdout
    lines = [line.split(' ') for line in out.splitlines()]
    assert len(lines) == len(paths), f'{len(lines)} answers for {len(paths)} files'
    return lines


class Tap:
    number = 0

    def point(self, good, name, note=''):
        self.number += 1
        print(f"{'ok' if good else 'not ok'} {self.number} - {name}{'' if good or not note else ' # ' + note}", flush=True)

    def skip(self, name, why):
        self.number += 1
        print(f'ok {self.number} - {name} # SKIP {why}')


def built(tap, tool, folder):
    cases = [(name + (' PE32+' if wide else ' PE32'), build(imports, wide), expected)
             for name, imports, expected in VECTORS for wide in (False, True)]
    cases += [(name + (' PE32+' if wide else ' PE32'), build(imports, wide, patch), md5(text))
              for name, imports, patch, text in damaged() for wide in (False, True)]
    cases += [('not a PE file', b'MZ' + bytes(100), '-22'), ('empty file', b'', '-22')]
    paths = []
    for i, (_, data, _) in enumerate(cases):
        paths.append(os.path.join(folder, f'{i}.bin'))
        open(paths[-1], 'wb').write(data)
    for (name, _, expected), answer in zip(cases, run(tool, paths)):
        tap.point(answer[1] == expected, f'IMPHASH {name}', f'{answer[1]} instead of {expected}')


def kinds(tap, tool, folder):
    cases = [(b'#!/bin/sh\n', 3), (b'\x7fELF' + bytes(60), 2), (build(V2, True), 1), (b'MZ' + bytes(80), 0), (b'text', 0)]
    paths = []
    for i, (data, _) in enumerate(cases):
        paths.append(os.path.join(folder, f'k{i}'))
        open(paths[-1], 'wb').write(data)
    answers = [int(a[0]) for a in run(tool, paths)]
    tap.point(answers == [k for _, k in cases], 'kinds of executables', str(answers))


def real(tap, tool):
    paths = sorted(p for folder in ('/usr/lib/x86_64-linux-gnu/wine', '/usr/lib/i386-linux-gnu/wine', '/usr/lib/gcc', '/usr/x86_64-w64-mingw32',
                                    '/usr/i686-w64-mingw32')
                   for pattern in ('**/*.dll', '**/*.exe', '**/*.drv', '**/*.sys') for p in glob.glob(f'{folder}/{pattern}', recursive=True)
                   if os.path.isfile(p) and open(p, 'rb').read(2) == b'MZ')
    if not paths:
        for name in ('IMPHASH of real files', 'version resources of real files'):
            tap.skip(name, 'no PE files of Wine or mingw installed')
        return
    wrong, wrong_version, known, with_version, unproven = [], [], 0, 0, 0
    for path, answer in zip(paths, run(tool, paths)):
        data = open(path, 'rb').read()
        pe = Pe(data)
        try:
            expected = pe.imphash(ordinal_name)
        except KeyError:
            expected, unproven = None, unproven + 1
        reference = KNOWN.get(hashlib.sha256(data).hexdigest()[:16])
        known += reference is not None
        if (expected and answer[1] != expected) or (reference and answer[1] != reference):
            wrong.append(f'{path}: {answer[1]}, {expected}, {reference}')
        strings = pe.version() or {}
        got = ['' if a == '-' else bytes.fromhex(a).decode() for a in answer[2:]]
        with_version += any(got)
        if got != [strings.get(f, '') for f in FIELDS]:
            wrong_version.append(f'{path}: {got} {strings}')
    tap.point(not wrong and len(paths) - unproven > 10, 'IMPHASH of real files', '; '.join(wrong[:3]))
    tap.point(not wrong_version and with_version > 10, 'version resources of real files', '; '.join(wrong_version[:3]))
    print(f'# {len(paths)} files, {known} with a reference value, {unproven} import by number what is not proven here, {with_version} with versions')


def mutated(tap, tool, folder):
    """Random damage must end quickly and without a crash; the values are whatever they are."""
    rng = random.Random(1)
    seed = [build(i, wide) for _, i, _ in VECTORS[:12] for wide in (False, True)]
    paths = []
    for i in range(600):
        data = bytearray(rng.choice(seed))
        for _ in range(rng.randrange(1, 12)):
            where = rng.randrange(len(data) - 4)
            data[where:where + 4] = struct.pack('<I', rng.choice([0, 1, 0xffffffff, 0x7fffffff, 0x1000, 0x1ff0, rng.randrange(1 << 32)]))
        paths.append(os.path.join(folder, f'm{i}'))
        open(paths[-1], 'wb').write(data[:rng.randrange(len(data) // 2, len(data) + 1)])
    tap.point(len(run(tool, paths)) == len(paths), 'damaged files end without a crash')


def main():
    tap = Tap()
    with tempfile.TemporaryDirectory() as folder:
        built(tap, sys.argv[1], folder)
        kinds(tap, sys.argv[1], folder)
        mutated(tap, sys.argv[1], folder)
    real(tap, sys.argv[1])
    print(f'1..{tap.number}')


if __name__ == '__main__':
    main()
