#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Classic switches: exit codes and messages of what needs no installed service. usage: switches.py SYSMON"""
import os
import subprocess
import sys
import tempfile

PROGRAM = sys.argv[1]
GOOD = '<Sysmon schemaversion="4.90"><EventFiltering><ProcessCreate onmatch="include"><Image condition="image">x</Image>' \
       '</ProcessCreate></EventFiltering></Sysmon>'
# Arguments: exit code, words in what is printed. {good}, {bad}, {absent} are files.
CASES = [
    ('', 87, 'Usage:'), ('-?', 0, 'Usage:'), ('-h', 0, 'Usage:'), ('-help', 0, 'Usage:'), ('-?x', 0, 'Usage:'), ('-h md5', 0, 'Usage:'),
    ('-? config', 0, 'Configuration usage (current schema is version: 4.90):'), ('-? configuration', 0, '100    eBPFEvent'),
    ('foo', 87, "cannot understand 'foo'"), ('-nl', 87, "cannot understand '-nl'"), ('-i -c', 87, 'Usage:'),
    ('-n -h sha1,foo', 87, 'nvalid hashing algorithm'), ('-c {bad}', 87, 'onmatch'), ('-c {absent}', 2, 'No such file'),
    ('--', 87, "The '--' switch must be used with -c switch (config update) to set defaults."),
    ('-c -- -n', 87, 'Cannot use specific settings with enforcing defaults.'),
    ('-d name', 87, 'Option not implemented on Linux.'), ('-r', 87, 'Option not implemented on Linux.'),
    ('-z pipe', 87, 'Option not implemented on Linux.'), ('-t loud', 87, 'Possible options for DebugMode: verbose'), ('-m', 87, 'Usage:'),
    ('schema --system plan9', 87, 'usage: sysmon schema'),
]


def run(*arguments, user=None):
    done = subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, user=user)
    return done.returncode, done.stdout + done.stderr


def cases(folder):
    """documented results"""
    files = {'good': f'{folder}/good.xml', 'bad': f'{folder}/bad.xml', 'absent': f'{folder}/absent.xml'}
    open(files['good'], 'w').write(GOOD)
    open(files['bad'], 'w').write(GOOD.replace('include', 'maybe'))
    for arguments, code, words in CASES:
        got, text = run(*arguments.format(**files).split())
        assert got == code and words in text, (arguments, got, text)


def banner(_):
    """the banner has our own name, goes to standard error, and -nologo silences it"""
    done = subprocess.run([PROGRAM, '-s'], capture_output=True, text=True)
    assert 'OpenSysmon v' in done.stderr and done.stdout.startswith('<manifest')
    assert 'OpenSysmon' not in subprocess.run([PROGRAM, '-s', '-nologo'], capture_output=True, text=True).stderr


def internal_representation(folder):
    """-x writes the rules once and compares them afterwards; -y lists them"""
    config, blob, listing = f'{folder}/c.xml', f'{folder}/blob', f'{folder}/list'
    open(config, 'w').write(GOOD)
    code, text = run('-c', config, '-x', blob)
    size = os.path.getsize(blob)
    assert code == 0 and f'RulesSize = {size}' in text and f'Written {size} bytes' in text, text
    code, text = run('-c', config, '-x', blob)
    assert code == 0 and 'File contents CORRECTLY match internal representation' in text, text
    open(blob, 'r+b').write(b'\xff')
    code, text = run('-c', config, '-x', blob)
    assert code == 254 and 'DOES NOT match' in text, text
    open(blob, 'ab').write(b'x')
    assert run('-c', config, '-x', blob)[0] == 254
    assert run('-c', config, '-x', folder)[0] == 255
    assert run('-c', config, '-y', listing)[0] == 0
    assert "filter: image        value: 'x'" in open(listing).read()


def needs_root(_):
    """without root the privileged switches say so, with 228"""
    if os.geteuid():
        return 'needs root to be somebody else'
    for arguments in (['-i'], ['-c'], ['-u']):
        code, text = run(*arguments, user=65534)
        assert code == 228 and 'You need to run Sysmon as root.' in text, (arguments, code, text)
    assert run('-s', user=65534)[0] == 0
    return None


def main():
    tests = [cases, banner, internal_representation, needs_root]
    print(f'1..{len(tests)}')
    for number, test in enumerate(tests, 1):
        with tempfile.TemporaryDirectory() as folder:
            try:
                skip = test(folder)
                print(f'ok {number} - {test.__doc__}' + (f' # SKIP {skip}' if skip else ''))
            except Exception as error:
                print(f'not ok {number} - {test.__doc__}')
                print('# ' + repr(error).replace('\n', '\n# '))


if __name__ == '__main__':
    main()
