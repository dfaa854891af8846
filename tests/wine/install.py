#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Installing, configuring, running and removing, compared with the specification line by line and value by value."""
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness  # noqa: E402

CONFIG = '''<Sysmon schemaversion="4.50">
  <HashAlgorithms>md5,sha256</HashAlgorithms>
  <CheckRevocation>false</CheckRevocation>
  <ArchiveDirectory>Keep</ArchiveDirectory>
  <FieldSizes>CommandLine:100,Image:20</FieldSizes>
  <ProcessAccessConfig>lsass.exe:0x10,winlogon.exe</ProcessAccessConfig>
  <EventFiltering>
    <ProcessCreate onmatch="exclude"><Image condition="is">C:\\nothing</Image></ProcessCreate>
    <NetworkConnect onmatch="include"><Image>x</Image></NetworkConnect>
  </EventFiltering>
</Sysmon>
'''
SECOND = '''<Sysmon schemaversion="4.90"><EventFiltering><ImageLoad onmatch="exclude"/>
<RuleGroup name="caf\u00e9" groupRelation="or"><FileCreate onmatch="include"><TargetFilename condition="contains">\u00fc</TargetFilename></FileCreate></RuleGroup>
</EventFiltering></Sysmon>'''
TRANSCRIPT = '''Loading configuration file with schema version 4.50
Sysmon schema version: 4.90
Configuration file validated.
Sysmon64 installed.
SysmonDrv installed.
Starting SysmonDrv.
SysmonDrv started.
Starting Sysmon64.
Sysmon64 started.'''
REMOVAL = '''Stopping Sysmon64.
Sysmon64 stopped.
Sysmon64 removed.
Stopping SysmonDrv.
SysmonDrv stopped.
SysmonDrv removed.
Removing service files.'''


def body(result):
    """Lines after the banner; any number of progress dots is one."""
    lines = [line for line in result.lines() if not line.startswith('OpenSysmon v')]
    return re.sub(r'\.{2,}', '.', '\n'.join(lines))


def compiled(t, config):
    t.run(r'C:\Sysmon64.exe', 'compile', config, '-o', r'C:\rules.bin')
    return open(t.file('rules.bin'), 'rb').read()


def installation(t):
    config = t.write('config.xml', CONFIG)
    result = t.sysmon('-i', config, '-accepteula')
    t.equal('-i succeeds', (result.code, result.err), (0, ''))
    t.equal('its lines are the published ones', body(result), TRANSCRIPT)
    t.equal('both run', (t.state('Sysmon64'), t.state('SysmonDrv')), ('RUNNING', 'RUNNING'))
    same = lambda a, b: open(a, 'rb').read() == open(b, 'rb').read()
    t.check('the program lies in the Windows folder', same(os.path.join(t.windows, 'Sysmon64.exe'), t.file('Sysmon64.exe')))
    t.check('the driver is the one of this build',
            same(os.path.join(t.windows, 'SysmonDrv.sys'), os.path.join(harness.BUILD, 'SysmonDrv.sys')))
    t.check('no manifest is left behind', not [n for n in os.listdir(t.windows) if n.endswith('.man')])


def registry_values(t):
    service, driver = t.service('Sysmon64'), t.service('SysmonDrv')
    picked = {k: service[''].get(k) for k in ('Type', 'Start', 'ErrorControl', 'ImagePath', 'ObjectName', 'DisplayName', 'Description')}
    t.equal('properties of the service', picked,
            dict(Type=0x10, Start=2, ErrorControl=1, ImagePath=r'C:\windows\Sysmon64.exe', ObjectName='LocalSystem',
                 DisplayName='Sysmon64', Description='System Monitor service'))
    picked = {k: driver[''].get(k) for k in ('Type', 'Start', 'ErrorControl', 'DisplayName', 'Description')}
    t.equal('properties of the driver', picked,
            dict(Type=1, Start=0, ErrorControl=1, DisplayName='SysmonDrv', Description='System Monitor driver'))
    t.check('the driver is found below the Windows folder', driver['']['ImagePath'] in ('SysmonDrv.sys', r'\SystemRoot\SysmonDrv.sys'))
    t.equal('Parameters of the service', service['Parameters'], {'DriverName': 'SysmonDrv'})
    t.equal('Instances', {k: v for k, v in driver.items() if k.startswith('Instances')},
            {'Instances': {'DefaultInstance': 'Sysmon Instance'},
             'Instances\\Sysmon Instance': {'Altitude': '385201', 'Flags': 0}})
    parameters = dict(driver['Parameters'])
    rules, digest = parameters.pop('Rules'), parameters.pop('ConfigHash')
    t.equal('Parameters of the driver', parameters,
            dict(Options=1, HashingAlgorithm=0x80000006, CheckRevocation=b'\0', DnsLookup=b'\1', ArchiveDirectory='\\Keep\\',
                 FieldSizes='CommandLine:100,Image:20', ProcessAccessNames=['lsass.exe', 'winlogon.exe'],
                 ProcessAccessMasks=b'\x10\0\0\0\xff\xff\xff\xff', ConfigFile=r'C:\config.xml'))
    t.check('Rules are what `compile` makes of the file, byte for byte', rules == compiled(t, r'C:\config.xml'))
    sums = [subprocess.run([tool, t.file('config.xml')], capture_output=True, text=True).stdout.split()[0].upper()
            for tool in ('md5sum', 'sha256sum')]
    t.equal('ConfigHash', digest, f'MD5={sums[0]},SHA256={sums[1]}')


