#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Event 22 against a name server of the test's own, on 127.0.0.61 and ::1, port 53, by UDP and TCP.

Clients are processes of their own: raw questions over connected and unconnected sockets, and the C library's resolver. What
the server says depends on the name asked for. Prints TAP. usage: dns.py SYSMON
"""
import json
import os
import socket
import struct
import subprocess
import sys
import threading

import sandbox
from sandbox import Events, Tap, run, wait_for

SYSMON = '/run/programs/sysmon'
SERVER = '127.0.0.61'
CONFIG = ('<Sysmon schemaversion="4.90"><EventFiltering><RuleGroup groupRelation="or"><DnsQuery onmatch="exclude">'
          '<QueryName condition="end with">unwanted.test</QueryName></DnsQuery></RuleGroup></EventFiltering></Sysmon>')
A, NS, CNAME, SOA, PTR, MX, TXT, AAAA, SRV = 1, 2, 5, 6, 12, 15, 16, 28, 33
tap = Tap()


# --- messages --------------------------------------------------------------------------------------------------------

def labels(name):
    return b''.join(bytes([len(label)]) + label for label in name.encode().split(b'.') if label) + b'\0'


def question(number, name, kind):
    return struct.pack('>6H', number, 0x100, 1, 0, 0, 0) + (name if isinstance(name, bytes) else labels(name)) + struct.pack('>2H', kind, 1)


def record(kind, data, owner=b'\xc0\x0c'):
    return owner + struct.pack('>2HIH', kind, 1, 60, len(data)) + data


def ipv4(text):
    return record(A, socket.inet_aton(text))


RECORDS = {
    'cname.test': [record(CNAME, labels('target.test')), record(A, socket.inet_aton('192.0.2.2'), labels('target.test'))],
    'mapped.test': [record(AAAA, socket.inet_pton(socket.AF_INET6, '::ffff:192.0.2.3'))],
    'kinds.test': [record(MX, b'\0\5' + labels('mail.test')), record(TXT, b'\x05a;b\\c\x03d\x01e'), record(SRV, b'\0\1\0\2\0\3' + labels('srv.test')),
                   record(NS, b'\x02ns\xc0\x0c'), record(PTR, labels('p.test')), record(65280, b'xyz'),
                   record(SOA, labels('soa.test') + labels('admin.test') + bytes(20))],
    'loop.test': [record(CNAME, b'\xc0\xff')],
}
CODES = {'nx.test': 3, 'servfail.test': 2, 'refused.test': 5, 'formerr.test': 1, 'notimp.test': 4}


def name_of(message):
    at, parts = 12, []
    while message[at]:
        parts.append(message[at + 1:at + 1 + message[at]])
        at += message[at] + 1
    return b'.'.join(parts).decode('latin-1').lower(), struct.unpack_from('>H', message, at + 1)[0], at + 5


def answer(message, tcp):
    """The server. None: it says nothing."""
    if len(message) < 17 or message[4:6] != b'\0\1':
        return None
    name, kind, end = name_of(message)
    records, flags = RECORDS.get(name), 0x8180 | CODES.get(name, 0)
    if name.startswith('silent'):
        return None
    if name.startswith('big'):
        records = [ipv4(f'198.51.100.{i}') for i in range(200)] if tcp else [ipv4('198.51.100.0')]
        flags |= 0 if tcp else 0x200
    elif name in CODES or name == 'none.test':
        records = []
    elif records is None and kind == AAAA:
        records = [] if name == 'four.test' else [record(AAAA, socket.inet_pton(socket.AF_INET6, '2001:db8::1:0:0:1'))]
    elif records is None:
        records = [ipv4('192.0.2.1')]
    return message[:2] + struct.pack('>5H', flags, 1, len(records), 0, 0) + message[12:end] + b''.join(records)


class Server:
    def __init__(self, family, address):
        self.udp = socket.socket(family, socket.SOCK_DGRAM)
        self.tcp = socket.socket(family, socket.SOCK_STREAM)
        self.tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.udp.bind((address, 53))
        self.tcp.bind((address, 53))
        self.tcp.listen()
        threading.Thread(target=self.datagrams, daemon=True).start()
        threading.Thread(target=self.streams, daemon=True).start()

    def datagrams(self):
        while True:
            message, peer = self.udp.recvfrom(4096)
            reply = answer(message, False)
            if reply:
                self.udp.sendto(reply, peer)

    def streams(self):
        while True:
            connection, _ = self.tcp.accept()
            threading.Thread(target=self.stream, args=(connection,), daemon=True).start()

    def stream(self, connection):
        data = b''
        while more := connection.recv(65536):
            data += more
            while len(data) >= 2 and len(data) >= 2 + (size := struct.unpack_from('>H', data)[0]):
                reply = answer(data[2:2 + size], True)
                data = data[2 + size:]
                if reply:
                    whole = struct.pack('>H', len(reply)) + reply
                    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    connection.sendall(whole[:1])  # in pieces, so that the monitor has something to put together
                    connection.sendall(whole[1:700])
                    connection.sendall(whole[700:])


# --- clients ---------------------------------------------------------------------------------------------------------

def client(program):
    """Runs Python code in a process of its own; its pid."""
    helpers = ('import os, socket, struct, sys\n'
               f'sys.path.insert(0, {os.path.dirname(os.path.abspath(__file__))!r})\n'
               'from dns import question, labels\nfrom dns import *\n'
               'def udp(family=socket.AF_INET): return socket.socket(family, socket.SOCK_DGRAM)\n'
               f'SERVER = {SERVER!r}\n')
    child = subprocess.run([sys.executable, '-c', helpers + program + '\nprint(os.getpid())'], capture_output=True, text=True, timeout=90,
                           env=dict(os.environ, PYTHONDONTWRITEBYTECODE='1'))
    assert child.returncode == 0, child.stderr
    return int(child.stdout.split()[-1])


def check(events, name, pid, status, results, kind, note, server=SERVER, protocol='udp', count=1):
    found = events.wait(22, QueryName=name, QueryType=kind)
    if not tap.point(found, f'{note}: told', [e['QueryName'] for e in events.of(22)]):
        return
    e = found[0]
    tap.equal((len(found), e['QueryStatus'], e['QueryResults'], e['ProcessId'], e['User'], e['Image'], e['Server'], e['Protocol'], e['RuleName']),
              (count, str(status), results, pid, 'root', os.path.realpath(sys.executable), server, protocol, '-'), note)
    return e


def plain(events):
    pid = client('s = udp(); s.connect((SERVER, 53)); s.send(question(1, "WwW.Plain.test", A)); s.recv(999)')
    e = check(events, 'WwW.Plain.test', pid, 0, '::ffff:192.0.2.1;', 'A', 'a connected socket')
    tap.equal(list(e), ['EventID', 'Provider', 'Computer', 'EventRecordID', 'SystemTime', 'RuleName', 'UtcTime', 'ProcessGuid', 'ProcessId', 'QueryName',
                        'QueryStatus', 'QueryResults', 'Image', 'User', 'QueryType', 'Server', 'Protocol', 'PidNamespace', 'MountNamespace'], 'its fields')
    start = events.wait(1, ProcessId=pid)
    tap.point(start and start[0]['ProcessGuid'] == e['ProcessGuid'] and start[0]['UtcTime'] < e['UtcTime'], 'the same GUID as its start', start)
    pid = client('s = udp(); s.sendto(question(1, "loose.test", AAAA), (SERVER, 53)); s.recv(999)')
    check(events, 'loose.test', pid, 0, '2001:db8::1:0:0:1;', 'AAAA', 'an unconnected socket')
    pid = client('s = udp(socket.AF_INET6); s.sendto(question(1, "six.test", A), ("::1", 53)); s.recv(999)\n'
                 's = udp(socket.AF_INET6); s.connect(("::1", 53)); s.send(question(1, "six2.test", A)); s.recv(999)')
    check(events, 'six.test', pid, 0, '::ffff:192.0.2.1;', 'A', 'IPv6, unconnected', server='0:0:0:0:0:0:0:1')
    check(events, 'six2.test', pid, 0, '::ffff:192.0.2.1;', 'A', 'IPv6, connected', server='0:0:0:0:0:0:0:1')
    pid = client('s = udp(socket.AF_INET6); s.connect(("::ffff:" + SERVER, 53)); s.send(question(1, "mapped4.test", A)); s.recv(999)')
    check(events, 'mapped4.test', pid, 0, '::ffff:192.0.2.1;', 'A', 'IPv4 through an IPv6 socket')


def contents(events):
    ask = 's = udp(); s.connect((SERVER, 53)); s.send(question({0}, "{1}", {2})); s.recv(4999)'
    for number, (name, kind, kind_name, status, results) in enumerate([
            ('cname.test', A, 'A', 0, 'type:  5 target.test;::ffff:192.0.2.2;'),
            ('mapped.test', AAAA, 'AAAA', 0, '::ffff:192.0.2.3;'),
            ('kinds.test', 255, 'ANY', 0, 'type: 15 mail.test;type: 16 a\\;b\\\\cd\\001e;type: 33 srv.test;type:  2 ns.kinds.test;type: 12 p.test;'
             'type: 65280;type:  6 soa.test;'),
            ('nx.test', A, 'A', 9003, '-'), ('servfail.test', A, 'A', 9002, '-'), ('refused.test', A, 'A', 9005, '-'),
            ('formerr.test', A, 'A', 9001, '-'), ('notimp.test', A, 'A', 9004, '-'),
            ('none.test', A, 'A', 9501, '-'), ('four.test', AAAA, 'AAAA', 9501, '-'), ('loop.test', A, 'A', 9502, '-')]):
        check(events, name, client(ask.format(number, name, kind)), status, results, kind_name, f'{name} {kind_name}')
    name = bytes([5]) + b'a.b;\xff' + b'\4test\0'
    pid = client(f's = udp(); s.connect((SERVER, 53)); s.send(question(9, {name!r}, A)); s.recv(999)')
    check(events, 'a\\.b\\;\\255.test', pid, 0, '::ffff:192.0.2.1;', 'A', 'bytes of a name that are no letters')


def many(events):
    pid = client('s = udp(); s.connect((SERVER, 53))\n'
                 'for i in range(50): s.send(question(i % 7, f"many{i}.test", A))\n'
                 'for i in range(50): s.recv(999)')
    wait_for(lambda: len([e for e in events.of(22, ProcessId=pid)]) >= 50)
    tap.equal(sorted(e['QueryName'] for e in events.of(22, ProcessId=pid, QueryStatus='0')), sorted(f'many{i}.test' for i in range(50)),
              'fifty questions on one socket, seven ids')
    pid = client('s = udp(); s.connect((SERVER, 53))\n'
                 'for i in range(5): s.send(question(3, "silent-again.test", A))\n'
                 's.send(question(4, "same.test", A)); s.recv(999); s.send(question(5, "same.test", A)); s.recv(999); s.send(question(6, "last.test", A)); s.recv(999)')
    check(events, 'silent-again.test', pid, 1460, '-', 'A', 'sent five times, one question; told when its process ends')
    check(events, 'last.test', pid, 0, '::ffff:192.0.2.1;', 'A', 'after a repeated question')
    tap.equal(len(events.of(22, QueryName='same.test')), 1, 'what the process knows already is not told again')


def tcp(events):
    pid = client('s = socket.create_connection((SERVER, 53)); q = question(1, "stream.test", A) \n'
                 's.sendall(struct.pack(">H", len(q)) + q + struct.pack(">H", len(q)) + question(2, "strea2.test", A)); r = s.recv(1)\n'
                 'while len(r) < 90: r += s.recv(999)')
    check(events, 'stream.test', pid, 0, '::ffff:192.0.2.1;', 'A', 'TCP', protocol='tcp')
    check(events, 'strea2.test', pid, 0, '::ffff:192.0.2.1;', 'A', 'two questions in one segment', protocol='tcp')
    whole = ''.join(f'::ffff:198.51.100.{i};' for i in range(200))
    pid = client('u = udp(); u.connect((SERVER, 53)); q = question(7, "big.test", A); u.send(q); u.recv(999)\n'
                 's = socket.create_connection((SERVER, 53)); s.sendall(struct.pack(">H", len(q)) + q); r = b""\n'
                 'while len(r) < 3200: r += s.recv(9999)')
    check(events, 'big.test', pid, 0, whole, 'A', 'an answer that was cut, and the whole one by TCP: one event', protocol='tcp')
    pid = client('u = udp(); u.connect((SERVER, 53)); u.send(question(7, "big2.test", A)); u.recv(999)')
    check(events, 'big2.test', pid, 0, '::ffff:198.51.100.0;', 'A', 'an answer that was cut, and nobody asked on')


def resolver(events):
    with open('/etc/resolv.conf', 'w') as out:
        out.write(f'nameserver {SERVER}\noptions attempts:1 timeout:1\n')
    with open('/etc/nsswitch.conf', 'w') as out:
        out.write('hosts: dns\n')
    child = run('/usr/bin/getent', 'ahosts', 'libc.test')
    found = wait_for(lambda: len(e := events.of(22, QueryName='libc.test')) == 2 and e)
    if tap.point(found, "the C library's resolver: two events", (child, events.of(22)[-3:])):
        tap.equal(sorted((e['QueryType'], e['QueryStatus'], e['QueryResults'], e['Image']) for e in found),
                  [('A', '0', '::ffff:192.0.2.1;', os.path.realpath('/usr/bin/getent')),
                   ('AAAA', '0', '2001:db8::1:0:0:1;', os.path.realpath('/usr/bin/getent'))], 'A and AAAA')


def others(events):
    """A connected socket that a child uses; ids that two processes share; a question nobody answers while its process lives."""
    program = ('s = udp(); s.connect((SERVER, 53))\n'
               'child = os.fork()\n'
               'if not child: s.send(question(1, "child.test", A)); s.recv(999); os._exit(0)\n'
               'os.waitpid(child, 0); print(child, end=" ")')
    parent = client(program)
    found = events.wait(22, QueryName='child.test')
    tap.point(found and found[0]['ProcessId'] != parent and found[0]['ProcessId'] > 0, 'a socket the parent connected: the child asked', found)
    children = [subprocess.Popen([sys.executable, '-c', 'import socket, sys; from dns import *\n'
                                  f's = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.connect(({SERVER!r}, 53))\n'
                                  f'for i in range(100): s.send(question(i, f"p{n}-{{i}}.test", A)); s.recv(999)'],
                                 cwd=os.path.dirname(os.path.abspath(__file__)), env=dict(os.environ, PYTHONDONTWRITEBYTECODE='1')) for n in range(3)]
    for child in children:
        child.wait(90)
    wait_for(lambda: len([e for e in events.of(22) if e['QueryName'].startswith('p')]) >= 300)
    wrong = [e for e in events.of(22) if e['QueryName'][0] == 'p' and '-' in e['QueryName'] and
             (e['ProcessId'] != children[int(e['QueryName'][1])].pid or e['QueryStatus'] != '0')]
    told = len([e for e in events.of(22) if e['QueryName'][0] == 'p' and '-' in e['QueryName']])
    tap.equal((told, wrong), (300, []), 'three processes with the same ids: each its own')
    waiting = subprocess.Popen([sys.executable, '-c', 'import socket, time; from dns import *\n'
                                f's = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.connect(({SERVER!r}, 53)); s.send(question(1, "silent.test", A)); time.sleep(60)'],
                               cwd=os.path.dirname(os.path.abspath(__file__)), env=dict(os.environ, PYTHONDONTWRITEBYTECODE='1'))
    check(events, 'silent.test', waiting.pid, 1460, '-', 'A', 'no answer for ten seconds')
    waiting.kill()
    waiting.wait()
    client('s = udp(); s.connect((SERVER, 53)); s.send(question(1, "x.unwanted.test", A)); s.recv(999)\n'
           's.send(b"SSH-2.0 no message at all"); s.send(b""); s.send(bytes(12)); s.send(question(2, "marker.test", A)); s.recv(999)')
    events.wait(22, QueryName='marker.test')
    tap.equal(events.of(22, QueryName='x.unwanted.test'), [], 'a rule keeps one out')


def main():
    sandbox.enter_private_view(os.path.abspath(__file__), [os.path.abspath(sys.argv[1])])
    sandbox.need_sensor(sys.argv[1])
    sandbox.make_private_view([sys.argv[1]])
    try:
        Server(socket.AF_INET, SERVER)
        Server(socket.AF_INET6, '::1')
    except OSError as error:
        sandbox.skip(f'port 53 of {SERVER} and ::1 cannot be had: {error}')
    os.makedirs('/run/c')
    with open('/run/c/config.xml', 'w') as out:
        out.write(CONFIG)
    events = Events('/run/c/events.json')
    monitor = subprocess.Popen([SYSMON, 'run', '-c', '/run/c/config.xml', '--output', 'json:/run/c/events.json'], stderr=subprocess.PIPE, text=True)
    try:
        tap.point(events.wait(4), 'started')
        for part in plain, contents, many, tcp, resolver, others:
            part(events)
        totals = json.loads(run(SYSMON, 'stats', '--json').stdout)
        tap.equal((totals['events_held']['22 DnsQuery'], totals['events_lost'].get('22 DnsQuery', {})), (0, {}), 'nothing waits, nothing was lost')
    finally:
        monitor.terminate()
        _, text = monitor.communicate(timeout=60)
    tap.equal(monitor.returncode, 0, 'ends well')
    tap.end()


if __name__ == '__main__':
    main()
