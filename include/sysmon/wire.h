/* SPDX-License-Identifier: MIT */
/*
 * The contract between SysmonDrv.sys and the service on Windows: IOCTL codes and event records (spec 06).
 *
 * Compiles in the kernel, in user mode and, for tests, natively on other systems. Records are read in the byte order and the
 * pointer size of the driver: a 64-bit driver serves a 64-bit service. A test may define WIRE_POINTER_BITS as 32 or
 * 64 before including this file to read the other layout.
 *
 * A record is  struct wire_header | body of its type | extensions | zero padding.
 *
 * - The body starts at WIRE_BODY_OFFSET. Its member Extensions[] holds the byte sizes of the variable parts, which follow the
 *   body directly, in index order and without padding; size 0 means absent. Offsets of extension data are therefore
 *   not aligned: copy, do not cast. Texts are UTF-16 without terminator, SIDs are raw.
 * - EventSize counts everything including the padding, is a multiple of WIRE_RECORD_ALIGNMENT, at least
 *   WIRE_MINIMUM_RECORD_SIZE and at most WIRE_MAX_EVENT_SIZE.
 * - Trust nothing: check every (offset + size) against EventSize, and EventSize against the bytes received.
 *
 * Member names are those of spec 06. All times are FILETIMEs: 100-ns units since 1601-01-01 UTC.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifndef WIRE_POINTER_BITS
#if UINTPTR_MAX > 0xFFFFFFFFu
#define WIRE_POINTER_BITS 64
#else
#define WIRE_POINTER_BITS 32
#endif
#endif

/* Windows aligns 64-bit members to 8 bytes on x86 too; some other 32-bit ABIs do not. */
#if defined(_MSC_VER) && !defined(__clang__)
typedef unsigned __int64 wire_u64;
#else
typedef uint64_t wire_u64 __attribute__((aligned(8)));
#endif
typedef uint16_t wire_char; /* UTF-16 code unit */
#if WIRE_POINTER_BITS == 64
typedef wire_u64 wire_pointer;
#define WIRE_BY_POINTER(x64, x86) (x64)
#else
typedef uint32_t wire_pointer;
#define WIRE_BY_POINTER(x64, x86) (x86)
#endif

/* ---- IOCTLs: CTL_CODE(0x8340, n, METHOD_BUFFERED, FILE_ANY_ACCESS) ---- */

#define WIRE_IOCTL(n) (0x83400000u | (uint32_t)(n) << 2)
/* out: uint32_t WIRE_VERSION. Also says "I am ready": records flow from the first call on. */
#define WIRE_IOCTL_GET_VERSION WIRE_IOCTL(0)
/*
 * out: as many whole records as fit, oldest first, each at a multiple of WIRE_RECORD_ALIGNMENT; at least one. Pends while
 * there is none; cancellable; several calls may be outstanding. A buffer that cannot hold the oldest record fails with
 * STATUS_BUFFER_TOO_SMALL and the record stays; WIRE_MAX_EVENT_SIZE bytes always suffice.
 */
#define WIRE_IOCTL_READ_EVENT WIRE_IOCTL(1)
/* The driver reads its Parameters key again. */
#define WIRE_IOCTL_UPDATE_CONFIG WIRE_IOCTL(2)
/* in: struct wire_update_cache. out: one record of type WIRE_PROCESS_CREATE_CACHE, SequenceNumber 0. Unknown process: STATUS_NOT_FOUND. */
#define WIRE_IOCTL_PROCESS_CACHE WIRE_IOCTL(3)
/* in: struct wire_verdict. An unknown or expired TrackerId fails with STATUS_NOT_FOUND and is harmless. */
#define WIRE_IOCTL_FILE_DELETE_FILTER_RESULT WIRE_IOCTL(4)

/* Changes whenever this file changes incompatibly: the service refuses another driver. */
#define WIRE_VERSION 0x00010001u

