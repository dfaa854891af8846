#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Events 11 and 26: what is a creation, an overwrite, a deletion, under which name; on each file system at hand."""
import ctypes
import os
import shutil
import subprocess
import sys
import tempfile

from harness import Monitor, Tap, config, require

require()
tap = Tap()
LIBC = ctypes.CDLL(None, use_errno=True)
ME = os.getpid()
AT_FDCWD, RENAME_EXCHANGE = -100, 2


def names(m, event_id, path):
    return [e for e in m.seen if e['EventID'] == event_id and e['TargetFilename'] == path]


def write(path, flags=os.O_CREAT | os.O_WRONLY, **more):
    os.close(os.open(path, flags, 0o600, **more))


def expect(m, name, created, deleted, root):
    """Exactly these names, in order, in `root` since the last call."""
    m.settle()
    for event_id, wanted in ((11, created), (26, deleted)):
        got = [e['TargetFilename'][len(root) + 1:] for e in m.seen
               if e['EventID'] == event_id and e['TargetFilename'].startswith(root + '/')]
        tap.equal(got, wanted, f'{name}: {"created" if event_id == 11 else "deleted"}')
    m.seen = [e for e in m.seen if not e.get('TargetFilename', '').startswith(root + '/')]


def plain(m, root, label):
    def done(name, created=(), deleted=()):
        expect(m, f'{label} {name}', list(created), list(deleted), root)

    os.chdir(root)
    write('new')
    m.settle()
    e = names(m, 11, f'{root}/new')[0]
    tap.equal((e['ProcessId'], e['Image'], e['User']), (ME, os.readlink('/proc/self/exe'), 'root'), f'{label} who created')
    tap.equal(e['CreationUtcTime'], e['UtcTime'], f'{label} CreationUtcTime')
    done('open(O_CREAT)', ['new'])
    write('new')
    done('open(O_CREAT) of what exists is no creation')
    write('new', os.O_WRONLY | os.O_TRUNC)
    m.settle()
    tap.equal([e.get('Overwrite') for e in names(m, 11, f'{root}/new')], ['true'], f'{label} open(O_TRUNC) is marked as overwrite')
    done('open(O_TRUNC)', ['new'])
    os.link('new', 'hard')
    done('link', ['hard'])
    os.symlink('new', 'soft')
    done('symlink', ['soft'])
    os.unlink('soft')
    done('unlink of a link takes the link', [], ['soft'])
    os.unlink('new')
    done('unlink of one of two names', [], ['new'])
    os.unlink('hard')
    done('unlink of the last name', [], ['hard'])
    write('a')
    write('b')
    os.rename('a', 'c')
    done('rename', ['a', 'b', 'c'])
    os.rename('b', 'c')
    done('rename over a file deletes it', ['c'], ['c'])
    write('b')
    LIBC.renameat2(AT_FDCWD, b'b', AT_FDCWD, b'c', RENAME_EXCHANGE)
    done('exchange deletes nothing', ['b', 'c', 'b'])
    os.unlink('b')
    os.unlink('c')
    os.mkdir('dir')
    write('dir/../dir/./x')
    os.symlink('dir', 'way')
    write('way/y')
    done('links and .. on the way', ['dir/x', 'way', 'dir/y'], ['b', 'c'])
    os.unlink('way/../dir/x')
    os.unlink('way/y')
    os.unlink('way')
    done('the same for unlink', [], ['dir/x', 'dir/y', 'way'])
    os.symlink('dir/target', 'last')
    write('last')
    done('a link as last component creates its target', ['last', 'dir/target'])
    write('dir/same')
    write('same')
    os.rename('dir/same', 'same')
    done('a name that moves over its namesake', ['dir/same', 'same', 'same'], ['same'])
    fd = os.open('dir', os.O_RDONLY)
    write('at', dir_fd=fd)
    os.unlink('at', dir_fd=fd)
    os.close(fd)
    done('directory descriptors', ['dir/at'], ['dir/at'])
    for bad in (lambda: os.unlink('not there'), lambda: write('same', os.O_CREAT | os.O_EXCL | os.O_WRONLY),
                lambda: os.rename('not there', 'x')):
        try:
            bad()
        except OSError:
            pass
    os.rename('dir', 'other')
    os.mkdir('empty')
    os.rmdir('empty')
    done('failures and directories are no events')
    hostile = b'line\nfeed \xff \x1b[1m "quoted"'
    write(hostile)
    os.unlink(hostile)
    m.settle()
    tap.equal([len([e for e in m.seen if e['EventID'] == i and e['TargetFilename'].startswith(f'{root}/line')]) for i in (11, 26)],
              [1, 1], f'{label} a hostile name')
    tap.check(any('\\x{FF}' in e.get('TargetFilename', '') and '\n' in e['TargetFilename'] for e in m.seen
                  if e['EventID'] == 11), f'{label} a hostile name arrives whole')
    os.chdir('/')


