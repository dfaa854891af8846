#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Configurations through XmlLite: the same findings, to the byte, as on Linux; the public files; the reference rules."""
import glob
import os
import shutil

import harness

GOLDEN = os.path.join(harness.SOURCE, 'tests', 'golden', 'config')
CORPUS = os.environ.get('SYSMON_CORPUS') or os.path.join(harness.SOURCE, '..', 'shared', 'corpus')


def bring(t, paths):
    """Copies files to C: and returns their names there."""
    for path in paths:
        shutil.copy(path, t.c)
    return ['C:\\' + os.path.basename(path) for path in paths]


def findings(t):
    paths = sorted(glob.glob(os.path.join(GOLDEN, '*.xml')))
    names = bring(t, paths)
    for system in ('linux', 'windows'):
        said = t.sysmon('check', '--system', system, *names).out.replace('C:\\', '')
        wanted = ''
        for path in paths:
            with open(f'{path[:-4]}.{system}.golden', encoding='utf-8') as golden:
                wanted += ''.join(line for line in golden if not line.startswith('exit '))
        t.equal(f'findings for {system} are those of the Linux build', said.split('\n'), wanted.split('\n'))


def public_files(t):
    names = bring(t, sorted(glob.glob(os.path.join(CORPUS, 'configs', '*.xml'))))
    for system in ('linux', 'windows'):
        result = t.sysmon('check', '--quiet', '--system', system, *names)
        t.check(f'{len(names)} public configurations load for {system}', result.code == 0, result.out)


def reference_rules(t):
    for path in sorted(glob.glob(os.path.join(CORPUS, 'rules-blob', '*.xml'))):
        name = bring(t, [path])[0]
        result = t.sysmon('compile', name, '-o', r'C:\rules.bin')
        made, wanted = (open(p, 'rb').read() if os.path.exists(p) else b'' for p in (t.file('rules.bin'), path + '.bin'))
        t.check(f'rules of {os.path.basename(path)}', len(made) == len(wanted) and made[4:] == wanted[4:], result.out + result.err)
        if os.path.exists(t.file('rules.bin')):
            os.unlink(t.file('rules.bin'))


def test(t):
    findings(t)
    if os.path.isdir(CORPUS):
        public_files(t)
        reference_rules(t)
    else:
        print(f'# skipped: no corpus at {CORPUS}')


if __name__ == '__main__':
    harness.main(test, 'configurations')
