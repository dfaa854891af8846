#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What defeats monitors: each trap must be seen through."""
import ctypes
import hashlib
import os
import random
import shlex
import shutil
import signal
import subprocess
import sys
import time

from harness import Monitor, Tap, config, require

require()
tap = Tap()
LIBC = ctypes.CDLL(None, use_errno=True)
ME = os.getpid()
TRUE = os.path.realpath('/bin/true')


def sha256(path):
    digest = hashlib.sha256()
    with open(path, 'rb') as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return 'SHA256=' + digest.hexdigest()


def program(m, name):
    path = f'{m.work}/{name}'
    shutil.copyfile('/bin/sleep', path)
    os.chmod(path, 0o755)
    return path


def started(m, pid):
    return m.wait(lambda e: e['EventID'] == 1 and e['ProcessId'] == pid, f'ProcessCreate of {pid}')


def swapped_for_fifo(m):
    path = program(m, 'swapped')
    child = subprocess.Popen([path, '30'])
    os.unlink(path)
    os.mkfifo(path)
    tap.equal(started(m, child.pid)['Image'], path, 'a program swapped for a FIFO: told')
    m.run('/bin/true', 'behind the fifo')
    tap.check(True, 'a program swapped for a FIFO holds nothing up')
    child.kill()
    child.wait()


def large_programs(m):
    """Ten execs of ten sparse files of 300 MB: their own events may wait for the hash, nobody else's."""
    children = []
    with open('/bin/sleep', 'rb') as file:
        content = file.read()
    for i in range(10):
        path = f'{m.work}/large{i}'
        with open(path, 'wb') as file:
            file.write(content)
            file.truncate(300 << 20)
        os.chmod(path, 0o755)
        children.append((path, subprocess.Popen([path, '60'])))
    before = len(m.find(lambda e: e['EventID'] == 1 and '/large' in e['Image']))
    m.run('/bin/true', 'behind the large ones')
    after = len(m.find(lambda e: e['EventID'] == 1 and '/large' in e['Image']))
    tap.check(after < 10, f'another event does not wait for large files ({before}, then {after} of 10 told)')
    for path, child in children:
        e = started(m, child.pid)
        if path.endswith('0'):
            tap.equal(e['Hashes'], sha256(path), 'a file of 300 MB is hashed')
        child.kill()
        child.wait()
        os.unlink(path)


def same_name_another_file(m):
    """The hash is that of the file that ran, not of a later one of the same name."""
    path = program(m, 'replaced')
    want = sha256(path)
    child = subprocess.Popen([path, '30'])
    with open(path + '.new', 'wb') as file:
        file.write(b'#!/bin/sh\n')
    os.rename(path + '.new', path)
    tap.equal(started(m, child.pid)['Hashes'], want, 'the hash of the file that ran')
    child.kill()
    child.wait()


def from_memory(m):
    with open('/bin/sleep', 'rb') as file:
        content = file.read()
    fd = os.memfd_create('ghost', 0)
    os.write(fd, content)
    child = subprocess.Popen(['ghost', '30'], executable=f'/proc/self/fd/{fd}', pass_fds=[fd])
    e = started(m, child.pid)
    tap.equal((e['Image'], e['Hashes']), ('/memfd:ghost', 'SHA256=' + hashlib.sha256(content).hexdigest()), 'a memfd: image and hash')
    child.kill()
    child.wait()
    path = program(m, 'deleted')
    fd = os.open(path, os.O_RDONLY)
    want = sha256(path)
    os.unlink(path)
    child = subprocess.Popen(['x', '30'], executable=f'/proc/self/fd/{fd}', pass_fds=[fd])
    e = started(m, child.pid)
    tap.equal((e['Image'], e['Hashes']), (path, want), 'a deleted program by /proc/self/fd: image and hash')
    child.kill()
    child.wait()
    path = program(m, 'by-descriptor')
    fd = os.open(path, os.O_RDONLY)
    child = subprocess.Popen(['x', '30'], executable=f'/proc/self/fd/{fd}', pass_fds=[fd])
    tap.equal(started(m, child.pid)['Image'], path, '/proc/self/fd/N: the file behind it')
    child.kill()
    child.wait()