#define WIRE_MAX_EVENT_SIZE 0x40000u
#define WIRE_RECORD_ALIGNMENT 8u
#define WIRE_IMAGE_PATH_LIMIT 260u /* characters; arrays have one more */
#define WIRE_NAME_LIMIT 128u
#define WIRE_FRAMES_LIMIT WIRE_BY_POINTER(24u, 16u)
#define WIRE_PROCESS_ACCESS_ENTRIES 10u
#define WIRE_ARCHIVED_LIMIT 60u /* characters with terminator */
#define WIRE_TAMPERING_LIMIT 40u
#define WIRE_PROCESS_CACHE_BUFFER 16386u /* what the described service passes */

/* Parameters\Options (spec 01 section 2.3) */
#define WIRE_OPTION_NETWORK 0x1u
#define WIRE_OPTION_IMAGE 0x2u
#define WIRE_OPTION_DNS 0x4u
#define WIRE_OPTION_CLIPBOARD 0x8u
#define WIRE_OPTION_FILTER_PE 0x80000000u

/* ---- record types ---- */

enum wire_type {
    WIRE_CONFIG_UPDATE = 0, /* no body: the Parameters key changed */
    WIRE_PROCESS_CREATE = 1,
    WIRE_FILE_TIME = 2,
    WIRE_PROCESS_TERMINATE = 3,
    WIRE_PROCESS_CREATE_CACHE = 4, /* the start of this process was not seen; fills the cache, is no event */
    WIRE_IMAGE_LOAD = 5,
    WIRE_KERNEL_ERROR = 6,
    WIRE_REMOTE_THREAD = 7,
    WIRE_RAW_ACCESS_READ = 8,
    WIRE_PROCESS_ACCESS = 9,
    WIRE_FILE_CREATE = 10,
    WIRE_FILE_CREATE_STREAM_HASH = 11,
    WIRE_REGISTRY_EVENT = 12,
    WIRE_PIPE_EVENT = 13,
    WIRE_PROCESS_TAMPERING = 14,
    WIRE_FILE_DELETE = 15,
    WIRE_FILE_DELETE_DETECTED = 16,
    /* Ours: newer closed builds have such events, their codes are not public. */
    WIRE_FILE_BLOCK_EXECUTABLE = 17,   /* event 27, struct wire_file_delete */
    WIRE_FILE_BLOCK_SHREDDING = 18,    /* event 28, struct wire_file_delete */
    WIRE_FILE_EXECUTABLE_DETECTED = 19, /* event 29, struct wire_file_delete */
    WIRE_TYPE_COUNT = 20, /* of the types above */
    WIRE_LOSS = 0xFF10,  /* struct wire_loss */
};

/*
 * SequenceNumber starts at 1 and grows by one for every record the driver set out to deliver, lost ones included. Records
 * arrive in ascending order. Over any stretch that starts and ends outside a burst of loss, the numbers that are
 * missing are exactly as many as the WIRE_LOSS records in it count: a reader that adds both up has proof that nothing else
 * is missing.
 */
struct wire_header {
    uint32_t EventType; /* enum wire_type */
    uint32_t EventSize; /* bytes, see above */
    uint32_t FieldFiltered; /* 0 */
    uint8_t PreFiltered; /* 1: the driver evaluated the rules to MATCH_LOG; filtering again gives the same */
    wire_u64 SequenceNumber;
    uint32_t SessionId; /* of the acting process */
};

#define WIRE_BODY_OFFSET 32u

enum wire_hash { WIRE_HASH_SHA1 = 1, WIRE_HASH_MD5 = 2, WIRE_HASH_SHA256 = 3, WIRE_HASH_IMPHASH = 4 };
#define WIRE_HASH_SEVERAL 0x80000000u /* with bits 1 << (enum wire_hash - 1) */
#define WIRE_HASH_ALL 0x8000000Fu
#define WIRE_HASH_DEFAULT WIRE_HASH_SHA256

/* This driver hashes nothing: HashType is 0 and the hash absent in all its records; the service computes hashes from files. */

/* ---- bodies ---- */

