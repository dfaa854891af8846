#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Write the Windows instrumentation manifest of the catalogue, and compile it.

usage: instrumentation.py EVENTS MANIFEST.man WEVT.bin MESSAGES.bin

`%filename%` in the manifest stands for the executable's path; the installer puts it in before it runs wevtutil.
Provider, channel, tasks, symbols and message texts: spec 02 section 1.
"""
import sys
from xml.sax.saxutils import quoteattr

import generate
import wevt

PROVIDER, GUID = 'Microsoft-Windows-Sysmon', '{5770385F-C22A-43E0-BF4C-06F5698FFBD9}'
ACCESS = 'O:BAG:SYD:(A;;0xf0007;;;SY)(A;;0x7;;;BA)(A;;0x1;;;BO)(A;;0x1;;;SO)(A;;0x1;;;S-1-5-32-573)'
TYPES = {'string': ('UnicodeString', 'xs:string'), 'guid': ('GUID', 'xs:GUID'), 'bool': ('Boolean', 'xs:boolean'),
         'uint16': ('UInt16', 'xs:unsignedShort'), 'uint32': ('UInt32', 'xs:unsignedInt'), 'pid': ('UInt32', 'win:PID'),
         'hex32': ('HexInt32', 'win:HexInt32'), 'hex64': ('HexInt64', 'win:HexInt64')}
LEVELS = {2: 'win:Error', 4: 'win:Informational'}
# Message ids of the classic event log (NT 5.x): severity, facility 6, event id.
CLASSIC = {2: 0xC0060000, 4: 0x40060000}

HEAD = f'''<?xml version="1.0" encoding="utf-8"?>
<instrumentationManifest xmlns="http://schemas.microsoft.com/win/2004/08/events"
    xmlns:win="http://manifests.microsoft.com/win/2004/08/windows/events" xmlns:xs="http://www.w3.org/2001/XMLSchema">
  <instrumentation>
    <events>
      <provider name="{PROVIDER}" guid="{GUID}" symbol="SYSMON_PROVIDER" resourceFileName="%filename%" messageFileName="%filename%">
        <channels>
          <channel chid="c1" name="{PROVIDER}/Operational" type="Operational" symbol="SYSMON_CHANNEL" isolation="Custom" enabled="true" access="{ACCESS}">
            <logging>
              <maxSize>67108864</maxSize>
            </logging>
          </channel>
        </channels>'''


def message(event):
    lines = [event['template'] + ':'] + [f'{name}: %{i}!s!' for i, (name, _, _) in enumerate(event['fields'], 1)]
    return '%n'.join(lines)


def task_guid(event):
    return f"{{C511FFB3-9FBF-45F5-A97B-9BEE{event['id']:08X}}}"


def manifest(events):
    out = [HEAD, '        <templates>']
    for e in events:
        out.append(f"          <template tid=\"{e['symbol']}_TEMPLATE\">")
        for name, kind, _ in e['fields']:
            inner, outer = TYPES[kind]
            out.append(f'            <data name="{name}" inType="win:{inner}" outType="{outer}"/>')
        out.append('          </template>')
    out += ['        </templates>', '        <tasks>']
    for e in events:
        s = e['symbol']
        out.append(f"          <task name=\"SysmonTask-{s}\" symbol=\"SYSMON_TASK_{s}\" value=\"{e['id']}\" eventGUID=\"{task_guid(e)}\" "
                   f'message="$(string.task.{s})"/>')
    out += ['        </tasks>', '        <events>']
    for e in events:
        s = e['symbol']
        out.append(f"          <event value=\"{e['id']}\" version=\"{e['version']}\" symbol=\"{s}_EVENT\" channel=\"c1\" "
                   f"level=\"{LEVELS[e['level']]}\" task=\"SysmonTask-{s}\" opcode=\"win:Info\" template=\"{s}_TEMPLATE\" "
                   f'message="$(string.event.{s})"/>')
    out += ['        </events>', '      </provider>', '    </events>', '  </instrumentation>', '  <localization>',
            '    <resources culture="en-US">', '      <stringTable>']
    for e in events:
        rule = f" (rule: {e['tag']})" if e['tag'] else ''
        out.append(f"        <string id=\"task.{e['symbol']}\" value={quoteattr(e['template'] + rule)}/>")
        out.append(f"        <string id=\"event.{e['symbol']}\" value={quoteattr(message(e))}/>")
    out += ['      </stringTable>', '    </resources>', '  </localization>', '</instrumentationManifest>', '']
    return '\n'.join(out)


def main():
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    events = [e for e in generate.read_events(sys.argv[1]) if 'windows' in e['systems']]
    text = manifest(events)
    classic = {CLASSIC[e['level']] + e['id']: message(e) for e in events}
    resource, messages = wevt.compile_manifest(text, extra=classic)
    for path, data in zip(sys.argv[2:], (text.encode(), resource, messages)):
        with open(path, 'wb') as out:
            out.write(data)


if __name__ == '__main__':
    main()
