/* SPDX-License-Identifier: MIT */
/* The notification callbacks of processes, threads and images. */
#ifndef NTSIM_PSNOTIFY_H
#define NTSIM_PSNOTIFY_H

#include "ps.h"

NTSTATUS psnotify_process(struct process *process, bool no_file); /* an error = a callback refused the process */
void psnotify_process_exit(struct process *process);
void psnotify_thread(struct thread *thread, bool create);
void psnotify_image(struct process *process, const WCHAR *name, uintptr_t base, size_t size, PFILE_OBJECT file);
void psnotify_reset(void);
/* True while an image callback runs on a kernel that holds the address-space lock there (up to 6.1). */
bool psnotify_address_space_locked(void);

#endif
