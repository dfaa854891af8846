#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Files and standard output: whole records under every failure. usage: files.py OUTPUT_DRIVER"""
import ctypes
import ctypes.util
import glob
import json
import os
import stat
import subprocess
import time

from driver import DOWN, SLOW, Driver, lines_of, names, refused, run, wait_for


def every_form(folder):
    """text, json and xml files at once, private and complete"""
    paths = [f'{folder}/{form}' for form in ('text', 'json', 'xml')]
    with Driver(*[f'{os.path.basename(p)}:{p}' for p in paths]) as d:
        d.write(1000)
        assert d.flush()
        assert [c['delivered'] for c in d.counters()] == [1000] * 3
    for path in paths:
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    events = [json.loads(line) for line in lines_of(paths[1])]
    assert [e['EventRecordID'] for e in events] == list(range(1, 1001))
    assert len(lines_of(paths[2])) == 1000 and len(lines_of(paths[0])) == 9000


def hostile_names(folder):
    """a name of 4,096 bytes and one with newline, NUL and invalid UTF-8 arrive whole"""
    with Driver(f'json:{folder}/j') as d:
        for name in (b'/tmp/' + b'\xff' * 4091, b'/tmp/a\nb\x00\xc3'):
            d.ask('name ' + name.hex())
        assert d.flush()
    first, second = names(lines_of(f'{folder}/j'))
    assert first == '/tmp/' + '\\x{FF}' * 4091
    assert second == '/tmp/a\nb\x00\\x{C3}'


def links_are_refused(folder):
    """a symbolic link in the place of the file is not followed"""
    os.symlink(f'{folder}/victim', f'{folder}/link')
    message = refused(f'json:{folder}/link')
    assert 'symbolic link' in message, message
    assert not os.path.exists(f'{folder}/victim')
    os.mkfifo(f'{folder}/fifo')
    assert 'cannot write' in refused(f'json:{folder}/fifo')
    assert 'No such file or directory' in refused(f'json:{folder}/no/such/folder')


def bad_specifications(folder):
    """every wrong specification says what is wrong"""
    for specification, words in {
            'nonsense:x': "unknown output 'nonsense'", 'json': "needs a target", 'json:/x,colour=red': "does not know the option 'colour'",
            'json:/x,size=12': 'between', 'json:/x,size=1X': 'is no number', 'json:/x,time=soon': 'is no duration',
            'json:/x,size': 'needs a value', 'json:/x,zstd=1': 'takes no value', 'syslog:carrier:x': 'the target is local',
            'syslog:udp:': 'needs HOST:PORT', 'syslog:tcp:[::1]x': 'no port', 'syslog:udp:h:1,format=yaml': 'xml, json or text',
            'json:unix:': 'path of a socket', 'json:-,queue=0': 'between'}.items():
        message = refused(specification)
        assert words in message, (specification, message)
    with Driver(f'json:{folder}/a\\,b') as d:
        d.write(1)
        assert d.flush()
    assert os.path.exists(f'{folder}/a,b')


def rotation_by_size(folder):
    """rotation by size: nothing lost or split, the oldest goes"""
    path = f'{folder}/j'
    with Driver(f'json:{path},size=20000,keep=3') as d:
        for _ in range(4):
            d.write(60)
            assert d.flush()
        assert d.counters()[0]['delivered'] == 240
    files = sorted(glob.glob(path + '*'))
    assert files == [path, path + '.1', path + '.2', path + '.3'], files
    ids = [json.loads(line)['EventRecordID'] for f in reversed(files) for line in lines_of(f)]
    assert ids == list(range(ids[0], 241)), ids
    for f in files:
        assert os.path.getsize(f) <= 20000 and stat.S_IMODE(os.stat(f).st_mode) == 0o600


def rotation_all_kept(folder):
    """with room for all, every record is in exactly one file"""
    path = f'{folder}/j'
    with Driver(f'json:{path},size=16K,keep=100') as d:
        d.write(500)
        assert d.flush()
    ids = sorted(json.loads(line)['EventRecordID'] for f in glob.glob(path + '*') for line in lines_of(f))
    assert ids == list(range(1, 501))


