# SPDX-License-Identifier: MIT
"""Live tests: run the built monitor on this machine, do things, compare its events with what was done.

Other work goes on beside: a test looks only at events of its own processes and of its own, unique directory. Nothing depends
on time: a test waits for the event it needs, and only a monitor that never tells it makes the wait fail.
"""
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

SOURCE = os.environ.get('SYSMON_SOURCE', os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
BUILD = os.environ.get('SYSMON_BUILD', os.path.join(SOURCE, 'build'))
SYSMON = os.path.join(BUILD, 'sysmon')
PATIENCE = 60

EVERYTHING = ['ProcessCreate', 'ProcessTerminate', 'NetworkConnect', 'FileCreate', 'FileDeleteDetected', 'RawAccessRead',
              'ProcessAccess', 'PipeEvent', 'FileCreateTime', 'FileCreateStreamHash', 'ImageLoad', 'FileExecutableDetected']


def skip(why):
    print(f'1..0 # skipped: {why}')
    sys.exit(77)


def require():
    if os.geteuid():
        skip('must be root')
    if not os.path.exists('/sys/kernel/btf/vmlinux'):
        skip('the kernel has no BTF')
    if not os.path.exists(SYSMON):
        skip(f'{SYSMON} is not built')


def config(events=EVERYTHING, hashes='SHA256', more=''):
    blocks = ''.join(f'<{e} onmatch="exclude"/>' for e in events)
    return (f'<Sysmon schemaversion="4.90"><HashAlgorithms>{hashes}</HashAlgorithms>'
            f'<EventFiltering>{blocks}{more}</EventFiltering></Sysmon>')


class Monitor:
    """`with Monitor(config(...)) as m:` The monitor is running inside, with JSON output."""

    def __init__(self, text=None, arguments=(), output=None):
        self.directory = os.path.realpath(tempfile.mkdtemp(prefix='sysmon-live-'))
        self.output = output or os.path.join(self.directory, 'events.json')
        self.config = os.path.join(self.directory, 'config.xml')
        self.work = os.path.join(self.directory, 'work')
        os.mkdir(self.work)
        with open(self.config, 'w', encoding='utf-8') as file:
            file.write(text or config())
        self.arguments = list(arguments)
        self.seen, self.at, self.rest = [], 0, b''

    def __enter__(self):
        self.log = open(os.path.join(self.directory, 'log'), 'w+', encoding='utf-8')
        self.process = subprocess.Popen(
            [SYSMON, 'run', '-c', self.config, '--runtime', os.path.join(self.directory, 'run'), '--output',
             f'json:{self.output}', *self.arguments], stdout=subprocess.DEVNULL, stderr=self.log)
        self.wait(lambda e: e['EventID'] == 4 and e['State'] == 'Started', 'the monitor starts')
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.log.close()
        shutil.rmtree(self.directory, ignore_errors=True)

    def stop(self, how=signal.SIGTERM):
        """Ends the monitor; all its events are in self.seen then. Returns its exit code."""
        self.process.send_signal(how)
        code = self.process.wait(PATIENCE)
        self.poll()
        return code

    def messages(self):
        self.log.flush()
        with open(self.log.name, encoding='utf-8', errors='replace') as file:
            return file.read()

    def poll(self):
        try:
            with open(self.output, 'rb') as file:
                file.seek(self.at)
                data = file.read()
        except FileNotFoundError:
            return
        self.at += len(data)
        *lines, self.rest = (self.rest + data).split(b'\n')
        self.seen += [json.loads(line) for line in lines]

    def find(self, wanted):
        return [e for e in self.seen if wanted(e)]

    def wait(self, wanted, what, count=1):
        """The first `count` events that `wanted` accepts (one: the event itself)."""
        end = time.monotonic() + PATIENCE
        while True:
            self.poll()
            found = self.find(wanted)
            if len(found) >= count:
                return found[0] if count == 1 else found[:count]
            if self.process.poll() is not None:
                raise AssertionError(f'{what}: the monitor ended: {self.messages()}')
            if time.monotonic() > end:
                raise AssertionError(f'{what}: no such event in {PATIENCE} s ({len(found)} of {count})')
            time.sleep(0.02)

    def settle(self):
        """Waits until everything that happened before has been told: the sensor tells in order."""
        mark = f'settle-{os.getpid()}-{time.monotonic_ns()}'
        subprocess.run(['/bin/true', mark], check=True)
        self.wait(lambda e: e['EventID'] == 1 and mark in e['CommandLine'], 'a mark')

    def run(self, *argv, **more):
        """Runs a program to its end; its ProcessCreate event and pid."""
        child = subprocess.Popen(argv, **more)
        child.wait()
        return self.wait(lambda e: e['EventID'] == 1 and e['ProcessId'] == child.pid and e.get('CommandLine') is not None,
                         f'ProcessCreate of {argv[0]}'), child.pid

    def mine(self, event_id, path=None, pid=None):
        """Events of this id below the test's directory (or of this file), or of this process."""
        key = {2: 'TargetFilename', 9: 'Device', 11: 'TargetFilename', 15: 'TargetFilename', 17: 'PipeName', 18: 'PipeName',
               23: 'TargetFilename', 26: 'TargetFilename', 29: 'TargetFilename', 7: 'ImageLoaded'}.get(event_id)
        found = []
        for e in self.seen:
            if e['EventID'] != event_id or (pid is not None and e.get('ProcessId') != pid):
                continue
            if key and (e[key] != path if path else not e[key].startswith(self.work)):
                continue
            found.append(e)
        return found


class Tap:
    def __init__(self):
        self.count = self.failed = 0

    def check(self, good, name, detail=''):
        self.count += 1
        print(f"{'ok' if good else 'not ok'} {self.count} - {name}", flush=True)
        if not good:
            self.failed += 1
            for line in str(detail).splitlines()[:20]:
                print(f'# {line[:400]}', flush=True)

    def equal(self, got, wanted, name):
        self.check(got == wanted, name, f'got {got!r}\nwanted {wanted!r}')

    def skip(self, name, why):
        self.count += 1
        print(f'ok {self.count} - {name} # SKIP {why}', flush=True)

    def run(self, name, test, *arguments):
        """A test that may raise: counts as one failed point then."""
        try:
            test(*arguments)
        except Exception as error:  # pylint: disable=broad-except
            self.check(False, name, f'{type(error).__name__}: {error}')

    def done(self):
        print(f'1..{self.count}')
        sys.exit(1 if self.failed else 0)
