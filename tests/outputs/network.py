#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Sockets and syslog: peers that are dead, slow, come late or go away. usage: network.py OUTPUT_DRIVER"""
import json
import os
import re
import socket

from driver import DOWN, SLOW, Driver, Server, names, run, wait_for

HEADER_5424 = re.compile(rb'^<14>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z test-host sysmon \d+ 11 (-|\[.*?\]) (.*)$', re.S)


def inet(kind, port=0, family=socket.AF_INET):
    s = socket.socket(family, kind)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(('::1' if family == socket.AF_INET6 else '127.0.0.1', port))
    if kind == socket.SOCK_STREAM:
        s.listen()
    return s


def unix(path, kind=socket.SOCK_STREAM):
    s = socket.socket(socket.AF_UNIX, kind)
    s.bind(path)
    if kind == socket.SOCK_STREAM:
        s.listen()
    return s


def frames(data):
    """RFC 6587 octet counting."""
    out = []
    while data:
        length, data = data.split(b' ', 1)
        assert len(data) >= int(length), 'a frame is not whole'
        out.append(data[:int(length)])
        data = data[int(length):]
    return out


def unix_socket(folder):
    """UNIX socket: lines arrive whole and in order"""
    server = Server(unix(f'{folder}/s'), True)
    with Driver(f'json:unix:{folder}/s') as d:
        d.write(5000)
        assert d.flush()
        wait_for(lambda: server.data.count(b'\n') == 5000, 'all lines')
    assert [json.loads(line)['EventRecordID'] for line in server.data.splitlines()] == list(range(1, 5001))
    server.stop()


def late_peer(folder):
    """a peer that comes late gets what was queued; one that goes away is found again"""
    with Driver(f'json:unix:{folder}/s') as d:
        d.write(10)
        wait_for(lambda: d.counters()[0]['failing'], 'the failure')
        server = Server(unix(f'{folder}/s'), True)
        assert d.flush()
        wait_for(lambda: server.data.count(b'\n') == 10, 'ten lines')
        server.stop()
        os.unlink(f'{folder}/s')
        d.write(1)
        wait_for(lambda: d.counters()[0]['failing'], 'the second failure')
        server = Server(unix(f'{folder}/s'), True)
        assert d.flush()
        wait_for(lambda: server.data.count(b'\n') == 1, 'the last line')
        assert json.loads(server.data)['EventRecordID'] == 11
        server.stop()


def strange_listener(folder):
    """a listener of another user gets nothing, unless named"""
    if os.geteuid():
        return 'needs root to be somebody else'
    os.chmod(folder, 0o777)
    pid = os.fork()
    if not pid:
        os.setuid(65534)
        s = unix(f'{folder}/s')
        connections = []
        while True:
            connections.append(s.accept())
    wait_for(lambda: os.path.exists(f'{folder}/s'), 'the listener')
    try:
        with Driver(f'json:unix:{folder}/s', f'json:unix:{folder}/s,user=65534') as d:
            d.write(1)
            wait_for(lambda: d.counters()[1]['delivered'] == 1, 'the named user')
            wait_for(lambda: d.counters()[0]['failing'], 'the refusal')
            assert d.counters()[0]['error'] == 1 and not d.counters()[0]['delivered']
    finally:
        os.kill(pid, 9)
        os.waitpid(pid, 0)
    return None


def slow_peer(folder):
    """a peer that never reads fills its own queue only"""
    listening = unix(f'{folder}/s')
    server = Server(unix(f'{folder}/t'), True)
    with Driver(f'json:unix:{folder}/s,queue=50', f'json:unix:{folder}/t') as d:
        d.write(5000)
        wait_for(lambda: d.counters()[1]['delivered'] == 5000, 'the other output')
        slow = d.counters()[0]
        assert slow['dropped'][SLOW] > 4000 and slow['queued'] <= 50, slow
        assert d.close(50) < 30000
    listening.close()
    server.stop()


def udp(folder):
    """syslog over UDP: RFC 5424, one datagram an event"""
    for family, host in ((socket.AF_INET, '127.0.0.1'), (socket.AF_INET6, '[::1]')):
        try:
            s = inet(socket.SOCK_DGRAM, 0, family)
        except OSError:
            continue
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        server = Server(s, False)
        with Driver(f'syslog:udp:{host}:{s.getsockname()[1]},format=json') as d:
            d.write(50)
            assert d.flush()
            wait_for(lambda: len(server.messages) == 50, 'all datagrams')
        for number, message in enumerate(server.messages, 1):
            assert json.loads(HEADER_5424.match(message).group(2))['EventRecordID'] == number
        server.stop()