enum { WIRE_PROCESS_SID, WIRE_PROCESS_INTEGRITY /* SID */, WIRE_PROCESS_IMAGE, WIRE_PROCESS_COMMAND_LINE, WIRE_PROCESS_HASH,
       WIRE_PROCESS_DIRECTORY, WIRE_PROCESS_EXTENSIONS };
struct wire_process_create {
    wire_u64 ProcessKey; /* unique while the system runs */
    uint32_t ProcessId;
    uint32_t ParentProcessId;
    uint32_t SessionId;
    uint32_t Is64bit;
    wire_u64 CreateTime;
    wire_u64 AuthenticationId; /* logon LUID */
    uint32_t IsAppContainer;
    uint32_t HashType;
    wire_pointer ParentProcessObject; /* identities against reuse of ids, never addresses to use */
    wire_pointer ProcessObject;
    uint32_t Extensions[WIRE_PROCESS_EXTENSIONS];
};

enum { WIRE_FILE_TIME_SID, WIRE_FILE_TIME_IMAGE, WIRE_FILE_TIME_NAME, WIRE_FILE_TIME_EXTENSIONS };
struct wire_file_time {
    uint32_t ProcessId;
    wire_u64 EventTime;
    wire_u64 CreateTime; /* the new one */
    wire_u64 PreviousCreateTime;
    uint32_t Extensions[WIRE_FILE_TIME_EXTENSIONS];
};

enum { WIRE_TERMINATE_SID, WIRE_TERMINATE_EXTENSIONS };
struct wire_process_terminate {
    uint32_t ProcessId;
    wire_u64 EventTime;
    uint32_t Extensions[WIRE_TERMINATE_EXTENSIONS];
};

enum { WIRE_IMAGE_SID, WIRE_IMAGE_PATH, WIRE_IMAGE_HASH, WIRE_IMAGE_PROCESS, WIRE_IMAGE_TOKEN, WIRE_IMAGE_EXTENSIONS };
struct wire_image_load {
    uint32_t ProcessId;
    wire_u64 EventTime;
    uint8_t Driver; /* 1: event 6 */
    uint32_t HashType;
    wire_pointer HashBuffer; /* scratch of the described service; 0 on the wire, like the next three */
    wire_pointer Signed;
    wire_pointer SignatureStatus;
    wire_pointer Signature;
    wire_pointer ImageBase;
    wire_pointer FetchedImageName; /* 0 */
    uint32_t Extensions[WIRE_IMAGE_EXTENSIONS];
};

enum { WIRE_ERROR_ID, WIRE_ERROR_MESSAGE, WIRE_ERROR_EXTENSIONS };
struct wire_kernel_error {
    uint32_t Extensions[WIRE_ERROR_EXTENSIONS];
};

enum { WIRE_THREAD_SOURCE_SID, WIRE_THREAD_TARGET_SID, WIRE_THREAD_EXTENSIONS };
struct wire_remote_thread {
    wire_u64 EventSystemTime;
    uint32_t SourceProcessId;
    uint32_t TargetProcessId;
    uint32_t TargetThreadId;
    wire_pointer StartAddress;
    /* NT path of the file mapped there, empty when the address is in no file. Terminated. */
    wire_char StartModule[WIRE_IMAGE_PATH_LIMIT + 1];
    /* Empty: the service names the function, with the module at hand. */
    wire_char StartFunction[WIRE_NAME_LIMIT];
    uint32_t Extensions[WIRE_THREAD_EXTENSIONS];
};

enum { WIRE_RAW_SID, WIRE_RAW_EXTENSIONS };
struct wire_raw_access_read {
    wire_u64 EventSystemTime;
    uint32_t ProcessId;
    wire_char Device[WIRE_IMAGE_PATH_LIMIT + 1]; /* terminated */
    uint32_t Extensions[WIRE_RAW_EXTENSIONS];
};

