#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Events 2, 7, 9, 10, 15, 17, 18 and 29, each field against what the test did."""
import ctypes
import hashlib
import os
import shutil
import socket
import subprocess

from harness import Monitor, Tap, config, require

require()
tap = Tap()
LIBC = ctypes.CDLL(None, use_errno=True)
ME, EXE = os.getpid(), os.readlink('/proc/self/exe')
PTRACE_ATTACH, PTRACE_DETACH = 16, 17


def sha256(data):
    return 'SHA256=' + hashlib.sha256(data).hexdigest()


def actor(e):
    return e['ProcessId'], e['Image'], e['User']


def times(m):
    path = f'{m.work}/times'
    fd = os.open(path, os.O_CREAT | os.O_RDWR)
    os.utime(path, (1000000000, 1000000000))
    e = m.wait(lambda e: e['EventID'] == 2 and e['TargetFilename'] == path, 'event 2')
    tap.equal(e['CreationUtcTime'], '2001-09-09 01:46:40.000', '2: the new time')
    tap.equal(e['PreviousCreationUtcTime'][:13], e['UtcTime'][:13], '2: the previous time')
    tap.equal(actor(e), (ME, EXE, 'root'), '2: who')
    os.utime(fd, (5, 7.25))
    e = m.wait(lambda e: e['EventID'] == 2 and e['TargetFilename'] == path and e['CreationUtcTime'][:4] == '1970', 'futimens')
    tap.equal((e['CreationUtcTime'], e['PreviousCreationUtcTime']), ('1970-01-01 00:00:07.250', '2001-09-09 01:46:40.000'),
              '2: by descriptor, with the previous time')
    os.close(fd)


def attributes(m):
    path = f'{m.work}/attributed'
    open(path, 'w', encoding='ascii').close()
    try:
        os.setxattr(path, 'user.origin', b'first\nsecond')
    except OSError as error:
        tap.skip('15', f'extended attributes: {error}')
        return
    e = m.wait(lambda e: e['EventID'] == 15 and e['TargetFilename'] == f'{path}:user.origin', 'event 15')
    tap.equal((e['Hash'], e['Contents']), (sha256(b'first\nsecond'), 'first second'), '15: hash and contents')
    tap.equal(actor(e), (ME, EXE, 'root'), '15: who')


def pipes(m):
    fifo = f'{m.work}/fifo'
    os.mkfifo(fifo)
    e = m.wait(lambda e: e['EventID'] == 17 and e['PipeName'] == fifo, '17')
    tap.equal((e['EventType'], *actor(e)), ('CreatePipe', ME, EXE, 'root'), '17: FIFO')
    os.close(os.open(fifo, os.O_RDWR))
    e = m.wait(lambda e: e['EventID'] == 18 and e['PipeName'] == fifo, '18')
    tap.equal((e['EventType'], *actor(e)), ('ConnectPipe', ME, EXE, 'root'), '18: FIFO')
    for address, name in ((f'{m.work}/socket', f'{m.work}/socket'), (f'\0abstract-{ME}', f'@abstract-{ME}')):
        server, client = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)
        server.bind(address)
        server.listen(1)
        client.connect(address)
        for event_id in (17, 18):
            e = m.wait(lambda e, i=event_id, n=name: e['EventID'] == i and e['PipeName'] == n, f'{event_id} {name}')
            tap.equal(actor(e), (ME, EXE, 'root'), f'{event_id}: socket {"abstract" if name[0] == "@" else "with a path"}')


def raw(m):
    for device in ('/dev/loop0', '/dev/vda', '/dev/sda', '/dev/nvme0n1'):
        try:
            os.close(os.open(device, os.O_RDONLY))
        except OSError:
            continue
        e = m.wait(lambda e, d=device: e['EventID'] == 9 and e['Device'] == d and e['ProcessId'] == ME, 'event 9')
        tap.equal(actor(e), (ME, EXE, 'root'), f'9: {device}')
        return
    tap.skip('9', 'no block device can be opened here')


def access(m):
    class Vector(ctypes.Structure):
        _fields_ = [('base', ctypes.c_void_p), ('size', ctypes.c_size_t)]
    child = subprocess.Popen(['/bin/sleep', '60'])
    started = m.wait(lambda e: e['EventID'] == 1 and e['ProcessId'] == child.pid, 'the target')

    def accessed(granted, name):
        e = m.wait(lambda e: e['EventID'] == 10 and e['TargetProcessId'] == child.pid and e['GrantedAccess'] == granted, name)
        tap.equal((e['SourceProcessId'], e['SourceImage'], e['SourceUser'], e['SourceThreadId']), (ME, EXE, 'root', ME), f'{name}: source')
        tap.equal((e['TargetImage'], e['TargetUser'], e['TargetProcessGUID']),
                  (started['Image'], 'root', started['ProcessGuid']), f'{name}: target')
    if LIBC.ptrace(PTRACE_ATTACH, child.pid, 0, 0):
        tap.skip('10: ptrace', os.strerror(ctypes.get_errno()))
    else:
        os.waitpid(child.pid, 0)
        accessed('0x1fffff', '10: PTRACE_ATTACH')
        LIBC.ptrace(PTRACE_DETACH, child.pid, 0, 0)
    with open(f'/proc/{child.pid}/maps', encoding='ascii') as file:
        stack = int(next(line for line in file if '[stack]' in line).split('-')[0], 16)
    buffer = ctypes.create_string_buffer(8)
    local, remote = Vector(ctypes.addressof(buffer), 8), Vector(stack, 8)
    LIBC.process_vm_writev(child.pid, ctypes.byref(local), 1, ctypes.byref(remote), 1, 0)
    accessed('0x28', '10: process_vm_writev')
    LIBC.process_vm_readv(child.pid, ctypes.byref(local), 1, ctypes.byref(remote), 1, 0)
    accessed('0x10', '10: process_vm_readv')
    os.close(os.open(f'/proc/{child.pid}/mem', os.O_RDWR))
    accessed('0x38', '10: /proc/PID/mem for reading and writing')
    child.kill()
    child.wait()