def arguments(m):
    hostile = ['a b', "it's", 'say "x"', 'new\nline', '', 'back\\slash', '\ttab', 'x=$HOME', '*']
    e, _ = m.run('/bin/true', *hostile)
    tap.equal(shlex.split(e['CommandLine']), ['/bin/true', *hostile], 'a command line splits back into its arguments')
    many = [f'argument-{i}' for i in range(5000)]
    e, _ = m.run('/bin/true', *many)
    tap.equal(shlex.split(e['CommandLine']), ['/bin/true', *many], '5,000 arguments')
    long = ['x' * 40000, 'y' * 60000, "it's " * 6000]
    e, pid = m.run('/bin/true', *long)
    tap.equal(shlex.split(e['CommandLine']) == ['/bin/true', *long], True, '128 kB of arguments')
    parent = subprocess.Popen(['/bin/sh', '-c', '/bin/true child-of-long; exit 0', *long])
    parent.wait()
    e = m.wait(lambda e: e['EventID'] == 1 and e['ProcessId'] != parent.pid and 'child-of-long' in e['CommandLine']
               and e['Image'] == TRUE, 'child')
    tap.equal(shlex.split(e['ParentCommandLine'])[3:] == long, True, 'the parent command line is complete')
    huge = ['z' * 100000] * 6
    e, _ = m.run('/bin/true', *huge)
    tap.check(e['CommandLine'].endswith('...') and e.get('CommandLineSize', 0) > 600000, 'more than is kept: marked, with its size',
              e['CommandLine'][-20:])
    e, _ = m.run('/bin/true', b'\xff\xfe')
    tap.check('\\x{FF}\\x{FE}' in e['CommandLine'], 'bytes that are no text arrive', e['CommandLine'])


def rules():
    text = config(['ProcessTerminate'], more='<RuleGroup groupRelation="or"><ProcessCreate onmatch="include"><Rule name="bad byte" groupRelation="and">'
                  '<CommandLine condition="contains">marked</CommandLine></Rule>'
                  '<Image name="bare" condition="image">true</Image></ProcessCreate></RuleGroup>')
    with Monitor(text) as m:
        child = subprocess.Popen([b'/bin/false', b'\xffmarked\xff'])
        child.wait()
        e = m.wait(lambda e: e['EventID'] == 1 and e['ProcessId'] == child.pid, 'a rule on a hostile command line')
        tap.equal(e['RuleName'], 'bad byte', 'a rule matches beside a byte that is no text')
        child = subprocess.Popen(['/bin/true'])
        child.wait()
        e = m.wait(lambda e: e['EventID'] == 1 and e['ProcessId'] == child.pid, 'a bare image name')
        tap.equal(e['RuleName'], 'bare', 'condition="image" with a bare name on a path with slashes')


def from_a_thread(m):
    code = ('import threading,os\n'
            't=threading.Thread(target=lambda: os.execv("/bin/sleep",["sleep","0.2","from-a-thread"][:2]))\nt.start()\nt.join()')
    child = subprocess.Popen([sys.executable, '-c', code])
    child.wait()
    e = m.wait(lambda e: e['EventID'] == 1 and e['ProcessId'] == child.pid and e['Image'].endswith('/sleep'), 'exec from a thread')
    first = m.find(lambda f: f['EventID'] == 1 and f['ProcessId'] == child.pid)[0]
    tap.equal(e['ProcessGuid'], first['ProcessGuid'], 'exec from a thread that is not the leader: same process')
    tap.equal(e['ParentProcessId'], ME, 'and same parent')
    m.settle()
    tap.equal(len(m.find(lambda f: f['EventID'] == 5 and f['ProcessId'] == child.pid)), 1, 'and one end')


