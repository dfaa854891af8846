#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The service under a real systemd, booted in namespaces of its own as in a container. Prints TAP.

The unit with all its limits, Type=notify, reload, restart after a crash, install and removal, then the Debian package. Nothing of the
machine is touched but two control groups, which are removed. usage: systemd.py SYSMON
"""
import glob
import os
import re
import signal
import subprocess
import sys
import tempfile

import sandbox
from sandbox import Events, Tap, run, wait_for

SYSTEMD = '/lib/systemd/systemd'
SYSMON = '/run/programs/sysmon'
UNIT = '/etc/systemd/system/sysmon.service'
REPORT = '/run/report'
CONFIG = ('<Sysmon schemaversion="4.90"><EventFiltering><RuleGroup groupRelation="or"><ProcessCreate onmatch="include">'
          '<Image condition="end with">/first</Image></ProcessCreate></RuleGroup></EventFiltering></Sysmon>')
tap = Tap()


# --- outside: namespaces, mounts, boot ---------------------------------------------------------------------------------

def hierarchies():
    """Mount points of the control groups that systemd needs: {place below /sys/fs/cgroup: (type, options)}."""
    if run('stat', '-f', '-c', '%T', '/sys/fs/cgroup').stdout.strip() == 'cgroup2fs':
        return {'.': ('cgroup2', 'rw')}
    if os.path.isdir('/sys/fs/cgroup/systemd') and os.path.isdir('/sys/fs/cgroup/unified'):
        return {'systemd': ('cgroup', 'none,name=systemd,xattr'), 'unified': ('cgroup2', 'rw')}
    sandbox.skip('no control groups that systemd could use')


def boot(sysmon, package, report):
    """Runs in the new namespaces, before systemd becomes process 1 there."""
    report = os.open(report, os.O_RDWR)
    sandbox.mount('-t', 'proc', 'proc', '/proc')
    places = hierarchies()
    sandbox.mount('-t', 'tmpfs', '-o', 'mode=755', 'none', '/sys/fs/cgroup')
    for place, (kind, options) in places.items():
        os.makedirs(f'/sys/fs/cgroup/{place}', exist_ok=True)
        sandbox.mount('-t', kind, '-o', options, kind, f'/sys/fs/cgroup/{place}')
    sandbox.make_private_view([sysmon, '/bin/true', package])
    if os.path.exists('/usr/sbin/policy-rc.d'):
        os.unlink('/usr/sbin/policy-rc.d')
    write(REPORT, '')
    subprocess.run(['mount', '--bind', f'/proc/self/fd/{report}', REPORT], pass_fds=[report], check=True)  # a file outside of this view
    os.makedirs('/run/c')
    os.makedirs('/etc/sysmon')
    write('/etc/sysmon/outputs.conf', 'json:/run/c/events.json\n')
    write('/etc/systemd/system/mini.target', '[Unit]\nDefaultDependencies=no\n')
    environment = ' '.join(f'{name}={os.environ[name]}' for name in ('SYSMON_SOURCE', 'PATH') if name in os.environ)
    write('/etc/systemd/system/test.service', f'''[Unit]
DefaultDependencies=no
[Service]
Type=oneshot
Environment={environment} SYSMON_SANDBOX=booted
ExecStart={sys.executable} {os.path.abspath(__file__)} {SYSMON} /run/programs/{os.path.basename(package)}
ExecStopPost=/bin/systemctl --force --force poweroff
StandardOutput=append:{REPORT}
StandardError=append:{REPORT}
''')
    os.makedirs('/etc/systemd/system/mini.target.wants')
    os.symlink('../test.service', '/etc/systemd/system/mini.target.wants/test.service')
    os.environ['container'] = 'container'
    os.execv(SYSTEMD, [SYSTEMD, '--system', '--unit=mini.target', '--log-target=null', '--show-status=0'])


def write(path, text):
    with open(path, 'w') as out:
        out.write(text)


def outside(sysmon):
    sandbox.need_sensor(sysmon)
    if not os.path.exists(SYSTEMD) or not os.path.exists('/usr/bin/dpkg-shlibdeps'):
        sandbox.skip('no systemd, or no dpkg-dev')
    if os.path.isdir('/run/systemd/system'):
        sandbox.skip('a systemd runs here already; the test wants one of its own')
    if run('unshare', '--pid', '--fork', '--mount', '--cgroup', '--uts', 'true').returncode:
        sandbox.skip('no namespaces to boot in')
    groups = [os.path.join('/sys/fs/cgroup', place, f'sysmon-test-{os.getpid()}') for place in hierarchies()]
    with tempfile.TemporaryDirectory() as folder:
        package = run(os.path.join(os.environ['SYSMON_SOURCE'], 'packaging/deb.sh'), os.path.dirname(sysmon), folder).stdout.strip()
        report = os.path.join(folder, 'report')
        try:
            for group in groups:
                os.mkdir(group)

            def enter():
                for group in groups:
                    write(f'{group}/cgroup.procs', str(os.getpid()))
            open(report, 'w').close()
            command = ['unshare', '--pid', '--fork', '--mount', '--propagation', 'private', '--cgroup', '--uts', '--kill-child',
                       sys.executable, os.path.abspath(__file__), sysmon, package, report]
            process = subprocess.Popen(command, env=dict(os.environ, SYSMON_SANDBOX='boot'), preexec_fn=enter, stdout=subprocess.PIPE,
                                       stderr=subprocess.STDOUT, text=True)
            try:
                console, _ = process.communicate(timeout=240)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                console, _ = process.communicate()
            text = open(report).read()
            print('\n'.join(line if re.match(r'ok |not ok |1\.\.|#', line) else f'# {line}' for line in text.splitlines()))
            if '1..' not in text:
                print('not ok 1 - systemd ran the test to its end\n1..1\n# ' + console[-2000:].replace('\n', '\n# '))
                sys.exit(1)
            sys.exit(1 if re.search('^not ok', text, re.M) else 0)
        finally:
            for group in groups:
                for base, folders, _ in os.walk(group, topdown=False):
                    wait_for(lambda: remove(base), 10)


def remove(group):
    try:
        os.rmdir(group)
        return True
    except FileNotFoundError:
        return True
    except OSError:
        return False


# --- inside: as a service of that systemd -----------------------------------------------------------------------------

def show(name):
    return run('systemctl', 'show', 'sysmon.service', '-p', name, '--value').stdout.strip()


def capabilities(status):
    return int(re.search(r'CapEff:\t(\w+)', status).group(1), 16)


def unit_capabilities():
    numbers = dict(re.findall(r'#define (CAP_\w+)\s+(\d+)', open('/usr/include/linux/capability.h').read()))
    return sum(1 << int(numbers[name]) for name in re.search(r'^CapabilityBoundingSet=(.*)$', open(UNIT).read(), re.M).group(1).split())


def installs(events):
    write('/run/c/one.xml', CONFIG)
    answer = run(SYSMON, '-i', '/run/c/one.xml')
    tap.point(answer.returncode == 0, '-i', answer)
    tap.equal((show('ActiveState'), show('SubState'), show('UnitFileState')), ('active', 'running', 'enabled'), 'running and enabled')
    pid = show('MainPID')
    status = open(f'/proc/{pid}/status').read()
    tap.point('Seccomp:\t2' in status and 'NoNewPrivs:\t1' in status, 'confined', status)
    tap.equal(capabilities(status), unit_capabilities() & capabilities(open('/proc/self/status').read()), 'with the capabilities of the unit only')
    tap.point(events.wait(4, State='Started'), 'events come')
    answer = run(SYSMON, 'stats', '--json')
    tap.point(answer.returncode == 0 and f'"process_id":{pid}' in answer.stdout, 'stats', answer)


def runs(events):
    answer = run(SYSMON, '-c', '--')
    tap.point(answer.returncode == 0 and events.wait(16, Configuration='Defaults'), '-c', answer)
    answer = run('systemctl', 'reload', 'sysmon.service')
    tap.point(answer.returncode == 0 and events.wait(16, 2, Configuration='Defaults'), 'systemctl reload', answer)
    old = show('MainPID')
    os.kill(int(old), signal.SIGKILL)
    tap.point(wait_for(lambda: show('SubState') == 'running' and show('MainPID') != old), 'started again after a crash', show('SubState'))
    tap.point(events.wait(4, 2, State='Started'), 'and events come again')
    answer = run('systemctl', 'stop', 'sysmon.service')
    tap.point(answer.returncode == 0 and events.wait(4, State='Stopped'), 'systemctl stop drains', answer)
    tap.equal((show('ActiveState'), show('Result')), ('inactive', 'success'), 'an orderly end')
    tap.equal(run('systemctl', 'start', 'sysmon.service').returncode, 0, 'systemctl start')


def removes():
    os.kill(int(show('MainPID')), signal.SIGKILL)
    wait_for(lambda: show('SubState') == 'auto-restart')
    answer = run(SYSMON, '-u')
    tap.point(answer.returncode == 0, '-u while it waits to be started again', answer)

    tap.equal((show('LoadState'), show('ActiveState'), show('SubState')), ('not-found', 'inactive', 'dead'), 'systemd knows it no more')
    tap.equal([p for p in ('/opt/sysmon', UNIT, '/run/sysmon', '/run/sysmon.pid') if os.path.lexists(p)], [], 'nothing is left')
    write('/etc/sysmon/outputs.conf', 'json:/no/such/folder/x.json\n')
    answer = run(SYSMON, '-i', '/run/c/one.xml')
    tap.point(answer.returncode == 4 and not os.path.lexists(UNIT) and show('LoadState') == 'not-found', 'a failed installation leaves nothing', answer)
    write('/etc/sysmon/outputs.conf', 'json:/run/c/events.json\n')


def packaged(package):
    environment = dict(os.environ, DEBIAN_FRONTEND='noninteractive')
    answer = run('dpkg', '--force-confold', '--force-unsafe-io', '-i', package, env=environment)
    tap.point(answer.returncode == 0 and show('SubState') == 'running', 'the package installs and runs', (show('SubState'), answer.stderr, answer.stdout[-300:]))
    tap.equal((show('FragmentPath').replace('/usr/lib', '/lib'), show('UnitFileState')), ('/lib/systemd/system/sysmon.service', 'enabled'), 'its own unit')
    old = show('MainPID')
    answer = run('dpkg', '--force-confold', '--force-unsafe-io', '-i', package, env=environment)
    tap.point(answer.returncode == 0 and show('SubState') == 'running' and show('MainPID') != old, 'an upgrade restarts it', answer)
    answer = run('dpkg', '-P', 'opensysmon', env=environment)
    tap.point(answer.returncode == 0 and show('LoadState') == 'not-found' and not os.path.exists(f'/proc/{show("MainPID")}/exe'), 'purged', answer)
    tap.equal([p for p in ('/opt/sysmon', '/usr/sbin/sysmon', '/lib/systemd/system/sysmon.service', *glob.glob('/etc/systemd/system/*/sysmon.service'))
               if os.path.lexists(p)], [], 'nothing is left')


def booted():
    events = Events('/run/c/events.json')
    installs(events)
    runs(events)
    removes()
    packaged(sys.argv[2])
    tap.end()


def main():
    role = os.environ.get('SYSMON_SANDBOX')
    if role == 'booted':
        booted()
    elif role == 'boot':
        boot(*sys.argv[1:4])
    else:
        outside(os.path.abspath(sys.argv[1]))


if __name__ == '__main__':
    main()
