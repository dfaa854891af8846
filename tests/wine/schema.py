#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What the Windows program says about itself: schema, usage, wrong switches."""
import xml.etree.ElementTree as xml

import harness


def test(t):
    schema = t.sysmon('-s')
    manifest = xml.fromstring(schema.out)
    ids = {e.get('value') for e in manifest.iter('event')}
    t.check('-s: the Windows form of 4.90', manifest.get('schemaversion') == '4.90' and {'27', '28', '29'} <= ids and '100' not in ids)
    t.check('-s: no targets, no switches of Linux', 'target=' not in schema.out and '"btf"' not in schema.out)
    t.check('-s 4.1: no field of later versions', 'ParentUser' not in t.sysmon('-s', '4.1').out)
    t.equal('/? is help too', t.sysmon('/?').code, 0)
    wrong = t.sysmon('-nl')
    t.check('wrong switches: usage, 87', wrong.code == 87 and 'Usage:' in wrong.err and 'Sysmon64.exe -m' in wrong.err, wrong.err)
    help_text = t.sysmon('-?', 'config').out
    t.check('-? config: no event of Linux', 'eBPFEvent' not in help_text and 'RegistryEvent' in help_text, help_text)


harness.main(test, 'schema')
