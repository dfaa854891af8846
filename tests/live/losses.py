#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every stage overflowed on purpose: what is lost is counted where it is lost, the sums close, events 255 tell it.

  kernel   the monitor is stopped (SIGSTOP) while more happens than the ring holds
  outputs  one on a file system of a few pages, one to a socket nobody listens on, both with a small queue; the third is healthy

Prints TAP. usage: losses.py SYSMON
"""
import json
import os
import re
import signal
import subprocess
import sys

import sandbox
from sandbox import Events, Tap, run, wait_for

SYSMON = '/run/programs/sysmon'
CONFIG = ('<Sysmon schemaversion="4.90"><EventFiltering><RuleGroup groupRelation="or"><ProcessCreate onmatch="include">'
          '<Image condition="is">/run/c/storm</Image></ProcessCreate></RuleGroup><RuleGroup groupRelation="or"><ProcessTerminate onmatch="include">'
          '<Image condition="is">/run/c/storm</Image></ProcessTerminate></RuleGroup></EventFiltering></Sysmon>')
STARTS = 400
tap = Tap()


def stats():
    return json.loads(run(SYSMON, 'stats', '--json').stdout)


def lost_of(totals, event):
    return sum(sum(causes.values()) for causes in totals['events_lost'].get(event, {}).values())


def closes(totals):
    """The sums of the issue: nothing unexplained at any stage."""
    return [event for event, seen in totals['events_seen'].items()
            if seen != totals['events_logged'][event] + totals['events_filtered'][event] + totals['events_held'][event] + lost_of(totals, event)] + \
           [output for output, written in totals['output_written'].items()
            if written != totals['output_delivered'][output] + totals['output_queued'][output] + sum(totals['output_dropped'][output].values())]


def quiet():
    """Nothing waits any more, as far as this test's own events go."""
    totals = stats()
    healthy = [o for o in totals['output_queued'] if o.startswith('json:/run/c/')][0]
    return not any(totals['events_held'].values()) and not totals['output_queued'][healthy] and totals


def overflow_ring(monitor, ring):
    """Large command lines fill it soon. The storm runs while nobody reads."""
    argument = 'x' * 100000
    before = stats()
    monitor.send_signal(signal.SIGSTOP)
    for number in range(STARTS):
        subprocess.run(['/run/c/storm', str(number), argument], check=True)
    monitor.send_signal(signal.SIGCONT)
    return before


def told(events, event, stage, cause):
    """The sum that events 255 have told of one kind of loss."""
    pattern = re.compile(rf'(\d+) events? of type {event} \S+ lost at {stage}: {cause}')
    return sum(int(m.group(1)) for e in events.of(255) if (m := pattern.match(e['Description'])))


def kernel(monitor, events):
    overflow_ring(monitor, None)
    totals = wait_for(lambda: (t := quiet()) and lost_of(t, '1 ProcessCreate') and t)
    if not tap.point(totals, 'the ring overflows', stats()):
        return
    lost = totals['events_lost']['1 ProcessCreate']['kernel']['ring full']
    mine = {e['CommandLine'].split()[1] for e in events.of(1)}
    tap.point(0 < len(mine) < STARTS, 'some of the storm is there, some is not', len(mine))
    tap.point(len(mine) + lost >= STARTS, 'what is not there is counted', (len(mine), lost))
    tap.equal(closes(totals), [], 'seen = logged + filtered + held + lost')
    wait_for(lambda: told(events, 1, 'kernel', 'ring full') >= lost)
    tap.equal(told(events, 1, 'kernel', 'ring full'), lost, 'events 255 tell stage, cause and number')
    subprocess.run(['/run/c/storm', 'after'], check=True)
    tap.point(wait_for(lambda: any(e['CommandLine'] == '/run/c/storm after' for e in events.of(1))), 'afterwards everything comes again')


def outputs(events):
    for number in range(300):
        subprocess.run(['/run/c/storm', f'output{number}', 'y' * 400], check=True)
    wait_for(lambda: any(e['CommandLine'].startswith('/run/c/storm output299') for e in events.of(1)))
    mine = {e['CommandLine'].split()[1] for e in events.of(1) if e['CommandLine'].split()[1].startswith('output')}
    tap.equal(len(mine), 300, 'a dead and a full output do not cost the healthy one anything')
    totals = wait_for(quiet)
    dead, full = [next(o for o in totals['output_written'] if part in o) for part in ('nobody', 'small')]
    tap.point(totals['output_dropped'][dead]['down'] > 0 and totals['output_delivered'][dead] == 0, 'nobody listens: dropped, counted', totals['output_dropped'][dead])
    tap.point(totals['output_dropped'][full]['down'] > 0 and totals['output_delivered'][full] > 0, 'a full disk: dropped, counted', totals['output_dropped'][full])
    tap.equal(closes(totals), [], 'written = delivered + queued + dropped, for each output')
    tap.point(wait_for(lambda: {'nobody', 'small'} <= {w for e in events.of(255) for w in ('nobody', 'small') if w in e['Description']}),
              'events 255 name the outputs', [e['Description'] for e in events.of(255)][-3:])
    lines = open('/run/small/events.json', 'rb').read()
    tap.point(all(json.loads(line) for line in lines.splitlines()) and lines.endswith(b'\n'), 'the full file has whole records only', lines[-60:])
    return full


def recovers(events, full):
    """Room again: the output goes on by itself."""
    subprocess.run(['mount', '-o', 'remount,size=16m', '/run/small'], check=True)
    before = stats()['output_delivered'][full]
    subprocess.run(['/run/c/storm', 'again'], check=True)
    tap.point(wait_for(lambda: stats()['output_delivered'][full] > before), 'with room again the output goes on')


def main():
    sandbox.enter_private_view(os.path.abspath(__file__), [os.path.abspath(sys.argv[1])])
    sandbox.need_sensor(sys.argv[1])
    sandbox.make_private_view([sys.argv[1], '/bin/true'])
    os.makedirs('/run/c')
    os.makedirs('/run/small')
    os.link('/run/programs/true', '/run/c/storm')
    sandbox.mount('-t', 'tmpfs', '-o', 'size=32k', 'none', '/run/small')
    with open('/run/c/config.xml', 'w') as out:
        out.write(CONFIG)
    events = Events('/run/c/events.json')
    monitor = sandbox.start(SYSMON, 'run', '-c', '/run/c/config.xml', '--output', 'json:/run/c/events.json,queue-bytes=64M',
                             '--output', 'json:/run/small/events.json,queue=50', '--output', 'json:unix:/run/nobody,queue=10',
                            stderr=subprocess.PIPE)
    try:
        tap.point(events.wait(4), 'started')
        kernel(monitor, events)
        recovers(events, outputs(events))
        last = closes(wait_for(quiet))
        tap.equal(last, [], 'the sums still close')
    finally:
        monitor.send_signal(signal.SIGCONT)
        monitor.terminate()
        _, text = monitor.communicate(timeout=60)
    tap.equal(monitor.returncode, 0, 'ends well')
    for line in re.findall(r'seen (\d+), logged (\d+), filtered (\d+), lost (\d+)', text):
        seen, *parts = map(int, line)
        tap.equal(sum(parts), seen, 'the closing totals close')
    tap.end()


if __name__ == '__main__':
    main()
