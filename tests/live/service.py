#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The installed service from -i to -u, without systemd, in a private view of the file system. Prints TAP.

usage: service.py SYSMON
"""
import json
import os
import signal
import stat
import subprocess
import sys
import time

import sandbox
from sandbox import Events, Tap, run, wait_for

SYSMON = '/run/programs/sysmon'
OUTPUTS = '/etc/sysmon/outputs.conf'
tap = Tap()


def config(*images, algorithms='sha256', name='R'):
    filters = ''.join(f'<Image condition="end with" name="{name}">{i}</Image>' for i in images)
    return (f'<Sysmon schemaversion="4.90"><HashAlgorithms>{algorithms}</HashAlgorithms><EventFiltering><RuleGroup groupRelation="or">'
            f'<ProcessCreate onmatch="include">{filters}</ProcessCreate></RuleGroup><RuleGroup groupRelation="or">'
            '<ProcessTerminate onmatch="include"/></RuleGroup></EventFiltering></Sysmon>\n')


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, 'w') as out:
        out.write(text)
    return path


def read(path):
    with open(path, 'rb') as f:
        return f.read()


def pid():
    return int(read('/run/sysmon.pid'))


def alive(process):
    try:
        return open(f'/proc/{process}/stat').read().rsplit(')', 1)[1].split()[0] != 'Z'
    except (FileNotFoundError, ProcessLookupError):
        return False


def stats():
    return json.loads(run(SYSMON, 'stats', '--json').stdout)


def nothing_left():
    return [p for p in ('/opt/sysmon', '/run/sysmon', '/run/sysmon.pid', '/etc/init.d/sysmon', '/etc/systemd/system/sysmon.service',
                        '/etc/rc3.d/S01sysmon') if os.path.lexists(p)]


def mode(path):
    return oct(os.lstat(path).st_mode & 0o7777)


def installs():
    path = write('/run/c/one.xml', config('/first'))
    answer = run(SYSMON, '-i', path, '-h', 'md5')
    if not tap.equal(answer.returncode, 0, '-i succeeds'):
        print('#', answer.stdout, answer.stderr)
        tap.end()
    tap.point('Sysmon installed.' in answer.stdout and 'Sysmon started.' in answer.stdout, '-i says what it did', answer.stdout)
    tap.equal(mode('/opt/sysmon'), '0o700', 'the directory is root\'s alone')
    tap.equal({f: mode(f'/opt/sysmon/{f}') for f in sorted(os.listdir('/opt/sysmon'))},
              dict(argc='0o600', argv='0o600', **{'config.xml': '0o600'}, eventId='0o600', **{'rules.bin': '0o600'}, sysmon='0o700'),
              'its files and their modes')
    tap.equal(read('/opt/sysmon/config.xml'), read(path), 'config.xml is the file as given')
    run(SYSMON, 'compile', path, '-o', '/run/c/rules')
    tap.equal(read('/opt/sysmon/rules.bin'), read('/run/c/rules'), 'rules.bin is the compiled file')
    tap.equal(read('/opt/sysmon/argv'), b'\0'.join(a.encode() for a in (SYSMON, '-i', path, '-h', 'md5')) + b'\0', 'argv is kept')
    tap.equal(int.from_bytes(read('/opt/sysmon/argc'), sys.byteorder), 5, 'argc is kept')
    tap.point(os.access('/etc/init.d/sysmon', os.X_OK) and os.path.lexists('/etc/rc3.d/S01sysmon'), 'an init script starts it at boot')
    answer = run('/etc/init.d/sysmon', 'status')
    tap.point(answer.returncode == 0 and str(pid()) in answer.stdout, 'the init script knows it runs', answer)


def is_a_daemon():
    me = pid()
    fields = open(f'/proc/{me}/stat').read().rsplit(')', 1)[1].split()
    tap.point(fields[4] == '0', 'no controlling terminal', fields[4])
    tap.equal({os.readlink(f'/proc/{me}/fd/{fd}') for fd in range(3)}, {'/dev/null'}, 'standard streams are given up')
    tap.equal((os.readlink(f'/proc/{me}/cwd'), os.readlink(f'/proc/{me}/exe')), ('/', '/opt/sysmon/sysmon'), 'runs its own copy from /')
    tap.equal((mode('/run/sysmon'), mode('/run/sysmon/control')), ('0o700', '0o600'), 'the control socket is owner-only')


def first_events(events):
    events.wait(4)
    start = events.read()[:2]
    tap.equal([e['EventID'] for e in start], [16, 4], 'event 16, then event 4')
    tap.point(start[0]['Configuration'] == '/run/c/one.xml' and start[0]['ConfigurationFileHash'].startswith('SHA256='),
              'event 16 names file and hash', start[0])
    os.link('/run/programs/true', '/run/first')
    subprocess.run(['/run/first', 'x'], check=True)
    found = events.wait(1, Image='/run/first')
    tap.point(found and found[0]['RuleName'] == 'R' and found[0]['Hashes'].startswith('SHA256='), 'rules and options of the file are used', found)


def refusals():
    answer = run(SYSMON, '-i', '-service')
    tap.point(answer.returncode == 9 and 'another instance' in answer.stderr, 'a second instance is refused', answer)
    before = {f: read(f'/opt/sysmon/{f}') for f in os.listdir('/opt/sysmon') if f != 'eventId'}
    for text, name in (('<Sysmon', 'not XML'), (config('/x').replace('end with', 'ends'), 'an unknown condition'),
                       (config('/x').replace('<Image', '<Imago').replace('</Image', '</Imago'), 'an unknown field')):
        answer = run(SYSMON, '-c', write('/run/c/bad.xml', text))
        tap.point(answer.returncode != 0 and answer.stderr, f'-c refuses {name}', answer)
    tap.point(run(SYSMON, '-c', '/run/c/missing.xml').returncode != 0, '-c refuses a missing file')
    tap.equal({f: read(f'/opt/sysmon/{f}') for f in os.listdir('/opt/sysmon') if f != 'eventId'}, before, 'and changes nothing')
    answer = run('setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups', SYSMON, 'stats')
    tap.point(answer.returncode == 228, 'others cannot ask for counters', answer)
    for switch in ('-i', '-c', '-u'):
        answer = run('setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups', SYSMON, switch)
        tap.point(answer.returncode == 228 and 'root' in answer.stderr, f'{switch} needs root', answer)


def swaps_rules(events):
    """Reloads in the middle of a storm: both configurations log the program, so every start appears exactly once."""
    os.link('/run/programs/true', '/run/storm')
    paths = [write(f'/run/c/swap{i}.xml', config('/storm', '/other', name=f'N{i}')) for i in range(2)]
    run(SYSMON, '-c', paths[0])
    storm = subprocess.Popen(['sh', '-c', 'i=0; while [ $i -lt 1500 ]; do /run/storm $i; i=$((i+1)); done'])
    count = 0
    while storm.poll() is None:
        count += 1
        answer = run(SYSMON, '-c', paths[count % 2])
        if answer.returncode:
            tap.point(False, 'reload under load', answer)
            break
    found = events.wait(1, 1500, Image='/run/storm')
    numbers = sorted(int(e['CommandLine'].split()[1]) for e in events.of(1, Image='/run/storm'))
    tap.point(found and numbers == list(range(1500)), 'no event lost or twice while rules are swapped', (len(numbers), len(set(numbers))))
    tap.point({e['RuleName'] for e in events.of(1, Image='/run/storm')} == {'N0', 'N1'} and count > 1, f'{count} swaps took effect', count)
    wait_for(lambda: sum(e['Configuration'] in paths for e in events.of(16)) >= count + 1)
    tap.equal(sum(e['Configuration'] in paths for e in events.of(16)), count + 1, 'each acknowledged with an event 16')
    totals = stats()
    ids = {e['EventRecordID'] for e in events.read()}
    tap.equal(len(ids), len(events.read()), 'record ids are unique')
    for event, seen in totals['events_seen'].items():
        lost = sum(sum(c.values()) for c in totals.get('events_lost', {}).get(event, {}).values())
        parts = totals['events_logged'][event] + totals['events_filtered'][event] + totals['events_held'][event] + lost
        tap.equal(parts, seen, f'seen = logged + filtered + held + lost: {event}')


def other_ways(events):
    reloads = len(events.of(16))  # all written: swaps_rules() waited for them
    answer = run(SYSMON, '-c', '--')
    tap.point(answer.returncode == 0 and 'defaults' in answer.stdout, '-c -- resets', answer)
    found = events.wait(16, reloads + 1)
    tap.point(found and found[-1]['Configuration'] == 'Defaults' and found[-1]['ConfigurationFileHash'] == '-', 'event 16 says Defaults', found)
    answer = run(SYSMON, '-c')
    tap.point(answer.returncode == 0 and 'No rules installed' in answer.stdout, '-c shows that there are none', answer.stdout)
    run(SYSMON, '-c', '/run/c/one.xml', '-h', 'sha1')
    answer = run(SYSMON, '-c')
    tap.point("value: '/first'" in answer.stdout and 'onmatch: include' in answer.stdout, '-c shows the rules', answer.stdout)
    reloads = len(events.wait(16, reloads + 2))
    os.kill(pid(), signal.SIGHUP)
    tap.point(events.wait(16, reloads + 1), 'SIGHUP reads the configuration again')
    good = read('/opt/sysmon/config.xml').decode()
    write('/opt/sysmon/config.xml', '<Sysmon')
    os.kill(pid(), signal.SIGHUP)
    tap.point(events.wait(255, 1, ID='Configuration'), 'a configuration that cannot be loaded becomes an event 255')
    write('/opt/sysmon/config.xml', good)
    subprocess.run(['/run/first', 'still'], check=True)
    tap.point(events.wait(1, CommandLine='/run/first still'), 'and the rules stay')
    sizes = config('/first').replace('<EventFiltering>', '<FieldSizes>CommandLine:9</FieldSizes><EventFiltering>')
    run(SYSMON, '-c', write('/run/c/sizes.xml', sizes))
    tap.equal(read('/opt/sysmon/fieldSizes'), b'CommandLine:9\0', 'FieldSizes are kept')
    tap.point(' - Field Sizes:                   CommandLine:9\n' in run(SYSMON, '-c').stdout, 'and shown', run(SYSMON, '-c').stdout)
    subprocess.run(['/run/first', 'long'], check=True)
    tap.point(events.wait(1, CommandLine='/run/f...'), 'and used')
    run(SYSMON, '-c', '/run/c/one.xml')
    tap.point(not os.path.exists('/opt/sysmon/fieldSizes'), 'and gone with the next configuration')


def killed(events):
    """After kill -9 nothing stands in the way of the next start, and record ids go on."""
    before = max(e['EventRecordID'] for e in events.read())
    old = pid()
    os.kill(old, signal.SIGKILL)
    wait_for(lambda: not alive(old))
    tap.equal(run(SYSMON, 'stats').returncode, 11, 'stats says that it does not run')
    answer = run(SYSMON, '-c', '/run/c/one.xml')
    tap.point(answer.returncode == 0 and 'not running' in answer.stdout, '-c keeps the file for the next start', answer)
    answer = run('/etc/init.d/sysmon', 'start')
    tap.equal(answer.returncode, 0, 'starts again after kill -9')
    starts = events.wait(4, 2, State='Started')
    tap.point(starts and starts[-1]['EventRecordID'] > before, 'record ids go on', (before, starts and starts[-1]))
    links = run('bpftool', 'prog', 'list').stdout if os.path.exists('/usr/sbin/bpftool') else ''
    tap.point(pid() != old and alive(pid()), 'a new process', links[:100])


def drains(events):
    """SIGTERM in the middle of a storm: what had happened by then is written, `Stopped` is the last event."""
    run(SYSMON, '-c', write('/run/c/storm.xml', config('/storm', '/marker')))
    os.link('/run/programs/true', '/run/marker')
    storm = subprocess.Popen(['timeout', '60', 'sh', '-c', 'while :; do /run/storm x; done'], start_new_session=True)
    events.wait(1, len(events.of(1, Image='/run/storm')) + 50, Image='/run/storm')
    subprocess.run(['/run/marker'], check=True)
    process = pid()
    os.kill(process, signal.SIGTERM)
    tap.point(wait_for(lambda: not alive(process)), 'SIGTERM ends it')
    os.killpg(storm.pid, signal.SIGKILL)
    storm.wait()
    last = events.read()[-1]
    tap.point(last['EventID'] == 4 and last['State'] == 'Stopped', 'event 4 Stopped is the last', last)
    tap.point(events.of(1, Image='/run/marker'), 'what happened before is there')
    tap.point(not os.path.exists('/run/sysmon.pid') and not os.path.exists('/run/sysmon/control'), 'pid file and socket are gone')
    tap.equal(run('/etc/init.d/sysmon', 'start').returncode, 0, 'and starts again')


def reinstalls(events):
    old = pid()
    answer = run(SYSMON, '-i', write('/run/c/two.xml', config('/second')))
    tap.point(answer.returncode == 0 and pid() != old and not alive(old), '-i over an installed one replaces it', answer)
    answer = run(SYSMON, '-c')
    tap.point("'/second'" in answer.stdout and "'/first'" not in answer.stdout, 'with its rules')
    current, files = pid(), {f: read(f'/opt/sysmon/{f}') for f in ('config.xml', 'rules.bin', 'argv')}
    keep = read(OUTPUTS)
    write(OUTPUTS, 'json:/no/such/folder/x.json\n')
    answer = run(SYSMON, '-i', '/run/c/one.xml')
    tap.point(answer.returncode != 0 and '/no/such/folder' in answer.stderr, 'an installation that cannot start says why', answer)
    tap.equal({f: read(f'/opt/sysmon/{f}') for f in files}, files, 'and leaves the files of before')
    write(OUTPUTS, keep.decode())
    tap.equal(run('/etc/init.d/sysmon', 'restart').returncode, 0, 'which still start')
    tap.point(pid() != current, 'as a new process')


def removes():
    process = pid()
    answer = run(SYSMON, '-u')
    tap.point(answer.returncode == 0 and 'Sysmon stopped.' in answer.stdout, '-u', answer)
    tap.point(not alive(process), 'it has ended')
    tap.equal(nothing_left(), [], 'nothing is left')
    answer = run(SYSMON, '-u')
    tap.point(answer.returncode == 10 and 'not installed' in answer.stderr, '-u again says that there is none', answer)
    tap.equal(run(SYSMON, '-u', 'force').returncode, 0, '-u force does not mind')
    answer = run(SYSMON, '-c', '/run/c/one.xml')
    tap.point(answer.returncode == 10 and not os.path.exists('/opt/sysmon'), '-c without an installation changes nothing', answer)


def failed_installs():
    """Every way to fail leaves nothing behind."""
    keep = read(OUTPUTS).decode()
    write(OUTPUTS, 'json:/no/such/folder/x.json\n')
    answer = run(SYSMON, '-i', '/run/c/one.xml')
    tap.point(answer.returncode == 4 and 'not installed' in answer.stderr, 'outputs that cannot be opened', answer)
    tap.equal(nothing_left(), ['/run/sysmon'] if os.path.exists('/run/sysmon') else [], 'nothing half-installed')
    write(OUTPUTS, keep)
    sandbox.mount('-t', 'tmpfs', '-o', 'size=256k,mode=755', 'none', '/opt')
    answer = run(SYSMON, '-i', '/run/c/one.xml')
    tap.point(answer.returncode == 12 and 'No space' in answer.stderr, 'a full disk', answer)
    tap.equal(os.listdir('/opt'), [], 'nothing half-installed')
    subprocess.run(['umount', '/opt'], check=True)
    os.symlink('/run/c', '/opt/sysmon')
    answer = run(SYSMON, '-i', '/run/c/one.xml')
    tap.point(answer.returncode == 12 and sorted(os.listdir('/run/c')) == files_before, 'a link in place of the directory is not followed', answer)
    os.unlink('/opt/sysmon')
    os.mkdir('/opt/sysmon', 0o777)
    os.chown('/opt/sysmon', 65534, 65534)
    answer = run(SYSMON, '-i', '/run/c/one.xml')
    tap.point(answer.returncode == 12 and 'root' in answer.stderr and not os.listdir('/opt/sysmon'), 'nor is somebody else\'s directory used', answer)
    os.rmdir('/opt/sysmon')
    answer = run(SYSMON, '-i', '/run/c/bad.xml')
    tap.point(answer.returncode == 87 and not os.path.exists('/opt/sysmon'), 'a bad configuration', answer)


def state():
    whole = os.path.exists('/run/sysmon.pid') and os.path.exists('/etc/init.d/sysmon') and run(SYSMON, '-c').returncode == 0 and alive(pid())
    return whole, [p for p in nothing_left() if p != '/run/sysmon']


def interruptions():
    """A reader that goes away, and Ctrl-C in the middle: all of it or nothing."""
    for lines in (0, 1, 3):
        subprocess.run(['sh', '-c', f'{SYSMON} -i /run/c/one.xml 2>/dev/null | head -{lines} >/dev/null'], timeout=240)
        whole, left = state()
        tap.point(whole or not left, f'the reader of -i goes away after {lines} lines: installed or not, not between', (whole, left))
        run(SYSMON, '-u', 'force')
    for delay in (0, 0.01, 0.03, 0.1, 0.3, 1):
        process = subprocess.Popen([SYSMON, '-i', '/run/c/one.xml'], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(delay)
        process.send_signal(signal.SIGINT)
        process.wait(240)
        whole, left = state()
        tap.point(whole or not left, f'Ctrl-C after {delay} s: installed or not, not between', (whole, left))
        run(SYSMON, '-u', 'force')


def unit():
    if not os.path.exists('/usr/bin/systemd-analyze'):
        tap.point(True, 'the unit is valid # SKIP no systemd-analyze')
        return
    source = os.path.join(os.environ['SYSMON_SOURCE'], 'packaging/linux/sysmon.service.in')
    write('/run/u/sysmon.service', read(source).decode().replace('@PROGRAM@', SYSMON).replace('@STORE@', '/opt/sysmon'))
    answer = run('systemd-analyze', 'verify', '/run/u/sysmon.service')
    tap.point(answer.returncode == 0 and not answer.stderr, 'the unit is valid', answer)


def main():
    global files_before
    sandbox.enter_private_view(os.path.abspath(__file__), [os.path.abspath(sys.argv[1])])
    sandbox.need_sensor(sys.argv[1])
    if os.path.isdir('/run/systemd/system'):
        sandbox.skip('systemd runs here; this test is about the daemon without it')
    sandbox.make_private_view([sys.argv[1], '/bin/true'])
    write(OUTPUTS, '# where events go\njson:/run/c/events.json   # one object a line\n')
    events = Events('/run/c/events.json')
    try:
        installs()
        is_a_daemon()
        first_events(events)
        refusals()
        swaps_rules(events)
        other_ways(events)
        killed(events)
        drains(events)
        reinstalls(events)
        removes()
        files_before = sorted(os.listdir('/run/c'))
        failed_installs()
        interruptions()
        unit()
    finally:
        run(SYSMON, '-u', 'force')
    tap.end()


if __name__ == '__main__':
    main()
