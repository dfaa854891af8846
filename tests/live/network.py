#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Event 3: both ends of TCP connections, refused ones, accepts of every manner, UDP flows, storms."""
import ctypes
import os
import socket
import subprocess
import sys
import threading

from harness import Monitor, Tap, config, require

require()
tap = Tap()
LIBC = ctypes.CDLL(None, use_errno=True)
ME = os.getpid()


def listener(family, address):
    s = socket.socket(family, socket.SOCK_STREAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((address, 0))
    s.listen(128)
    return s


def text(address):
    return '0:0:0:0:0:0:0:1' if address == '::1' else address


def ends(m, protocol, initiated, source, destination):
    """The event of one end; source and destination are (address, port)."""
    return m.wait(lambda e: e['EventID'] == 3 and e['Protocol'] == protocol and e['Initiated'] == initiated
                  and (e['SourceIp'], e['SourcePort']) == (text(source[0]), source[1])
                  and (e['DestinationIp'], e['DestinationPort']) == (text(destination[0]), destination[1]),
                  f'{protocol} {"to" if initiated else "from"} {destination}')


def both(m, name, client, server, accept):
    a, b = client.getsockname()[:2], server.getsockname()[:2]
    accept()
    for initiated in (True, False):
        e = ends(m, 'tcp', initiated, a, b)
        tap.equal((e['ProcessId'], e['Image'], e['User']), (ME, os.readlink('/proc/self/exe'), 'root'),
                  f'{name}: {"outbound" if initiated else "inbound"}')
        tap.equal((e['SourceIsIpv6'], e['DestinationIsIpv6']), (':' in a[0], ':' in a[0]), f'{name}: address family')


def tcp(m):
    for family, address in ((socket.AF_INET, '127.0.0.1'), (socket.AF_INET6, '::1')):
        s = listener(family, address)
        c = socket.create_connection(s.getsockname()[:2])
        both(m, f'{address}', c, s, s.accept)
        c = socket.create_connection(s.getsockname()[:2])
        both(m, f'{address} accept(NULL), left open', c, s, lambda s=s: LIBC.accept(s.fileno(), None, None))
        c = socket.create_connection(s.getsockname()[:2])
        both(m, f'{address} accept(NULL), closed at once', c, s,
             lambda s=s: os.close(LIBC.accept(s.fileno(), None, None)))
    s = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
    s.bind(('::', 0))
    s.listen(1)
    c = socket.create_connection(('127.0.0.1', s.getsockname()[1]))
    s.accept()
    e = ends(m, 'tcp', False, c.getsockname(), ('127.0.0.1', s.getsockname()[1]))
    tap.equal(e['SourceIsIpv6'], False, 'an IPv4 connection to an IPv6 socket is IPv4')


def who_accepts(m):
    """The process that accepts is not the one that listens."""
    s = listener(socket.AF_INET, '127.0.0.1')
    code = f'import socket,os;s=socket.socket(fileno={s.fileno()});c,_=s.accept();print(os.getpid(),flush=True);input()'
    child = subprocess.Popen([sys.executable, '-c', code], pass_fds=[s.fileno()], stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE)
    c = socket.create_connection(s.getsockname())
    pid = int(child.stdout.readline())
    e = ends(m, 'tcp', False, c.getsockname(), s.getsockname())
    tap.equal(e['ProcessId'], pid, 'inbound: the process that accepts, not the one that listens')
    child.communicate(b'\n')
    c = socket.create_connection(s.getsockname())
    e = ends(m, 'tcp', False, c.getsockname(), s.getsockname())
    tap.equal((e['ProcessId'], e.get('ProcessIsListener')), (ME, 'true'), 'never accepted: the process that listens, and it says so')


def refused(m):
    s = listener(socket.AF_INET, '127.0.0.1')
    port = s.getsockname()[1]
    s.close()
    c = socket.socket()
    c.bind(('127.0.0.1', 0))
    try:
        c.connect(('127.0.0.1', port))
    except ConnectionRefusedError:
        pass
    e = ends(m, 'tcp', True, c.getsockname(), ('127.0.0.1', port))
    tap.equal((e['ProcessId'], e['Error']), (ME, 'ECONNREFUSED'), 'a refused connection')


def udp(m):
    for family, address in ((socket.AF_INET, '127.0.0.1'), (socket.AF_INET6, '::1')):
        s, c = socket.socket(family, socket.SOCK_DGRAM), socket.socket(family, socket.SOCK_DGRAM)
        s.bind((address, 0))
        for _ in range(5):
            c.sendto(b'x', s.getsockname()[:2])
            _, peer = s.recvfrom(10)
            s.sendto(b'y', peer)
            c.recv(10)
        a, b = (address, peer[1]), s.getsockname()[:2]
        tap.equal(ends(m, 'udp', True, a, b)['ProcessId'], ME, f'{address} UDP: outbound')
        tap.equal(ends(m, 'udp', False, a, b)['ProcessId'], ME, f'{address} UDP: inbound')
        m.settle()
        ports = {a[1], b[1]}
        told = m.find(lambda e: e['EventID'] == 3 and e['Protocol'] == 'udp' and {e['SourcePort'], e['DestinationPort']} == ports)
        tap.equal(len(told), 2, f'{address} UDP: ten datagrams of a flow are one event an end')
    c = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    c.bind(('127.0.0.1', 0))
    for port in range(40100, 40120):
        c.sendto(b'x', ('127.0.0.1', port))
    for port in range(40100, 40120):
        ends(m, 'udp', True, c.getsockname(), ('127.0.0.1', port))
    tap.check(True, 'twenty datagrams to twenty ports are twenty flows')
    c = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    c.connect(('127.0.0.1', 40200))
    c.send(b'x')
    tap.equal(ends(m, 'udp', True, c.getsockname(), ('127.0.0.1', 40200))['ProcessId'], ME, 'a connected UDP socket')


def storm(m):
    count, made = 2000, set()
    s = listener(socket.AF_INET, '127.0.0.1')

    def serve():
        for _ in range(count):
            os.close(LIBC.accept(s.fileno(), None, None))
    server = threading.Thread(target=serve)
    server.start()
    for _ in range(count):
        c = socket.create_connection(s.getsockname())
        made.add(c.getsockname()[1])
        c.close()
    server.join()
    port = s.getsockname()[1]
    for initiated in (True, False):
        def end(e, initiated=initiated):
            return e['EventID'] == 3 and e['DestinationPort'] == port and e['Initiated'] == initiated and e['Protocol'] == 'tcp'
        m.wait(end, 'storm', count)
        m.settle()
        events = m.find(end)
        tap.equal(len(events), count, f'{count} connections: {"outbound" if initiated else "inbound"} complete, none twice')
        tap.equal({e['SourcePort'] for e in events} == made, True, 'with their ports')
        tap.equal({e['ProcessId'] for e in events}, {ME}, 'and their process')


with Monitor(config(['ProcessCreate', 'ProcessTerminate', 'NetworkConnect'])) as monitor:
    for name, test in (('tcp', tcp), ('who accepts', who_accepts), ('refused', refused), ('udp', udp), ('storm', storm)):
        tap.run(name, test, monitor)
tap.done()
