#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every step of -i made to fail: nothing is left, and the message says which step and why."""
import os
import shutil
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness  # noqa: E402

# In the order of install.c; the program built with INSTALL_FAULTS refuses the step whose number it finds in its environment.
STEPS = ['copy the program to the Windows folder', 'register the event manifest', 'create the service',
         'write the driver to the Windows folder', 'create the driver service', 'write the settings', 'start the driver',
         'start the service']


def left(t):
    return (t.service('Sysmon64'), t.service('SysmonDrv'),
            sorted(n for n in os.listdir(t.windows) if n.lower().startswith('sysmon')))


def test(t):
    os.mkdir(t.file('F'))
    shutil.copy(os.path.join(harness.BUILD, 'tests', 'wine', 'Sysmon64-faults.exe'), t.file('F', 'Sysmon64.exe'))
    program = r'C:\F\Sysmon64.exe'
    for number, step in enumerate(STEPS, 1):
        result = t.sysmon('-i', program=program, env={'SYSMON_INSTALL_FAULT': str(number)})
        t.check(f'step {number} fails: it is named', result.code == 12 and f'Error: cannot {step}: ' in result.err, result.err)
        t.equal(f'step {number} fails: nothing is left', left(t), (None, None, []))
    for file, step in (('Sysmon64.exe', 1), ('SysmonDrv.sys', 4)):
        os.mkdir(os.path.join(t.windows, file))
        result = t.sysmon('-i')
        t.check(f'a folder in the place of {file}', result.code == 12 and STEPS[step - 1] in result.err, result.err)
        t.equal('stays, and nothing else', left(t), (None, None, [file]))
        os.rmdir(os.path.join(t.windows, file))
    t.run('sc', 'create', 'SysmonDrv', 'type=', 'kernel', 'binPath=', r'C:\windows\other.sys')
    result = t.sysmon('-i')
    t.check("another's driver service is refused", result.code == 12 and 'The driver SysmonDrv is already registered' in result.err, result.err)
    t.check('and stays', t.service('SysmonDrv'))
    t.run('sc', 'delete', 'SysmonDrv')
    result = t.sysmon('-i', program=program, env={'SYSMON_INSTALL_FAULT': '9'})
    t.equal('without a fault it installs', (result.code, t.state('Sysmon64')), (0, 'RUNNING'))


harness.main(test, 'rollback')
