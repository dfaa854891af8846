#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Events 100 (BPF programs), 25 (programs without a file, claimed files) and 6 (modules). Prints TAP.

usage: kernel.py SYSMON; the environment's CLAIM_IMAGE_LIBRARY is claim_image.c, built.
"""
import ctypes
import errno
import json
import os
import shutil
import struct
import subprocess
import sys

import sandbox
from sandbox import Events, Tap, run

SYSMON = '/run/programs/sysmon'
TAGS = ('eBPFEvent', 'ProcessTampering', 'DriverLoad')
CONFIG = '<Sysmon schemaversion="4.90"><EventFiltering>' + ''.join(
    f'<RuleGroup groupRelation="or"><{tag} onmatch="exclude"/></RuleGroup>' for tag in TAGS) + (
    '<RuleGroup groupRelation="or"><ProcessCreate onmatch="exclude"/></RuleGroup></EventFiltering></Sysmon>')
NOTHING = '<Sysmon schemaversion="4.90"><EventFiltering><RuleGroup groupRelation="or"><ProcessCreate onmatch="include"/></RuleGroup></EventFiltering></Sysmon>'
BPF_CALL, FINIT_MODULE, INIT_MODULE = {'x86_64': (321, 313, 175), 'aarch64': (280, 273, 105)}[os.uname().machine]
PROG_LOAD, PROG_ATTACH, PROG_DETACH = 5, 8, 9
LIBC = ctypes.CDLL(None, use_errno=True)
tap = Tap()


def bpf(command, attributes):
    data = ctypes.create_string_buffer(attributes, 128)
    return LIBC.syscall(BPF_CALL, command, data, 128)


def load(kind, name, instructions=b'\xb7\0\0\0\1\0\0\0\x95\0\0\0\0\0\0\0'):
    """return 1"""
    code, licence = ctypes.create_string_buffer(instructions), ctypes.create_string_buffer(b'GPL')
    return bpf(PROG_LOAD, struct.pack('<IIQQIIQII16s', kind, len(instructions) // 8, ctypes.addressof(code), ctypes.addressof(licence), 0, 0, 0, 0, 0, name))


def kernel_id(fd):
    with open(f'/proc/self/fdinfo/{fd}') as info:
        return next(int(line.split()[1]) for line in info if line.startswith('prog_id:'))


def programs(events):
    image = os.path.realpath(sys.executable)
    fd = load(8, b'watch_packets')
    e = (events.wait(100, BpfProgramName='watch_packets') or [{}])[0]
    tap.equal({k: v for k, v in e.items() if k not in ('Computer', 'EventRecordID', 'SystemTime', 'UtcTime', 'ProcessGuid', 'PidNamespace', 'MountNamespace')},
              {'EventID': 100, 'Provider': 'Linux-Sysmon', 'RuleName': '-', 'ProcessId': os.getpid(), 'Image': image, 'User': 'root',
               'BpfCommand': 'BPF_PROG_LOAD', 'BpfProgramType': 'CGROUP_SKB', 'BpfProgramId': fd, 'BpfProgramName': 'watch_packets', 'BpfKernelId': kernel_id(fd)},
              'a program is loaded: every field')
    tap.point(e.get('ProcessGuid', '').startswith('{') and e['ProcessGuid'] != '{00000000-0000-0000-0000-000000000000}', 'GUID', e)
    os.makedirs('/run/control')
    sandbox.mount('-t', 'cgroup2', 'none', '/run/control')
    group = f'/run/control/sysmon-test-{os.getpid()}'
    os.mkdir(group)
    directory = os.open(group, os.O_RDONLY)
    result = bpf(PROG_ATTACH, struct.pack('<IIII', directory, fd, 0, 0))
    found = events.wait(100, BpfCommand='BPF_PROG_ATTACH')
    e = found[0] if found else {}
    tap.equal((result, e.get('BpfProgramType'), e.get('BpfProgramId'), e.get('BpfProgramName'), e.get('BpfKernelId'), e.get('BpfAttachType'), e.get('ProcessId')),
              (0, 'UNSPEC', 0, 'watch_packets', kernel_id(fd), 0, os.getpid()), 'it is attached')
    bpf(PROG_DETACH, struct.pack('<IIII', directory, fd, 0, 0))
    os.close(directory)
    os.rmdir(group)
    tap.point(load(1, b'refused', b'\x95\0\0\0\0\0\0\0') < 0, 'a program the verifier refuses')
    load(1, b'')
    found = events.wait(100, BpfProgramType='SOCKET_FILTER')
    tap.equal([e['BpfProgramName'] for e in found or []], ['-'], 'one without a name; the refused one is not told')
    tap.equal({e['ProcessId'] for e in events.of(100)}, {os.getpid()}, "the monitor's own programs are not told")


def start_without_file(kind):
    """Starts a copy of /bin/true that has no name; its pid."""
    reader, writer = os.pipe()
    pid = os.fork()
    if not pid:
        os.close(reader)
        if kind == 'memory':
            fd = os.memfd_create('hidden program', 0)
            os.write(fd, open('/bin/true', 'rb').read())
        else:
            shutil.copy('/bin/true', '/run/c/gone')
            fd = os.open('/run/c/gone', os.O_RDONLY)
            os.unlink('/run/c/gone')
        os.write(writer, b'.')
        os.execve(fd, ['without-file'], {})
    os.close(writer)
    os.read(reader, 1)
    os.close(reader)
    os.waitpid(pid, 0)
    return pid


def tampering(events):
    for kind, text, image in ('memory', 'Image is in memory', '/memfd:hidden program'), ('deleted', 'Image is deleted', '/run/c/gone'):
        pid = start_without_file(kind)
        found = events.wait(25, ProcessId=pid)
        e = found[0] if found else {}
        started = events.wait(1, ProcessId=pid, CommandLine='without-file')
        tap.equal((len(found or []), e.get('Type'), e.get('User'), e.get('RuleName'), e.get('ProcessGuid')), (1, text, 'root', '-', started and started[0]['ProcessGuid']), text)
        tap.point(image in e.get('Image', ''), f'{text}: the name it had', e)
        tap.point(started and started[0]['EventRecordID'] < e.get('EventRecordID', 0), f'{text}: told after its start', e)
    library = os.environ['CLAIM_IMAGE_LIBRARY']
    shutil.copy('/bin/true', '/run/c/honest')
    kinds = {'Image is in memory', 'Image is deleted'}
    for way in ('CLAIM_BY_MAP', 'CLAIM_BY_FILE'):
        child = subprocess.Popen(['/run/c/honest'], env={'LD_PRELOAD': library, 'CLAIM_IMAGE': '/bin/sleep', way: '1'})
        if child.wait(60) == 1:
            print(f'# {way}: the kernel does not let this process do it')
            continue
        kinds.add('Image is replaced')
        tap.equal(child.returncode, 0, f'a process claims another file: {way}')
        found = events.wait(25, ProcessId=child.pid)
        e = found[0] if found else {}
        tap.equal((e.get('Type'), e.get('Image'), e.get('NewImage'), e.get('User')), ('Image is replaced', '/run/c/honest', os.path.realpath('/bin/sleep'), 'root'), 'both names')
    tap.equal({e['Type'] for e in events.of(25)}, kinds, 'nothing else')


def modules(events):
    """Here only that failures are no loads; what a load looks like needs a kernel with modules and one to load."""
    with open('/run/c/broken.ko', 'wb') as out:
        out.write(b'\x7fELF no module' + bytes(100))
    fd = os.open('/run/c/broken.ko', os.O_RDONLY)
    results = []
    for call in ((FINIT_MODULE, fd, b'', 0), (INIT_MODULE, ctypes.create_string_buffer(bytes(200)), 200, b'')):
        results.append((LIBC.syscall(*call), errno.errorcode[ctypes.get_errno()]))
    os.close(fd)
    tap.equal([r for r, _ in results], [-1, -1], f'two modules that cannot be loaded: {results}')
    load(1, b'afterwards')
    events.wait(100, BpfProgramName='afterwards')
    tap.equal(events.of(6), [], 'are not told as loaded')


def unwanted():
    """With rules that want none of this, no hook is there: the kernel's list of programs with their run counts says so."""
    with open('/run/c/nothing.xml', 'w') as out:
        out.write(NOTHING)
    events = Events('/run/c/nothing.json')
    monitor = subprocess.Popen([SYSMON, 'run', '-c', '/run/c/nothing.xml', '--output', 'json:/run/c/nothing.json', '--runtime', '/run/nothing'], stderr=subprocess.DEVNULL)
    try:
        events.wait(4)
        links = {}
        for fd in os.listdir(f'/proc/{monitor.pid}/fdinfo'):
            with open(f'/proc/{monitor.pid}/fdinfo/{fd}') as info:
                text = info.read()
            if 'link_type' in text or 'link_id' in text:
                kind = next(line.split()[1] for line in text.splitlines() if line.startswith('link_type'))
                links[kind] = links.get(kind, 0) + 1
        tap.point(links and not links.get('cgroup') and not links.get('perf') and not links.get('perf_event'), 'nothing wanted, nothing hooked', links)
    finally:
        monitor.terminate()
        monitor.wait(60)


