#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs a command under the confinement of a systemd unit, as far as the unit's own lines say: capabilities, no new privileges, system
calls, no memory that is writable and executable. A call the unit does not allow ends the process (SIGSYS) instead of failing, so
that a test sees it. usage: confine.py UNIT COMMAND...
"""
import ctypes
import os
import re
import struct
import subprocess
import sys

PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, PR_CAPBSET_DROP, SECCOMP_MODE_FILTER = 22, 38, 24, 2
ALLOW, KILL = 0x7fff0000, 0x80000000
LOAD, EQUAL, MASKED, RETURN = 0x20, 0x15, 0x45, 0x06  # BPF_LD|W|ABS, BPF_JMP|JEQ|K, BPF_JMP|JSET|K, BPF_RET|K
AUDIT_ARCH_X86_64 = 0xc000003e
PROT_WRITE, PROT_EXEC = 2, 4


def setting(unit, name):
    return ' '.join(re.findall(rf'^{name}=(.*)$', unit, re.M)).split()


def members(group):
    """Calls of a group as systemd itself defines it, nested ones included."""
    text = subprocess.run(['systemd-analyze', 'syscall-filter', group], capture_output=True, text=True, check=True).stdout
    for word in (line.strip() for line in text.splitlines()[1:]):
        if word.startswith('@'):
            yield from members(word)
        elif word and not word.startswith('#'):
            yield word


def numbers():
    header = open('/usr/include/x86_64-linux-gnu/asm/unistd_64.h').read()
    return {name: int(number) for name, number in re.findall(r'#define __NR_(\w+) (\d+)', header)}


def program(allowed):
    """Wrong architecture: killed. mmap and mprotect with PROT_WRITE and PROT_EXEC, or mprotect to PROT_EXEC: killed."""
    table = numbers()
    out = [(LOAD, 0, 0, 4), (EQUAL, 1, 0, AUDIT_ARCH_X86_64), (RETURN, 0, 0, KILL), (LOAD, 0, 0, 0)]
    for name in sorted(allowed):
        if name in ('mmap', 'mprotect') or name not in table:
            continue
        out += [(EQUAL, 0, 1, table[name]), (RETURN, 0, 0, ALLOW)]
    protection = 16 + 2 * 8  # third argument
    out += [(EQUAL, 0, 4, table['mprotect']), (LOAD, 0, 0, protection), (MASKED, 0, 1, PROT_EXEC), (RETURN, 0, 0, KILL), (RETURN, 0, 0, ALLOW)]
    out += [(EQUAL, 0, 5, table['mmap']), (LOAD, 0, 0, protection), (MASKED, 0, 2, PROT_WRITE), (MASKED, 0, 1, PROT_EXEC), (RETURN, 0, 0, KILL),
            (RETURN, 0, 0, ALLOW), (RETURN, 0, 0, KILL)]
    return b''.join(struct.pack('<HBBI', *line) for line in out), len(out)


def main():
    unit = open(sys.argv[1]).read()
    allowed = set()
    for word in setting(unit, 'SystemCallFilter'):
        allowed.update(members(word) if word.startswith('@') else [word])
    allowed.add('execve')  # of the command itself
    keep = {name.lower() for name in setting(unit, 'CapabilityBoundingSet')}
    header = open('/usr/include/linux/capability.h').read()
    libc = ctypes.CDLL(None, use_errno=True)
    for name, number in re.findall(r'#define (CAP_\w+)\s+(\d+)', header):
        if name.lower() not in keep:
            libc.prctl(PR_CAPBSET_DROP, int(number), 0, 0, 0)
    code, count = program(allowed)
    buffer = ctypes.create_string_buffer(code)
    filters = ctypes.create_string_buffer(struct.pack('<HxxxxxxQ', count, ctypes.addressof(buffer)))
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, filters, 0, 0):
        sys.exit(f'confine: {os.strerror(ctypes.get_errno())}')
    os.execv(sys.argv[2], sys.argv[2:])


main()