/* One element of WIRE_ACCESS_CALL_TRACE, innermost frame first. */
struct wire_frame {
    wire_char ModulePath[WIRE_IMAGE_PATH_LIMIT + 1]; /* terminated; empty: in no file (UNKNOWN) */
    wire_pointer ModuleBase;                         /* 0 with size 0: unknown */
    uint32_t ModuleSize;
    uint8_t IsWow64;
    wire_pointer FrameReturnAddress;
};

enum { WIRE_ACCESS_CALL_TRACE, WIRE_ACCESS_CLIENT_IMAGE, WIRE_ACCESS_TARGET_IMAGE, WIRE_ACCESS_SOURCE_SID, WIRE_ACCESS_TARGET_SID,
       WIRE_ACCESS_EXTENSIONS };
struct wire_process_access {
    uint32_t ClientProcessID;
    uint32_t ClientThreadID;
    uint32_t TargetPid;
    uint32_t GrantedAccess;
    wire_u64 EventSystemTime;
    uint32_t Extensions[WIRE_ACCESS_EXTENSIONS];
};

enum { WIRE_CREATE_SID, WIRE_CREATE_IMAGE, WIRE_CREATE_NAME, WIRE_CREATE_CONTENTS, WIRE_CREATE_EXTENSIONS };
struct wire_file_create { /* also stream creation */
    uint32_t ProcessId;
    wire_u64 EventTime;
    wire_u64 CreateTime;
    uint32_t hashType;
    uint8_t filehash[84];
    uint32_t Extensions[WIRE_CREATE_EXTENSIONS];
};

enum wire_registry_subtype { WIRE_REGISTRY_CREATE_KEY = 1, WIRE_REGISTRY_DELETE_KEY, WIRE_REGISTRY_RENAME_KEY, WIRE_REGISTRY_CREATE_VALUE,
                             WIRE_REGISTRY_DELETE_VALUE, WIRE_REGISTRY_RENAME_VALUE, WIRE_REGISTRY_SET_VALUE };
/* DATA: text of event 13's Details, or event 14's NewName. */
enum { WIRE_REGISTRY_SID, WIRE_REGISTRY_EVENT_TYPE, WIRE_REGISTRY_IMAGE, WIRE_REGISTRY_TARGET, WIRE_REGISTRY_DATA,
       WIRE_REGISTRY_EXTENSIONS };
struct wire_registry_event {
    uint32_t EventSubtype; /* enum wire_registry_subtype */
    wire_u64 EventSystemTime;
    uint32_t ProcessId;
    uint32_t Extensions[WIRE_REGISTRY_EXTENSIONS];
};

enum wire_pipe_subtype { WIRE_PIPE_CREATE = 1, WIRE_PIPE_CONNECT };
enum { WIRE_PIPE_EVENT_TYPE, WIRE_PIPE_NAME, WIRE_PIPE_IMAGE, WIRE_PIPE_SID, WIRE_PIPE_EXTENSIONS };
struct wire_pipe_event {
    uint32_t EventSubtype; /* enum wire_pipe_subtype */
    wire_u64 EventSystemTime;
    uint32_t ProcessId;
    uint32_t Extensions[WIRE_PIPE_EXTENSIONS];
};

enum { WIRE_TAMPERING_SID, WIRE_TAMPERING_EXTENSIONS };
struct wire_process_tampering {
    uint32_t EventSubtype;
    wire_u64 EventSystemTime;
    uint32_t ProcessId;
    wire_char Type[WIRE_TAMPERING_LIMIT]; /* terminated */
    uint32_t Extensions[WIRE_TAMPERING_EXTENSIONS];
};

