/* SPDX-License-Identifier: MIT */
/*
 * Names that outlive the monitor: this machine, this boot, and the ProcessGuid made of them (spec 02 section 3.2).
 *
 * A process is known by its pid and the CLOCK_BOOTTIME nanosecond it was created in. Its GUID has the machine id, the
 * second it was created in, and as key `low 32 bits of that nanosecond << 32 | pid`. The second needs the wall-clock time of
 * the boot, which moves whenever the clock is set or slewed; the first monitor of a boot writes it down in IDENTITY_PATH and
 * later ones use it, so that a restart gives every process the same GUID.
 */
#pragma once

#include "sysmon/event.h"

#define IDENTITY_DIRECTORY "/run/sysmon"
#define IDENTITY_FILE "boot"

struct identity {
    uint32_t machine;   /* first 8 hexadecimal digits of /etc/machine-id; 0 when there is none */
    uint64_t boot_time; /* 100-ns units since 1601 of CLOCK_BOOTTIME 0, fixed for this boot */
    char host[256];     /* computer name */
};

/* Never fails: what cannot be read or kept is replaced by the best guess. */
void identity_read(struct identity *out);

/* Creation time of a process in 100-ns units since 1601, by the fixed boot time. */
uint64_t identity_time(const struct identity *identity, uint64_t start_ns);
struct sysmon_guid identity_process(const struct identity *identity, uint32_t pid, uint64_t start_ns);
/* Key: the audit session. All zero when there is none. */
struct sysmon_guid identity_logon(const struct identity *identity, uint64_t logon_time, uint32_t audit_session);
