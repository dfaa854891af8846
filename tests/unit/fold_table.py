#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The committed upper-case table agrees with this Python's Unicode data on every code point that both know.

usage: fold_table.py SOURCE_ROOT
"""
import os
import subprocess
import sys

root = sys.argv[1]
run = subprocess.run([sys.executable, os.path.join(root, 'schema', 'fold.py'), '--check',
                      os.path.join(root, 'src', 'engine', 'fold_table.h')], capture_output=True, text=True)
print('1..1')
print(f"{'not ok' if run.returncode else 'ok'} 1 - upper-case table against Unicode data")
print(''.join(f'# {line}\n' for line in (run.stdout + run.stderr).splitlines()), end='')
sys.exit(run.returncode)