/*
 * Deletion and blocking. TrackerId other than WIRE_TRACKER_NONE is a question, no event: the thread waits (a bounded time)
 * for WIRE_IOCTL_FILE_DELETE_FILTER_RESULT and the event follows with WIRE_TRACKER_NONE. Questions:
 *
 *   FILE_DELETE           EXCLUDE nothing happens, INCLUDE archive and report FILE_DELETE, LOG report FILE_DELETE_DETECTED
 *   FILE_BLOCK_EXECUTABLE EXCLUDE let the file be, INCLUDE delete it and report FILE_BLOCK_EXECUTABLE
 *   FILE_BLOCK_SHREDDING  EXCLUDE let the write pass, INCLUDE refuse it and report FILE_BLOCK_SHREDDING
 *
 * FILE_EXECUTABLE_DETECTED is never a question.
 *
 * Archived: `true` or `false`, or a reason such as `false - quota`. When it is `true`, the name of the copy inside the archive
 * directory of FileName's volume follows behind the terminator, terminated itself: the service hashes that copy and
 * renames it to its final name.
 */
#define WIRE_TRACKER_NONE 0xFFFFFFFFu
enum { WIRE_DELETE_SID, WIRE_DELETE_NAME, WIRE_DELETE_IMAGE, WIRE_DELETE_HASH, WIRE_DELETE_EXTENSIONS };
struct wire_file_delete {
    uint32_t ProcessId;
    wire_u64 DeleteTime;
    uint32_t HashType;
    uint32_t IsExecutable;
    uint32_t Extensions[WIRE_DELETE_EXTENSIONS];
    wire_char Archived[WIRE_ARCHIVED_LIMIT];
    uint32_t TrackerId;
};

enum wire_loss_cause {
    WIRE_LOSS_QUEUE_RECORDS, /* the queue held its maximum of records (DriverQueueSize) */
    WIRE_LOSS_QUEUE_BYTES,   /* … or of bytes */
    WIRE_LOSS_MEMORY,        /* no pool */
    WIRE_LOSS_SIZE,          /* the record would exceed WIRE_MAX_EVENT_SIZE */
    WIRE_LOSS_SOURCE,        /* seen, but the data for a record could not be obtained */
    WIRE_LOSS_CAUSES,
};
struct wire_loss_entry {
    uint32_t EventType; /* what was lost: enum wire_type */
    uint32_t Cause;     /* enum wire_loss_cause */
    wire_u64 Count;     /* since the previous loss record; never 0 */
};
enum { WIRE_LOSS_ENTRIES /* array of struct wire_loss_entry */, WIRE_LOSS_EXTENSIONS };
struct wire_loss {
    wire_u64 EventTime;
    wire_u64 Total; /* sum over the entries */
    wire_u64 FirstSequence, LastSequence; /* the lost numbers lie in this range */
    uint32_t EntryCount;
    uint32_t Extensions[WIRE_LOSS_EXTENSIONS];
};

/* ---- IOCTL input ---- */

struct wire_update_cache {
    uint32_t ProcessId;
    uint32_t UpdateCache;
};

enum wire_verdict_result { WIRE_VERDICT_EXCLUDE, WIRE_VERDICT_INCLUDE, WIRE_VERDICT_LOG };
struct wire_verdict {
    uint32_t TrackerId;
    uint32_t Result; /* enum wire_verdict_result */
};

/* The largest body alone decides the least size of a record (spec 06 section 4). */
#define WIRE_MINIMUM_RECORD_SIZE (WIRE_BODY_OFFSET + (uint32_t)sizeof(struct wire_remote_thread))

/* ---- the layout, pinned: member, offset x64, offset x86; size x64, size x86 ---- */

#if defined(__cplusplus)
#define WIRE_ASSERT(condition) static_assert(condition, #condition)
#elif defined(_MSC_VER) && !defined(__clang__)
#define WIRE_ASSERT(condition) extern char wire_assertion[(condition) ? 1 : -1]
#else
#define WIRE_ASSERT(condition) _Static_assert(condition, #condition)
#endif
#define WIRE_AT(type, member, x64, x86) WIRE_ASSERT(offsetof(struct type, member) == WIRE_BY_POINTER(x64, x86))
#define WIRE_SIZE(type, x64, x86) WIRE_ASSERT(sizeof(struct type) == WIRE_BY_POINTER(x64, x86))