def refusals(t):
    result = t.sysmon('-i')
    t.check('a second -i is refused',
            result.code != 0 and 'The service Sysmon64 is already registered. Uninstall Sysmon before reinstalling.' in result.err, result.err)
    bad = t.write('bad.xml', '<Sysmon schemaversion="4.90"><EventFiltering><ProcessCreate onmatch="include"><Imag>x</Imag></ProcessCreate></EventFiltering></Sysmon>')
    before = t.service('SysmonDrv')['Parameters']
    result = t.sysmon('-c', bad)
    t.check('a wrong configuration is refused with its place', result.code == 87 and 'bad.xml:1:' in result.err, result.err)
    t.equal('and changes nothing', t.service('SysmonDrv')['Parameters'], before)
    t.equal('another service name is not installed', t.sysmon('-c', program=r'C:\Other.exe').out.splitlines()[-1:],
            ['Sysmon is not installed on this computer'])


def configuration(t):
    t.run('reg', 'add', harness.SERVICES + r'\Sysmon64\Parameters', '/v', 'Outputs', '/t', 'REG_MULTI_SZ', '/d', r'json:C:\events.json', '/f')
    t.run('sc', 'stop', 'Sysmon64')
    t.wait(lambda: t.state('Sysmon64') == 'STOPPED')
    t.run('sc', 'start', 'Sysmon64')
    started = t.wait(lambda: [e for e in t.events() if e['EventID'] == 4])
    t.check('event 4 Started', started and started[-1]['State'] == 'Started', t.events())
    second = t.write('second.xml', SECOND)
    result = t.sysmon('-c', second)
    t.check('-c FILE', result.code == 0 and 'Configuration updated.' in result.out, result.out + result.err)
    changed = t.wait(lambda: [e for e in t.events() if e['EventID'] == 16])
    parameters = t.service('SysmonDrv')['Parameters']
    t.check('event 16 names file and hash', changed and changed[0]['Configuration'] == r'C:\second.xml' and
            changed[0]['ConfigurationFileHash'] == parameters['ConfigHash'], changed)
    t.check('new Rules byte for byte', parameters['Rules'] == compiled(t, second))
    t.equal('what the new file does not set is gone', sorted(parameters),
            sorted(['Options', 'CheckRevocation', 'DnsLookup', 'ConfigFile', 'ConfigHash', 'Rules']))
    t.equal('Options', parameters['Options'], 2)
    listing = t.sysmon('-c').out
    t.check('-c shows it', all(text in listing for text in (
        ' - Service name:                  Sysmon64', ' - Config file:                   C:\\second.xml', ' - HashingAlgorithms:             SHA256',
        ' - Image loading:                 enabled', "value: '\u00fc'")), listing)
    result = t.sysmon('-c', '--')
    t.check('-c -- resets', result.code == 0 and 'Updating configuration to use all defaults.' in result.out, (result.code, result.out, result.err))
    t.equal('to defaults', t.service('SysmonDrv')['Parameters'], dict(Options=0, CheckRevocation=b'\1', DnsLookup=b'\1'))
    t.check('event 16 Defaults', t.wait(lambda: [e for e in t.events() if e['EventID'] == 16 and e['Configuration'] == 'Defaults']))


