#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Renderers: byte-for-byte against the committed goldens, and every form parsed by somebody else's parser and turned back
into the very bytes that went in. usage: render.py RENDER_SAMPLES [--update]
"""
import json
import os
import re
import shutil
import subprocess
import sys
import xml.parsers.expat

HERE = os.path.dirname(os.path.abspath(__file__))
ESCAPE = re.compile(rb'\\x\{([0-9A-F]{2})\}')


def run(*arguments):
    return subprocess.run([sys.argv[1], *arguments], check=True, capture_output=True).stdout


def restore(text):
    """The documented way back: every \\x{HH} is one byte."""
    return ESCAPE.sub(lambda m: bytes([int(m.group(1), 16)]), text.encode())


def parse_json(data):
    events = []
    for line in data.decode('utf-8').split('\n')[:-1]:
        pairs = json.loads(line, object_pairs_hook=list)
        names = [name for name, _ in pairs]
        assert len(set(names)) == len(names), 'a member twice'
        assert names[:5] == ['EventID', 'Provider', 'Computer', 'EventRecordID', 'SystemTime'], names[:5]
        fields = {n: restore({True: 'true', False: 'false'}[v] if isinstance(v, bool) else str(v)) for n, v in pairs}
        events.append(fields)
    return events


def parse_xml(data):
    events = []
    for line in data.split(b'\n')[:-1]:
        fields, name, parts = {}, None, []

        def start(tag, attributes):
            nonlocal name, parts
            if tag == 'Data':
                name, parts = attributes['Name'], []

        def end(tag):
            nonlocal name
            if tag == 'Data':
                assert name not in fields
                fields[name] = restore(''.join(parts))
                name = None

        parser = xml.parsers.expat.ParserCreate('utf-8')
        parser.StartElementHandler, parser.EndElementHandler = start, end
        parser.CharacterDataHandler = lambda text: parts.append(text)
        parser.Parse(line, True)
        events.append(fields)
    return events


def parse_text(data):
    events = []
    for line in data.decode('utf-8').split('\n')[:-1]:
        if line.startswith('Event '):
            events.append({})
        else:
            name, value = line[1:].split(': ', 1)
            events[-1][name] = restore(value)
    return events


def parse_oneline(data):
    """Only what is shown: pairs NAME=VALUE, NAME="VALUE WITH BLANKS" or NAME='VALUE WITH "'."""
    events = []
    for line in data.decode('utf-8').split('\n')[:-1]:
        pairs = re.findall(r""" (\w+)=(?:"([^"]*)"|'([^']*)'|((?!["'])[^ ]*))(?= |$)""", line)
        events.append({n: restore(d or s or p) for n, d, s, p in pairs})
    return events


def raw(*arguments):
    events = []
    for line in run('raw', *arguments).decode().splitlines():
        number, name, value = line.split(' ')
        while len(events) <= int(number):
            events.append({})
        events[int(number)][name] = bytes.fromhex(value)
    return events


def differences(form, parser, arguments):
    data = run(form, *arguments)
    if b'\0' in data or any(c in data for c in b'\r\x1b\x07\x7f'):
        yield f'{form}: a control character stands in the output'
    parsed, expected = parser(data), raw(*arguments)
    if len(parsed) != len(expected):
        yield f'{form}: {len(parsed)} records, {len(expected)} events'
    for number, (got, wanted) in enumerate(zip(parsed, expected)):
        for name, value in wanted.items():
            if form == 'oneline' and name not in got:
                if value != b'-' and name != 'UtcTime' and 'guid' not in name.lower():
                    yield f'{form} {number} {name}: not shown'
            elif got.get(name) != value:
                yield f'{form} {number} {name}: {got.get(name)} is not {value}'


def golden(form, update):
    path = os.path.join(HERE, f'render-{form}.golden')
    data = run(form)
    if update:
        open(path, 'wb').write(data)
    wanted = open(path, 'rb').read() if os.path.exists(path) else b''
    if data != wanted:
        for a, b in zip(data.split(b'\n'), wanted.split(b'\n')):
            if a != b:
                yield f'{a!r} is not {b!r}'
                return
        yield f'{len(data)} bytes, {len(wanted)} expected'


def jq_reads(data):
    if not shutil.which('jq'):
        return None
    done = subprocess.run(['jq', '-c', '.EventID'], input=data, capture_output=True)
    return [] if done.returncode == 0 and done.stdout.count(b'\n') == data.count(b'\n') else [done.stderr.decode()]


def main():
    parsers = {'json': parse_json, 'xml': parse_xml, 'text': parse_text, 'oneline': parse_oneline}
    points = []
    for form, parser in parsers.items():
        points.append((f'{form}: golden', list(golden(form, '--update' in sys.argv))))
        points.append((f'{form}: samples come back', list(differences(form, parser, []))))
        points.append((f'{form}: random bytes come back', list(differences(form, parser, ['1', '3000']))))
    points.append(('json: jq reads it', jq_reads(run('json') + run('json', '7', '500'))))
    print(f'1..{len(points)}')
    for number, (name, bad) in enumerate(points, 1):
        if bad is None:
            print(f'ok {number} - {name} # SKIP jq is not installed')
            continue
        print(f"{'not ok' if bad else 'ok'} {number} - {name}")
        for line in bad[:5]:
            print(f'# {line}')


if __name__ == '__main__':
    main()
