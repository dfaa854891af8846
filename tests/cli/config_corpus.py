#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Public configurations load on both systems, and reference rules are reproduced byte for byte (except the version).

usage: config_corpus.py PROGRAM
"""
import glob
import json
import os
import subprocess
import sys
import tempfile

ROOT = os.environ.get('SYSMON_SOURCE') or os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..')
CORPUS = os.environ.get('SYSMON_CORPUS') or os.path.join(ROOT, '..', 'shared', 'corpus')
point = 0


def say(good, what, why=''):
    global point
    point += 1
    print(f"{'ok' if good else 'not ok'} {point} - {what}")
    for line in why.splitlines()[:20] if not good else []:
        print('#', line)


def run(command, *arguments):
    done = subprocess.run([*command, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
    return done.returncode, done.stdout.decode('utf-8', 'replace')


def check_blob(command, path, out):
    code, said = run(command, 'compile', '--system', 'windows', path, '-o', out)
    made = open(out, 'rb').read() if code == 0 else b''
    wanted = open(path + '.bin', 'rb').read()
    same = len(made) == len(wanted) and made[4:] == wanted[4:] and made[:4] == b'\0\0\x12\0'
    say(same, f'rules of {os.path.basename(path)}', said)
    code, said = run(command, 'compile', '--list-blob', path + '.bin')
    say(code == 0 and said.startswith('Rule configuration (version 4.'), f'listing of {os.path.basename(path)}.bin', said)


def check_vectors(command, folder):
    """Every configuration of the vectors must load; what it decides is tested elsewhere."""
    path = os.path.join(folder, 'vector.xml')
    rows = [json.loads(line) for line in open(os.path.join(CORPUS, 'rule-vectors.jsonl'), encoding='utf-8')]
    bad = []
    for row in rows:
        if row['cfg'] is not None:
            rules = row['cfg'].replace('{n*255}', 'n' * 255)
            with open(path, 'w', encoding='utf-8') as f:
                f.write(f"<Sysmon schemaversion=\"{row.get('v', '4.90')}\"><EventFiltering>{rules}</EventFiltering></Sysmon>")
            code, said = run(command, 'check', '--quiet', path)
            if code:
                bad.append(f"{row['id']}: {said}")
    say(not bad, f'configurations of {len(rows)} vectors load', '\n'.join(bad))


def main():
    command = [os.path.abspath(sys.argv[1])]
    if not os.path.isdir(CORPUS):
        print(f'skipped: no corpus at {CORPUS}')
        sys.exit(77)
    with tempfile.TemporaryDirectory(dir=os.environ.get('SYSMON_BUILD')) as folder:
        for path in sorted(glob.glob(os.path.join(CORPUS, 'configs', '*.xml'))):
            for system in ('windows', 'linux'):
                code, said = run(command, 'check', '--system', system, path)
                say(code == 0, f'{os.path.basename(path)} loads on {system}', said)
        for path in sorted(glob.glob(os.path.join(CORPUS, 'rules-blob', '*.xml'))):
            check_blob(command, path, os.path.join(folder, 'rules.bin'))
        check_vectors(command, folder)
    print(f'1..{point}')


if __name__ == '__main__':
    main()
