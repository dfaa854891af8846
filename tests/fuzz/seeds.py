#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Write starting inputs of a fuzz target: one function per target, yielding bytes. usage: seeds.py TARGET DIRECTORY"""
import os
import struct
import sys

CONFIGS = [
    '<Sysmon schemaversion="4.90"/>',
    '<?xml version="1.0" encoding="ISO-8859-1"?>\n<Sysmon schemaversion="4.1"><HashAlgorithms>md5,sha256</HashAlgorithms>'
    '<FieldSizes>Image:5</FieldSizes><ProcessAccessConfig>a:0x10,b::c</ProcessAccessConfig><CaptureClipboard/>'
    '<CheckRevocation>False</CheckRevocation><ArchiveDirectory>a</ArchiveDirectory></Sysmon>',
    '<Sysmon schemaversion="4.90"><EventFiltering><RuleGroup name="G" groupRelation="or"><ProcessCreate onmatch="include">'
    '<Image condition="contains any" name="n">a;b;;c</Image><Rule name="R" groupRelation="and"><User>u</User><Image>&lt;&#65;'
    '<![CDATA[x]]></Image></Rule></ProcessCreate></RuleGroup><FileCreate default="include"/></EventFiltering></Sysmon>',
    '<Sysmon schemaversion="5.0"><EventFiltering><RegistryEvent onmatch="exclude"><Rule><TargetObject>a</TargetObject>'
    '<Details condition="begin with">b</Details></Rule></RegistryEvent><WmiEvent onmatch="include"><Type>Script</Type></WmiEvent>'
    '<New><X/></New></EventFiltering><!-- c --></Sysmon>',
]


def config():
    for i, text in enumerate(CONFIGS):
        yield bytes([i]) + text.encode()
        yield bytes([i]) + b'\xff\xfe' + text.encode('utf-16-le')


def markup():
    for text in CONFIGS:
        yield text.encode()


def wire_linux():
    """Records of include/sysmon/wire_linux.h: header, fixed part, sizes of the texts, texts."""
    path, arguments = b'ls\0bin\0usr\0', b"ls\0a b\0it's\0\0"
    cgroup = b'docker-' + b'a1' * 32 + b'.scope\0system.slice\0'

    def record(kind, fixed, *texts):
        body = fixed + b''.join(texts)
        return struct.pack('<IHHQQQIIII', 48 + len(body), kind, 0, 1, 2, 3, 4, 5, 6, 7) + body
    yield record(1, bytes(56 + 16) + struct.pack('<8I', 0, 0, 0, 0, 0, 0, 0, len(arguments)) +
                 struct.pack('<6I', len(path), len(path), len(cgroup), 5, len(arguments), 0), path, path, cgroup, b'pts/0', arguments)
    yield record(2, struct.pack('<II', 0, len(arguments)), arguments)
    yield record(8, bytes(56 + 8) + struct.pack('<8I', 0, 1, 0, len(path), len(path), 9, 4, 3), path, path, b'a/../b/c/', b'user', b'val')


def render():
    values = [b'/tmp/a', b'\xff\xc0\xaf\xed\xa0\x80', b'\\x{41}\\x{5C}', b'\n\r\t\x1b\x00\x7f\xc2\x85', '\u202e\u2028\ufffe\U0001f600'.encode(), b'<&>"\'']
    for event in range(32):
        for flags in range(4):
            yield bytes([event, flags, 5]) + b'\x1e'.join(values * 4)


def units(text, size=None):
    data = text.encode('utf-16-le') + b'\0\0'
    return data.ljust(size, b'\0') if size else data


def append(data, record):
    data += record
    data += b'\0' * (-len(data) % 8)


