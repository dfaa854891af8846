#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Events 3 and 22 from played trace sessions (trace_player.c): the consumer from EVENT_RECORD to the rendered event."""
import os
import shutil
import struct
import sys
import uuid

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness  # noqa: E402

CONFIG = '''<Sysmon schemaversion="4.90">
  <EventFiltering>
    <NetworkConnect onmatch="exclude"><DestinationPort>9</DestinationPort></NetworkConnect>
    <DnsQuery onmatch="exclude"/>
  </EventFiltering>
</Sysmon>
'''
TCP, UDP = '9a280ac0-c8e0-11d1-84e2-00c04fb998a2', 'bf3a50c5-a9c9-4988-a005-2df0b7c80f80'
DNS = '1c95126e-7eea-49a9-a3fe-a378b03ddb4d'


def record(provider, opcode, data, ident=0, version=2, pid=0xffffffff):
    return struct.pack('<16sqIHHHBBxxxx', uuid.UUID(provider).bytes_le, 0, pid, ident, 0x140, len(data), version, opcode) + data


def ipv4(pid, remote, local, remote_port, local_port):
    address = lambda text: bytes(int(n) for n in text.split('.'))
    return struct.pack('<II', pid, 0) + address(remote) + address(local) + struct.pack('>HH', remote_port, local_port) + bytes(28)


def query(name, status, results):
    wide = lambda text: (text + '\0').encode('utf-16-le')
    return wide(name) + struct.pack('<IQI', 1, 0x4000, status) + wide(results)


def write(t):
    datagram = record(UDP, 10, ipv4(4, '127.0.0.1', '127.0.0.1', 53, 50001))
    with open(t.file('trace-SYSMON TRACE.bin'), 'wb') as out:
        out.write(record(TCP, 12, ipv4(4, '127.0.0.1', '10.1.2.3', 443, 50000)))
        out.write(record(TCP, 10, ipv4(4, '127.0.0.1', '10.1.2.3', 443, 50000)))  # data
        out.write(record(TCP, 15, ipv4(4, '192.0.2.77', '127.0.0.1', 50002, 8080)))
        out.write(record(TCP, 12, ipv4(4, '127.0.0.1', '10.1.2.3', 9, 50000)))  # a rule drops it
        out.write(record(TCP, 12, b'\1\2\3'))
        out.write(datagram + datagram)
    with open(t.file('trace-SysmonDnsEtwSession.bin'), 'wb') as out:
        for name in ('www.example.com', 'WWW.EXAMPLE.COM', 'other.example.com'):
            out.write(record(DNS, 0, query(name, 0, '::ffff:192.0.2.1;'), 3008, 0, 4))
        out.write(record(DNS, 0, query('no.example.com', 9003, ''), 3008, 0, 4))
        out.write(record(DNS, 0, b'x', 3006, 0, 4))


def test(t):
    shutil.copy(os.path.join(harness.BUILD, 'tests', 'wine', 'Sysmon64-traces.exe'), t.c)
    write(t)
    running = t.start(r'C:\Sysmon64-traces.exe', 'run', '-c', t.write('config.xml', CONFIG), '--output', r'json:C:\events.json',
                      '--duration', '25')
    network = lambda: [e for e in t.events() if e['EventID'] == 3]
    names = lambda: {e['QueryName']: e for e in t.events() if e['EventID'] == 22}
    losses = lambda: [e['Description'] for e in t.events() if e['EventID'] == 255]
    t.wait(lambda: len(network()) >= 3 and len(names()) >= 3, 30)
    seen = [(e['Protocol'], e['Initiated'], e['SourceIp'], e['SourcePort'], e['DestinationIp'], e['DestinationPort'], e['Image'])
            for e in network()]
    t.equal('connection, acceptance, first datagram', [tuple(map(str, s)) for s in seen], [
        ('tcp', 'True', '10.1.2.3', '50000', '127.0.0.1', '443', 'System'),
        ('tcp', 'False', '192.0.2.77', '50002', '127.0.0.1', '8080', 'System'),
        ('udp', 'True', '127.0.0.1', '50001', '127.0.0.1', '53', 'System')])
    found = names()
    t.check('queries', {'www.example.com', 'other.example.com', 'no.example.com'} <= set(found), found)
    t.equal('a failed one', (str(found['no.example.com']['QueryStatus']), found['no.example.com']['QueryResults']), ('9003', '-'))
    t.wait(lambda: any('buffers' in d for d in losses()) and any('9 events' in d for d in losses()), 20)
    t.check('what the session lost is told', any('2 buffers of network' in d for d in losses()) and
            any('9 events of type 3 NetworkConnect lost at source' in d for d in losses()), losses())
    t.check('a damaged record is a loss', any('1 event of type 3 NetworkConnect lost at decode: bad record' in d for d in losses()), losses())
    running.wait(60)
    log = open(t.file('trace.log')).read().splitlines()
    t.check('the session of a crash is ended first', log.index('start SYSMON TRACE 2000100 10000') < log.index('control SYSMON TRACE 1 1') and
            log.count('start SYSMON TRACE 2000100 10000') == 2, log)
    t.check('a provider without filters is enabled without', 'enable  1c95126e 1' in log and 'enable  1c95126e 0' in log, log)
    t.check('both sessions are stopped at the end', 'control SYSMON TRACE 1 0' in log and 'control SysmonDnsEtwSession 1 0' in log and
            log.count('close  0 0') >= 2, log)


harness.main(test, 'traces')
