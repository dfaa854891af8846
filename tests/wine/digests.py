#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Digests of the Windows build, through CNG and through CryptoAPI."""
import os
import re
import shutil

import harness

POINT = re.compile(r'^(not )?ok \d+ - (.*)$', re.M)


def test(t):
    for way in ('cng', 'cryptoapi'):
        shutil.copy(os.path.join(harness.BUILD, 'tests', 'wine', f'digests-{way}.exe'), t.c)
        result = t.run(f'C:\\digests-{way}.exe')
        points = POINT.findall(result.out)
        t.check(f'{way}: every vector', len(points) == 29 and not any(bad for bad, _ in points), result.out + result.err)
        t.check(f'{way}: ran to its end', result.code == 0, result.code)


harness.main(test, 'digests')
