# SPDX-License-Identifier: MIT
"""A prefix in which the driver's callbacks come from real programs: companion driver, hook, launcher (companion/activity.h)."""
import os
import shutil

import harness

GROUP = 'SysmonTest' # drivers of one load order group share a host process under Wine


def install(t, config, outputs):
    """Installs, and arranges that companion and driver are started together, companion first. The result of -i."""
    built = os.path.join(harness.BUILD, 'tests', 'wine')
    for name in ('hook.dll', 'launch.exe', 'actor.exe'):
        shutil.copy(os.path.join(built, name), t.c)
    for name in ('companion.sys', 'another.sys'):
        shutil.copy(os.path.join(built, 'companion.sys'), os.path.join(t.windows, name))
    result = t.sysmon('-i', t.write('config.xml', config))
    add = lambda key, value, kind, data: t.run('reg', 'add', harness.SERVICES + '\\' + key, '/v', value, '/t', kind, '/d', data, '/f')
    add(r'Sysmon64\Parameters', 'Outputs', 'REG_MULTI_SZ', outputs)
    for name, file in (('SysmonCompanion', 'companion.sys'), ('Another', 'another.sys')):
        t.run('sc', 'create', name, 'type=', 'kernel', 'start=', 'demand', 'binPath=', 'C:\\windows\\' + file)
    for name in ('SysmonCompanion', 'SysmonDrv', 'Another'):
        add(name, 'Group', 'REG_SZ', GROUP)
    for name in ('SysmonDrv', 'Sysmon64'):
        add(name, 'Start', 'REG_DWORD', '3')
    t.boot()
    for name in ('SysmonCompanion', 'SysmonDrv', 'Sysmon64'):
        t.run('sc', 'start', name)
        t.wait(lambda: t.state(name) == 'RUNNING')
    return result


def launch(t, *command):
    """A program with the hook in it."""
    return t.run(r'C:\launch.exe', *command)