def blob_of(blocks):
    """blocks: (event, default, relation, [(field, condition, value, in a rule)])"""
    data = bytearray(struct.pack('<6I', 0x120000, len(blocks), 24, 0x4005A, 24, 0))
    previous = rule = 0
    for event, default, relation, filters in blocks:
        start, last, aggregation = len(data), 0, 0
        if previous:
            struct.pack_into('<I', data, previous + 12, start)
        append(data, struct.pack('<6I', event, default, relation, 0, len(filters), 0))
        for field, condition, value, inside in filters:
            if inside and not aggregation:
                rule += 1
                aggregation = len(data)
                append(data, units('R', 256) + struct.pack('<Q7I', 0, rule, 0, 0, 1, 1, 0, 0))
            at, text = len(data), units(value)
            struct.pack_into('<I', data, last + 520 if last else start + 20, at)
            link = (rule, aggregation) if inside else (0, 0)
            append(data, struct.pack('<I', field) + units('n', 512) + struct.pack('<5I', condition, 0, len(text), *link) + text + b'\0')
            last = at
        previous = start
    return bytes(data)


def blob():
    yield blob_of([(1, 1, 0, [])])
    yield blob_of([(1, 1, 0, [(4, 13, 'cmd.exe', False), (12, 0, 'a', True), (12, 3, 'a;b', True)]), (11, 0, 1, [])])
    yield blob_of([(e, e % 2, e % 2, [(f, (e + f) % 16, 'v%d;w' % f, f > 2) for f in range(5)]) for e in (1, 3, 12, 13, 17, 22)])


def matcher():
    texts = b'-\0v1\0C:\\x\\v2\0w\0v3;w\0a\xc3\xa9\xff\0b\0'
    for number, data in enumerate(blob()):
        for event in (0, 2, 10, 11):
            yield struct.pack('<2BH', number * 2 % 16, event, len(data)) + data + texts


def recorded():
    yield b'{"EventID":1,"Image":"C:\\\\a.exe","ProcessId":7,"LogonId":"0x3e7","x":{"y":[1,null]},"CommandLine":"\\u00e9\\ud83d"}'
    yield b'{"EventID":"3","Initiated":true,"DestinationPort":"443","Provider":"Linux-Sysmon","Computer":"c","EventRecordID":9,' \
          b'"SystemTime":"t","User":"\\\\x{FF}\\\\x{5C}"}'
    yield b'{"EventID":22,"QueryStatus":0,"Channel":"Security"}'


def version_node(key, value=b'', children=(), text=False):
    head = key.encode('utf-16-le') + b'\0\0'
    head += b'\0' * (-(len(head) + 6) % 4)
    body = value
    for child in children:
        body += b'\0' * (-len(body) % 4) + child
    return struct.pack('<3H', 6 + len(head) + len(body), len(value) // (2 if text else 1), int(text)) + head + body


def version_resource():
    """A .rsrc section at RVA 0x1000: type 16, name 1, language 1033, the version tree."""
    strings = [version_node(name, units(value), text=True) for name, value in
               (('FileVersion', '1.2.3'), ('CompanyName', 'C\u00f6 \U0001f600'), ('OriginalFilename', 'x.exe'), ('FileDescription', ''))]
    tree = version_node('VS_VERSION_INFO', b'\xbd\x04\xef\xfe' + bytes(48), [
        version_node('StringFileInfo', children=[version_node('040904B0', children=strings)]),
        version_node('VarFileInfo', children=[version_node('Translation', struct.pack('<HH', 0x409, 0x4b0))])])
    levels = b''.join(struct.pack('<IIHHHHII', 0, 0, 0, 0, 0, 1, name, target) for name, target in
                      ((16, 0x80000018), (1, 0x80000030), (1033, 72)))
    return levels + struct.pack('<IIII', 0x1000 + 88, len(tree), 0, 0) + tree


def pe():
    sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'unit'))
    import pe_files
    for name, imports, _ in pe_files.VECTORS[:12:3] + pe_files.VECTORS[-1:]:
        for wide in (False, True):
            yield pe_files.build(imports, wide)
    resource = version_resource()
    for wide in (False, True):
        image = bytearray(pe_files.build([('a.dll', ['f' * 1800])], wide))
        image[0x200:0x200 + len(resource)] = resource
        directories = 0x58 + (112 if wide else 96)
        struct.pack_into('<II', image, directories + 8, 0, 0)
        struct.pack_into('<II', image, directories + 16, 0x1000, len(resource))
        yield bytes(image)