def life(t):
    count = lambda state: sum(e['EventID'] == 4 and e.get('State') == state for e in t.events())
    stopped = count('Stopped')
    t.run('sc', 'stop', 'Sysmon64')
    t.check('stop: event 4 Stopped', t.wait(lambda: count('Stopped') == stopped + 1))
    t.check('it is stopped', t.wait(lambda: t.state('Sysmon64') == 'STOPPED'))
    t.run('sc', 'start', 'Sysmon64')
    t.check('it runs again', t.wait(lambda: t.state('Sysmon64') == 'RUNNING'))
    t.check('pause is refused', t.run('sc', 'pause', 'Sysmon64').code != 0)
    before = count('Started'), count('Stopped')
    t.equal('the service is killed', t.run('taskkill', '/f', '/im', 'Sysmon64.exe').code, 0)
    t.equal('the driver stays', t.state('SysmonDrv'), 'RUNNING')
    t.wait(lambda: t.run('sc', 'start', 'Sysmon64').code == 0)
    t.check('and comes back', t.wait(lambda: count('Started') == before[0] + 1))
    t.equal('without having said that it stopped', count('Stopped'), before[1])
    t.boot()
    t.check('after a reboot both run', t.wait(lambda: (t.state('SysmonDrv'), t.state('Sysmon64')) == ('RUNNING', 'RUNNING')))


def driver_missing(t):
    t.run('sc', 'stop', 'Sysmon64')
    t.wait(lambda: t.state('Sysmon64') == 'STOPPED')
    t.run('sc', 'stop', 'SysmonDrv')
    t.check('the driver unloads', t.wait(lambda: t.state('SysmonDrv') == 'STOPPED'))
    t.run('sc', 'start', 'Sysmon64')
    told = t.wait(lambda: [e for e in t.events() if e['EventID'] == 255 and e['ID'] == 'Driver' and 'cannot be reached' in e['Description']])
    t.check('a missing driver is told in event 255', told, t.events()[-3:])
    t.run('sc', 'start', 'SysmonDrv')
    t.check('and found again', t.wait(lambda: [e for e in t.events() if e['EventID'] == 255 and 'back' in e['Description']], 40))


def removal(t):
    result = t.sysmon('-u')
    t.equal('-u succeeds', (result.code, result.err), (0, ''))
    t.equal('its lines are the published ones', body(result), REMOVAL)
    t.equal('nothing is left', (t.service('Sysmon64'), t.service('SysmonDrv'),
                                [n for n in os.listdir(t.windows) if n.lower().startswith('sysmon')]), (None, None, []))
    t.check('-u without an installation says so', 'not installed' in t.sysmon('-u').out)
    # half of an installation
    t.sysmon('-i')
    t.run('sc', 'stop', 'Sysmon64')
    t.wait(lambda: t.state('Sysmon64') == 'STOPPED')
    t.run('sc', 'delete', 'Sysmon64')
    os.unlink(os.path.join(t.windows, 'Sysmon64.exe'))
    t.check('-u of half an installation is refused', t.sysmon('-u').code != 0)
    result = t.sysmon('-u', 'force')
    t.check('-u force removes the rest', result.code == 0 and t.service('SysmonDrv') is None and
            not [n for n in os.listdir(t.windows) if n.lower().startswith('sysmon')], result.out + result.err)


def renamed(t):
    os.link(t.file('Sysmon64.exe'), t.file('Watcher.exe'))
    result = t.sysmon('-i', '-d', 'WtchDrv', program=r'C:\Watcher.exe')
    t.check('a renamed program and driver', result.code == 0 and
            (t.state('Watcher'), t.state('WtchDrv')) == ('RUNNING', 'RUNNING'), result.out + result.err)
    t.equal('find each other', t.service('Watcher')['Parameters'], {'DriverName': 'WtchDrv'})
    t.equal('and go', (t.sysmon('-u', program=r'C:\Watcher.exe').code, t.service('Watcher'), t.service('WtchDrv')), (0, None, None))
    t.check('a long driver name is refused', t.sysmon('-i', '-d', 'MuchTooLong').code == 87)


def test(t):
    os.link(t.file('Sysmon64.exe'), t.file('Other.exe'))
    for part in (installation, registry_values, refusals, configuration, life, driver_missing, removal, renamed):
        part(t)


harness.main(test, 'install')
