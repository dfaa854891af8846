#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compile an instrumentation manifest into a WEVT_TEMPLATE resource and a message table.

usage: wevt.py MANIFEST.man WEVT.bin MESSAGES.bin [3|5]

The resource is a CRIM header, one WEVT block per provider and inside it one list per kind of thing a manifest declares: channels
(CHAN), value maps (MAPS), templates (TTBL), opcodes (OPCO), levels (LEVL), tasks (TASK), keywords (KEYW) and events
(EVNT), always in that order, so that every offset but one points backward and the whole is written in one pass. All offsets count from the
start of the resource. A template holds its event's XML as binary XML with substitutions. Layout: spec 09 section 1.
"""
import hashlib
import re
import struct
import sys
import uuid
import xml.etree.ElementTree as ET

NS = '{http://schemas.microsoft.com/win/2004/08/events}'
IN_TYPES = ['', 'UnicodeString', 'AnsiString', 'Int8', 'UInt8', 'Int16', 'UInt16', 'Int32', 'UInt32', 'Int64', 'UInt64', 'Float',
            'Double', 'Boolean', 'Binary', 'GUID', 'Pointer', 'FILETIME', 'SYSTEMTIME', 'SID', 'HexInt32', 'HexInt64']
OUT_TYPES = ['', 'string', 'dateTime', 'byte', 'unsignedByte', 'short', 'unsignedShort', 'int',
             'unsignedInt', 'long', 'unsignedLong', 'float', 'double', 'boolean', 'GUID', 'hexBinary',
             'HexInt8', 'HexInt16', 'HexInt32', 'HexInt64', 'PID', 'TID', 'Port', 'IPv4', 'IPv6']
DEFAULT_OUT = {1: 1, 2: 1, 14: 15, 15: 14, 16: 19, 17: 2, 18: 2, 19: 1, 20: 18, 21: 19}
# What the system itself declares; a used one is entered with its prefixed name and a message.
LEVELS = {'win:Critical': (1, 'Critical'), 'win:Error': (2, 'Error'), 'win:Warning': (3, 'Warning'),
          'win:Informational': (4, 'Information'), 'win:Verbose': (5, 'Verbose')}
OPCODES = {'win:Info': (0, 'Info'), 'win:Start': (1, 'Start'), 'win:Stop': (2, 'Stop'), 'win:DC_Start': (3, 'DCStart'),
           'win:DC_Stop': (4, 'DCStop'), 'win:Extension': (5, 'Extension'), 'win:Reply': (6, 'Reply'), 'win:Resume': (7, 'Resume'),
           'win:Suspend': (8, 'Suspend'), 'win:Send': (9, 'Send'), 'win:Receive': (240, 'Receive')}
NO_MESSAGE = 0xFFFFFFFF


def number(text, default=0):
    return default if text is None else int(text, 0)


def utf16(text):
    return text.encode('utf-16-le')


def sized_name(text):
    data = utf16(text) + b'\0\0'
    data += bytes(-len(data) % 4)
    return struct.pack('<I', len(data) + 4) + data


class Messages:
    """The message table: ids to texts."""

    def __init__(self, strings):
        self.strings, self.table = strings, {}

    def add(self, element, ident):
        """The id of an element's message, NO_MESSAGE when it has none."""
        reference = element.get('message')
        if reference is None:
            return NO_MESSAGE
        match = re.fullmatch(r'\$\(string\.(.*)\)', reference)
        if not match or match.group(1) not in self.strings:
            raise ValueError(f'no string for {reference}')
        return self.put(ident, self.strings[match.group(1)])

    def put(self, ident, text):
        self.table[ident] = text
        return ident

    def compile(self):
        runs = []
        for ident in sorted(self.table):
            if runs and runs[-1][-1] + 1 == ident:
                runs[-1].append(ident)
            else:
                runs.append([ident])
        head, body = struct.pack('<I', len(runs)), b''
        for run in runs:
            head += struct.pack('<III', run[0], run[-1], 4 + 12 * len(runs) + len(body))
            for ident in run:
                text = utf16(self.table[ident] + '\r\n') + b'\0\0'
                text += bytes(-len(text) % 4)
                body += struct.pack('<HH', len(text) + 4, 1) + text
        return head + body