def images(m):
    _, pid = m.run('/bin/true', 'images')
    libc = next(line.split()[-1] for line in open('/proc/self/maps', encoding='ascii') if 'libc.so' in line or 'libc-' in line)
    e = m.wait(lambda e: e['EventID'] == 7 and e['ProcessId'] == pid and os.path.basename(e['ImageLoaded']) == os.path.basename(libc), '7')
    with open(e['ImageLoaded'], 'rb') as file:
        tap.equal(e['Hashes'], sha256(file.read()), '7: hash of the library')
    tap.equal((e['Image'], e['User']), (os.path.realpath('/bin/true'), 'root'), '7: the process is the new program')
    m.wait(lambda e: e['EventID'] == 7 and e['ProcessId'] == pid and e['ImageLoaded'] == os.path.realpath('/bin/true'), '7: the program itself')
    tap.check(True, '7: the program itself')


def executables(m):
    program, script, plain = f'{m.work}/program', f'{m.work}/script', f'{m.work}/plain'
    shutil.copyfile('/bin/true', program)
    for path, content in ((script, '#!/bin/sh\n'), (plain, 'neither\n')):
        with open(path, 'w', encoding='ascii') as file:
            file.write(content)
    for path in (program, script):
        e = m.wait(lambda e, p=path: e['EventID'] == 29 and e['TargetFilename'] == p, f'29 {path}')
        with open(path, 'rb') as file:
            tap.equal((e['Hashes'], *actor(e)), (sha256(file.read()), ME, EXE, 'root'), f'29: {os.path.basename(path)}')
    m.settle()
    tap.equal(len(m.mine(29, plain)), 0, '29: a plain file is none')


def deleted():
    """23: content, hash and kind of a file made under the monitor's eyes; 26 for what 23 does not want."""
    name = f'live-test-{ME}'
    archive = f'/var/lib/sysmon/{name}'
    shutil.rmtree(archive, ignore_errors=True)
    text = config(['ProcessCreate', 'FileDeleteDetected'], more='<FileDelete onmatch="include">'
                  '<TargetFilename condition="contains">/work/kept</TargetFilename></FileDelete>')
    text = text.replace('<EventFiltering>', f'<ArchiveDirectory>{name}</ArchiveDirectory><EventFiltering>')
    with Monitor(text) as m:
        with open('/bin/true', 'rb') as file:
            program = file.read()
        for leaf, content in (('kept.txt', b'some text'), ('kept-program.bin', program), ('other', b'x')):
            with open(f'{m.work}/{leaf}', 'wb') as file:
                file.write(content)
        m.settle() # the monitor has seen, and opened, what it may want
        for leaf, content in (('kept.txt', b'some text'), ('kept-program.bin', program)):
            os.unlink(f'{m.work}/{leaf}')
            e = m.wait(lambda e, n=leaf: e['EventID'] == 23 and e['TargetFilename'] == f'{m.work}/{n}', '23')
            tap.equal((e['Archived'], e['Hashes'], e['IsExecutable'], *actor(e)),
                      ('true', sha256(content), content is program, ME, EXE, 'root'), f'23: {leaf}')
            kept = f'{archive}/{sha256(content)[7:]}{os.path.splitext(leaf)[1]}'
            with open(kept, 'rb') as file:
                tap.check(file.read() == content, f'23: the copy of {leaf}')
            tap.equal((os.stat(archive).st_mode & 0o777, os.stat(kept).st_mode & 0o777), (0o700, 0o600), '23: nobody else reads it')
        os.unlink(f'{m.work}/other')
        m.wait(lambda e: e['EventID'] == 26 and e['TargetFilename'] == f'{m.work}/other', '26')
        tap.check(True, '26: what 23 does not want')
    shutil.rmtree(archive, ignore_errors=True)


with Monitor(config()) as monitor:
    for name, test in (('2', times), ('15', attributes), ('17, 18', pipes), ('9', raw), ('10', access), ('7', images), ('29', executables)):
        tap.run(name, test, monitor)
tap.run('23', deleted)
tap.done()
