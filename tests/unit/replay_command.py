#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`sysmon replay` as people use it. Prints TAP.

usage: replay_command.py SYSMON
"""
import gzip
import json
import os
import subprocess
import sys
import tempfile

SYSMON = sys.argv[1]
CONFIG = '''<Sysmon schemaversion="4.90"><EventFiltering>
<RuleGroup name="G" groupRelation="or"><ProcessCreate onmatch="include">
  <Image condition="image">bash</Image>
  <CommandLine condition="contains" name="evil">{evil}</CommandLine>
  <LogonId>0x3e7</LogonId>
</ProcessCreate>
<NetworkConnect onmatch="include"><Initiated>true</Initiated><DestinationPort>443</DestinationPort></NetworkConnect>
</RuleGroup></EventFiltering></Sysmon>'''.format(evil='\u00e9vil')
points = []


def point(name, good, note=''):
    points.append((name, good))
    print(f"{'ok' if good else 'not ok'} {len(points)} - {name}")
    if not good:
        print('\n'.join(f'# {line}' for line in str(note).splitlines()))


def run(arguments, given=b''):
    done = subprocess.run([SYSMON, 'replay', *arguments], input=given, capture_output=True, timeout=60)
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr.decode(errors='replace')


def lines(*events):
    return b''.join((e if isinstance(e, bytes) else json.dumps(e).encode()) + b'\n' for e in events)


def main():
    with tempfile.TemporaryDirectory() as folder:
        config, bad_config = os.path.join(folder, 'c.xml'), os.path.join(folder, 'bad.xml')
        for path, text in ((config, CONFIG), (bad_config, '<Sysmon schemaversion="4.90"><EventFiltering>')):
            with open(path, 'w', encoding='utf-8') as file:
                file.write(text)
        test_decisions(config)
        test_values(config)
        test_bad_input(config, bad_config, folder)
        test_bytes(config)
        test_sources(config, folder)
    print(f'1..{len(points)}')
    sys.exit(0 if all(good for _, good in points) else 1)


def test_decisions(config):
    events = lines({'EventID': 1, 'CommandLine': 'an \u00c9VIL one', 'RuleName': 'old', 'Hostname': 'h', 'x': {'y': [1]}},
                   {'EventID': 1, 'CommandLine': 'good'},
                   {'EventID': '1', 'Image': '/bin/bash', 'Provider': 'Linux-Sysmon'},
                   {'EventID': 5})
    code, out, _ = run(['-c', config, '-'], events)
    point('only what is logged, in order, with RuleName',
          code == 0 and [(e['EventID'], e['RuleName']) for e in out] == [(1, 'evil'), (1, 'G'), (5, '-')], out)
    point('the computer is kept', out[0]['Computer'] == 'h', out)
    code, out, _ = run(['--all', '-c', config, '-'], events)
    point('--all says what was decided', [e['Decision'] for e in out] == ['log', 'drop', 'log', 'log'], out)
    code, out, _ = run(['-c', config, '--system', 'windows', '-'], events)
    point('--system overrides the provider: a slash separates nothing', [e['EventID'] for e in out] == [1, 5], out)
    code, out, _ = run(['-c', config, '--explain', '-'], events)
    point('--explain names the filter', 'CommandLine' in out[0]['Why'] and 'contains' in out[0]['Why'] and 'evil' in out[0]['Why']
          and 'default' in out[2]['Why'], out)
    code, out, _ = run(['-'], events)
    point('without a configuration the defaults decide', [e['EventID'] for e in out] == [1, 1, 1, 5], out)


def test_values(config):
    good = [{'LogonId': 999}, {'LogonId': '0x3e7'}, {'LogonId': '999'}, {'LogonId': '0x3E7'}]
    code, out, _ = run(['-c', config, '-'], lines(*({'EventID': 1, **g} for g in good)))
    point('LogonId as number or text', [e['LogonId'] for e in out] == ['0x3e7'] * 4, out)
    good = [(True, 443), ('true', '443'), ('True', 443)]
    code, out, _ = run(['-c', config, '-'], lines(*({'EventID': 3, 'Initiated': i, 'DestinationPort': p} for i, p in good),
                                                  {'EventID': 3, 'Initiated': False, 'DestinationPort': 80}))
    point('booleans and numbers in any form', [(e['Initiated'], e['DestinationPort']) for e in out] == [(True, 443)] * 3, out)
    code, out, _ = run(['--all', '-'], lines({'EventID': 3, 'DestinationPort': '-', 'Initiated': None, 'User': {'a': 1}}))
    point('what a field cannot be stays, what is missing is unset',
          (out[0]['DestinationPort'], out[0]['Initiated'], out[0]['User'], out[0]['SourcePort']) == ('-', False, '-', 0), out)


def test_bad_input(config, bad_config, folder):
    code, out, err = run(['-c', config, '-'], lines(b'{"EventID":1,', {'EventID': 5}, b'[1]', {'EventID': 77}, {'x': 1}, b'',
                                                    {'EventID': 5}))
    point('bad lines are reported by number, the others are evaluated',
          code == 1 and len(out) == 2 and [line.split(': ')[0] for line in err.splitlines()[:4]] == ['-:1', '-:3', '-:4', '-:5'], err)
    code, out, err = run(['-c', config, '-'], lines({'EventID': 4688, 'Channel': 'Security'}, {'EventID': 5}))
    point('events of other providers are left out', code == 0 and len(out) == 1 and '1 events of other' in err, err)
    point('a missing file', run([os.path.join(folder, 'none')])[0] == 2)
    point('a configuration with errors', run(['-c', bad_config, '-'])[0] == 3)
    point('a missing configuration', run(['-c', os.path.join(folder, 'none'), '-'])[0] == 2)
    point('wrong arguments', run([])[0] == 87 and run(['--what', '-'])[0] == 87 and run(['-c'])[0] == 87)
    with open('/dev/full', 'wb') as full:
        done = subprocess.run([SYSMON, 'replay', '-'], input=lines({'EventID': 5}) * 3000, stdout=full, stderr=subprocess.PIPE)
    point('an output that is full', done.returncode == 4 and done.stderr, done)


def test_bytes(config):
    raw = b'{"EventID":1,"CommandLine":"\xff\xc3\xc3\xa9VIL \\ud83d \\u0001 \\\\x{41}"}\n'
    code, once, _ = run(['-c', config, '-'], raw)
    point('bytes that are no UTF-8 are matched around', code == 0 and len(once) == 1, once)
    code, twice, _ = run(['-c', config, '-'], lines(*once))
    point('our own output replays to itself', twice == once and '\\x{FF}' in once[0]['CommandLine'], (once, twice))


def test_sources(config, folder):
    packed, plain = os.path.join(folder, 'e.jsonl.gz'), os.path.join(folder, 'e.jsonl')
    long = {'EventID': 5, 'x': 'y' * 700000}
    data = b'\xef\xbb\xbf' + lines(long, {'EventID': 5}).replace(b'\n', b'\r\n') + b'{"EventID":5}'
    for path, opener in ((packed, gzip.open), (plain, open)):
        with opener(path, 'wb') as file:
            file.write(data)
    code, out, err = run(['-c', config, packed, plain])
    point('gzip, byte order mark, CRLF, long lines, no last newline', code == 0 and len(out) == 6, (code, len(out), err))
    with open(packed, 'r+b') as file:
        file.truncate(os.path.getsize(packed) - 9)
    code, out, err = run(['-c', config, packed, plain])
    point('a cut archive is an error, the next file is still read', code == 2 and len(out) >= 3, (code, len(out), err))
    code, out, err = run(['-'], b'{"EventID":5,"x":"' + b'y' * (17 << 20) + b'"}\n' + lines({'EventID': 5}))
    point('a line that is too long is skipped', code == 1 and len(out) == 1 and '-:1: longer than' in err, (code, err[:200]))


main()
