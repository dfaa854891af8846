#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The Debian package: build, install, run, upgrade, remove, purge, in a private view of the file system. Prints TAP.

usage: package.py SYSMON
"""
import glob
import os
import subprocess
import sys
import tempfile

import sandbox
from sandbox import Events, Tap, run, wait_for

CONFIG = ('<Sysmon schemaversion="4.90"><EventFiltering><RuleGroup groupRelation="or"><ProcessCreate onmatch="include">'
          '<Image condition="end with" name="%s">/first</Image></ProcessCreate></RuleGroup></EventFiltering></Sysmon>')
tap = Tap()


def build(sysmon, version, folder):
    """The package under another version number; the program keeps its own."""
    answer = run(os.path.join(os.environ['SYSMON_SOURCE'], 'packaging/deb.sh'), os.path.dirname(sysmon), folder,
                 env=dict(os.environ, VERSION=version))
    tap.point(answer.returncode == 0, f'deb.sh builds {version}', answer.stderr)
    return answer.stdout.strip()


def dpkg(*arguments):
    return run('dpkg', '--force-confold', '--force-unsafe-io', *arguments, env=dict(os.environ, DEBIAN_FRONTEND='noninteractive', LC_ALL='C'))


def pid():
    return int(open('/run/sysmon.pid').read())


def traces():
    """What the package and its program have left in the private view, outside of dpkg's own records."""
    found = []
    for folder in ('etc', 'usr', 'opt', 'run', 'var/lib', 'var/log'):
        for base, folders, files in os.walk(f'/{folder}'):
            if base.startswith(('/run/overlay', '/run/programs', '/run/c', '/var/lib/dpkg', '/usr/share/doc/opensysmon-')):
                folders[:] = []
                continue
            found += [os.path.join(base, n) for n in folders + files if 'sysmon' in n.lower()]
    return sorted(found)


def installs(package, events):
    answer = dpkg('-i', package)
    tap.point(answer.returncode == 0, 'dpkg -i', answer)
    tap.point('Sysmon started.' in answer.stdout, 'the monitor is started', answer)
    tap.equal(os.readlink(f'/proc/{pid()}/exe'), '/usr/sbin/sysmon', 'from the system\'s program')
    tap.point(not os.path.exists('/opt/sysmon/sysmon'), 'without a copy of it')
    tap.equal(open('/opt/sysmon/config.xml').read(), open('/etc/sysmon/config.xml').read(), 'with the package\'s configuration')
    verify = run('dpkg', '-V', 'opensysmon').stdout.splitlines()
    tap.equal([line for line in verify if '/etc/sysmon/outputs.conf' not in line], [], 'dpkg finds its files unchanged')
    tap.point(os.path.lexists('/etc/rc3.d/S01sysmon'), 'it starts at boot')
    tap.point(not os.path.exists('/etc/systemd/system/sysmon.service') and os.path.exists('/lib/systemd/system/sysmon.service'),
              'the unit is the package\'s')
    os.link('/run/programs/true', '/run/c/first')
    subprocess.run(['/run/c/first'], check=True)
    tap.point(events.wait(1, Image='/run/c/first'), 'events come')


def upgrades(package, events):
    with open('/run/c/own.xml', 'w') as out:
        out.write(CONFIG % 'Own')
    run('sysmon', '-c', '/run/c/own.xml')
    old = pid()
    answer = dpkg('-i', package)
    tap.point(answer.returncode == 0, 'dpkg -i of a newer version', answer)
    tap.point(pid() != old and not os.path.exists(f'/proc/{old}/exe'), 'the monitor is restarted')
    tap.equal(os.readlink(f'/proc/{pid()}/exe'), '/usr/sbin/sysmon', 'as the new program')
    tap.equal(open('/opt/sysmon/config.xml').read(), CONFIG % 'Own', 'the configuration in use stays in use')
    subprocess.run(['/run/c/first'], check=True)
    tap.point(events.wait(1, Image='/run/c/first', RuleName='Own'), 'and decides')
    ids = [e['EventRecordID'] for e in events.read()]
    tap.equal(sorted(set(ids)), ids, 'record ids go on')


def removes(before):
    old = pid()
    answer = dpkg('-r', 'opensysmon')
    tap.point(answer.returncode == 0, 'dpkg -r', answer)
    tap.point(wait_for(lambda: not os.path.exists(f'/proc/{old}/exe')), 'the monitor has ended')
    tap.equal([p for p in traces() if not p.startswith(('/etc/sysmon', '/etc/rc', '/etc/init.d'))], before, 'only configuration is left')
    answer = dpkg('-P', 'opensysmon')
    tap.point(answer.returncode == 0, 'dpkg -P', answer)
    tap.equal([p for p in traces() if p != '/etc/sysmon/outputs.conf'], before, 'nothing is left')


def without_start(package):
    with open('/usr/sbin/policy-rc.d', 'w') as out:
        out.write('#!/bin/sh\nexit 101\n')
    os.chmod('/usr/sbin/policy-rc.d', 0o755)
    answer = dpkg('-i', package)
    tap.point(answer.returncode == 0 and not os.path.exists('/run/sysmon.pid'), 'policy-rc.d keeps it from starting', answer)
    answer = run('/etc/init.d/sysmon', 'start')
    tap.point(answer.returncode == 0 and os.path.exists('/run/sysmon.pid'), 'it is ready to be started', answer)
    os.unlink('/usr/sbin/policy-rc.d')
    dpkg('-P', 'opensysmon')
    os.makedirs('/etc/sysmon', exist_ok=True)
    with open('/etc/sysmon/outputs.conf', 'w') as out:
        out.write('json:/no/such/x.json\n')
    answer = dpkg('-i', package)
    tap.point(answer.returncode == 0 and 'could not be started' in answer.stderr, 'a machine that cannot run it still gets the program', answer)
    tap.equal(run('sysmon', '-s').returncode, 0, 'which works')
    tap.equal(dpkg('-P', 'opensysmon').returncode, 0, 'and is removed')


def main():
    sysmon = os.path.abspath(sys.argv[1])
    if os.environ.get('SYSMON_SANDBOX') == 'inside':
        inside(sysmon, sys.argv[2])
        return
    sandbox.need_sensor(sysmon)
    if not os.path.exists('/usr/bin/dpkg-shlibdeps'):
        sandbox.skip('no dpkg-dev')
    if os.path.isdir('/run/systemd/system') or os.path.exists('/var/lib/dpkg/info/opensysmon.list'):
        sandbox.skip('systemd runs here, or the package is installed')
    with tempfile.TemporaryDirectory() as folder:
        sandbox.enter_private_view(os.path.abspath(__file__), [sysmon, folder])


def inside(sysmon, folder):
    packages = [build(sysmon, version, folder) for version in ('1.0.0~test1', '1.0.0~test2')]
    sandbox.make_private_view(['/bin/true', *packages])
    packages = [f'/run/programs/{os.path.basename(p)}' for p in packages]
    os.makedirs('/run/c')
    if os.path.exists('/usr/sbin/policy-rc.d'):
        os.unlink('/usr/sbin/policy-rc.d')
    before = traces()
    os.makedirs('/etc/sysmon')
    with open('/etc/sysmon/outputs.conf', 'w') as out: # the administrator was here before
        out.write('json:/run/c/events.json\n')
    events = Events('/run/c/events.json')
    try:
        installs(packages[0], events)
        upgrades(packages[1], events)
        removes(before)
        without_start(packages[0])
    finally:
        run('sysmon', '-u', 'force') if glob.glob('/usr/sbin/sysmon') else None
    tap.end()


if __name__ == '__main__':
    main()
