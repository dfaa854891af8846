#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Put one measured section into the page of measurements, between its markers, in the place it has or at the end.

usage: page.py PAGE NAME SECTION-FILE
"""
import platform
import re
import sys
import time


def processor():
    for line in open('/proc/cpuinfo', encoding='ascii', errors='replace'):
        if line.startswith('model name'):
            return line.split(':', 1)[1].strip()
    return platform.machine()


def main():
    page, name, source = sys.argv[1:4]
    text, section = open(page, encoding='utf-8').read(), open(source, encoding='utf-8').read().strip()
    begin, end = f'<!-- measured: {name} -->', f'<!-- end of {name} -->'
    stamp = f'*{time.strftime("%Y-%m-%d", time.gmtime())}, {processor()}, Linux {".".join(platform.release().split(".")[:2])}*'
    block = f'{begin}\n{section}\n\n{stamp}\n{end}'
    pattern = re.compile(re.escape(begin) + '.*?' + re.escape(end), re.S)
    text = pattern.sub(lambda _: block, text) if pattern.search(text) else f'{text.rstrip()}\n\n{block}\n'
    with open(page, 'w', encoding='utf-8') as file:
        file.write(text)


if __name__ == '__main__':
    main()