def tcp(folder):
    """syslog over TCP: octet counting, XML by default"""
    s = inet(socket.SOCK_STREAM)
    server = Server(s, True)
    with Driver(f'syslog:tcp:127.0.0.1:{s.getsockname()[1]}') as d:
        d.write(300)
        d.ask('error')
        assert d.flush()
        wait_for(lambda: server.data.endswith(b'</Event>') and server.data.count(b'<Event>') == 301, 'all frames')
    messages = frames(server.data)
    assert len(messages) == 301 and messages[-1].startswith(b'<11>1 '), messages[-1]
    assert all(HEADER_5424.match(m).group(2).startswith(b'<Event><System>') for m in messages[:-1])
    server.stop()


def long_event(folder):
    """an event longer than the limit comes in numbered parts that make it up again"""
    s = inet(socket.SOCK_STREAM)
    server = Server(s, True)
    local = Server(unix(f'{folder}/log', socket.SOCK_DGRAM), False)
    with Driver(f'syslog:tcp:127.0.0.1:{s.getsockname()[1]},format=json,max=2048', f'syslog:local:{folder}/log,bsd,format=json') as d:
        d.ask('name ' + ('/tmp/' + 'ü' * 2040).encode().hex())
        d.ask('name ' + (b'/tmp/' + b'\xff' * 3000).hex())
        assert d.flush()
        wait_for(lambda: server.data.count(b'"}') == 2, 'the parts')
        wait_for(lambda: sum(m.count(b'"}') for m in local.messages) == 2, 'the local parts')
    whole = {}
    for message in frames(server.data):
        assert len(message) <= 2048
        message.decode()  # no character is split
        data, text = HEADER_5424.match(message).groups()
        record, number, count = re.match(rb'\[part@32473 record="(\d+)" number="(\d+)" count="(\d+)"\]', data).groups()
        parts = whole.setdefault(record, [])
        parts.append(text)
        assert int(number) == len(parts) <= int(count)
    assert names([b''.join(p) for p in whole.values()]) == ['/tmp/' + 'ü' * 2040, '/tmp/' + '\\x{FF}' * 3000]
    texts = [re.match(rb'^<14>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d sysmon\[\d+\]: (?:part \d+/\d+ of \d+: )?(.*)$', m, re.S).group(1)
             for m in local.messages]
    assert len(texts) > 2 and all(len(m) <= 8192 for m in local.messages)
    assert names((b''.join(texts)).replace(b'}{', b'}\n{').split(b'\n')) == names([b''.join(p) for p in whole.values()])
    server.stop()
    local.stop()


def local_forms(folder):
    """the local daemon gets RFC 5424, or the form of syslog(3) on request"""
    server = Server(unix(f'{folder}/log', socket.SOCK_DGRAM), False)
    with Driver(f'syslog:local:{folder}/log,bsd') as d, Driver(f'syslog:local:{folder}/log') as e:
        d.write(1)
        assert d.flush()
        wait_for(lambda: len(server.messages) == 1, 'the classic form')
        e.write(1)
        assert e.flush()
        wait_for(lambda: len(server.messages) == 2, 'RFC 5424')
    assert re.match(rb'^<14>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d sysmon\[\d+\]: <Event>', server.messages[0])
    assert HEADER_5424.match(server.messages[1])
    server.stop()


def tcp_restart(folder):
    """a syslog server that restarts misses nothing that was queued meanwhile"""
    s = inet(socket.SOCK_STREAM)
    port = s.getsockname()[1]
    server = Server(s, True)
    with Driver(f'syslog:tcp:127.0.0.1:{port},format=json') as d:
        d.write(5)
        assert d.flush()
        wait_for(lambda: server.data.count(b'"}') == 5, 'five')
        server.stop()
        d.write(5)
        wait_for(lambda: d.counters()[0]['failing'], 'the failure')
        server = Server(inet(socket.SOCK_STREAM, port), True)
        assert d.flush()
        wait_for(lambda: server.data.count(b'"}') >= 5, 'the second five')
        ids = [json.loads(HEADER_5424.match(m).group(2))['EventRecordID'] for m in frames(server.data)]
        assert ids == list(range(6, 11)), ids
        server.stop()


def dead_peer(folder):
    """nobody listens: drops are counted as down, closing is quick"""
    s = inet(socket.SOCK_STREAM)
    port = s.getsockname()[1]
    s.close()
    with Driver(f'syslog:tcp:127.0.0.1:{port},queue=20') as d:
        d.write(1)
        wait_for(lambda: d.counters()[0]['failing'], 'the failure')
        d.write(100)
        c = d.counters()[0]
        assert c['dropped'][DOWN] == 81 and c['error'] == 111, c
        assert 'destination down: Connection refused' in d.ask('loss')
        assert d.close(10) < 30000


run([unix_socket, late_peer, strange_listener, slow_peer, udp, tcp, long_event, local_forms, tcp_restart, dead_peer])
