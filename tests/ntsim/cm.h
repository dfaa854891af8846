/* SPDX-License-Identifier: MIT */
/* The registry: a tree of keys and values, the system calls on it, and the callbacks around them (spec 08 section 2.5). */
#ifndef NTSIM_CM_H
#define NTSIM_CM_H

#include "nt.h"

struct key_node;

/* What user mode does. Names are relative to `root` when it is not NULL, else absolute (\REGISTRY\…). Runs in the current identity. */
NTSTATUS cm_create(HANDLE root, const WCHAR *path, void *transaction, HANDLE *key, ULONG *disposition);
NTSTATUS cm_open(HANDLE root, const WCHAR *path, HANDLE *key);
NTSTATUS cm_set_value(HANDLE key, const WCHAR *name, ULONG type, const void *data, ULONG size);
NTSTATUS cm_delete_value(HANDLE key, const WCHAR *name);
NTSTATUS cm_delete_key(HANDLE key);
NTSTATUS cm_rename_key(HANDLE key, const WCHAR *new_name);
NTSTATUS cm_query_value(HANDLE key, const WCHAR *name, void *data, ULONG room, ULONG *size);
NTSTATUS cm_close(HANDLE key);

/* How the caller's own buffers behave where callbacks can see them (before 6.2). */
enum cm_mood { CM_MOOD_GOOD, CM_MOOD_FAULTING, CM_MOOD_CHANGING, CM_MOOD_KERNEL_ADDRESS };
void cm_mood(enum cm_mood mood);

/* Straight into the tree, no callbacks: to prepare a world. Missing keys are made. */
void cm_plant(const WCHAR *path, const WCHAR *name, ULONG type, const void *data, ULONG size);
void cm_unplant(const WCHAR *path, const WCHAR *name);
bool cm_exists(const WCHAR *path);

/* Every notification class goes to the driver once with a structure it has never seen: must be answered with success. */
NTSTATUS cm_unknown_class(ULONG class);

void cm_check_alive(void *key_body);    /* a bug when the key object is being destroyed */
unsigned cm_report_callbacks(void);
void cm_begin(void);
void cm_reset(void);

#endif
