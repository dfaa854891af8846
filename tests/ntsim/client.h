/* SPDX-License-Identifier: MIT */
/* The service's side: opens the control device, reads records in a thread of its own, answers questions; and expectations on what came. */
#ifndef NTSIM_CLIENT_H
#define NTSIM_CLIENT_H

#include "io.h"
#include "ps.h"
#include "record.h"

enum { IOCTL_VERSION = (int)0x83400000, IOCTL_READ = (int)0x83400004, IOCTL_CONFIG = (int)0x83400008, IOCTL_CACHE = (int)0x8340000C,
       IOCTL_VERDICT = (int)0x83400010 };
enum { VERDICT_EXCLUDE, VERDICT_INCLUDE, VERDICT_LOG, VERDICT_SILENT };

/* Open as a process; STATUS of the create. */
NTSTATUS client_open_device(struct process *process, PFILE_OBJECT *file, HANDLE *handle);

/* The usual client: open, say "ready", read in the background. */
void client_start(void);
void client_start_with(size_t buffer);          /* size of its read buffer */
void client_stop(void);
bool client_running(void);
PFILE_OBJECT client_file(void);
void client_answer(unsigned verdict);           /* to every question from now on */
void client_sync(void);                         /* everything that was caused so far has been read */
void client_forget(void);                       /* drop the records read so far */

unsigned client_count(uint32_t type);           /* records of a type not yet taken */
unsigned client_questions(void);
uint64_t client_lost(void);                     /* sum of the loss records */
uint64_t client_received(void);
/* Sequence numbers: what is missing is what was counted as lost. */
void client_check_sequence(void);

/* The next record of the type, taken off the list. A missing one fails the point (in a fault run: must be a counted loss). */
const struct record *expect(uint32_t type, const char *what);
/* The next record of the type one of whose extensions is this text. */
const struct record *expect_text(uint32_t type, unsigned extension, const WCHAR *text, const char *what);
void expect_none(uint32_t type, const char *what);
unsigned client_missing(void);                  /* expectations not met in a fault run */
void client_fault_run(bool on);
bool client_in_fault_run(void);

/* One field of a record; NULL records are passed over. */
void field_u32(const struct record *record, const char *name, unsigned offset, uint32_t wanted);
void field_u64(const struct record *record, const char *name, unsigned offset, uint64_t wanted);
void field_pointer(const struct record *record, const char *name, unsigned offset, const void *wanted);
void field_time(const struct record *record, const char *name, unsigned offset, int64_t from, int64_t to);
void field_text(const struct record *record, const char *name, unsigned extension, const WCHAR *wanted);
void field_inline(const struct record *record, const char *name, unsigned offset, const WCHAR *wanted);
void field_sid(const struct record *record, const char *name, unsigned extension, const char *wanted);
void field_empty(const struct record *record, const char *name, unsigned extension);
void field_session(const struct record *record, uint32_t wanted);

#endif
