#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The monitor lives within what its systemd unit allows: every source on, a bit of everything done, no call refused. Prints TAP.

usage: confined.py SYSMON
"""
import json
import os
import signal
import socket
import subprocess
import sys

import sandbox
from sandbox import Events, Tap, run, wait_for

SYSMON = '/run/programs/sysmon'
TAGS = ('ProcessCreate', 'FileCreateTime', 'NetworkConnect', 'ProcessTerminate', 'DriverLoad', 'ImageLoad', 'RawAccessRead', 'ProcessAccess',
        'FileCreate', 'FileCreateStreamHash', 'PipeEvent', 'DnsQuery', 'FileDelete', 'ClipboardChange', 'ProcessTampering', 'FileDeleteDetected',
        'FileExecutableDetected', 'eBPFEvent')
tap = Tap()


def act():
    """Things that make most sources work."""
    os.makedirs('/tmp/act/sub')
    subprocess.run(['/run/act', *['x' * 100000] * 3], check=True)
    for name in ('a', 'b'):
        with open(f'/tmp/act/sub/{name}', 'w') as out:
            out.write('#!/bin/sh\n')
    os.utime('/tmp/act/sub/a', (1, 1))
    os.rename('/tmp/act/sub/a', '/tmp/act/sub/b')
    os.unlink('/tmp/act/sub/b')
    os.mkfifo('/tmp/act/fifo')
    listener = socket.create_server(('127.0.0.1', 0))
    client = socket.create_connection(listener.getsockname())
    listener.accept()[0].close()
    client.close()
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', 9))
    local = socket.socket(socket.AF_UNIX)
    local.bind('/tmp/act/socket')
    memory = os.memfd_create('program')
    os.write(memory, open('/run/programs/true', 'rb').read())
    subprocess.run([f'/proc/self/fd/{memory}'], pass_fds=[memory], check=True)


def main():
    sandbox.enter_private_view(os.path.abspath(__file__), [os.path.abspath(sys.argv[1])])
    sandbox.need_sensor(sys.argv[1])
    if not os.path.exists('/usr/bin/systemd-analyze') or os.uname().machine != 'x86_64':
        sandbox.skip('needs systemd-analyze, on x86-64')
    source = os.environ['SYSMON_SOURCE']
    sandbox.make_private_view([sys.argv[1], '/bin/true'])
    os.makedirs('/run/c')
    os.link('/run/programs/true', '/run/act')
    groups = ''.join(f'<RuleGroup groupRelation="or"><{tag} onmatch="exclude"/></RuleGroup>' for tag in TAGS)
    with open('/run/c/all.xml', 'w') as out:
        out.write(f'<Sysmon schemaversion="4.90"><HashAlgorithms>*</HashAlgorithms><EventFiltering>{groups}</EventFiltering></Sysmon>')
    events = Events('/run/c/events.json')
    monitor = sandbox.start(
        sys.executable, os.path.join(source, 'tests/live/confine.py'), os.path.join(source, 'packaging/linux/sysmon.service.in'), SYSMON, 'run', '-c',
         '/run/c/all.xml', '--output', 'json:/run/c/events.json,size=64K,zstd', '--output', 'syslog:udp:127.0.0.1:9', '--output', 'json:unix:/run/nobody', stderr=subprocess.PIPE)
    tap.point(wait_for(lambda: monitor.poll() is not None or run(SYSMON, 'stats').returncode == 0) and monitor.poll() is None, 'starts within the unit\'s limits')
    act()
    # The output rotates, so the counters tell what came.
    wanted = {1, 3, 5, 11}
    seen = lambda: {int(name.split()[0]): n for name, n in json.loads(run(SYSMON, 'stats', '--json').stdout or '{"events_logged":{}}')['events_logged'].items()}
    got = wait_for(lambda: monitor.poll() is not None or (wanted <= {e for e, n in seen().items() if n} and seen()))
    tap.point(isinstance(got, dict), 'events come', got)
    monitor.send_signal(signal.SIGHUP)
    tap.point(wait_for(lambda: monitor.poll() is not None or seen().get(16, 0) >= 2) and monitor.poll() is None, 'SIGHUP')
    monitor.terminate()
    _, text = monitor.communicate(timeout=60)
    tap.equal(monitor.returncode, 0, 'ends well: no call was refused')
    print('#', text.replace('\n', '\n# '))
    tap.end()


if __name__ == '__main__':
    main()
