/* SPDX-License-Identifier: MIT */
#ifndef NTSIM_PS_H
#define NTSIM_PS_H

#include "nt.h"
#include "sched.h"
#include "se.h"

/* Where every process of this world has its image and its ntdll. */
enum { IMAGE_BASE = BY_ARCH(0x46000000, 0x16000000), NTDLL_BASE = BY_ARCH(0x47000000, 0x17000000), NTDLL_SIZE = 0x1a0000 };
enum { PATH_CHARS = 320, COMMAND_CHARS = 2048 };

/* The body of an EPROCESS object. To the driver it is opaque; it starts like every dispatcher object. */
struct process {
    DISPATCHER_HEADER header;
    uint32_t id, parent_id, session;
    int64_t create_time, exit_time;
    NTSTATUS exit_status;
    struct token *token;
    WCHAR image[PATH_CHARS];          /* \Device\HarddiskVolume1\… */
    WCHAR opened[PATH_CHARS];         /* as the creator wrote it: \??\C:\… */
    WCHAR command_line[COMMAND_CHARS];
    WCHAR directory[PATH_CHARS];      /* DOS form, ends in a backslash */
    char short_name[16];
    bool wow64, protected, is_system, exiting, images_done;
    uint64_t start_key;
    PFILE_OBJECT file;                /* the image; NULL for System */
    uint8_t *peb;                     /* user memory; NULL for System */
    uint8_t *parameters;              /* user memory */
    struct thread *threads;
    struct process *next;
};

struct thread {
    DISPATCHER_HEADER header;
    uint32_t id;
    struct process *process;
    void *start;
    int64_t create_time;
    bool inserted;                    /* false: the object manager does not know it yet */
    bool terminated, system;
    struct token *impersonation;
    uint8_t *teb;                     /* user memory, NULL = none */
    uintptr_t user_frames[32];        /* what RtlWalkFrameChain finds in user mode */
    unsigned user_frame_count;
    struct thread *next;
};

/* --- the world's processes ------------------------------------------------------------------------------------------- */

struct process_plan {
    const WCHAR *image;               /* DOS path: C:\… */
    const WCHAR *command_line, *directory;
    struct token *token;              /* NULL = the creator's */
    uint32_t session;
    bool wow64, protected;
    bool no_file;                     /* subsystem process: FileObject and ImageFileName are NULL */
    struct process *parent;           /* NULL = the creator */
    unsigned options;                 /* PLAN_* */
};
enum { PLAN_FILE_LOCKED = 1, PLAN_FILE_REPLACED = 2 };

/* As NtCreateUserProcess: object, callbacks, first thread. Runs in the current identity. NULL when a callback refused. */
struct process *ps_create(const struct process_plan *plan);
/* Called with every new process before the callbacks hear of it. */
void ps_on_create(void (*spoil)(struct process *process));
void ps_set_image_base(struct process *process, uintptr_t base); /* in its PEB: hollowed */
/* Map the executable and ntdll, as the loader does before the entry point; calls the image callbacks. */
void ps_start(struct process *process);
void ps_exit(struct process *process, NTSTATUS status);
/* A thread in `process`, created by the current identity. */
struct thread *ps_thread(struct process *process, void *start);
void ps_thread_exit(struct thread *thread);
/* Map an image into the current process (or load a driver: process NULL). */
void ps_load_image(struct process *process, const WCHAR *dos_path, uintptr_t base, size_t size);
/* As NtOpenProcess and NtDuplicateObject from user mode; the handle's access, 0 when refused. */
ACCESS_MASK ps_open(struct process *target, ACCESS_MASK access);
ACCESS_MASK ps_duplicate(struct process *source, struct process *target, struct process *object, ACCESS_MASK access);

struct process *ps_list(void);
struct process *ps_current(void);
struct process *ps_system(void);
struct thread *ps_first_thread(struct process *process);
struct process *ps_find(uint32_t id);
static inline uint32_t ps_id(const struct process *process) { return process ? process->id : 0; }
void *ps_address_space(void);         /* the process whose user memory is visible now */
struct thread *ps_idle_thread(void);  /* an identity in System for the simulator's own runners */
struct thread *ps_system_thread(void *start);
void ps_check_opened(void *body);     /* the driver opens a handle to it: legal now? */
bool ps_callback_allowed(void *routine);

void ps_begin(void);
void ps_export_variables(void);
void ps_reset(void);
unsigned ps_report_callbacks(void);   /* notify routines that are left */
unsigned ps_driver_threads(void);

#endif
