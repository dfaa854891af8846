#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""sysmon view: every value of every log form comes back; filters. usage: view.py SYSMON RENDER_SAMPLES"""
import os
import re
import subprocess
import sys
import tempfile

PROGRAM, SAMPLES = sys.argv[1:]
SYSLOG = b'Mar  5 08:15:30 host sysmon[700]: '
ESCAPE = re.compile(rb'\\x\{([0-9A-F]{2})\}')


def samples(*arguments):
    return subprocess.run([SAMPLES, *arguments], check=True, capture_output=True).stdout


def view(data, *arguments, code=0):
    done = subprocess.run([PROGRAM, 'view', *arguments], input=data, capture_output=True)
    assert done.returncode == code, (arguments, done.returncode, done.stderr)
    return done.stdout


def parse(text):
    events = []
    for line in text.split(b'\n')[:-1]:
        if line.startswith(b'Event '):
            events.append({})
        elif line:
            name, value = line[1:].split(b': ', 1)
            events[-1][name.decode()] = ESCAPE.sub(lambda m: bytes([int(m[1], 16)]), value).replace(b'--NULL--', b'')
    return events


def raw(*arguments):
    events = []
    for line in samples('raw', *arguments).decode().splitlines():
        number, name, value = line.split(' ')
        while len(events) <= int(number):
            events.append({})
        events[int(number)][name] = bytes.fromhex(value)
    return events


def whole(*arguments):
    wanted = raw(*arguments)
    for form in ('xml', 'json'):
        data = samples(form, *arguments)
        for prefix in (b'', SYSLOG):
            got = parse(view(b''.join(prefix + line + b'\n' for line in data.split(b'\n')[:-1])))
            assert len(got) == len(wanted), (form, len(got), len(wanted))
            for g, w in zip(got, wanted):
                assert {k: g.get(k) for k in w} == w, (form, g, w)


def ordinary_and_hostile(_):
    """ordinary and hostile values come back from XML and JSON, bare and in syslog lines"""
    whole()


def random_values(_):
    """random bytes come back"""
    whole('11', '500')


def parts(_):
    """an event in numbered parts is joined; a gap loses only that event"""
    line = samples('xml').split(b'\n')[0]
    third = len(line) // 3
    pieces = [line[:third], line[third:2 * third], line[2 * third:]]
    local = [SYSLOG + b'part %d/3 of 7: %s\n' % (i + 1, p) for i, p in enumerate(pieces)]
    network = [b'<14>1 2024-03-05T08:15:30.123456Z host sysmon 7 1 [part@32473 record="8" number="%d" count="3"] %s\n' % (i + 1, p)
               for i, p in enumerate(pieces)]
    single = view(line + b'\n')
    assert view(b''.join(local)) == single
    assert view(b''.join(network + local)) == single * 2
    assert view(b''.join([local[0], local[2]] + network)) == single


def filters(_):
    """-e, -r, -t, -f, -E and -X"""
    data = samples('xml')
    first = lambda *a: [l for l in view(data, *a).decode().split('\n') if l.startswith('Event ')]
    assert set(first('-e', '3,255')) == {'Event SYSMONEVENT_NETWORK_CONNECT', 'Event SYSMONEVENT_ERROR'}
    assert len(first('-e', '3', '-e', '10')) == 2
    assert len(first('-r', '2,4')) == 3 and len(first('-r', '300,')) == 1
    everything = len(first())
    assert len(first('-t', '2024-03-05 08:15,2024-03-05 08:15:30')) == everything
    assert not first('-t', '2024-03-05 08:16,') and not first('-t', ',2024-03-05 08:15:29.999')
    assert len(first('-f', 'Image=/usr/bin/bash')) == 1 and not first('-f', 'Image=/usr/bin/BASH')
    assert not first('-f', 'Image=/usr/bin/bash', '-f', 'User=alice')
    text = view(data, '-e', '3', '-E', '3=DestinationPort,Protocol').decode()
    assert text == 'Event SYSMONEVENT_NETWORK_CONNECT\n\tProtocol: tcp\n\tDestinationPort: 443\n', text
    assert view(data, '-X').count(b'\n\nEvent ') == everything - 1


def other_lines(folder):
    """other lines are passed over, broken events are told, files are read, arguments checked"""
    good = samples('xml').split(b'\n')[0] + b'\n'
    assert view(b'Mar  5 host kernel: hello\n' + good) == view(good)
    view(SYSLOG + good[:300] + b'\n', code=1)
    open(f'{folder}/log', 'wb').write(good)
    assert view(b'', f'{folder}/log', f'{folder}/log') == view(good) * 2
    view(b'', f'{folder}/absent', code=2)
    for wrong in (['-q'], ['-e', 'x'], ['-e'], ['-r', '1'], ['-t', 'x'], ['-f', 'x'], ['-E', 'x']):
        view(b'', *wrong, code=87)
    os.symlink(os.path.abspath(PROGRAM), f'{folder}/sysmonLogView')
    assert subprocess.run([f'{folder}/sysmonLogView', '-e', '1'], input=good, capture_output=True).stdout == view(good)


def main():
    tests = [ordinary_and_hostile, random_values, parts, filters, other_lines]
    print(f'1..{len(tests)}')
    for number, test in enumerate(tests, 1):
        with tempfile.TemporaryDirectory() as folder:
            try:
                test(folder)
                print(f'ok {number} - {test.__doc__}')
            except Exception as error:
                print(f'not ok {number} - {test.__doc__}')
                print('# ' + repr(error)[:2000].replace('\n', '\n# '))


if __name__ == '__main__':
    main()
