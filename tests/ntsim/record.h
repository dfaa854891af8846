/* SPDX-License-Identifier: MIT */
/*
 * Records as the service receives them, read by the numbers of spec 06 section 5 and not through the driver's own structures:
 * a member that moved shows here.
 */
#ifndef NTSIM_RECORD_H
#define NTSIM_RECORD_H

#include "nt.h"

enum { R_CONFIG_UPDATE, R_PROCESS_CREATE, R_FILE_TIME, R_PROCESS_TERMINATE, R_PROCESS_CACHE, R_IMAGE_LOAD, R_KERNEL_ERROR,
       R_REMOTE_THREAD, R_RAW_ACCESS, R_PROCESS_ACCESS, R_FILE_CREATE, R_STREAM_HASH, R_REGISTRY, R_PIPE, R_TAMPERING, R_FILE_DELETE,
       R_FILE_DELETE_DETECTED, R_BLOCK_EXECUTABLE, R_BLOCK_SHREDDING, R_EXECUTABLE_DETECTED, R_TYPES, R_LOSS = 0xFF10 };
enum { RECORD_HEAD = 32, RECORD_LEAST = BY_ARCH(856, 848), RECORD_MOST = 0x40000 };

/* Body offsets (x64, x86 where they differ) and extension numbers. */
enum { CREATE_KEY = 0, CREATE_PID = 8, CREATE_PARENT = 12, CREATE_SESSION = 16, CREATE_64BIT = 20, CREATE_TIME = 24, CREATE_LUID = 32,
       CREATE_APPCONTAINER = 40, CREATE_PARENT_OBJECT = 48, CREATE_OBJECT = BY_ARCH(56, 52),
       CREATE_X_SID = 0, CREATE_X_INTEGRITY, CREATE_X_IMAGE, CREATE_X_COMMAND, CREATE_X_HASH, CREATE_X_DIRECTORY };
enum { EXIT_PID = 0, EXIT_TIME = 8, EXIT_X_SID = 0 };
enum { TIME_PID = 0, TIME_TIME = 8, TIME_NEW = 16, TIME_OLD = 24, TIME_X_SID = 0, TIME_X_IMAGE, TIME_X_FILE };
enum { LOAD_PID = 0, LOAD_TIME = 8, LOAD_DRIVER = 16, LOAD_BASE = BY_ARCH(56, 40), LOAD_X_SID = 0, LOAD_X_IMAGE, LOAD_X_HASH, LOAD_X_PROCESS,
       LOAD_X_TOKEN };
enum { ERROR_X_ID = 0, ERROR_X_MESSAGE };
enum { THREAD_TIME = 0, THREAD_SOURCE = 8, THREAD_TARGET = 12, THREAD_ID = 16, THREAD_START = BY_ARCH(24, 20), THREAD_MODULE = BY_ARCH(32, 24),
       THREAD_FUNCTION = BY_ARCH(554, 546), THREAD_X_SOURCE_SID = 0, THREAD_X_TARGET_SID };
enum { RAW_TIME = 0, RAW_PID = 8, RAW_DEVICE = 12, RAW_X_SID = 0 };
enum { ACCESS_CLIENT = 0, ACCESS_THREAD = 4, ACCESS_TARGET = 8, ACCESS_GRANTED = 12, ACCESS_TIME = 16, ACCESS_X_TRACE = 0, ACCESS_X_CLIENT,
       ACCESS_X_TARGET, ACCESS_X_SOURCE_SID, ACCESS_X_TARGET_SID };
enum { FRAME_SIZE = BY_ARCH(552, 540), FRAME_BASE = BY_ARCH(528, 524), FRAME_MODULE_SIZE = BY_ARCH(536, 528), FRAME_WOW64 = BY_ARCH(540, 532),
       FRAME_ADDRESS = BY_ARCH(544, 536) };
enum { FILE_PID = 0, FILE_TIME = 8, FILE_CREATION = 16, FILE_HASH_TYPE = 24, FILE_X_SID = 0, FILE_X_IMAGE, FILE_X_NAME, FILE_X_CONTENTS };
enum { REG_SUBTYPE = 0, REG_TIME = 8, REG_PID = 16, REG_X_SID = 0, REG_X_TYPE, REG_X_IMAGE, REG_X_TARGET, REG_X_DATA };
enum { PIPE_SUBTYPE = 0, PIPE_TIME = 8, PIPE_PID = 16, PIPE_X_TYPE = 0, PIPE_X_NAME, PIPE_X_IMAGE, PIPE_X_SID };
enum { TAMPER_TIME = 8, TAMPER_PID = 16, TAMPER_TYPE = 20, TAMPER_X_SID = 0 };
enum { DELETE_PID = 0, DELETE_TIME = 8, DELETE_HASH_TYPE = 16, DELETE_EXECUTABLE = 20, DELETE_ARCHIVED = 40, DELETE_TRACKER = 160,
       DELETE_X_SID = 0, DELETE_X_NAME, DELETE_X_IMAGE, DELETE_X_HASH };
enum { LOSS_TIME = 0, LOSS_TOTAL = 8, LOSS_FIRST = 16, LOSS_LAST = 24, LOSS_ENTRY_COUNT = 32, LOSS_X_ENTRIES = 0 };

struct record {
    uint32_t type, size, session;
    bool prefiltered, taken;
    uint64_t sequence;
    uint8_t *bytes;           /* the whole record */
    struct record *next;
};

/* Split a READ_EVENT answer; every malformed record is a bug. Appends to the list; the number of records. */
unsigned record_split(const uint8_t *data, size_t size, struct record **last);
uint32_t record_u32(const struct record *record, unsigned offset);
uint64_t record_u64(const struct record *record, unsigned offset);
uintptr_t record_pointer(const struct record *record, unsigned offset);
const uint8_t *record_extension(const struct record *record, unsigned number, size_t *size);
const char *record_name(uint32_t type);
void record_dump(const struct record *record);
void record_free(struct record *record);

#endif
