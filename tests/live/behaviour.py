#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""How the monitor behaves: start, reload, stop, refusals, losses, storms, many connections."""
import os
import re
import signal
import socket
import subprocess
import tempfile
import time

from harness import SYSMON, Monitor, Tap, config, require

require()
tap = Tap()
NAMES = {1: 'ProcessCreate', 5: 'ProcessTerminate', 11: 'FileCreate', 26: 'FileDeleteDetected'}


def totals(m):
    """{event id: {seen, logged, filtered, lost}} of the closing words."""
    return {int(i): {k: int(v) for k, v in re.findall(r'(\w+) (\d+)', rest)}
            for i, rest in re.findall(r'^(\d+) .*? {2,}(seen .*)$', m.messages(), re.M)}


def start_and_stop():
    with Monitor(config(['ProcessCreate'])) as m:
        kinds = [e['EventID'] for e in m.seen if e['EventID'] in (4, 16)]
        tap.equal(kinds[:2], [16, 4], 'start: event 16, then event 4')
        e = next(e for e in m.seen if e['EventID'] == 16)
        tap.equal(e['Configuration'], m.config, 'event 16 names the configuration')
        tap.check(e['ConfigurationFileHash'].startswith('SHA256='), 'and its hash', e)
        m.run('/bin/true')
        code = m.stop()
        tap.equal(code, 0, 'SIGTERM: exit code 0')
        tap.equal(m.seen[-1].get('State'), 'Stopped', 'the last event is 4 Stopped')
        rows = totals(m)
        tap.check(1 in rows and all(r['seen'] == r['logged'] + r['filtered'] + r['lost'] for r in rows.values()),
                  'totals: seen = logged + filtered + lost', m.messages())
    with Monitor(config(['ProcessCreate']), arguments=['--duration', '1']) as m:
        tap.equal(m.process.wait(60), 0, '--duration ends it')


def reload():
    with Monitor(config(['ProcessCreate'])) as m:
        with open(f'{m.work}/before', 'w', encoding='ascii'):
            pass
        with open(m.config, 'w', encoding='utf-8') as file:
            file.write(config(['ProcessCreate', 'FileCreate']))
        m.process.send_signal(signal.SIGHUP)
        m.wait(lambda e: e['EventID'] == 16, 'event 16', 2)
        with open(f'{m.work}/after', 'w', encoding='ascii'):
            pass
        m.wait(lambda e: e['EventID'] == 11 and e['TargetFilename'] == f'{m.work}/after', 'an event of the new rules')
        tap.equal([e['TargetFilename'] for e in m.mine(11)], [f'{m.work}/after'], 'SIGHUP: new rules, new programs attached')
        with open(m.config, 'w', encoding='utf-8') as file:
            file.write('<Sysmon')
        m.process.send_signal(signal.SIGHUP)
        end = time.monotonic() + 60
        while 'the rules stay as they are' not in m.messages() and time.monotonic() < end:
            time.sleep(0.05)
        with open(f'{m.work}/still', 'w', encoding='ascii'):
            pass
        m.wait(lambda e: e['EventID'] == 11 and e['TargetFilename'] == f'{m.work}/still', 'the old rules')
        tap.check(True, 'SIGHUP with a bad file: told, and the old rules stay')


def reload_of_a_pipe():
    with Monitor(config(['ProcessCreate'])) as m:
        os.unlink(m.config)
        os.mkfifo(m.config)
        m.process.send_signal(signal.SIGHUP)
        e = m.wait(lambda e: e['EventID'] == 255, 'event 255')
        tap.check('no ordinary file' in e['Description'], 'SIGHUP with a pipe in the place of the file: told', e['Description'])
        m.run('/bin/true')
        tap.check(True, 'and not waited for')


def full_to_the_end():
    """What the queues still hold when the time is over is lost after the last event could tell it."""
    with Monitor(config(['ProcessCreate']), arguments=['--output', 'json:/dev/full']) as m:
        m.run('/bin/true')
        tap.equal(m.stop(), 0, 'a full output does not keep the monitor from ending')
        tap.check(re.search(r'lost at the end: json:/dev/full: \d+ events dropped', m.messages()), 'what it still held is told', m.messages())


