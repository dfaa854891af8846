/* SPDX-License-Identifier: MIT */
/*
 * Reading driver records (sysmon/wire.h) without trust. Portable, so that it is fuzzed and tested natively; a source file that
 * defines WIRE_POINTER_BITS before this header reads the other layout.
 */
#pragma once

#include "sysmon/wire.h"

#define RECORD_MAX_EXTENSIONS 6

/* Bytes inside the record, not aligned; NULL with size 0 when absent. */
struct record_span {
    const uint8_t *data;
    uint32_t size;
};

/* A record taken apart: header and body are aligned copies, extensions point into the record. */
struct record {
    struct wire_header header;
    union {
        struct wire_process_create process;
        struct wire_file_time file_time;
        struct wire_process_terminate terminate;
        struct wire_image_load image;
        struct wire_kernel_error error;
        struct wire_remote_thread thread;
        struct wire_raw_access_read raw_access;
        struct wire_process_access access;
        struct wire_file_create file_create;
        struct wire_registry_event registry;
        struct wire_pipe_event pipe;
        struct wire_process_tampering tampering;
        struct wire_file_delete file_delete;
        struct wire_loss loss;
    } body;
    struct record_span extension[RECORD_MAX_EXTENSIONS];
};

/*
 * Takes the record at the start of `data` apart. Returns its size, by which the next one follows, or
 *   -EBADMSG  EventSize is impossible: nothing behind it can be found either
 *   -EINVAL   an extension reaches beyond the record; `out->header` is valid and the next record follows EventSize
 *   -ENOTSUP  a type this version does not know; likewise
 * Otherwise `*out` is untouched on failure. Fixed texts inside bodies are terminated afterwards, whatever came.
 */
int record_decode(struct record *out, const void *data, size_t size);

/* Entry `index` of a WIRE_LOSS record; returns 0, or -ENOENT at the end. */
int record_loss_entry(const struct record *record, unsigned index, struct wire_loss_entry *out);
/* Frame `index` of a WIRE_PROCESS_ACCESS call trace, its text terminated; returns 0, or -ENOENT at the end. */
int record_frame(const struct record *record, unsigned index, struct wire_frame *out);
/* Units of an array text up to its terminator or `limit`. */
unsigned record_units(const wire_char *text, unsigned limit);
