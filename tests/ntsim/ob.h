/* SPDX-License-Identifier: MIT */
#ifndef NTSIM_OB_H
#define NTSIM_OB_H

#include "nt.h"

struct process;

struct object_type {
    const char *name;
    void (*destroy)(void *body);
    void (*last_handle_closed)(void *body, struct process *process);
    /* NT name of the object; the number of characters, 0 = nameless. */
    size_t (*name_of)(void *body, WCHAR *text, size_t room);
    NTSTATUS (*query_name)(void *body, WCHAR *text, size_t room, size_t *length); /* where it can fail */
};

extern struct object_type ob_process_type, ob_thread_type, ob_file_type, ob_key_type, ob_token_type, ob_event_type, ob_device_type,
    ob_driver_type, ob_link_type, ob_section_type;

/* A zeroed body with one reference. */
void *ob_create(struct object_type *type, size_t size);
void ob_reference(void *body);
void ob_dereference(void *body);
LONG ob_references(void *body);
bool ob_is(void *body, const struct object_type *type); /* bugcheck when it is no live object at all */

/* References in the driver's hands: counted apart, must be zero at unload. */
void ob_give(void *body);       /* the reference just taken is the driver's now */
void ob_take_back(void *body);  /* the driver dropped one through a routine of its own kind */
unsigned ob_report_leaks(void); /* references and handles the driver still has */

/* Handles. `driver` notes who is to close it. */
NTSTATUS ob_handle(void *body, ACCESS_MASK access, bool kernel, bool driver, HANDLE *handle);
void *ob_handle_body(HANDLE handle);    /* NULL when there is none */
ACCESS_MASK ob_handle_access(HANDLE handle);
bool ob_handle_is_kernel(HANDLE handle);
NTSTATUS ob_close(HANDLE handle);
void ob_close_process(struct process *process);

/* Names. Paths are absolute, compared without case; symbolic links are followed. */
NTSTATUS ob_name(void *body, const WCHAR *path);
void ob_unname(void *body);
/* The object with the longest name that is `path` or a prefix of it up to a backslash; *rest = what follows. */
void *ob_lookup(const WCHAR *path, size_t length, const WCHAR **rest, size_t *rest_length);
const WCHAR *ob_path(void *body);       /* its name, NULL */
NTSTATUS ob_link(const WCHAR *path, const WCHAR *target);
bool ob_unlink(const WCHAR *path);
void ob_reset(void);

/* Handle creation and duplication as the object callbacks see them (2.4); the access that is left. */
ACCESS_MASK ob_announce(ULONG operation, void *body, bool kernel_handle, ACCESS_MASK desired, void *source, void *target, void **cookie);
void ob_announce_done(ULONG operation, void *body, bool kernel_handle, ACCESS_MASK granted, NTSTATUS status, void *cookie);
unsigned ob_callbacks(void);            /* registrations that are left */

#endif
