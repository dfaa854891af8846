/* SPDX-License-Identifier: MIT */
/* A machine that is booted, gets the driver, is used by a test, and must be clean after the driver is gone. */
#ifndef NTSIM_WORLD_H
#define NTSIM_WORLD_H

#include "fs.h"
#include "io.h"
#include "loader.h"
#include "ps.h"

struct world {
    struct process *service, *explorer, *user; /* SYSTEM service (the client), a user's shell, a user's program */
    struct token *user_token, *admin_token, *system_token;
    struct fs_volume *c, *d;                   /* system volume; a second one (FAT) */
    PDRIVER_OBJECT driver;
    struct image image;
    NTSTATUS entry_status;
    bool loaded;
};
extern struct world world;

void world_boot(void);                         /* on the current profile, without the driver */
NTSTATUS world_load(void);                     /* the driver's DriverEntry */
/* Service stop: DriverUnload, then nothing of the driver may be left. */
void world_unload(void);
void world_end(void);                          /* unload when loaded, throw everything away */

void world_driver_file(const struct driver_file *file);
#define SERVICE_KEY L"\\REGISTRY\\MACHINE\\SYSTEM\\ControlSet001\\Services\\SysmonDrv"
void world_parameter(const WCHAR *name, ULONG type, const void *data, ULONG size); /* a value under Parameters */
void world_parameter_dword(const WCHAR *name, ULONG value);

/* Act as the first thread of a process, in user mode; KernelMode identity again with as(NULL). */
void as(struct process *process);
void as_thread(struct thread *thread);

/* All DPCs, work items and other runners have come to rest. */
void world_settle(void);

#endif
