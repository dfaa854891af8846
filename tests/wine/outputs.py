#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Outputs of the Windows build: files with rotation, standard output, syslog over UDP and TCP."""
import json
import os
import shutil
import socket
import subprocess
import threading

import harness

DRIVER = r'C:\output-driver.exe'


def drive(t, commands, *specifications):
    """Runs the driver; its answers and what it wrote to standard output."""
    done = subprocess.run(['wine', DRIVER, *specifications], env=t.env, input=commands.encode(), capture_output=True, timeout=120)
    return done.returncode, done.stderr.decode('utf-8', 'replace').replace('\r', ''), done.stdout


def counters(answers):
    return next(json.loads(line) for line in answers.splitlines() if line.startswith('['))


def ids(data):
    return [json.loads(line)['EventRecordID'] for line in data.decode('utf-8').split('\n')[:-1]]


def files(t):
    code, answers, _ = drive(t, 'write 300\nflush 60000\ncounters\nclose 5000\n', r'json:C:\out.json,size=16K,keep=100', r'xml:C:\out.xml')
    t.check('files: everything delivered', code == 0 and [c['delivered'] for c in counters(answers)] == [300, 300], answers)
    names = sorted(n for n in os.listdir(t.c) if n.startswith('out.json'))
    t.check('files: rotated, nothing lost', len(names) > 3 and sorted(i for n in names for i in ids(open(t.file(n), 'rb').read())) ==
            list(range(1, 301)), names)
    t.check('files: one XML event a line', open(t.file('out.xml'), 'rb').read().count(b'</Event>\n') == 300)
    with open(t.file('out.xml'), 'ab') as f:
        f.write(b'<Event>broken')
    drive(t, 'write 1\nflush 60000\nclose 5000\n', r'xml:C:\out.xml')
    data = open(t.file('out.xml'), 'rb').read()
    t.check('files: a record without its end is cut', b'broken' not in data and data.count(b'</Event>\n') == 301)
    code, answers, _ = drive(t, '', r'json:C:\no\such\folder')
    t.check('files: a missing folder is said', code == 4 and 'cannot write' in answers, answers)
    code, answers, _ = drive(t, '', r'json:C:\x,zstd')
    t.check('files: no zstd is said', code == 4 and 'no zstd' in answers, answers)


def standard_output(t):
    code, answers, out = drive(t, 'name 2f746d702fc3bc0a\nflush 60000\nclose 5000\n', 'json:-')
    t.check('standard output: UTF-8, newlines only', code == 0 and json.loads(out.decode('utf-8'))['TargetFilename'] == '/tmp/ü\n' and
            b'\r' not in out, out)


def udp(t):
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(('127.0.0.1', 0))
    server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    server.settimeout(60)
    drive(t, 'write 20\nflush 60000\nclose 5000\n', f'syslog:udp:127.0.0.1:{server.getsockname()[1]},format=json')
    messages = [server.recv(65536) for _ in range(20)]
    t.check('syslog over UDP', all(m.startswith(b'<14>1 ') and b' 11 - {"EventID":11,' in m for m in messages), messages[0])


def tcp(t):
    server = socket.socket()
    server.bind(('127.0.0.1', 0))
    server.listen()
    got = []

    def serve():
        connection, _ = server.accept()
        while part := connection.recv(65536):
            got.append(part)
    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    drive(t, 'write 50\nflush 60000\nclose 5000\n', f'syslog:tcp:127.0.0.1:{server.getsockname()[1]}')
    thread.join(60)
    data, count = b''.join(got), 0
    while data:
        size, rest = data.split(b' ', 1)
        count += rest[:int(size)].endswith(b'</Event>')
        data = rest[int(size):]
    t.check('syslog over TCP: whole frames', count == 50, count)


def dead_peer(t):
    server = socket.socket()
    server.bind(('127.0.0.1', 0))
    port = server.getsockname()[1]
    server.close()
    code, answers, _ = drive(t, 'write 30\nflush 100\ncounters\nclose 10\n', f'syslog:tcp:127.0.0.1:{port},queue=10')
    c = counters(answers)[0]
    t.check('a dead peer costs its own queue only', code == 0 and c['queued'] == 10 and sum(c['dropped']) == 20, answers)


def test(t):
    shutil.copy(os.path.join(harness.BUILD, 'tests', 'wine', 'output-driver.exe'), t.c)
    for part in (files, standard_output, udp, tcp, dead_peer):
        part(t)


harness.main(test, 'outputs')
