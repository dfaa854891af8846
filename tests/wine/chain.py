#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The whole chain: a real program acts, callback, SysmonDrv.sys, IOCTL, Sysmon64.exe, rules, rendered event.

Wine's kernel has no callbacks of its own: the companion driver and the hook supply them (companion/activity.h).
"""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness  # noqa: E402
import laboratory  # noqa: E402
from laboratory import launch  # noqa: E402

CONFIG = '''<Sysmon schemaversion="4.90">
  <HashAlgorithms>*</HashAlgorithms>
  <EventFiltering>
    <ProcessCreate onmatch="exclude"><CommandLine condition="contains">not-logged</CommandLine></ProcessCreate>
    <ProcessTerminate onmatch="exclude"/>
    <DriverLoad onmatch="exclude"/>
    <ImageLoad onmatch="exclude"/>
    <CreateRemoteThread onmatch="exclude"/>
    <ProcessAccess onmatch="exclude"/>
    <RegistryEvent onmatch="exclude"/>
    <FileCreate onmatch="include"><TargetFilename condition="contains">\\made</TargetFilename></FileCreate>
    <FileCreateTime onmatch="exclude"/>
    <FileDelete onmatch="include"><TargetFilename condition="end with">keep.txt</TargetFilename></FileDelete>
    <FileDeleteDetected onmatch="include"><TargetFilename condition="end with">lose.txt</TargetFilename></FileDeleteDetected>
    <PipeEvent onmatch="exclude"/>
  </EventFiltering>
</Sysmon>
'''


def prepare(t):
    result = laboratory.install(t, CONFIG, r'json:C:\events.json')
    t.check('installed', result.code == 0, result.out + result.err)
    t.equal('companion, driver and service run', [t.state(n) for n in ('SysmonCompanion', 'SysmonDrv', 'Sysmon64')], ['RUNNING'] * 3)


def found(t, ident, **fields):
    """The first event of this id whose fields match: str exactly, else a predicate."""
    def look():
        for e in t.events():
            if e['EventID'] == ident and all(v(e[k]) if callable(v) else e[k] == v for k, v in fields.items()):
                return e
    return t.wait(look, 15)


def expect(t, name, ident, **fields):
    event = found(t, ident, **fields)
    t.check(f'event {ident}: {name}', event, [e for e in t.events() if e['EventID'] == ident][-5:])
    return event or {}


ends = lambda text: lambda value: value.lower().endswith(text.lower())


def processes(t):
    launch(t, 'cmd.exe', '/c', 'echo 100% hello')
    e = expect(t, 'cmd', 1, Image=ends(r'\system32\cmd.exe'), CommandLine=lambda c: 'echo 100%% hello' in c)
    t.check('its parent is known', e.get('ParentImage') == r'C:\launch.exe', e)
    t.check('its facts', '\\' in e.get('User', '') and e['CurrentDirectory'].endswith('\\') and e['IntegrityLevel'] == 'High' and
            e['Hashes'].startswith('SHA1=') and ',IMPHASH=' in e['Hashes'], e)
    expect(t, 'its end', 5, ProcessGuid=e.get('ProcessGuid'), Image=e.get('Image'))
    launch(t, 'cmd.exe', '/c', 'echo not-logged')
    launch(t, 'cmd.exe', '/c', 'cmd.exe /c echo grandchild')
    child = expect(t, 'a grandchild', 1, CommandLine=lambda c: c.startswith('cmd.exe') and c.endswith('echo grandchild') and '/c cmd' not in c)
    t.check('has its parent', child.get('ParentCommandLine') == 'cmd.exe /c "cmd.exe /c echo grandchild"', child)
    t.check('rules drop what they exclude', not [e for e in t.events() if 'not-logged' in e.get('CommandLine', '')])


def images(t):
    launch(t, 'regsvr32.exe', '/s', 'oleaut32.dll')
    e = expect(t, 'oleaut32.dll', 7, Image=ends('regsvr32.exe'), ImageLoaded=ends(r'\oleaut32.dll'))
    t.check('signature fields are filled', e.get('Signed') in ('true', 'false'), e)
    t.run('sc', 'start', 'Another')
    expect(t, 'a driver', 6, ImageLoaded=ends('another.sys'))


def registry(t):
    key = r'HKLM\Software\SysmonTest'
    launch(t, 'reg.exe', 'add', key, '/v', 'Number', '/t', 'REG_DWORD', '/d', '7', '/f')
    expect(t, 'CreateKey', 12, EventType='CreateKey', TargetObject=lambda o: o.lower() == key.lower(), Image=ends('reg.exe'))
    expect(t, 'SetValue', 13, EventType='SetValue', TargetObject=lambda o: o.lower() == (key + r'\Number').lower(),
           Details='DWORD (0x00000007)')
    launch(t, 'reg.exe', 'delete', key, '/v', 'Number', '/f')
    expect(t, 'DeleteValue', 12, EventType='DeleteValue', TargetObject=lambda o: o.lower() == (key + r'\Number').lower())
    launch(t, 'reg.exe', 'delete', key, '/f')
    expect(t, 'DeleteKey', 12, EventType='DeleteKey', TargetObject=lambda o: o.lower() == key.lower())


def files(t):
    launch(t, 'cmd.exe', '/c', r'echo text> C:\made-keep.txt')
    expect(t, 'a new file', 11, TargetFilename=r'C:\made-keep.txt', Image=ends('cmd.exe'))
    launch(t, 'cmd.exe', '/c', r'echo text> C:\made-lose.txt')
    launch(t, 'cmd.exe', '/c', r'del C:\made-keep.txt')
    e = expect(t, 'a deletion that is archived', 23, TargetFilename=r'C:\made-keep.txt', Image=ends('cmd.exe'))
    t.check('with the hashes it had', 'SHA256=' in e.get('Hashes', ''), e)
    launch(t, 'cmd.exe', '/c', r'del C:\made-lose.txt')
    e = expect(t, 'a deletion that is logged', 26, TargetFilename=r'C:\made-lose.txt', IsExecutable=False)
    t.check('with the hashes it had too', 'SHA256=' in e.get('Hashes', ''), e)


def others(t):
    t.equal('pipes were made', launch(t, r'C:\actor.exe', 'pipes').code, 0)
    expect(t, 'a pipe is made', 17, PipeName=r'\sysmon-actor', EventType='CreatePipe', Image=ends('actor.exe'))
    expect(t, 'and connected to', 18, PipeName=r'\sysmon-actor', EventType='ConnectPipe', Image=ends('actor.exe'))
    t.equal('another process was intruded into', launch(t, r'C:\actor.exe', 'intrude').code, 0)
    e = expect(t, 'a process is opened', 10, SourceImage=ends('actor.exe'), TargetImage=ends('winecfg.exe'), GrantedAccess='0x41a')
    t.check('from somewhere', 'UNKNOWN' in e.get('CallTrace', '') or '+' in e.get('CallTrace', ''), e)
    expect(t, 'a remote thread', 8, SourceImage=ends('actor.exe'), TargetImage=ends('winecfg.exe'), StartModule=ends('kernel32.dll'))
    t.equal('a creation time was changed', launch(t, r'C:\actor.exe', 'time').code, 0)
    expect(t, 'a changed creation time', 2, TargetFilename=r'C:\made-old.txt', Image=ends('actor.exe'))
    result = launch(t, r'C:\actor.exe', 'rename')
    if result.code:
        print('# this Wine cannot rename keys:', result.err.strip())
        t.check('event 14: a renamed key # skip Wine cannot rename keys', True)
    else:
        expect(t, 'a renamed key', 14, EventType='RenameKey', TargetObject=ends('SysmonOld'), NewName=ends('SysmonNew'))


def test(t):
    prepare(t)
    processes(t)
    images(t)
    registry(t)
    files(t)
    others(t)


harness.main(test, 'chain')