WIRE_AT(wire_header, EventType, 0, 0);
WIRE_AT(wire_header, EventSize, 4, 4);
WIRE_AT(wire_header, FieldFiltered, 8, 8);
WIRE_AT(wire_header, PreFiltered, 12, 12);
WIRE_AT(wire_header, SequenceNumber, 16, 16);
WIRE_AT(wire_header, SessionId, 24, 24);
WIRE_SIZE(wire_header, 32, 32);
WIRE_ASSERT(WIRE_MINIMUM_RECORD_SIZE == WIRE_BY_POINTER(856u, 848u));

WIRE_AT(wire_process_create, ProcessKey, 0, 0);
WIRE_AT(wire_process_create, ProcessId, 8, 8);
WIRE_AT(wire_process_create, ParentProcessId, 12, 12);
WIRE_AT(wire_process_create, SessionId, 16, 16);
WIRE_AT(wire_process_create, Is64bit, 20, 20);
WIRE_AT(wire_process_create, CreateTime, 24, 24);
WIRE_AT(wire_process_create, AuthenticationId, 32, 32);
WIRE_AT(wire_process_create, IsAppContainer, 40, 40);
WIRE_AT(wire_process_create, HashType, 44, 44);
WIRE_AT(wire_process_create, ParentProcessObject, 48, 48);
WIRE_AT(wire_process_create, ProcessObject, 56, 52);
WIRE_AT(wire_process_create, Extensions, 64, 56);
WIRE_SIZE(wire_process_create, 88, 80);

WIRE_AT(wire_file_time, ProcessId, 0, 0);
WIRE_AT(wire_file_time, EventTime, 8, 8);
WIRE_AT(wire_file_time, CreateTime, 16, 16);
WIRE_AT(wire_file_time, PreviousCreateTime, 24, 24);
WIRE_AT(wire_file_time, Extensions, 32, 32);
WIRE_SIZE(wire_file_time, 48, 48);

WIRE_AT(wire_process_terminate, ProcessId, 0, 0);
WIRE_AT(wire_process_terminate, EventTime, 8, 8);
WIRE_AT(wire_process_terminate, Extensions, 16, 16);
WIRE_SIZE(wire_process_terminate, 24, 24);

WIRE_AT(wire_image_load, ProcessId, 0, 0);
WIRE_AT(wire_image_load, EventTime, 8, 8);
WIRE_AT(wire_image_load, Driver, 16, 16);
WIRE_AT(wire_image_load, HashType, 20, 20);
WIRE_AT(wire_image_load, HashBuffer, 24, 24);
WIRE_AT(wire_image_load, Signed, 32, 28);
WIRE_AT(wire_image_load, SignatureStatus, 40, 32);
WIRE_AT(wire_image_load, Signature, 48, 36);
WIRE_AT(wire_image_load, ImageBase, 56, 40);
WIRE_AT(wire_image_load, FetchedImageName, 64, 44);
WIRE_AT(wire_image_load, Extensions, 72, 48);
WIRE_SIZE(wire_image_load, 96, 72);

WIRE_AT(wire_kernel_error, Extensions, 0, 0);
WIRE_SIZE(wire_kernel_error, 8, 8);

WIRE_AT(wire_remote_thread, EventSystemTime, 0, 0);
WIRE_AT(wire_remote_thread, SourceProcessId, 8, 8);
WIRE_AT(wire_remote_thread, TargetProcessId, 12, 12);
WIRE_AT(wire_remote_thread, TargetThreadId, 16, 16);
WIRE_AT(wire_remote_thread, StartAddress, 24, 20);
WIRE_AT(wire_remote_thread, StartModule, 32, 24);
WIRE_AT(wire_remote_thread, StartFunction, 554, 546);
WIRE_AT(wire_remote_thread, Extensions, 812, 804);
WIRE_SIZE(wire_remote_thread, 824, 816);