def rotation_by_time(folder):
    """rotation by time: the next record after the time begins a new file"""
    path = f'{folder}/j'
    with Driver(f'json:{path},time=1s') as d:
        d.write(1)

        def rotated():
            d.write(1)
            return d.flush() and os.path.exists(path + '.1')
        wait_for(rotated, 'rotation')
        written = d.counters()[0]['delivered']
    ids = [json.loads(line)['EventRecordID'] for f in sorted(glob.glob(path + '*'), reverse=True) for line in lines_of(f)]
    assert ids == list(range(1, written + 1))


def decompress(path):
    library = ctypes.CDLL(ctypes.util.find_library('zstd'))
    for f in ('ZSTD_decompress', 'ZSTD_getFrameContentSize'):
        getattr(library, f).restype = ctypes.c_size_t
    data = open(path, 'rb').read()
    out = ctypes.create_string_buffer(1 << 20)
    size = library.ZSTD_decompress(out, ctypes.c_size_t(1 << 20), data, ctypes.c_size_t(len(data)))
    assert size < 1 << 20, 'not a zstd frame'
    return out.raw[:size]


def rotation_with_zstd(folder):
    """rotated files are compressed and whole"""
    path = f'{folder}/j'
    driver = Driver(f'json:{path},size=64K,keep=10,zstd')
    if 'no zstd' in driver.first:
        return 'built without zstd'
    with driver as d:
        d.write(500)
        assert d.flush()
    rotated = sorted(glob.glob(path + '.*'), reverse=True)
    assert rotated and all(f.endswith('.zst') for f in rotated), rotated
    data = b''.join(decompress(f) for f in rotated) + open(path, 'rb').read()
    assert [json.loads(line)['EventRecordID'] for line in data.split(b'\n')[:-1]] == list(range(1, 501))
    assert all(stat.S_IMODE(os.stat(f).st_mode) == 0o600 for f in rotated)
    return None


def broken_tail(folder):
    """a record without its end, left by a crash, is cut before the next one"""
    path = f'{folder}/j'
    with open(path, 'wb') as f:
        f.write(b'{"EventID":1}\n{"EventID":2,"Prov' + b'x' * 10000)
    with Driver(f'json:{path}') as d:
        d.write(1)
        assert d.flush()
    lines = lines_of(path)
    assert len(lines) == 2 and lines[0] == b'{"EventID":1}' and json.loads(lines[1])['EventRecordID'] == 1


def moved_away(folder):
    """after an outside tool moved the file, reopen starts a new one"""
    path = f'{folder}/j'
    with Driver(f'json:{path}') as d:
        d.write(3)
        assert d.flush()
        os.rename(path, path + '.old')
        d.ask('reopen')
        wait_for(lambda: os.path.exists(path), 'the new file')
        d.write(2)
        assert d.flush()
    assert len(lines_of(path + '.old')) == 3 and len(lines_of(path)) == 2


def full_disk(folder):
    """full disk: counted, never a partial line before a good one, recovers when space returns"""
    disk, path = f'{folder}/disk', f'{folder}/disk/j'
    os.mkdir(disk)
    if os.geteuid() or subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', disk]).returncode:
        return 'needs root to mount a small tmpfs'
    try:
        with Driver(f'json:{path},queue=100', f'json:{folder}/other') as d:
            open(f'{disk}/ballast', 'wb').write(b'b' * (128 << 10))

            def fails():
                d.write(50)
                return d.counters()[0]['failing']
            wait_for(fails, 'ENOSPC')
            d.write(500)
            wait_for(lambda: d.counters()[1]['queued'] == 0, 'the other output')
            full, other = d.counters()
            assert not other['failing'] and other['delivered'] == other['written'], other
            assert full['error'] == 28 and full['dropped'][DOWN] >= 1, full
            calls, count, text = d.ask('loss').split(' ', 3)[1:]
            assert calls == '1' and int(count) == sum(full['dropped']) and 'No space left' in text, text
            assert open(path, 'rb').read().endswith(b'}\n')
            os.unlink(f'{disk}/ballast')
            assert d.flush()
            d.write(5)
            assert d.flush()
            last = d.counters()[0]
            assert not last['failing'] and last['delivered'] + sum(last['dropped']) == last['written']
            assert d.ask('loss').split()[2] == str(sum(last['dropped']) - sum(full['dropped']))
        ids = [json.loads(line)['EventRecordID'] for line in lines_of(path)]
        assert len(ids) == last['delivered'] and ids == sorted(set(ids)) and ids[-1] == last['written']
    finally:
        subprocess.run(['umount', disk], check=True)
    return None


