# SPDX-License-Identifier: MIT
"""Read a WEVT_TEMPLATE resource and a message table: an independent reader for tests, strict about every size and offset."""
import struct
import uuid


class Malformed(Exception):
    pass


def unpack(form, data, at):
    size = struct.calcsize('<' + form)
    if at < 0 or at + size > len(data):
        raise Malformed(f'offset {at:#x} + {size} outside of {len(data):#x} bytes')
    return struct.unpack_from('<' + form, data, at)


class Messages:
    """`text`: message id -> text without the closing line break."""

    def __init__(self, data):
        self.text = {}
        last = -1
        for block in range(unpack('I', data, 0)[0]):
            low, high, at = unpack('III', data, 4 + 12 * block)
            if low <= last or high < low:
                raise Malformed('blocks out of order')
            last = high
            for ident in range(low, high + 1):
                size, flags = unpack('HH', data, at)
                if flags != 1 or size % 4:
                    raise Malformed(f'message {ident:#x}: size {size} flags {flags}')
                text = data[at + 4:at + size].decode('utf-16-le').rstrip('\0')
                if not text.endswith('\r\n'):
                    raise Malformed(f'message {ident:#x} does not end a line')
                self.text[ident] = text[:-2]
                at += size


class Resource:
    """providers (GUID texts), channels, tasks and events, each by its number."""

    def __init__(self, data):
        self.data, self.providers, self.channels, self.tasks, self.events = data, [], {}, {}, {}
        tag, length, major, minor, count = unpack('4sIHHI', data, 0)
        if tag != b'CRIM' or length + 2 != len(data) or minor != 1 or major not in (3, 5):
            raise Malformed('header')
        for i in range(count):
            guid, at = unpack('16sI', data, 16 + 20 * i)
            self.providers.append(str(uuid.UUID(bytes_le=guid)))
            self.provider(at)

    def name(self, at):
        size, = unpack('I', self.data, at)
        if size % 4 or at + size > len(self.data):
            raise Malformed(f'name at {at:#x}')
        return self.data[at + 4:at + size].decode('utf-16-le').split('\0')[0]

    def provider(self, at):
        tag, _, _, count = unpack('4sIII', self.data, at)
        if tag != b'WEVT':
            raise Malformed('provider')
        lists = dict(unpack('II', self.data, at + 16 + 8 * i) for i in range(count))
        for i in range(self.head(lists[5], b'CHAN')):
            _, name, value, _ = unpack('IIII', self.data, lists[5] + 12 + 16 * i)
            self.channels[value] = self.name(name)
        for i in range(self.head(lists[1], b'TASK')):
            value, message, guid, name = unpack('II16sI', self.data, lists[1] + 12 + 28 * i)
            self.tasks[value] = dict(message=message, guid=str(uuid.UUID(bytes_le=guid)), name=self.name(name))
        for i in range(self.head(lists[4], b'EVNT')):
            self.event(lists[4] + 16 + 48 * i, lists)

    def head(self, at, expected):
        tag, _, count = unpack('4sII', self.data, at)
        if tag != expected:
            raise Malformed(f'{tag} where {expected} was expected')
        return count

    def event(self, at, lists):
        ident, version, channel, level, opcode, task, keyword, message, template, opcode_at, level_at, task_at, _, _, channel_at = \
            unpack('HBBBBHQIIIIIIII', self.data, at)
        fields, substitutions = self.template(template)
        if unpack('I', self.data, task_at)[0] != task or unpack('I', self.data, level_at)[0] != level:
            raise Malformed(f'event {ident} points at another task or level')
        if unpack('HH', self.data, opcode_at)[1] != opcode or unpack('III', self.data, channel_at)[2] != channel:
            raise Malformed(f'event {ident} points at another opcode or channel')
        self.events[ident] = dict(version=version, channel=channel, level=level, opcode=opcode, task=task, keyword=keyword,
                                  message=message, fields=fields, substitutions=substitutions)

    def template(self, at):
        tag, length, count, total, table, kind = unpack('4sIIIII', self.data, at)
        if tag != b'TEMP' or count != total or kind != 1:
            raise Malformed('template')
        fields = []
        for i in range(count):
            flags, inner, _, _, _, _, _, name = unpack('IBBHIHHI', self.data, table + 20 * i)
            if flags or not at < name < at + length:
                raise Malformed('field descriptor')
            fields.append((self.name(name), inner))
        return fields, BinaryXml(self.data[at + 40:table]).substitutions


class BinaryXml:
    """`<EventData><Data Name="F">%1</Data>…` as tokens. `substitutions`: (name attribute, index) in document order."""

    def __init__(self, data):
        self.data, self.at, self.substitutions, self.stack, self.label = data, 0, [], [], None
        if self.take('4s')[0] != b'\x0f\x01\x01\x00':
            raise Malformed('binary XML header')
        while self.token():
            pass
        if self.stack or any(data[self.at:]) or len(data) - self.at > 3:
            raise Malformed('binary XML end')

    def take(self, form):
        got = unpack(form, self.data, self.at)
        self.at += struct.calcsize('<' + form)
        return got

    def text(self, count):
        raw = self.take(f'{2 * count}s')[0]
        return raw.decode('utf-16-le')

    def name(self):
        expected, count = self.take('HH')
        text = self.text(count)
        value = 0
        for c in text:
            value = value * 65599 + ord(c)
        if value & 0xFFFF != expected or self.take('H')[0]:
            raise Malformed(f'name {text}')
        return text

    def token(self):
        kind, = self.take('B')
        if kind in (0x01, 0x41):
            _, size = self.take('hI')
            end = self.at + size
            self.stack.append((self.name(), end))
            if kind == 0x41:
                self.attributes()
        elif kind == 0x04:
            if self.stack.pop()[1] != self.at:
                raise Malformed('element size')
        elif kind == 0x0D:
            index, _ = self.take('HB')
            self.substitutions.append((self.label, index))
        elif kind == 0x00:
            return False
        elif kind != 0x02:
            raise Malformed(f'token {kind:#x}')
        return True

    def attributes(self):
        size, = self.take('I')
        end = self.at + size
        while self.at < end:
            kind, = self.take('B')
            key = self.name()
            if kind not in (0x06, 0x46) or (kind == 0x46) != (key != 'Name'):
                raise Malformed('attribute')
            if self.take('BB') != (5, 1):
                raise Malformed('attribute value')
            self.label = self.text(self.take('H')[0])