def binary_name(text):
    value = 0
    for unit in struct.unpack(f'<{len(utf16(text)) // 2}H', utf16(text)):
        value = (value * 65599 + unit) & 0xFFFFFFFF
    return struct.pack('<HH', value & 0xFFFF, len(utf16(text)) // 2) + utf16(text) + b'\0\0'


def binary_element(name, attributes, content):
    body = binary_name(name)
    if attributes:
        listed = b''.join(bytes([0x06 if i == len(attributes) - 1 else 0x46]) + binary_name(key) + b'\x05\x01' +
                          struct.pack('<H', len(utf16(value)) // 2) + utf16(value) for i, (key, value) in enumerate(attributes))
        body += struct.pack('<I', len(listed)) + listed
    body += b'\x02' + content + b'\x04'
    return bytes([0x41 if attributes else 0x01]) + struct.pack('<hI', -1, len(body)) + body


def template_xml(fields):
    """(binary XML, template GUID) of a list of (name, inType)."""
    content = b''.join(binary_element('Data', [('Name', name)], b'\x0d' + struct.pack('<HB', i, kind))
                       for i, (name, kind) in enumerate(fields))
    data = b'\x0f\x01\x01\x00' + binary_element('EventData', [], content) + b'\x00'
    data += bytes(-len(data) % 4)
    text = ''.join(f'<Data Name="{name}">%{i}</Data>' for i, (name, _) in enumerate(fields, 1))
    text = f'<EventData>{text}</EventData>' if fields else '<EventData/>'
    digest = bytearray(hashlib.sha256(b'MS-WEVT\0' + utf16(text) + b''.join(struct.pack('<I', k) for _, k in fields)).digest()[:16])
    digest[7] = digest[7] & 0x0F | 0x50
    return data, bytes(digest)


class Provider:
    """Writes one WEVT block. `base` is its offset in the resource; lists know where their entries ended up."""

    def __init__(self, element, messages, index):
        self.element, self.messages, self.index = element, messages, index
        self.maps, self.templates, self.channels = {}, {}, {}
        self.opcodes, self.levels, self.tasks, self.keywords = {}, {}, {}, {}

    def ident(self, kind, value):
        return kind << 28 | self.index << 24 | value

    def items(self, path):
        return self.element.findall('/'.join(NS + step for step in path.split('/')))

    def events(self):
        return self.items('events/event')

    def list_of(self, tag, base, entries, keep):
        """A tagged list: entries of fixed size whose last or given word is a name offset, then the names."""
        if not entries:
            return struct.pack('<4sII', tag, 0, 0)
        size = sum(e.size for e in entries)
        names, table, at = b'', b'', base + 12
        for entry in entries:
            keep(entry.key, at)
            table += entry.pack(base + 12 + size + len(names))
            names += sized_name(entry.name)
            at += entry.size
        return struct.pack('<4sII', tag, 12 + size + len(names), len(entries)) + table + names

    def channel_list(self, base):
        entries, value, imported = [], 16, 0
        declared = self.element.find(NS + 'channels')
        for count, channel in enumerate(list(declared) if declared is not None else [], 1):
            if channel.tag == NS + 'importChannel':
                imported += 1
                continue
            number_ = number(channel.get('value'), value)
            value = max(value, number_ + 1)
            ident = self.messages.add(channel, self.ident(9, 1 + count))
            entries.append(Entry(channel.get('name'), (channel.get('chid') or channel.get('name'), channel.get('name'), number_),
                                 '<I@II', 0, number_, ident))
        if imported:
            raise ValueError('imported channels are not supported')

        def keep(key, at):
            self.channels[key[0]] = self.channels[key[1]] = (key[2], at)
        return self.list_of(b'CHAN', base, entries, keep) if entries else b''

    def map_list(self, base):
        declared = self.element.find(NS + 'maps')
        maps = list(declared) if declared is not None else []
        if not maps:
            return b''
        sizes = [20 + 8 * len(m) for m in maps]
        start = 12 + 4 * len(maps)
        order = sorted(range(len(maps)), key=lambda i: maps[i].get('name'))
        names, name_at = b'', {}
        for i in order:
            name_at[i] = base + start + sum(sizes) + len(names)
            names += sized_name(maps[i].get('name'))
        body, count = b'', {b'VMAP': 0, b'BMAP': 0}
        for i, m in enumerate(maps):
            self.maps[m.get('name')] = base + start + len(body)
            tag = b'BMAP' if m.tag == NS + 'bitMap' else b'VMAP'
            body += struct.pack('<4sIIII', tag, sizes[i], name_at[i], tag == b'BMAP', len(m))
            for item in m:
                count[tag] += 1
                kind = 0xF if tag == b'BMAP' else 0xD
                body += struct.pack('<II', number(item.get('value')), self.messages.add(item, self.ident(kind, count[tag])))
        head = struct.pack('<4sII', b'MAPS', start + len(body) + len(names), len(maps))
        return head + b''.join(struct.pack('<I', self.maps[maps[i].get('name')]) for i in order) + body + names

    def template(self, element, base):
        fields = []
        for data in element.findall(NS + 'data'):
            kind = IN_TYPES.index(data.get('inType').split(':')[1])
            out = OUT_TYPES.index(data.get('outType').split(':')[1]) if data.get('outType') else DEFAULT_OUT.get(kind, kind)
            if data.get('count') or data.get('length'):
                raise ValueError('arrays and sized fields are not supported')
            fields.append((data.get('name'), kind, out, self.maps.get(data.get('map'), 0)))
        xml, guid = template_xml([(name, kind) for name, kind, _, _ in fields])
        at = 40 + len(xml)
        names, table = b'', b''
        for name, kind, out, where in fields:
            table += struct.pack('<IBBHIHHI', 0, kind, out, 0, where, 0, 0, base + at + 20 * len(fields) + len(names))
            names += sized_name(name)
        size = at + len(table) + len(names)
        return struct.pack('<4sIIIII16s', b'TEMP', size, len(fields), len(fields), base + at, 1, guid) + xml + table + names

    def template_list(self, base):
        elements = self.items('templates/template')
        if not elements:
            return b''
        body = b''
        for element in elements:
            self.templates[element.get('tid')] = base + 12 + len(body)
            body += self.template(element, base + 12 + len(body))
        return struct.pack('<4sII', b'TTBL', 12 + len(body), len(elements)) + body

    def provider_attributes(self, base):
        name = utf16(self.element.get('name')) + b'\0\0'
        data = struct.pack('<4sIIII', b'PRVA', 0, 1, 0x10000001, base + 20) + name
        data += bytes(-len(data) % 4)
        return data[:4] + struct.pack('<I', len(data)) + data[8:]

    def opcode_list(self, base):
        entries = []
        for opcode in self.items('opcodes/opcode'):
            value = number(opcode.get('value'))
            entries.append(Entry(opcode.get('name'), (None, opcode.get('name'), value), '<HHI@', 0, value,
                                 self.messages.add(opcode, self.ident(3, value))))
        for task in self.items('tasks/task'):
            owner = number(task.get('value'))
            for opcode in task.findall(f'{NS}opcodes/{NS}opcode'):
                value = number(opcode.get('value'))
                entries.append(Entry(opcode.get('name'), (task.get('name'), opcode.get('name'), value), '<HHI@', owner, value,
                                     self.messages.add(opcode, self.ident(3, owner << 16 | value))))
        for name in {e.get('opcode') for e in self.events()} & OPCODES.keys():
            value, text = OPCODES[name]
            entries.append(Entry(name, (None, name, value), '<HHI@', 0, value, self.messages.put(self.ident(3, value), text)))
        entries.sort(key=lambda e: e.values[1] << 16 | e.values[0])

        def keep(key, at):
            self.opcodes[key[:2]] = (key[2], at)
        return self.list_of(b'OPCO', base, entries, keep)

    def level_list(self, base):
        entries = []
        for level in self.items('levels/level'):
            value = number(level.get('value'))
            entries.append(Entry(level.get('name'), (level.get('name'), value), '<II@', value,
                                 self.messages.add(level, self.ident(5, value))))
        for name in {e.get('level') for e in self.events()} & LEVELS.keys():
            value, text = LEVELS[name]
            entries.append(Entry(name, (name, value), '<II@', value, self.messages.put(self.ident(5, value), text)))
        entries.sort(key=lambda e: e.values[0])

        def keep(key, at):
            self.levels[key[0]] = (key[1], at)
        return self.list_of(b'LEVL', base, entries, keep)

    def task_list(self, base):
        entries = []
        for task in self.items('tasks/task'):
            value = number(task.get('value'))
            guid = uuid.UUID(task.get('eventGUID')).bytes_le if task.get('eventGUID') else bytes(16)
            entries.append(Entry(task.get('name'), (task.get('name'), value), '<II16s@', value,
                                 self.messages.add(task, self.ident(7, value)), guid))

        def keep(key, at):
            self.tasks[key[0]] = (key[1], at)
        return self.list_of(b'TASK', base, entries, keep)

    def keyword_list(self, base):
        entries = []
        for keyword in self.items('keywords/keyword'):
            mask = number(keyword.get('mask'))
            entries.append(Entry(keyword.get('name'), (keyword.get('name'), mask), '<QI@', mask,
                                 self.messages.add(keyword, self.ident(1, mask.bit_length()))))
        entries.sort(key=lambda e: e.values[0])

        def keep(key, at):
            self.keywords[key[0]] = (key[1], at)
        return self.list_of(b'KEYW', base, entries, keep)

    def event(self, event, arrays_at):
        """(48-byte entry, keyword offset array) of one event."""
        ident, version = number(event.get('value')), number(event.get('version'))
        channel, channel_at = self.channels.get(event.get('channel'), (0, 0))
        level, level_at = self.levels.get(event.get('level'), (0, 0))
        task, task_at = self.tasks.get(event.get('task'), (0, 0))
        name = event.get('opcode')
        opcode, opcode_at = self.opcodes.get((event.get('task'), name)) or self.opcodes.get((None, name), (0, 0))
        mask, used = (1 << 63 >> (channel - 16) if channel >= 16 else 0), b''
        for bit, at in sorted(self.keywords[k] for k in (event.get('keywords') or '').split()):
            mask |= bit
            used += struct.pack('<I', at)
        message = self.messages.add(event, self.ident(0xB, version << 16 | ident))
        return struct.pack('<HBBBBHQIIIIIIII', ident, version, channel, level, opcode, task, mask, message,
                           self.templates.get(event.get('template'), 0), opcode_at, level_at, task_at, len(used) // 4,
                           arrays_at if used else 0, channel_at), used

    def event_list(self, base):
        events = sorted(self.events(), key=lambda e: number(e.get('value')))
        table, arrays, at = b'', b'', base + 16 + 48 * len(events)
        for event in events:
            entry, used = self.event(event, at + len(arrays))
            table += entry
            arrays += used
        return struct.pack('<4sIII', b'EVNT', 16 + len(table) + len(arrays), len(events), 0) + table + arrays

    def compile(self, base, major):
        """The block at `base`: list order is fixed and every list refers only to those before it."""
        lists = [(5, self.channel_list), (6, self.map_list), (7, self.template_list), (13, self.provider_attributes),
                 (2, self.opcode_list), (0, self.level_list), (1, self.task_list), (3, self.keyword_list), (4, self.event_list)]
        lists = [(kind, make) for kind, make in lists if major == 5 or kind != 13]
        message = self.messages.add(self.element, self.ident(9, 1))
        present = {5: self.element.find(NS + 'channels') is not None, 6: self.element.find(NS + 'maps') is not None,
                   7: bool(self.items('templates/template'))}
        lists = [(kind, make) for kind, make in lists if present.get(kind, True)]
        slots = len(lists) if major == 5 else 11
        body, table = b'', b''
        start = base + 16 + 8 * slots
        for kind, make in lists:
            if kind == 4:
                body += bytes(-(start + len(body)) % 8)
            table += struct.pack('<II', kind, start + len(body))
            body += make(start + len(body))
        table += bytes(8 * slots - len(table))
        return struct.pack('<4sIII', b'WEVT', 16 + len(table) + len(body), message, len(lists)) + table + body


class Entry:
    """One row of a list: a struct format with `@` for the name offset."""

    def __init__(self, name, key, form, *values):
        before, after = form.split('@')
        self.name, self.key, self.values = name, key, values
        self.form, self.place = before + 'I' + after, len(re.findall(r'\d*[A-Za-z]', before))
        self.size = struct.calcsize(self.form)

    def pack(self, name_offset):
        values = list(self.values)
        values.insert(self.place, name_offset)
        return struct.pack(self.form, *values)


def compile_manifest(text, major=3, extra=None):
    """(resource, message table) of the manifest's XML text; `extra` messages (id to text) join the table."""
    root = ET.fromstring(text)
    strings = {s.get('id'): s.get('value') for s in root.iter(NS + 'string')}
    providers = list(root.iter(NS + 'provider'))
    messages = Messages(strings)
    messages.table.update(extra or {})
    at, head, body = 16 + 20 * len(providers), b'', b''
    for index, element in enumerate(providers):
        head += uuid.UUID(element.get('guid')).bytes_le + struct.pack('<I', at + len(body))
        body += Provider(element, messages, index).compile(at + len(body), major)
    data = head + body
    return struct.pack('<4sIHHI', b'CRIM', 16 + len(data), major, 1, len(providers)) + data + b'\0\0', messages.compile()


def main():
    if len(sys.argv) not in (4, 5):
        sys.exit(__doc__)
    resource, messages = compile_manifest(open(sys.argv[1], 'rb').read(), int(sys.argv[4]) if len(sys.argv) == 5 else 3)
    for path, data in zip(sys.argv[2:4], (resource, messages)):
        with open(path, 'wb') as out:
            out.write(data)


if __name__ == '__main__':
    main()
