#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Generate everything that follows from events.schema and options.schema.

usage: generate.py KIND EVENTS OPTIONS OUTPUT     KIND: ids.h | tables.c
"""
import sys

TYPES = {'string': 'CATALOGUE_STRING', 'guid': 'CATALOGUE_GUID', 'bool': 'CATALOGUE_BOOL',
         'uint16': 'CATALOGUE_UINT16', 'uint32': 'CATALOGUE_UINT32', 'pid': 'CATALOGUE_PID',
         'hex32': 'CATALOGUE_HEX32', 'hex64': 'CATALOGUE_HEX64'}


def version(text):
    """'4.1' is schema 4.10: the original prints the number with two decimals."""
    major, minor = f'{float(text):.2f}'.split('.')
    return int(major) << 16 | int(minor)


def rows(path):
    for number, line in enumerate(open(path, encoding='utf-8'), 1):
        line = line.split('#', 1)[0].strip()
        if line:
            yield number, line


def read_events(path):
    events = []
    for number, line in rows(path):
        key, _, rest = line.partition(' ')
        rest = rest.strip()
        if key == 'event':
            ident, tag = rest.split()
            events.append({'id': int(ident), 'tag': None if tag == '-' else tag, 'fields': []})
        elif key == 'field':
            name, kind, since = rest.split()
            if kind not in TYPES:
                sys.exit(f'{path}:{number}: unknown type {kind}')
            events[-1]['fields'].append((name, kind, version(since)))
        elif key in ('symbol', 'template', 'default'):
            events[-1][key] = rest
        elif key in ('version', 'level'):
            events[-1][key] = int(rest)
        elif key == 'since':
            events[-1][key] = version(rest)
        elif key == 'systems':
            events[-1][key] = rest.split()
        else:
            sys.exit(f'{path}:{number}: unknown row {key}')
    return events


def read_options(path):
    options = []
    for number, line in rows(path):
        word = line.split()
        if word[0] != 'option' or word[3] not in ('none', 'optional', 'required'):
            sys.exit(f'{path}:{number}: not an option row')
        option = {'name': word[1], 'switch': {'-': None, '--': '-'}.get(word[2], word[2]), 'argument': word[3],
                  'flags': [w for w in word[4:] if '=' not in w], 'since': 0, 'until': 0}
        for w in word[4:]:
            if '=' in w:
                key, value = w.split('=')
                option[key] = version(value)
        options.append(option)
    return options


def stem(event):
    return event['symbol'].replace('SYSMONEVENT_', '')


def ids_h(events, options):
    out = ['/* Generated from schema/events.schema and schema/options.schema. */', '#pragma once', '']
    out += ['enum catalogue_event_id {'] + [f"    EVENT_{stem(e)} = {e['id']}," for e in events] + ['};', '']
    out += [f'#define CATALOGUE_EVENT_COUNT {len(events)}',
            f"#define CATALOGUE_MAX_EVENT_ID {max(e['id'] for e in events)}",
            f"#define CATALOGUE_MAX_FIELDS {max(len(e['fields']) for e in events)}",
            f'#define CATALOGUE_OPTION_COUNT {len(options)}', '']
    for e in events:
        out += [f"enum {stem(e).lower()}_field {{"]
        out += [f'    {stem(e)}_{name},' for name, _, _ in e['fields']] + ['};', '']
    out += ['enum catalogue_option_id {'] + [f"    OPTION_{o['name']}," for o in options] + ['};']
    return out


def tables_c(events, options):
    out = ['/* Generated from schema/events.schema and schema/options.schema. */',
           '#include "sysmon/catalogue.h"', '']
    for e in events:
        out += [f"static const struct catalogue_field fields_{e['id']}[] = {{"]
        out += [f'    {{ "{name}", {len(name)}, {TYPES[kind]}, 0x{since:08x} }},' for name, kind, since in e['fields']]
        out += ['};', '']
    out += ['const struct catalogue_event catalogue_events[CATALOGUE_EVENT_COUNT] = {']
    for e in events:
        tag = f"\"{e['tag']}\"" if e['tag'] else '0'
        default = {'include': 'CATALOGUE_DEFAULT_INCLUDE', 'exclude': 'CATALOGUE_DEFAULT_EXCLUDE',
                   'none': 'CATALOGUE_DEFAULT_NONE'}[e['default']]
        systems = '|'.join('CATALOGUE_' + s.upper() for s in e['systems'])
        out += [f"    {{ {e['id']}, {e['version']}, {e['level']}, {default}, {systems}, 0x{e['since']:08x}, {tag},"
                f" \"{e['symbol']}\", \"{e['template']}\", {len(e['fields'])}, fields_{e['id']} }},"]
    out += ['};', '', 'const struct catalogue_option catalogue_options[CATALOGUE_OPTION_COUNT] = {']
    for o in options:
        switch = f"\"{o['switch']}\"" if o['switch'] else '0'
        flags = '|'.join('OPTION_FLAG_' + f.upper() for f in o['flags']) or '0'
        out += [f"    {{ \"{o['name']}\", {switch}, OPTION_ARGUMENT_{o['argument'].upper()}, {flags},"
                f" 0x{o['since']:08x}, 0x{o['until']:08x} }},"]
    out += ['};']
    return out


def main():
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    kinds = {'ids.h': ids_h, 'tables.c': tables_c}
    lines = kinds[sys.argv[1]](read_events(sys.argv[2]), read_options(sys.argv[3]))
    with open(sys.argv[4], 'w', encoding='utf-8', newline='\n') as out:
        out.write('\n'.join(lines) + '\n')


if __name__ == '__main__':
    main()
