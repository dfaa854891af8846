#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`sysmon check` and `sysmon compile` from outside: exit codes, what goes where, files replaced as a whole.

usage: check_compile.py PROGRAM
"""
import os
import stat
import subprocess
import sys
import tempfile

GOOD = ('<Sysmon schemaversion="4.90"><EventFiltering><RuleGroup groupRelation="or"><ProcessCreate onmatch="include">'
        '<Image condition="image">a.exe</Image></ProcessCreate></RuleGroup></EventFiltering></Sysmon>')
BAD = GOOD.replace('ProcessCreate', 'ProcesCreate')
WARNED = GOOD.replace('<RuleGroup groupRelation="or">', '<RuleGroup>')
EMPTY = '<Sysmon schemaversion="4.90"><EventFiltering/></Sysmon>'
NOTED = GOOD.replace('a.exe', ' a.exe')
program = os.path.abspath(sys.argv[1])
points = 0


def check(name, good, why=''):
    global points
    points += 1
    print(f"{'ok' if good else 'not ok'} {points} - {name}")
    if not good:
        print('#', repr(why))


def run(*arguments):
    done = subprocess.run([program, *arguments], capture_output=True, text=True, timeout=30)
    return done.returncode, done.stdout, done.stderr


def write(name, text):
    with open(name, 'w', encoding='utf-8') as out:
        out.write(text)
    return name


def checks():
    for name, text in (('good.xml', GOOD), ('bad.xml', BAD), ('warned.xml', WARNED), ('noted.xml', NOTED), ('empty.xml', EMPTY)):
        write(name, text)
    for arguments, code in ((['good.xml'], 0), (['bad.xml'], 1), (['good.xml', 'bad.xml'], 1), (['missing.xml'], 2),
                            (['bad.xml', 'missing.xml'], 2), ([], 87), (['--system', 'beos', 'good.xml'], 87), (['--wrong'], 87),
                            (['warned.xml'], 0), (['--strict', 'warned.xml'], 1), (['--strict', 'noted.xml'], 0), (['.'], 2),
                            (['--help'], 0), (['--system', 'windows', 'good.xml'], 0), (['--system', 'linux', 'good.xml'], 0)):
        done = run('check', *arguments)
        check(f"check {' '.join(arguments)} exits {code}", done[0] == code, done)
    check('a sound file says so', run('check', 'good.xml')[1] == 'good.xml: valid: schema 4.90, 1 blocks, 1 filters, 0 warnings, 0 notes\n',
          run('check', 'good.xml'))
    check('findings name file, line and column', run('check', 'bad.xml')[1].startswith('bad.xml:1:77: error: '), run('check', 'bad.xml'))
    check('quiet leaves out notes', 'note:' in run('check', 'noted.xml')[1] and 'note:' not in run('check', '--quiet', 'noted.xml')[1])


def devices():
    """A pipe or a device is written to, not replaced by a file; what cannot be printed is an error."""
    run('compile', 'good.xml', '-o', 'whole.bin')
    os.mkfifo('pipe')
    reader = os.open('pipe', os.O_RDONLY | os.O_NONBLOCK)
    done = run('compile', 'good.xml', '-o', 'pipe')
    check('compile to a pipe', done[0] == 0 and os.read(reader, 65536) == open('whole.bin', 'rb').read(), done)
    check('the pipe is still one', stat.S_ISFIFO(os.lstat('pipe').st_mode))
    os.close(reader)
    if stat.S_ISCHR(os.stat('/dev/full').st_mode):
        for arguments in (['check', 'good.xml'], ['-s']):
            with open('/dev/full', 'wb') as full:
                code = subprocess.run([program, *arguments], stdout=full, stderr=subprocess.DEVNULL, timeout=30).returncode
            check(f"{arguments[0]} that cannot print exits 4", code == 4, code)


def compiles():
    for arguments, code in ((['good.xml', '-o', 'rules.bin'], 0), (['missing.xml', '-o', 'x'], 2), (['bad.xml', '-o', 'x'], 3),
                            (['good.xml', '-o', 'no/such/folder'], 4), (['good.xml', '-o', '.'], 4), (['good.xml'], 87), ([], 87),
                            (['--list-blob', 'missing'], 2), (['--list-blob', 'good.xml'], 3), (['--list-blob', 'rules.bin'], 0),
                            (['--list-blob', 'rules.bin', '-o', 'x'], 87), (['good.xml', '--list'], 0)):
        done = run('compile', *arguments)
        check(f"compile {' '.join(arguments)} exits {code}", done[0] == code, done)
    check('a failed compilation leaves no file', not os.path.exists('x') and not [n for n in os.listdir('.') if n.endswith('.tmp')],
          os.listdir('.'))
    check('compiled rules are the owner\'s', stat.S_IMODE(os.stat('rules.bin').st_mode) == 0o600)
    check('listings of file and blob agree', run('compile', 'good.xml', '--list')[1] == run('compile', '--list-blob', 'rules.bin')[1])
    before = os.stat('rules.bin').st_ino
    run('compile', 'bad.xml', '-o', 'rules.bin')
    check('a bad file changes nothing', os.stat('rules.bin').st_ino == before and os.path.getsize('rules.bin') == 48 + 552)
    write('victim', 'untouched')
    os.symlink('victim', 'link')
    run('compile', 'good.xml', '-o', 'link')
    check('a link is replaced, not followed', open('victim').read() == 'untouched' and not os.path.islink('link'))
    run('compile', 'empty.xml', '-o', 'empty.bin')
    check('no blocks make an empty file', os.path.getsize('empty.bin') == 0)
    check('which lists as no rules', run('compile', '--list-blob', 'empty.bin')[1] == 'No rules installed\n')


def main():
    with tempfile.TemporaryDirectory(dir=os.environ.get('SYSMON_BUILD')) as folder:
        os.chdir(folder)
        checks()
        devices()
        compiles()
        os.chdir('/')
    print(f'1..{points}')


if __name__ == '__main__':
    main()
