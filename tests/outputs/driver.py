# SPDX-License-Identifier: MIT
"""What the output tests share: the driver process, TAP points, and waiting for a condition instead of for a time."""
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback

DRIVER = sys.argv[1]
SLOW, DOWN, REFUSED, MEMORY, CLOSED = range(5)
PATIENCE = 60  # seconds: far more than anything takes, so that a loaded machine fails nothing


class Driver:
    def __init__(self, *specifications, stdout=subprocess.DEVNULL):
        self.process = subprocess.Popen([DRIVER, *specifications], stdin=subprocess.PIPE, stderr=subprocess.PIPE,
                                        stdout=stdout, text=True, errors='surrogateescape')
        self.first = self.process.stderr.readline().strip()

    def __enter__(self):
        assert self.first == 'open', self.first
        return self

    def __exit__(self, *_):
        try:
            self.process.stdin.close()
            self.process.wait(PATIENCE)
        finally:
            self.process.kill()

    def ask(self, command):
        self.process.stdin.write(command + '\n')
        self.process.stdin.flush()
        answer = self.process.stderr.readline().rstrip('\n')
        assert answer, f'{command}: the driver died'
        return answer

    def write(self, count, size=40):
        return int(self.ask(f'write {count} {size}').split()[1])

    def flush(self, milliseconds=PATIENCE * 1000):
        return self.ask(f'flush {milliseconds}') == 'flushed 1'

    def counters(self):
        every = json.loads(self.ask('counters'))
        for c in every:
            assert c['written'] == c['delivered'] + c['queued'] + sum(c['dropped']), c
        return every

    def close(self, milliseconds):
        return int(self.ask(f'close {milliseconds}').split()[1])


def refused(*specifications):
    """The message with which the driver refuses to open."""
    driver = Driver(*specifications)
    driver.process.stdin.close()
    driver.process.wait(PATIENCE)
    assert driver.process.returncode == 4, driver.first
    return driver.first


def wait_for(condition, what):
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, f'waited in vain: {what}'
        time.sleep(0.01)


class Server(threading.Thread):
    """Accepts on a listening or receives on a datagram socket and keeps what came."""

    def __init__(self, listening, stream):
        super().__init__(daemon=True)
        self.socket, self.stream, self.data, self.messages, self.connections = listening, stream, b'', [], []
        self.start()

    def run(self):
        try:
            while self.stream:
                connection, _ = self.socket.accept()
                self.connections.append(connection)
                threading.Thread(target=self.drain, args=(connection,), daemon=True).start()
            while True:
                self.messages.append(self.socket.recv(1 << 20))
        except OSError:
            pass

    def drain(self, connection):
        try:
            while part := connection.recv(1 << 16):
                self.data += part
        except OSError:
            pass

    def stop(self):
        for s in [self.socket, *self.connections]:
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            s.close()


def lines_of(path):
    return open(path, 'rb').read().split(b'\n')[:-1]


def names(lines):
    return [json.loads(line)['TargetFilename'] for line in lines]


def run(tests):
    print(f'1..{len(tests)}', flush=True)
    failed = False
    for number, test in enumerate(tests, 1):
        folder = tempfile.mkdtemp(prefix='outputs-')
        title = (test.__doc__ or test.__name__).strip().splitlines()[0]
        try:
            skip = test(folder)
            print(f'ok {number} - {title}' + (f' # SKIP {skip}' if skip else ''), flush=True)
        except Exception:
            failed = True
            print(f'not ok {number} - {title}')
            print('# ' + traceback.format_exc().replace('\n', '\n# '), flush=True)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    sys.exit(failed)
