#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Events 1 and 5: every field against what the test did and what /proc says; processes older than the monitor; restarts."""
import ctypes
import hashlib
import os
import shlex
import struct
import subprocess
import sys
import time

from harness import Monitor, Tap, config, require

require()
tap = Tap()
LIBC = ctypes.CDLL(None, use_errno=True)


def sha256(path):
    with open(path, 'rb') as file:
        return 'SHA256=' + hashlib.sha256(file.read()).hexdigest()


def proc(pid, name):
    with open(f'/proc/{pid}/{name}', encoding='utf-8') as file:
        return file.read().strip()


def start_seconds(pid):
    ticks = int(proc(pid, 'stat').rsplit(')', 1)[1].split()[19])
    boot = time.clock_gettime(time.CLOCK_REALTIME) - time.clock_gettime(time.CLOCK_BOOTTIME)
    return boot + ticks / os.sysconf('SC_CLK_TCK')


def guid_parts(guid):
    """Machine id, seconds, key of `{…}`: the printed groups are little-endian as in a GUID structure."""
    a, b, c, d, e = guid.strip('{}').split('-')
    raw = struct.pack('<IHH', int(a, 16), int(b, 16), int(c, 16)) + bytes.fromhex(d + e)
    return struct.unpack('<IIQ', raw)


def fields_of_a_child(m):
    child = subprocess.Popen(['/bin/sleep', '30', 'a b', "it's", '"q"', ''][:2], cwd=m.work)
    e = m.wait(lambda e: e['EventID'] == 1 and e['ProcessId'] == child.pid, 'ProcessCreate')
    me = os.getpid()
    tap.equal(e['Image'], os.readlink(f'/proc/{child.pid}/exe'), 'Image is the program that runs')
    tap.equal(shlex.split(e['CommandLine']), ['/bin/sleep', '30'], 'CommandLine')
    tap.equal(e['CurrentDirectory'], m.work, 'CurrentDirectory')
    tap.equal(e['User'], 'root', 'User: uid 0 has a name')
    tap.equal(e['Hashes'], sha256(e['Image']), 'Hashes of the image')
    tap.equal(int(e['LogonId']), int(proc(child.pid, 'sessionid')), 'LogonId is the audit session')
    tap.equal(e['TerminalSessionId'], os.getsid(child.pid), 'TerminalSessionId is the session')
    tap.equal(e['IntegrityLevel'], 'no level', 'IntegrityLevel')
    tap.equal(e['ParentProcessId'], me, 'ParentProcessId')
    tap.equal(e['ParentImage'], os.readlink('/proc/self/exe'), 'ParentImage of a parent older than the monitor')
    with open('/proc/self/cmdline', 'rb') as file:
        mine = [a.decode() for a in file.read().split(b'\0')[:-1]]
    tap.equal(shlex.split(e['ParentCommandLine']), mine, 'ParentCommandLine, complete')
    tap.equal(e['ParentUser'], 'root', 'ParentUser')
    machine, seconds, key = guid_parts(e['ProcessGuid'])
    with open('/etc/machine-id', encoding='ascii') as file:
        tap.equal(f'{machine:08x}', file.read()[:8], 'ProcessGuid begins with the machine id')
    tap.check(abs(seconds - start_seconds(child.pid)) <= 2, 'ProcessGuid has the start time', e['ProcessGuid'])
    tap.equal(key & 0xffffffff, child.pid, 'ProcessGuid has the pid')
    tap.check(abs(guid_parts(e['ParentProcessGuid'])[1] - start_seconds(me)) <= 2, 'ParentProcessGuid', e['ParentProcessGuid'])
    tap.equal(e['PidNamespace'], os.stat('/proc/self/ns/pid').st_ino, 'PidNamespace')
    tap.equal(e['MountNamespace'], os.stat('/proc/self/ns/mnt').st_ino, 'MountNamespace')
    utc = time.strptime(e['UtcTime'][:19], '%Y-%m-%d %H:%M:%S')
    tap.check(abs(time.mktime(utc) - time.timezone - time.time()) < 60, 'UtcTime is now', e['UtcTime'])
    child.kill()
    child.wait()
    t = m.wait(lambda t: t['EventID'] == 5 and t['ProcessId'] == child.pid, 'ProcessTerminate')
    tap.equal((t['ProcessGuid'], t['Image'], t['User']), (e['ProcessGuid'], e['Image'], 'root'), 'event 5 is of the same process')
    tap.equal(t['ExitCode'], 9, 'event 5 tells the signal')


