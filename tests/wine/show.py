#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`make run-windows`: installs into a Wine prefix, runs a few programs, prints their events as they come."""
import os
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness  # noqa: E402
import laboratory  # noqa: E402

CONFIG = '''<Sysmon schemaversion="4.90"><HashAlgorithms>sha256</HashAlgorithms><EventFiltering>
<ProcessCreate onmatch="exclude"/><ProcessTerminate onmatch="exclude"/><DriverLoad onmatch="exclude"/>
<ImageLoad onmatch="include"><ImageLoaded condition="end with">oleaut32.dll</ImageLoaded></ImageLoad>
<CreateRemoteThread onmatch="exclude"/><ProcessAccess onmatch="exclude"/><RegistryEvent onmatch="include"><TargetObject condition="contains">SysmonDemo</TargetObject></RegistryEvent>
<FileCreate onmatch="include"><TargetFilename condition="contains">demo</TargetFilename></FileCreate>
<FileDeleteDetected onmatch="include"><TargetFilename condition="contains">demo</TargetFilename></FileDeleteDetected><PipeEvent onmatch="exclude"/>
</EventFiltering></Sysmon>'''
PROGRAMS = [('cmd.exe', '/c', 'echo hello'), ('reg.exe', 'add', r'HKLM\Software\SysmonDemo', '/v', 'Number', '/t', 'REG_DWORD', '/d', '7', '/f'),
            ('regsvr32.exe', '/s', 'oleaut32.dll'), ('cmd.exe', '/c', r'echo text> C:\demo.txt'), ('cmd.exe', '/c', r'del C:\demo.txt'),
            (r'C:\actor.exe', 'pipes'), (r'C:\actor.exe', 'intrude'), ('reg.exe', 'delete', r'HKLM\Software\SysmonDemo', '/f')]


def follow(path, ended):
    at = 0
    while not ended.wait(0.2) or os.path.getsize(path) > at:
        if os.path.exists(path):
            with open(path, encoding='utf-8', errors='replace') as events:
                events.seek(at)
                text = events.read()
                at = events.tell()
            sys.stdout.write(text)
            sys.stdout.flush()


def main():
    t = harness.Prefix('show')
    ended = threading.Event()
    try:
        t.boot()
        print('Installing …')
        result = laboratory.install(t, CONFIG, r'text:C:\events.txt,oneline')
        print(result.out + result.err)
        printer = threading.Thread(target=follow, args=(t.file('events.txt'), ended), daemon=True)
        printer.start()
        for program in PROGRAMS:
            print('>', *program, flush=True)
            laboratory.launch(t, *program)
            time.sleep(1)
        print('> Sysmon64.exe -u', flush=True)
        print(t.sysmon('-u').out)
    finally:
        ended.set()
        time.sleep(0.5)
        t.off()


main()
