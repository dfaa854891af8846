#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Generate what people and the command line read about the schema.

usage: documents.py KIND EVENTS OPTIONS HISTORY ECS OUTPUT      KIND: history.h | events.md | ecs.md
"""
import sys

from generate import read_events, read_options, rows, version

SHOWN = {'string': 'string', 'guid': 'GUID', 'bool': 'boolean', 'uint16': 'number', 'uint32': 'number', 'pid': 'process id',
         'hex32': 'hexadecimal', 'hex64': 'hexadecimal'}
SYSTEMS = {'windows': 'Windows', 'linux': 'Linux'}


def read_history(path):
    history = {'schema': [], 'condition': [], 'earlier': []}
    for number, line in rows(path):
        key, *words = line.split()
        if key == 'schema':
            history[key].append((words[0], words[1]))
        elif key == 'condition':
            history[key].append((words[0], ' '.join(words[1:])))
        elif key == 'earlier' and words[2] in ('template', 'version'):
            history[key].append((int(words[0]), words[1], words[2], ' '.join(words[3:])))
        else:
            sys.exit(f'{path}:{number}: unknown row')
    return history


def read_ecs(path):
    """(events, field) to ECS names, and event id to (category, type, action)."""
    fields, kinds = {}, {}
    for number, line in rows(path):
        key, *words = line.split()
        if key == 'field':
            fields[words[0]] = words[1:]
        elif key == 'event':
            kinds[int(words[0])] = words[1:]
        else:
            sys.exit(f'{path}:{number}: unknown row')
    return fields, kinds


def history_h(events, history):
    out = ['/* Generated from schema/history.schema. */', '#pragma once', '', '#include <stdint.h>', '',
           'static const struct schema_version { uint32_t version; const char *text, *binary; } schema_versions[] = {']
    out += [f'    {{ 0x{version(text):08x}, "{text}", "{binary}" }},' for text, binary in history['schema']]
    out += ['};', '', 'static const struct schema_condition { uint32_t since; const char *name; } schema_conditions[] = {']
    out += [f'    {{ 0x{version(since):08x}, "{name}" }},' for since, name in history['condition']]
    out += ['};', '', '/* What an event was before a version; NULL or 0: no other. */',
            'static const struct schema_earlier { uint16_t event; uint32_t before; const char *template_text; uint8_t version; }'
            ' schema_earlier[] = {']
    for ident, before, key, value in history['earlier']:
        both = (f'"{value}"', '0') if key == 'template' else ('0', value)
        out += [f'    {{ {ident}, 0x{version(before):08x}, {both[0]}, {both[1]} }},']
    return out + ['};']


def text_of(number):
    return f'{number >> 16}.{number & 0xFFFF:02d}'


def default_of(event):
    return {'include': 'logged', 'exclude': 'not logged', 'none': 'not logged'}[event['default']] if event['tag'] else 'always logged'


def events_md(events, history):
    out = ['# Events', '', 'Generated from `schema/events.schema`; do not edit. `sysmon -s` prints the same as a manifest.', '',
           'Default: what happens while a configuration says nothing about the event. Since: schema version that added the event or field.', '',
           '| Id | Event | Rule tag | Systems | Default | Since |', '|--:|---|---|---|---|---|']
    for e in events:
        tag = f"`{e['tag']}`" if e['tag'] else '–'
        systems = ', '.join(SYSTEMS[s] for s in e['systems'])
        out += [f"| {e['id']} | [{e['template']}](#event-{e['id']}) | {tag} | {systems} | {default_of(e)} | {text_of(e['since'])} |"]
    for e in events:
        out += ['', f"## Event {e['id']}", '', f"{e['template']}. Version {e['version']}, level {e['level']}, symbol `{e['symbol']}`.", '',
                '| # | Field | Type | Since |', '|--:|---|---|---|']
        out += [f"| {i} | `{name}` | {SHOWN[kind]} | {text_of(since) if since > e['since'] else ''} |"
                for i, (name, kind, since) in enumerate(e['fields'])]
    return out


def ecs_md(events, ecs):
    fields, kinds = ecs
    out = ['# Elastic Common Schema', '', 'Generated from `schema/ecs.schema`; do not edit. How the fields of the JSON output map to ECS 8.', '',
           'Every event: `EventID` → `event.code`, `Provider` → `event.provider`, `Computer` → `host.name`, `EventRecordID` → `event.sequence`,',
           '`SystemTime` → `event.created`; `event.kind` is `event`, `event.module` is `sysmon`; a field without a name of its own goes to',
           '`winlog.event_data.NAME` (Windows) or `sysmon.NAME` (Linux).', '',
           '| Id | Event | event.category | event.type | event.action |', '|--:|---|---|---|---|']
    for e in events:
        kind = kinds.get(e['id'])
        if not kind:
            sys.exit(f"ecs.schema: no row for event {e['id']}")
        out += [f"| {e['id']} | {e['template']} | {kind[0]} | {kind[1]} | {kind[2]} |"]
    out += ['', '| Field | ECS | Events |', '|---|---|---|']
    for name, targets in fields.items():
        having = [str(e['id']) for e in events if name in [f[0] for f in e['fields']]]
        if not having:
            sys.exit(f'ecs.schema: no event has the field {name}')
        out += [f"| `{name}` | {', '.join('`' + t + '`' for t in targets)} | {', '.join(having)} |"]
    return out


def main():
    if len(sys.argv) != 7:
        sys.exit(__doc__)
    kind, events, options, history, ecs, output = sys.argv[1:]
    events, options, history, ecs = read_events(events), read_options(options), read_history(history), read_ecs(ecs)
    lines = {'history.h': lambda: history_h(events, history), 'events.md': lambda: events_md(events, history),
             'ecs.md': lambda: ecs_md(events, ecs)}[kind]()
    with open(output, 'w', encoding='utf-8', newline='\n') as out:
        out.write('\n'.join(lines) + '\n')


if __name__ == '__main__':
    main()