def other_users(m):
    e, _ = m.run('/bin/true', user='nobody')
    tap.equal((e['User'], e['ParentUser']), ('nobody', 'root'), 'User of a child with another user')
    e, _ = m.run('/bin/true', user=54321)
    tap.equal(e['User'], '54321', 'a user without a name is shown by number')


def families(m):
    """A fork that does not exec runs its parent's program, and its children have it as parent."""
    e, pid = m.run('/bin/sh', '-c', '(exit 3); (/bin/true child-of-fork; :); exit 0')
    forks = m.wait(lambda t: t['EventID'] == 5 and t['Image'] == e['Image'] and t['ExitCode'] == 3 << 8
                   and t['ProcessId'] != pid, 'the end of a fork')
    tap.check(forks['ProcessGuid'] != e['ProcessGuid'], 'a fork has its own ProcessGuid')
    c = m.wait(lambda c: c['EventID'] == 1 and 'child-of-fork' in c['CommandLine'] and c['Image'].endswith('true'), 'its child')
    tap.equal((c['ParentImage'], c['ParentCommandLine']), (e['Image'], e['CommandLine']), "the fork's image is its parent's")
    m.settle()
    ends = m.find(lambda t: t['EventID'] == 5 and t['ProcessId'] == pid)
    tap.equal(len(ends), 1, 'one end for one process')
    code = ('import threading,time\nts=[threading.Thread(target=time.sleep,args=(0.01,)) for _ in range(8)]\n'
            '[t.start() for t in ts];[t.join() for t in ts]')
    _, pid = m.run(sys.executable, '-c', code)
    m.wait(lambda t: t['EventID'] == 5 and t['ProcessId'] == pid, 'its end')
    m.settle()
    tap.equal(len(m.find(lambda t: t['EventID'] == 5 and t['ProcessId'] == pid)), 1, 'the end of a thread is none of the process')


def restart():
    """The ProcessGuid of a process does not depend on which monitor saw it, nor whether it saw it start."""
    guids = []
    child = None
    for _ in range(2):
        with Monitor(config(['ProcessCreate', 'ProcessTerminate'])) as m:
            if child is None:
                child = subprocess.Popen(['/bin/sh', '-c', 'while read line; do /bin/true of-$line; done'],
                                         stdin=subprocess.PIPE)
                e = m.wait(lambda e: e['EventID'] == 1 and e['ProcessId'] == child.pid, 'the shell')
                guids.append(e['ProcessGuid'])
            mark = f'restart{len(guids)}-{os.getpid()}'
            child.stdin.write(mark.encode() + b'\n')
            child.stdin.flush()
            e = m.wait(lambda e: e['EventID'] == 1 and f'of-{mark}' in e['CommandLine'], 'its child')
            guids.append(e['ParentProcessGuid'])
            tap.check(e['ParentCommandLine'].startswith('/bin/sh -c'), 'the parent older than this monitor is known', e)
    child.stdin.close()
    child.wait()
    tap.check(len(set(guids)) == 1, 'ProcessGuid survives a restart of the monitor', guids)


with Monitor(config(['ProcessCreate', 'ProcessTerminate'])) as monitor:
    tap.run('fields of a child', fields_of_a_child, monitor)
    tap.run('other users', other_users, monitor)
    tap.run('forks', families, monitor)
tap.run('restart', restart)
tap.done()