WIRE_AT(wire_raw_access_read, EventSystemTime, 0, 0);
WIRE_AT(wire_raw_access_read, ProcessId, 8, 8);
WIRE_AT(wire_raw_access_read, Device, 12, 12);
WIRE_AT(wire_raw_access_read, Extensions, 536, 536);
WIRE_SIZE(wire_raw_access_read, 544, 544);

WIRE_AT(wire_frame, ModulePath, 0, 0);
WIRE_AT(wire_frame, ModuleBase, 528, 524);
WIRE_AT(wire_frame, ModuleSize, 536, 528);
WIRE_AT(wire_frame, IsWow64, 540, 532);
WIRE_AT(wire_frame, FrameReturnAddress, 544, 536);
WIRE_SIZE(wire_frame, 552, 540);

WIRE_AT(wire_process_access, ClientProcessID, 0, 0);
WIRE_AT(wire_process_access, ClientThreadID, 4, 4);
WIRE_AT(wire_process_access, TargetPid, 8, 8);
WIRE_AT(wire_process_access, GrantedAccess, 12, 12);
WIRE_AT(wire_process_access, EventSystemTime, 16, 16);
WIRE_AT(wire_process_access, Extensions, 24, 24);
WIRE_SIZE(wire_process_access, 48, 48);

WIRE_AT(wire_file_create, ProcessId, 0, 0);
WIRE_AT(wire_file_create, EventTime, 8, 8);
WIRE_AT(wire_file_create, CreateTime, 16, 16);
WIRE_AT(wire_file_create, hashType, 24, 24);
WIRE_AT(wire_file_create, filehash, 28, 28);
WIRE_AT(wire_file_create, Extensions, 112, 112);
WIRE_SIZE(wire_file_create, 128, 128);

WIRE_AT(wire_registry_event, EventSubtype, 0, 0);
WIRE_AT(wire_registry_event, EventSystemTime, 8, 8);
WIRE_AT(wire_registry_event, ProcessId, 16, 16);
WIRE_AT(wire_registry_event, Extensions, 20, 20);
WIRE_SIZE(wire_registry_event, 40, 40);

WIRE_AT(wire_pipe_event, EventSubtype, 0, 0);
WIRE_AT(wire_pipe_event, EventSystemTime, 8, 8);
WIRE_AT(wire_pipe_event, ProcessId, 16, 16);
WIRE_AT(wire_pipe_event, Extensions, 20, 20);
WIRE_SIZE(wire_pipe_event, 40, 40);

WIRE_AT(wire_process_tampering, EventSubtype, 0, 0);
WIRE_AT(wire_process_tampering, EventSystemTime, 8, 8);
WIRE_AT(wire_process_tampering, ProcessId, 16, 16);
WIRE_AT(wire_process_tampering, Type, 20, 20);
WIRE_AT(wire_process_tampering, Extensions, 100, 100);
WIRE_SIZE(wire_process_tampering, 104, 104);

WIRE_AT(wire_file_delete, ProcessId, 0, 0);
WIRE_AT(wire_file_delete, DeleteTime, 8, 8);
WIRE_AT(wire_file_delete, HashType, 16, 16);
WIRE_AT(wire_file_delete, IsExecutable, 20, 20);
WIRE_AT(wire_file_delete, Extensions, 24, 24);
WIRE_AT(wire_file_delete, Archived, 40, 40);
WIRE_AT(wire_file_delete, TrackerId, 160, 160);
WIRE_SIZE(wire_file_delete, 168, 168);

WIRE_AT(wire_loss, EventTime, 0, 0);
WIRE_AT(wire_loss, Total, 8, 8);
WIRE_AT(wire_loss, FirstSequence, 16, 16);
WIRE_AT(wire_loss, LastSequence, 24, 24);
WIRE_AT(wire_loss, EntryCount, 32, 32);
WIRE_AT(wire_loss, Extensions, 36, 36);
WIRE_SIZE(wire_loss, 40, 40);
WIRE_SIZE(wire_loss_entry, 16, 16);
WIRE_SIZE(wire_update_cache, 8, 8);
WIRE_SIZE(wire_verdict, 8, 8);
