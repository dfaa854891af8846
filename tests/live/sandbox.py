# SPDX-License-Identifier: MIT
"""For live tests: TAP points, a private view of the file system, running the monitor, waiting for events.

In the private view (a mount namespace of the test's own) /opt, /run and /tmp are empty and /etc, /var and /usr can be
written without a trace: whatever a test installs is gone when it ends, however it ends.
"""
import ctypes
import glob
import json
import os
import signal
import subprocess
import sys
import time

LIMIT = 60  # seconds for anything that must happen; the runner's time-out is the last word


class Tap:
    def __init__(self):
        self.number = self.failed = 0

    def point(self, good, name, note=''):
        self.number += 1
        self.failed += not good
        text = str(note).replace('\n', ' | ')[:600]
        print(f"{'ok' if good else 'not ok'} {self.number} - {name}{'' if good else ' # ' + text}", flush=True)
        return bool(good)

    def equal(self, got, expected, name):
        return self.point(got == expected, name, f'{got!r} instead of {expected!r}')

    def end(self):
        print(f'1..{self.number}')
        sys.exit(1 if self.failed else 0)


def skip(why):
    print(f'1..0 # SKIP {why}')
    sys.exit(0)


def need_sensor(sysmon):
    """The tests here need root and a kernel that takes the sensor."""
    if os.geteuid():
        skip('needs root')
    tried = subprocess.run([sysmon, 'run', '--duration', '1', '--output', 'json:/dev/null', '--runtime', f'/tmp/sysmon-probe-{os.getpid()}'],
                           capture_output=True, text=True, timeout=LIMIT)
    subprocess.run(['rm', '-rf', f'/tmp/sysmon-probe-{os.getpid()}'], check=False)
    if tried.returncode in (5, 6, 7, 8):
        skip(f'the sensor does not load here: {tried.stderr.strip().splitlines()[0]}')


def enter_private_view(script, arguments):
    """Runs the script again inside; never returns outside."""
    if os.environ.get('SYSMON_SANDBOX') == 'inside':
        return
    environment = dict(os.environ, SYSMON_SANDBOX='inside')
    code = subprocess.run(['unshare', '--mount', '--propagation', 'private', sys.executable, script, *arguments], env=environment).returncode
    sys.exit(code)


def mount(*arguments):
    subprocess.run(['mount', *arguments], check=True)


def make_private_view(programs):
    """programs: files that must stay reachable although /tmp is covered. They are copied to /run/programs."""
    contents = [(os.path.basename(p), open(p, 'rb').read()) for p in programs]
    mount('-t', 'tmpfs', '-o', 'mode=755', 'none', '/run')
    for folder in ('etc', 'var', 'usr'):
        os.makedirs(f'/run/overlay/{folder}/upper')
        os.makedirs(f'/run/overlay/{folder}/work')
        mount('-t', 'overlay', 'overlay', '-o', f'lowerdir=/{folder},upperdir=/run/overlay/{folder}/upper,workdir=/run/overlay/{folder}/work', f'/{folder}')
    mount('-t', 'tmpfs', '-o', 'mode=755', 'none', '/opt')
    mount('-t', 'tmpfs', '-o', 'mode=1777', 'none', '/tmp')
    # What is installed on the machine itself is not there in the view.
    leftovers = ['/etc/init.d/sysmon', '/etc/sysmon', '/etc/systemd/system/sysmon.service', '/lib/systemd/system/sysmon.service', '/usr/sbin/sysmon',
                 *glob.glob('/etc/rc?.d/*sysmon'), *glob.glob('/etc/systemd/system/*/sysmon.service')]
    subprocess.run(['rm', '-rf', *leftovers], check=True)
    os.makedirs('/run/programs')
    for name, data in contents:
        with open(f'/run/programs/{name}', 'wb') as out:
            out.write(data)
        os.chmod(f'/run/programs/{name}', 0o755)


def wait_for(what, seconds=LIMIT):
    """Polls a condition; its value, or None when it never came true."""
    end = time.monotonic() + seconds
    while True:
        value = what()
        if value:
            return value
        if time.monotonic() > end:
            return None
        time.sleep(0.02)


class Events:
    """A JSON-lines output file, read as it grows."""

    def __init__(self, path):
        self.path, self.offset, self.list = path, 0, []

    def read(self):
        try:
            with open(self.path, 'rb') as f:
                f.seek(self.offset)
                data = f.read()
        except FileNotFoundError:
            return self.list
        whole = data.rfind(b'\n') + 1
        self.offset += whole
        self.list += [json.loads(line) for line in data[:whole].decode().splitlines()]
        return self.list

    def of(self, event, **fields):
        return [e for e in self.read() if e['EventID'] == event and all(e.get(k) == v for k, v in fields.items())]

    def wait(self, event, count=1, **fields):
        return wait_for(lambda: (found := self.of(event, **fields)) and len(found) >= count and found)


def start(*command, **options):
    """A process that does not outlive the test."""
    libc = ctypes.CDLL(None)
    return subprocess.Popen(command, text=True, preexec_fn=lambda: libc.prctl(1, signal.SIGKILL), **options)  # PR_SET_PDEATHSIG


def run(*command, **options):
    return subprocess.run(command, capture_output=True, text=True, timeout=4 * LIMIT, **options)