def deep(m, root):
    os.chdir(root)
    path = root
    for i in range(60):
        name = f'component-number-{i:02}'
        os.mkdir(name)
        os.chdir(name)
        path += '/' + name
    write('leaf')
    os.unlink('leaf')
    os.chdir('/')
    for event_id in (11, 26):
        m.wait(lambda e, i=event_id: e['EventID'] == i and e['TargetFilename'] == path + '/leaf', f'{event_id} in 60 directories')
        tap.check(True, f'event {event_id}: a path of 60 components, {len(path)} bytes')


def bind_mount(m, root):
    os.makedirs(f'{root}/real')
    os.makedirs(f'{root}/bound')
    script = (f'mount --bind {root}/real {root}/bound && : > {root}/bound/file && rm {root}/bound/file'
              f' && cd {root}/bound && : > relative && rm relative')
    result = subprocess.run(['unshare', '-m', '/bin/sh', '-c', script], stderr=subprocess.PIPE)
    if result.returncode:
        tap.skip('bind mount', result.stderr.decode()[:100])
        return
    m.settle()
    for event_id in (11, 26):
        for name in ('file', 'relative'):
            tap.equal(len(names(m, event_id, f'{root}/bound/{name}')), 1, f'event {event_id} through a bind mount: {name}')


def chroot(m, root):
    jail = f'{root}/jail'
    os.makedirs(jail)
    pid = os.fork()
    if pid == 0:
        os.chroot(jail)
        os.chdir('/')
        write('/inside')
        os.unlink('/inside')
        os._exit(0)
    os.waitpid(pid, 0)
    m.settle()
    for event_id in (11, 26):
        got = [e['TargetFilename'] for e in m.seen if e['EventID'] == event_id and e['ProcessId'] == pid]
        tap.equal(got, ['/inside'], f'event {event_id} in a chroot is as the process saw it')


def overlay(m, root):
    """A container's file system: names are those of the union, changes of the layer below are not told beside."""
    for name in ('low', 'up', 'wk', 'union'):
        os.mkdir(f'{root}/{name}')
    write(f'{root}/low/lower')
    m.settle()
    m.seen = []
    script = (f'mount -t overlay overlay -o lowerdir={root}/low,upperdir={root}/up,workdir={root}/wk {root}/union || exit 77;'
              f' cd {root}/union; : > new; rm new; : > a; mv a b; : > c; mv c b; rm b; rm lower')
    result = subprocess.run(['unshare', '-m', '/bin/sh', '-c', script], stderr=subprocess.PIPE)
    if result.returncode:
        tap.skip('overlay', result.stderr.decode()[:100])
        return
    expect(m, 'overlay', ['union/new', 'union/a', 'union/b', 'union/c', 'union/b'],
           ['union/new', 'union/b', 'union/b', 'union/lower'], root)


with Monitor(config(['ProcessCreate', 'FileCreate', 'FileDeleteDetected'])) as monitor:
    tap.run('plain', plain, monitor, monitor.work, 'disk:')
    memory = os.path.realpath(tempfile.mkdtemp(prefix='sysmon-live-', dir='/dev/shm'))
    tap.run('plain', plain, monitor, memory, 'tmpfs:')
    for name, test in (('deep', deep), ('bind mount', bind_mount), ('chroot', chroot), ('overlay', overlay)):
        folder = os.path.join(monitor.work, name.replace(' ', '-'))
        os.mkdir(folder)
        tap.run(name, test, monitor, folder)
    shutil.rmtree(memory, ignore_errors=True)
sys.stdout.flush()
tap.done()
