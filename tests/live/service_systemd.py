#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Installing under systemd, with a stand-in for systemctl, in a private view. Prints TAP. usage: service_systemd.py SYSMON"""
import os
import shutil
import sys

import sandbox
from sandbox import Events, Tap, run

SYSMON = '/run/programs/sysmon'
UNIT = '/etc/systemd/system/sysmon.service'
CONFIG = ('<Sysmon schemaversion="4.90"><EventFiltering><RuleGroup groupRelation="or"><ProcessCreate onmatch="include">'
          '<Image condition="end with">/first</Image></ProcessCreate></RuleGroup></EventFiltering></Sysmon>')
tap = Tap()


def commands():
    path = '/run/systemd/stand-in/log'
    return open(path).read().splitlines() if os.path.exists(path) else []


def prepare():
    os.makedirs('/run/systemd/system')
    for name in ('/usr/bin/systemctl', '/bin/systemctl'):
        if os.path.exists(name):
            os.unlink(name)
        shutil.copy(os.path.join(os.environ['SYSMON_SOURCE'], 'tests/live/systemctl.py'), name)
        os.chmod(name, 0o755)
    os.makedirs('/etc/sysmon')
    os.makedirs('/run/c')
    with open('/etc/sysmon/outputs.conf', 'w') as out:
        out.write('json:/run/c/events.json\n')
    with open('/run/c/one.xml', 'w') as out:
        out.write(CONFIG)


def installs(events):
    answer = run(SYSMON, '-i', '/run/c/one.xml')
    tap.point(answer.returncode == 0, '-i', answer)
    tap.equal(commands(), ['daemon-reload', 'enable sysmon.service', 'start sysmon.service'], 'what is asked of systemd')
    text = open(UNIT).read()
    tap.point('ExecStart=/opt/sysmon/sysmon -i /opt/sysmon/config.xml -service' in text and '@' not in text.replace('@system-service', '')
              .replace('@mount', ''), 'the unit names the program', text)
    tap.equal(oct(os.stat(UNIT).st_mode & 0o777), '0o644', 'its mode')
    pid = int(open('/run/systemd/stand-in/pid').read())
    tap.equal(int(open('/run/sysmon.pid').read()), pid, 'no process is forked off')
    tap.point(not os.path.exists('/etc/init.d/sysmon'), 'no init script')
    os.link('/run/programs/true', '/run/first')
    run('/run/first')
    tap.point(events.wait(1, Image='/run/first'), 'events come')
    answer = run(SYSMON, '-c', '--')
    tap.point(answer.returncode == 0 and events.wait(16, 1, Configuration='Defaults'), '-c', answer)


def fails(events):
    """An installation that does not start over one that did."""
    before = open('/opt/sysmon/config.xml').read()
    with open('/etc/sysmon/outputs.conf', 'w') as out:
        out.write('json:/no/such/x.json\n')
    answer = run(SYSMON, '-i', '/run/c/one.xml')
    tap.point(answer.returncode == 4 and 'journalctl' in answer.stderr, 'the service\'s exit code, and where to look', answer)
    tap.equal(open('/opt/sysmon/config.xml').read(), before, 'the files of before')
    tap.point(os.path.exists(UNIT), 'the unit of before')
    with open('/etc/sysmon/outputs.conf', 'w') as out:
        out.write('json:/run/c/events.json\n')
    tap.equal(run('systemctl', 'start', 'sysmon.service').returncode, 0, 'start again')
    tap.point(len(events.wait(4, 2, State='Started')) >= 2, 'which still work')


def removes():
    answer = run(SYSMON, '-u')
    tap.point(answer.returncode == 0, '-u', answer)
    left = [p for p in ('/opt/sysmon', UNIT, '/run/sysmon', '/run/sysmon.pid') if os.path.lexists(p)]
    tap.equal(left, [], 'nothing is left')
    tap.point('stop sysmon.service' in commands() and 'disable sysmon.service' in commands(), 'stopped and disabled through systemd', commands())
    with open('/etc/sysmon/outputs.conf', 'w') as out:
        out.write('json:/no/such/x.json\n')
    answer = run(SYSMON, '-i', '/run/c/one.xml')
    tap.point(answer.returncode == 4 and not os.path.lexists(UNIT) and not os.path.lexists('/opt/sysmon'), 'a failed first installation leaves nothing', answer)


def main():
    sandbox.enter_private_view(os.path.abspath(__file__), [os.path.abspath(sys.argv[1])])
    sandbox.need_sensor(sys.argv[1])
    sandbox.make_private_view([sys.argv[1], '/bin/true'])
    prepare()
    events = Events('/run/c/events.json')
    try:
        installs(events)
        fails(events)
        removes()
    finally:
        run(SYSMON, '-u', 'force')
    tap.end()


if __name__ == '__main__':
    main()
