#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The journal: its native protocol against a reader of our own, and the real daemon where one runs. usage: journald.py OUTPUT_DRIVER"""
import array
import os
import shutil
import socket
import struct
import subprocess
import uuid

from driver import Driver, run, wait_for

JOURNAL = '/run/systemd/journal/socket'


def parse(data):
    """One entry of the native protocol."""
    fields = {}
    while data:
        line, data = data.split(b'\n', 1)
        if b'=' in line:
            name, value = line.split(b'=', 1)
        else:
            name, (size,) = line, struct.unpack('<Q', data[:8])
            value, data = data[8:8 + size], data[8 + size:]
            assert data[:1] == b'\n'
            data = data[1:]
        name = name.decode()
        assert name.replace('_', '').isalnum() and name == name.upper() and name not in fields and len(name) <= 64, name
        fields[name] = value
    return fields


def receive(server):
    """An entry from a datagram or from the sealed memory file that came with an empty one."""
    data, control, _, _ = server.recvmsg(1 << 20, socket.CMSG_SPACE(4))
    for _, _, descriptors in control:
        fd = array.array('i', descriptors[:4])[0]
        with os.fdopen(fd, 'rb') as f:
            f.seek(0)
            assert not data
            data = f.read()
    return parse(data)


def entries(folder):
    """every value arrives raw: text, newlines, NUL and invalid UTF-8"""
    server = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    server.bind(f'{folder}/j')
    names = [b'/tmp/plain', b'/tmp/two\nlines\xff\x00', b'/tmp/a=b']
    with Driver(f'journald:{folder}/j') as d:
        for name in names:
            d.ask('name ' + name.hex())
        d.ask('error')
        assert d.flush()
        got = [receive(server) for _ in range(4)]
    assert [e['SYSMON_TARGETFILENAME'] for e in got[:3]] == names
    for e in got:
        assert e['SYSLOG_IDENTIFIER'] == b'sysmon' and b'\n' not in e['MESSAGE']
    assert [e['PRIORITY'] for e in got] == [b'6', b'6', b'6', b'3']
    assert got[0]['SYSMON_EVENT_ID'] == b'11' and got[0]['SYSMON_PROCESSID'] == b'4242'
    server.close()


def large_entry(folder):
    """an entry too large for a datagram comes as a memory file"""
    server = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    server.bind(f'{folder}/j')
    limit = int(open('/proc/sys/net/core/wmem_default').read())
    size = min(limit // 2, 1 << 20)
    with Driver(f'journald:{folder}/j') as d:
        d.write(1, size)
        assert d.flush()
        entry = receive(server)
    assert len(entry['SYSMON_TARGETFILENAME']) == size
    server.close()


def real_journal(folder):
    """the journal of this machine holds the event"""
    if not os.path.exists(JOURNAL) or not shutil.which('journalctl'):
        return 'no systemd-journald runs here'
    name = '/tmp/' + str(uuid.uuid4())
    with Driver('journald') as d:
        d.ask('name ' + name.encode().hex())
        assert d.flush()

    def found():
        out = subprocess.run(['journalctl', '-q', '-t', 'sysmon', f'SYSMON_TARGETFILENAME={name}', '-o', 'cat'], capture_output=True, text=True)
        return name in out.stdout
    wait_for(found, 'the entry')
    return None


run([entries, large_entry, real_journal])
