#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`sysmon stats` and its HTTP listener against a stand-in of the monitor. Prints TAP.

usage: stats_command.py SYSMON CONTROL_DEMO
"""
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import tempfile

SYSMON, DEMO = sys.argv[1:3]
number = 0


def point(good, name, note=''):
    global number
    number += 1
    print(f"{'ok' if good else 'not ok'} {number} - {name}{'' if good else ' # ' + str(note)}", flush=True)


def stats(*arguments):
    return subprocess.run([SYSMON, 'stats', *arguments], capture_output=True, text=True, timeout=60)


def http(where, request):
    s = socket.socket(socket.AF_UNIX) if isinstance(where, str) else socket.socket()
    s.settimeout(30)
    s.connect(where)
    for part in request:
        s.sendall(part)
    answer = b''
    try:
        while data := s.recv(65536):
            answer += data
    except ConnectionResetError:
        pass
    return answer.decode()


def listener(*arguments):
    process = subprocess.Popen([SYSMON, 'stats', '--listen', *arguments], stdout=subprocess.PIPE, text=True)
    return process, process.stdout.readline().strip().replace('listening on ', '')


def formats(run):
    answer = stats('--runtime', run, '--json')
    point(answer.returncode == 0 and json.loads(answer.stdout) == {'events_seen': {'ProcessCreate': 12}}, 'JSON', answer)
    answer = stats('--runtime', run, '--format', 'prometheus')
    point(answer.stdout.endswith('sysmon_events_seen_total{event="ProcessCreate"} 12\n'), 'Prometheus text', answer)
    answer = stats('--runtime', run)
    point('ProcessCreate' in answer.stdout and '12' in answer.stdout, 'text', answer)


def refusals(run):
    answer = stats('--runtime', run + '-none')
    point(answer.returncode == 11 and 'not running' in answer.stderr, 'nobody runs', answer)
    for arguments, word in ((['--format', 'xml'], 'unknown format'), (['--bogus'], 'unknown argument'), (['--listen'], 'needs a value'),
                            (['--listen', '0.0.0.0:1'], 'not a loopback'), (['--listen', 'localhost:1'], 'not an address')):
        answer = stats(*arguments)
        point(answer.returncode == 87 and word in answer.stderr, f'refused: {" ".join(arguments)}', answer)


def over_tcp(run):
    process, address = listener('127.0.0.1:0', '--runtime', run)
    where = (address.split(':')[0], int(address.split(':')[1]))
    answer = http(where, [b'GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n'])
    head, _, body = answer.partition('\r\n\r\n')
    point(head.startswith('HTTP/1.1 200 OK') and 'version=0.0.4' in head and f'Content-Length: {len(body)}' in head
          and body.endswith('{event="ProcessCreate"} 12\n'), 'HTTP scrape', answer)
    point(http(where, [b'GET /met', b'rics?x=1 HTTP/1.0\r\n', b'\r\n']).startswith('HTTP/1.1 200'), 'request in pieces')
    for request, status in ((b'GET / HTTP/1.1\r\n\r\n', '404'), (b'POST /metrics HTTP/1.1\r\n\r\n', '405'), (b'\0\r\n\r\n', '400'),
                            (b'GET\r\n\r\n', '400'), (b'GET /' + b'a' * 9000, '431'), (b'GET /metrics HTTP/1.1\nA: b\n\n', '200')):
        answer = http(where, [request])
        point(answer.startswith(f'HTTP/1.1 {status}'), f'{request[:20]!r} is answered {status}', answer[:60])
    idle = [socket.create_connection(where) for _ in range(20)]  # more than it takes; the rest waits or is closed
    for s in idle:
        s.close()
    point(http(where, [b'GET /metrics HTTP/1.1\r\n\r\n']).startswith('HTTP/1.1 200'), 'serves again after idle connections')
    capabilities = [line.split()[1] for line in open(f'/proc/{process.pid}/status') if line.startswith(('CapEff', 'CapPrm'))]
    point(set(capabilities) == {'0' * 16}, 'the listener has no capabilities', capabilities)
    process.send_signal(signal.SIGTERM)
    point(process.wait(30) == 0, 'SIGTERM ends it')


def over_unix(run, folder):
    path = os.path.join(folder, 'metrics')
    process, _ = listener(f'unix:{path}', '--runtime', run)
    mode = os.stat(path)
    point(stat.S_ISSOCK(mode.st_mode) and mode.st_mode & 0o777 == 0o600, 'the socket is owner-only', oct(mode.st_mode))
    point(http(path, [b'GET /metrics HTTP/1.1\r\n\r\n']).startswith('HTTP/1.1 200'), 'scrape over a UNIX socket')
    second = stats('--listen', f'unix:{path}')
    point(second.returncode == 4 and 'in use' in second.stderr, 'a served socket is not taken over', second)
    process.kill()
    process.wait()
    process, _ = listener(f'unix:{path}', '--runtime', run)
    point(http(path, [b'GET /metrics HTTP/1.1\r\n\r\n']).startswith('HTTP/1.1 200'), 'a socket left by a killed one is replaced')
    process.send_signal(signal.SIGINT)
    point(process.wait(30) == 0 and not os.path.exists(path), 'removed at the end')
    open(path, 'w').close()
    point(stats('--listen', f'unix:{path}').returncode == 4 and os.path.exists(path), 'a file of that name stays')


def main():
    with tempfile.TemporaryDirectory() as folder:
        run = os.path.join(folder, 'run')
        demo = subprocess.Popen([DEMO, run], stdout=subprocess.PIPE, text=True)
        demo.stdout.readline()
        try:
            formats(run)
            refusals(run)
            over_tcp(run)
            over_unix(run, folder)
        finally:
            demo.terminate()
            demo.wait()
        process, address = listener('[::1]:0' if os.path.exists('/proc/net/if_inet6') else '127.0.0.1:0', '--runtime', run)
        host, port = address.rsplit(':', 1)
        family = socket.AF_INET6 if host.startswith('[') else socket.AF_INET
        s = socket.socket(family)
        s.connect((host.strip('[]'), int(port)))
        s.sendall(b'GET /metrics HTTP/1.1\r\n\r\n')
        point(s.recv(4096).startswith(b'HTTP/1.1 503'), 'without a monitor: 503')
        process.terminate()
        process.wait()
    print(f'1..{number}')


if __name__ == '__main__':
    main()
