/* SPDX-License-Identifier: MIT */
/* The NT version being simulated: which exports exist follows from its build number, the rest are its habits. */
#ifndef NTSIM_PROFILE_H
#define NTSIM_PROFILE_H

#include "nt.h"

struct profile {
    const char *name;
    unsigned major, minor, build, service_pack;
    bool filter_manager_serves;      /* false: FltRegisterFilter succeeds and no operation ever comes (nt52-facts) */
    bool late_command_line;          /* process-create callback runs before the parameters have a command line */
    bool raw_parameters;             /* RTL_USER_PROCESS_PARAMETERS not normalised in the callbacks: offsets, not pointers */
    bool early_thread_callback;      /* thread-create callback runs before the thread object is inserted */
    bool legacy_image_names;         /* image names in Win32 and \SystemRoot forms */
    bool upper_case_registry_path;   /* \REGISTRY\MACHINE\SYSTEM\CONTROLSET001\SERVICES\… */
    bool user_registry_buffers;      /* registry callbacks see the caller's own memory (before 6.2) */
    bool registry_rename;            /* rename notifications exist */
    bool registry_create;            /* create and open notifications exist (nt52-facts: not on the test kernel) */
    bool fat_volumes;                /* the system volume is FAT: no streams, no ids */
    bool swallows_callback_exceptions; /* registry callbacks: before 6.1 */
};

extern const struct profile *profile; /* the one being run */
extern const struct profile profiles[];
extern const size_t profile_count;

const struct profile *profile_find(const char *name);
static inline bool nt_at_least(unsigned build) { return profile->build >= build; }
enum { NT52 = 3790, VISTA = 6001, WIN7 = 7601, WIN8 = 9200, WIN81 = 9600, WIN10 = 10240, WIN10_1607 = 14393, WIN10_1703 = 15063,
       WIN10_1709 = 16299, WIN10_2004 = 19041, WIN11 = 22000 };

#endif
