#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Rules in the Windows build: the vectors (through XmlLite), random rules against the plain evaluator, recorded events."""
import gzip
import json
import os
import re
import shutil

import harness

CORPUS = os.environ.get('SYSMON_CORPUS') or os.path.join(harness.SOURCE, '..', 'shared', 'corpus')
POINT = re.compile(r'^(not )?ok \d+ - (.*)$', re.M)


def program(t, name, *arguments):
    shutil.copy(os.path.join(harness.BUILD, 'tests', 'wine', name + '.exe'), t.c)
    env = {'SYSMON_CORPUS': 'Z:' + os.path.abspath(CORPUS).replace('/', '\\')}
    result = t.run(f'C:\\{name}.exe', *arguments, limit=200, env=env)
    points = POINT.findall(result.out)
    for bad, title in points:
        t.check(f'{name}: {title}', not bad, result.out[-2000:] + result.err)
    t.check(f'{name} ran to its end', result.code in (0, 77) and (points or result.code == 77), result.out + result.err)


def replay(t):
    source = os.path.join(CORPUS, 'events-json', 'atomic_windows_execution_host_psh_powershell_httplistener.jsonl.gz')
    config = os.path.join(CORPUS, 'configs', 'swiftonsecurity.xml')
    if not os.path.exists(source):
        return
    with gzip.open(source) as packed, open(t.file('events.jsonl'), 'wb') as plain:
        shutil.copyfileobj(packed, plain)
    shutil.copy(config, t.c)
    result = t.sysmon('replay', '--all', '-c', r'C:\swiftonsecurity.xml', r'C:\events.jsonl')
    events = [json.loads(line) for line in result.lines()]
    with open(t.file('events.jsonl'), 'rb') as plain:
        count = sum(1 for _ in plain)
    t.check('replay: every event is decided about', result.code == 0 and len(events) == count, result.err)
    t.check('replay: the DNS query is logged', [e['EventID'] for e in events if e['Decision'] == 'log'] == [22], result.out[:2000])


def test(t):
    program(t, 'rule_vectors')
    program(t, 'rule_oracle', '3000')
    replay(t)


harness.main(test, 'rules')