def main():
    sandbox.enter_private_view(os.path.abspath(__file__), [os.path.abspath(sys.argv[1])])
    sandbox.need_sensor(sys.argv[1])
    library = os.environ['CLAIM_IMAGE_LIBRARY']
    sandbox.make_private_view([sys.argv[1], library])
    os.environ['CLAIM_IMAGE_LIBRARY'] = '/run/programs/' + os.path.basename(library)
    os.makedirs('/run/c')
    with open('/run/c/config.xml', 'w') as out:
        out.write(CONFIG)
    events = Events('/run/c/events.json')
    monitor = subprocess.Popen([SYSMON, 'run', '-c', '/run/c/config.xml', '--output', 'json:/run/c/events.json'], stderr=subprocess.PIPE, text=True)
    try:
        tap.point(events.wait(4), 'started')
        for part in programs, tampering, modules:
            part(events)
        totals = json.loads(run(SYSMON, 'stats', '--json').stdout)
        tap.equal([totals['events_lost'].get(e, {}) for e in ('100 eBPFEvent', '25 ProcessTampering', '6 DriverLoad')], [{}, {}, {}], 'nothing was lost')
    finally:
        monitor.terminate()
        monitor.communicate(timeout=60)
    tap.equal(monitor.returncode, 0, 'ends well')
    unwanted()
    tap.end()


if __name__ == '__main__':
    main()
