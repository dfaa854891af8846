# SPDX-License-Identifier: MIT
"""Tests under Wine: a private prefix, programs with time limits, registry and event readers, TAP output.

    def test(t):
        t.install()
        t.check('it runs', t.service_state('Sysmon64') == 'RUNNING')
    harness.main(test, 'name')
"""
import codecs
import json
import os
import re
import shutil
import subprocess
import sys
import time
import traceback

SOURCE = os.environ.get('SYSMON_SOURCE') or os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get('SYSMON_BUILD') or os.path.join(SOURCE, 'build', 'windows', 'x64')
PREFIX_SH = os.path.join(SOURCE, 'tests', 'wine', 'prefix.sh')
SERVICES = r'HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Services'


class Result:
    def __init__(self, code, out, err):
        self.code, self.out = code, out
        # without the banner
        self.err = re.sub(r'\A\nOpenSysmon v.*?\n\n', '', err, flags=re.S)

    def lines(self):
        return [line for line in self.out.splitlines() if line.strip()]


class Prefix:
    def __init__(self, name):
        self.root = os.environ.get('WINE_ROOT') or os.path.join(SOURCE, 'build', 'wine')
        self.path = os.path.join(self.root, name)
        self.c = os.path.join(self.path, 'drive_c')
        self.windows = os.path.join(self.c, 'windows')
        self.env = dict(os.environ, WINEPREFIX=self.path, WINEARCH='win64', WINEDEBUG='-all', WINE_ROOT=self.root,
                        WINEDLLOVERRIDES='mscoree,mshtml=', SYSMON_SOURCE=SOURCE)
        self.env.pop('DISPLAY', None)
        self.points, self.stderr = [], []
        if self.shell(f'wine_new {name}; code=$?; trap - EXIT; exit $code', 300):
            sys.exit('cannot make a Wine prefix')
        shutil.copy(os.path.join(BUILD, 'Sysmon64.exe'), self.c)

    def shell(self, commands, limit):
        # no pipe: services that outlive the command would keep it open
        return subprocess.run(['sh', '-c', f'. "{PREFIX_SH}"; {commands}'], env=self.env, timeout=limit, stdout=sys.stderr,
                              stderr=sys.stderr, stdin=subprocess.DEVNULL).returncode

    # ---- programs ----

    def run(self, *command, limit=60, env=None):
        """Runs a Windows program; names without a backslash come from the system."""
        out_path, err_path = os.path.join(self.path, 'out'), os.path.join(self.path, 'err')
        with open(out_path, 'wb') as out, open(err_path, 'wb') as err:
            try:
                code = subprocess.run(['wine', *command], env={**self.env, **(env or {})}, stdin=subprocess.DEVNULL, stdout=out,
                                      stderr=err, timeout=limit).returncode
            except subprocess.TimeoutExpired:
                code = 'timeout'
        text = lambda p: open(p, encoding='utf-8', errors='replace').read().replace('\r', '')
        result = Result(code, text(out_path), text(err_path))
        self.stderr.append(result.err)
        return result

    def start(self, *command, env=None):
        return subprocess.Popen(['wine', *command], env={**self.env, **(env or {})}, stdin=subprocess.DEVNULL,
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def sysmon(self, *arguments, program=r'C:\Sysmon64.exe', limit=90, env=None):
        return self.run(program, *arguments, limit=limit, env=env)

    def boot(self):
        self.shell('wine_boot; trap - EXIT', 200)

    def off(self):
        self.shell('wine_off', 100)

    def kernel_log(self):
        path = os.path.join(self.path, 'kernel.log')
        return open(path, errors='replace').read() if os.path.exists(path) else ''

    # ---- what is there ----

    def file(self, *parts):
        return os.path.join(self.c, *parts)

    def write(self, name, text):
        with open(self.file(name), 'w', encoding='utf-8') as out:
            out.write(text)
        return 'C:\\' + name.replace('/', '\\')

    def registry(self, key):
        """{subkey: {value: int, str or bytes}} below a key, '' being the key itself; None when it does not exist."""
        target = self.file('export.reg')
        if os.path.exists(target):
            os.unlink(target)
        self.run('reg', 'export', key, r'C:\export.reg', '/y')
        if not os.path.exists(target):
            return None
        return parse_reg(open(target, 'rb').read(), key)

    def service(self, name):
        return self.registry(SERVICES + '\\' + name)

    def state(self, name):
        found = re.search(r'STATE\s*:\s*\d+\s+(\w+)', self.run('sc', 'query', name).out)
        return found.group(1) if found else None

    def events(self, name='events.json'):
        """Events of a JSON output so far."""
        path = self.file(name)
        if not os.path.exists(path):
            return []
        with open(path, encoding='utf-8') as lines:
            return [json.loads(line) for line in lines if line.endswith('\n')]

    def wait(self, what, limit=20):
        """Until `what()` is true; the last value of it."""
        deadline = time.monotonic() + limit
        while not (value := what()) and time.monotonic() < deadline:
            time.sleep(0.1)
        return value

    # ---- TAP ----

    def check(self, name, good, why=''):
        self.points.append(bool(good))
        print(f"{'ok' if good else 'not ok'} {len(self.points)} - {name}", flush=True)
        if not good:
            for line in str(why).splitlines():
                print('# ' + line)
        return bool(good)

    def equal(self, name, got, want):
        return self.check(name, got == want, f'got  {got!r}\nwant {want!r}')

    def finish(self):
        bad = [line for text in self.stderr for line in text.splitlines()
               if 'unimplemented function' in line or 'Unhandled' in line]
        self.check('no crash and no missing function in Wine', not bad, '\n'.join(bad))
        print(f'1..{len(self.points)}')


def parse_reg(data, key):
    text = codecs.decode(data, 'utf-16').replace('\r\n', '\n')
    text = re.sub(r'\\\n\s*', '', text)
    found, current = {}, None
    for line in text.split('\n'):
        if line.startswith('['):
            name = line[1:-1]
            current = found.setdefault(name[len(key):].lstrip('\\'), {})
        elif current is not None and (match := re.match(r'(@|"(?:[^"\\]|\\.)*")=(.*)', line)):
            current[match.group(1).strip('"').replace('\\\\', '\\')] = reg_value(match.group(2))
    return found


def reg_value(text):
    if text.startswith('"'):
        return re.sub(r'\\(.)', r'\1', text[1:-1])
    kind, _, rest = text.partition(':')
    if kind == 'dword':
        return int(rest, 16)
    data = bytes(int(b, 16) for b in rest.split(',') if b)
    if kind in ('hex(2)', 'hex(1)'):
        return data.decode('utf-16-le').rstrip('\0')
    if kind == 'hex(7)':
        return [part for part in data.decode('utf-16-le').split('\0') if part]
    return data


def main(test, name):
    if not shutil.which('wine'):
        print('skipped: no Wine')
        sys.exit(77)
    prefix = Prefix(name)
    try:
        prefix.boot()
        test(prefix)
    except Exception:  # a test that breaks off is a failed test, and the server must go
        prefix.check('the test ran to its end', False, traceback.format_exc())
    finally:
        prefix.off()
    prefix.finish()
    sys.exit(not all(prefix.points))