def unwanted_deletion():
    """A file that was kept open for the archive, but got another name: its content must not stay on the disk."""
    include = '<FileDelete onmatch="include"><TargetFilename condition="end with">.kept</TargetFilename></FileDelete>'
    with Monitor(config(['ProcessCreate'], more=include)) as m:
        def held():
            links = [os.readlink(entry.path) for entry in os.scandir(f'/proc/{m.process.pid}/fd')]
            return [link for link in links if link.startswith(m.work)]

        with open(f'{m.work}/a.kept', 'w', encoding='ascii') as file:
            file.write('a')
        m.settle()
        tap.equal(held(), [f'{m.work}/a.kept'], 'a file whose deletion is wanted is kept open')
        os.rename(f'{m.work}/a.kept', f'{m.work}/a.other')
        os.unlink(f'{m.work}/a.other')
        m.settle()
        tap.equal(held(), [], 'not beyond its deletion under a name that is not wanted')
        with open(f'{m.work}/b.kept', 'w', encoding='ascii') as file:
            file.write('b')
        os.link(f'{m.work}/b.kept', f'{m.work}/c.kept')
        for name in ('b', 'c'):
            m.settle()
            os.unlink(f'{m.work}/{name}.kept')
            e = m.wait(lambda e, name=name: e['EventID'] == 23 and e['TargetFilename'] == f'{m.work}/{name}.kept', 'event 23')
            tap.equal(e['Archived'], 'true', f'two names of one file, each archived: {name}')
        m.settle()
        tap.equal(held(), [], 'and let go after the second')