def clipboard():
    message = lambda text: struct.pack('<4I', 0x50494C43, 7, 2 * len(text), 0) + text.encode('utf-16-le')
    yield message('abc') + message('z' * 100)
    yield bytes.fromhex('170000fe80000000000000013e52b80c833de300000000')


def trace():
    ends4, ends6 = bytes.fromhex('5db8d822c0a8010a01bbc350'), bytes(range(16)) + bytes(range(16, 32)) + b'\x01\xbb\xc3\x50'
    record = lambda provider, opcode, version, body: bytes([provider, opcode, version, len(body)]) + body
    pid = struct.pack('<II', 5000, 0)
    udp = record(1, 10, 2, pid + ends4) + record(1, 27, 2, pid + ends6)
    dns = record(2, 0, 0, units('www.example.com') + struct.pack('<IQI', 1, 0x4000, 0) + units('::ffff:192.0.2.10;'))
    yield record(0, 12, 2, pid + ends4 + bytes(28)) + record(0, 31, 2, pid + ends6 + bytes(28)) + record(0, 10, 2, pid + ends4)
    yield record(0, 15, 1, pid + ends4) + record(0, 12, 0, ends4 + bytes(4) + pid[:4])
    yield udp + udp + dns + dns


def wire():
    """One well-formed x64 record of every type: body size, place of the extension sizes, number of extensions (spec 06 section 5)."""
    shapes = {1: (88, 64, 6), 2: (48, 32, 3), 3: (24, 16, 1), 4: (88, 64, 6), 5: (96, 72, 5), 6: (8, 0, 2), 7: (824, 812, 2), 8: (544, 536, 1),
              9: (48, 24, 5), 10: (128, 112, 4), 11: (128, 112, 4), 12: (40, 20, 5), 13: (40, 20, 4), 14: (104, 100, 1),
              15: (168, 24, 4), 16: (168, 24, 4), 17: (168, 24, 4), 18: (168, 24, 4), 19: (168, 24, 4), 0xFF10: (40, 36, 1)}
    for kind, (size, sizes_at, count) in shapes.items():
        body, parts = bytearray(size), [units('\\Device\\HarddiskVolume1\\f.exe') if i else b'\1\1\0\0\0\0\0\5\x12\0\0\0' for i in range(count)]
        struct.pack_into(f'<{count}I', body, sizes_at, *map(len, parts))
        data = bytes(body) + b''.join(parts)
        record = struct.pack('<IIIB3xQI4x', kind, 32 + len(data), 0, 0, 1, 2) + data
        yield record + bytes(-len(record) % 8) + record


def dns():
    def head(flags, answers):
        return struct.pack('>6H', 7, flags, 1, answers, 0, 0) + b'\3www\7example\0\0\1\0\1'

    def answer(kind, data):
        return b'\xc0\x0c' + struct.pack('>2HIH', kind, 1, 60, len(data)) + data

    question = head(0x100, 0)
    replies = [head(0x8180, 1) + answer(kind, data) for kind, data in [
        (1, b'\1\2\3\4'), (28, bytes(15) + b'\1'), (5, b'\1a\xc0\x0c'), (15, b'\0\1\1m\0'), (16, b'\2a;\1\xff'), (33, bytes(6) + b'\xc0\x10'), (65280, b'x')]]
    replies += [head(0x8183, 0), head(0x8380, 1) + answer(1, b'\1\2\3\4'), head(0x8180, 1) + answer(5, b'\xc0\xff')]
    part = lambda data, step=0: bytes([step]) + struct.pack('>H', len(data)) + data
    framed = lambda data: struct.pack('>H', len(data)) + data
    for reply in replies:
        yield b'\0' + part(question) + part(reply)
        yield b'\1' + part(framed(question) + framed(reply)[:9]) + part(framed(reply)[9:]) + part(framed(question), 0xf8)
    yield b'\1' + part(framed(question)[:8]) + part(framed(question)[16:], 1) + part(framed(question)[8:16], 0xfc)


def main():
    target, folder = sys.argv[1:3]
    for number, data in enumerate(globals()[target]()):
        with open(os.path.join(folder, f'seed-{number}'), 'wb') as out:
            out.write(data)


if __name__ == '__main__':
    main()