def same_pid(m):
    """The same pid used again at once: two processes."""
    try:
        with open('/proc/sys/kernel/ns_last_pid', 'w', encoding='ascii'):
            pass
    except OSError as error:
        tap.skip('the same pid at once', str(error))
        return
    first = os.fork()
    if first == 0:
        os.execv('/bin/true', ['true', 'first-of-pid'])
    os.waitpid(first, 0)
    for _ in range(200): # other work may take the number in between
        with open('/proc/sys/kernel/ns_last_pid', 'w', encoding='ascii') as file:
            file.write(str(first - 1))
        second = os.fork()
        if second == 0:
            os.execv('/bin/true', ['true', 'second-of-pid'])
        os.waitpid(second, 0)
        if second == first:
            break
    if second != first:
        tap.skip('the same pid at once', 'the number was taken each time')
        return
    m.wait(lambda e: e['EventID'] == 1 and e['ProcessId'] == first and 'second-of-pid' in e['CommandLine'], 'the second')
    m.settle()
    created = [e for e in m.seen if e['EventID'] == 1 and e['ProcessId'] == first and '-of-pid' in e['CommandLine']]
    ended = [e for e in m.seen if e['EventID'] == 5 and e['ProcessId'] == first]
    guids = [created[0]['ProcessGuid'], created[-1]['ProcessGuid']]
    tap.check(guids[0] != guids[1], 'the same pid at once: two ProcessGuids', guids)
    tap.check(all(g in [e['ProcessGuid'] for e in ended] for g in guids), 'and both ends are told', guids)


def own_outputs(m):
    """A process that writes to the monitor's own output is seen, and starts no loop."""
    with open(m.output + '.side', 'w', encoding='ascii') as file:
        file.write('x')
    shutil.copyfile(m.output + '.side', m.output + '.side2')
    m.settle()
    size = os.path.getsize(m.output)
    events = [e for e in m.seen if e['EventID'] == 11 and e['TargetFilename'] == m.output + '.side']
    tap.equal(len(events), 1, "a file beside the monitor's output is seen")
    tap.check(not [e for e in m.seen if e.get('ProcessId') == m.process.pid], 'the monitor itself is not')
    time.sleep(0.3)
    tap.check(os.path.getsize(m.output) - size < 100000000, 'and its own writing makes no events')


def clock(m):
    """Somebody sets the clock: processes keep their GUID, events go on."""
    child = subprocess.Popen(['/bin/sh', '-c', 'while read line; do /bin/true clock-$line; done'], stdin=subprocess.PIPE)
    first = started(m, child.pid)
    now = time.clock_gettime(time.CLOCK_REALTIME)
    try:
        time.clock_settime(time.CLOCK_REALTIME, now + 7200)
    except OSError as error:
        tap.skip('clock', str(error))
        child.communicate(b'')
        return
    start = time.monotonic()
    try:
        child.stdin.write(f'step{ME}\n'.encode())
        child.stdin.flush()
        e = m.wait(lambda e: e['EventID'] == 1 and f'clock-step{ME}' in e['CommandLine'], 'an event after the step')
    finally:
        time.clock_settime(time.CLOCK_REALTIME, now + time.monotonic() - start)
    tap.equal(e['ParentProcessGuid'], first['ProcessGuid'], 'the clock set: the ProcessGuid stays')
    tap.equal(e['ParentImage'], first['Image'], 'the clock set: the parent is known')
    child.stdin.close()
    t = m.wait(lambda t: t['EventID'] == 5 and t['ProcessId'] == child.pid, 'its end')
    tap.equal((t['ProcessGuid'], t['Image']), (first['ProcessGuid'], first['Image']), 'and so at its end')
    child.wait()


random.seed(1)
with Monitor(config(['ProcessCreate', 'ProcessTerminate', 'FileCreate'])) as monitor:
    for name, test in (('FIFO', swapped_for_fifo), ('large', large_programs), ('replaced', same_name_another_file),
                       ('memory', from_memory), ('arguments', arguments), ('thread', from_a_thread), ('same pid', same_pid),
                       ('own outputs', own_outputs), ('clock', clock)):
        tap.run(name, test, monitor)
tap.run('rules', rules)
tap.done()