def refusals():
    def run(*arguments, **more):
        done = subprocess.run([SYSMON, 'run', *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120, **more)
        return done.returncode, done.stderr.decode(errors='replace')

    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        for name, code, arguments in (('an unknown option', 87, ['--nonsense']), ('a missing file', 2, ['-c', f'{folder}/none.xml']),
                                      ('a bad duration', 87, ['--duration', 'x'])):
            got, text = run(*arguments, '--runtime', f'{folder}/r') if name != 'an unknown option' else run(*arguments)
            tap.check(got == code and text.startswith(('sysmon run', folder, 'Error: ')), f'{name}: exit code {code}, with words', f'{got} {text}')
        with open(f'{folder}/bad.xml', 'w', encoding='ascii') as file:
            file.write('<Sysmon schemaversion="4.90"><EventFiltering><ProcesCreate onmatch="include"/></EventFiltering></Sysmon>')
        got, text = run('-c', f'{folder}/bad.xml')
        tap.check(got == 3 and 'ProcessCreate' in text, 'a misspelt event: exit code 3, with a suggestion', f'{got} {text}')
        got, text = run('--output', f'json:{folder}/no/such/folder/x', '--runtime', f'{folder}/r')
        tap.check(got == 4 and 'folder' in text, 'an output that cannot be opened: exit code 4', f'{got} {text}')
        got, text = run('--runtime', f'{folder}/r', user='nobody')
        tap.check(got == 228 and 'root' in text, 'not root: exit code 228', f'{got} {text}')
    with Monitor(config(['ProcessCreate'])) as m:
        got, text = run('--runtime', os.path.join(m.directory, 'run'), '--duration', '1')
        tap.check(got == 9 and text, 'a second instance: exit code 9', f'{got} {text}')


def overflow():
    """The monitor is held while a storm fills the ring: what is lost is counted and told."""
    with Monitor(config(['ProcessCreate', 'FileCreate', 'FileDeleteDetected'])) as m:
        fd = os.open(m.work, os.O_RDONLY)
        m.process.send_signal(signal.SIGSTOP)
        count = 80000
        for i in range(count):
            name = f'f{i}'
            os.close(os.open(name, os.O_CREAT | os.O_WRONLY, dir_fd=fd))
            os.unlink(name, dir_fd=fd)
        m.process.send_signal(signal.SIGCONT)
        e = m.wait(lambda e: e['EventID'] == 255, 'event 255')
        tap.check(re.search(r'\d+ events? of type \d+ .* lost at kernel: ring full', e['Description']), 'event 255 names stage, cause and count',
                  e['Description'])
        m.settle()
        m.stop()
        rows = totals(m)
        told = sum(int(re.match(r'(\d+)', e['Description'])[1]) for e in m.seen
                   if e['EventID'] == 255 and 'ring full' in e['Description'] and 'type 11' in e['Description'])
        row, got = rows[11], len(m.mine(11))
        tap.equal(row['seen'], row['logged'] + row['filtered'] + row['lost'], 'overflow: seen = logged + filtered + lost')
        tap.check(row['lost'] > 0 and told == row['lost'], 'every loss is told', f'{told} told, {row}')
        tap.check(got + row['lost'] >= count, 'nothing is missing beside', f'{got} events, {row}')


def term_in_a_storm():
    with Monitor(config(['ProcessCreate', 'ProcessTerminate'])) as m:
        pid = os.fork()
        if pid == 0:
            while True:
                subprocess.run(['/bin/true', 'storm'], check=False)
        m.wait(lambda e: e['EventID'] == 1 and 'storm' in e['CommandLine'], 'the storm', 20)
        code = m.stop()
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        rows = totals(m)
        tap.equal((code, m.seen[-1].get('State')), (0, 'Stopped'), 'SIGTERM in a storm: drained and stopped')
        logged = {i: len([e for e in m.seen if e['EventID'] == i]) for i in (1, 5)}
        tap.equal(logged, {i: rows[i]['logged'] for i in (1, 5)}, 'what was logged is in the file, line by line')


def killed():
    with Monitor(config(['ProcessCreate', 'NetworkConnect'])) as m:
        m.stop(signal.SIGKILL)
        left = subprocess.run(['bpftool', 'prog', 'show', 'name', 'packet_out'], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                              check=False) if os.path.exists('/usr/sbin/bpftool') else None
        m.process = subprocess.Popen([SYSMON, 'run', '-c', m.config, '--runtime', os.path.join(m.directory, 'run'), '--duration', '1'],
                                     stdout=subprocess.DEVNULL, stderr=m.log)
        tap.equal(m.process.wait(60), 0, 'after kill -9 the next one starts')
        del left


def resident(pid):
    with open(f'/proc/{pid}/status', encoding='ascii') as file:
        return {k: int(v.split()[0]) for k, v in (line.split(':') for line in file if line.startswith(('VmRSS', 'RssAnon')))}


def many_connections():
    with Monitor(config(['ProcessCreate', 'NetworkConnect'])) as m:
        server = socket.socket()
        server.bind(('127.0.0.1', 0))
        server.listen(128)
        address = server.getsockname()
        reset = b'\1\0\0\0\0\0\0\0'
        memory = []
        for part in range(2):
            for _ in range(10000):
                client = socket.socket()
                client.connect(address)
                peer, _ = server.accept()
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
                client.close()
                peer.close()
            m.settle()
            m.seen = []
            memory.append(resident(m.process.pid))
        tap.check(memory[1]['RssAnon'] - memory[0]['RssAnon'] < 2048, 'ten thousand connections more, no memory more', memory)
        tap.check(memory[1]['VmRSS'] < 64 * 1024, 'resident memory below 64 MiB, the ring included', memory)


for name, test in (('start and stop', start_and_stop), ('reload', reload), ('reload of a pipe', reload_of_a_pipe),
                   ('full to the end', full_to_the_end), ('unwanted deletion', unwanted_deletion), ('refusals', refusals), ('overflow', overflow),
                   ('SIGTERM', term_in_a_storm), ('SIGKILL', killed), ('connections', many_connections)):
    tap.run(name, test)
tap.done()