def stalled_pipe(folder):
    """a reader that stands still blocks nobody; what it got is whole; closing does not hang"""
    read, write = os.pipe()
    with Driver('json:-,queue=200', f'json:{folder}/other', stdout=write) as d:
        os.close(write)
        d.write(3000)
        wait_for(lambda: d.counters()[1]['delivered'] == 3000, 'the other output')
        stalled = d.counters()[0]
        assert stalled['dropped'][SLOW] > 0 and stalled['queued'] <= 200, stalled
        d.ask('error')  # tells about the monitor itself: there is room for it
        assert d.counters()[0]['dropped'] == stalled['dropped']
        d.ask('loss')
        assert d.close(100) < 30000
    got = b''
    while part := os.read(read, 65536):
        got += part
    lines = got.split(b'\n')
    for line in lines[:-1]:
        json.loads(line)
    assert len(lines) > 10


def reader_gone(folder):
    """a pipe whose reader has left is gone for good: counted, not deadly, not tried again"""
    read, write = os.pipe()
    with Driver('json:-,queue=10', stdout=write) as d:
        os.close(write)
        os.close(read)
        assert d.ask('gone') == 'gone 0'
        d.write(1)
        wait_for(lambda: d.ask('gone') == 'gone 1', 'EPIPE')
        d.write(20)
        assert d.flush()
        counters = d.counters()[0]
        assert counters['error'] == 32 and counters['dropped'][DOWN] == 21 and counters['failing'], counters
        assert d.ask('loss').split()[2] == '21'
    read, write = os.pipe()
    with Driver('json:-', f'json:{folder}/j', stdout=write) as d:
        os.close(write)
        os.close(read)
        d.write(5)
        wait_for(lambda: d.counters()[0]['dropped'][DOWN] == 5, 'the loss')
        assert d.ask('gone') == 'gone 0'  # the file is there


def redirected(folder):
    """standard output redirected to a file"""
    with open(f'{folder}/j', 'wb') as f, Driver('json:-', stdout=f) as d:
        d.write(100)
        assert d.flush()
    assert len(lines_of(f'{folder}/j')) == 100


def unflushed_close(folder):
    """what is left when the time to close is over is counted as such"""
    read, write = os.pipe()
    with Driver('json:-', stdout=write) as d:
        os.close(write)
        d.write(5000)
        assert not d.flush(100)
        assert d.close(50) < 30000
    os.close(read)


def idle_is_idle(folder):
    """no wake-ups while nothing happens"""
    with Driver(f'json:{folder}/j', 'json:-') as d:
        d.write(10)
        assert d.flush()

        def switches():
            total = 0
            for task in glob.glob(f'/proc/{d.process.pid}/task/*/status'):
                if 'out-' in open(task).read():
                    total += sum(int(line.split()[1]) for line in open(task) if 'ctxt_switches' in line)
            return total

        def a_quiet_second():
            before = switches()
            time.sleep(1)
            return switches() == before
        wait_for(a_quiet_second, 'a second without a wake-up')


run([every_form, hostile_names, links_are_refused, bad_specifications, rotation_by_size, rotation_all_kept, rotation_by_time,
     rotation_with_zstd, broken_tail, moved_away, full_disk, stalled_pipe, reader_gone, redirected, unflushed_close, idle_is_idle])
