/* SPDX-License-Identifier: MIT */
#include "decode.h"

#include <errno.h>
#include <string.h>

/* Where a body keeps its extension sizes, and how many it has. */
struct shape {
    uint16_t body_size, sizes_at;
    uint8_t extensions;
};

#define SHAPE(type, count) { sizeof(struct type), offsetof(struct type, Extensions), count }

static const struct shape shapes[WIRE_TYPE_COUNT] = {
    [WIRE_PROCESS_CREATE] = SHAPE(wire_process_create, WIRE_PROCESS_EXTENSIONS),
    [WIRE_FILE_TIME] = SHAPE(wire_file_time, WIRE_FILE_TIME_EXTENSIONS),
    [WIRE_PROCESS_TERMINATE] = SHAPE(wire_process_terminate, WIRE_TERMINATE_EXTENSIONS),
    [WIRE_PROCESS_CREATE_CACHE] = SHAPE(wire_process_create, WIRE_PROCESS_EXTENSIONS),
    [WIRE_IMAGE_LOAD] = SHAPE(wire_image_load, WIRE_IMAGE_EXTENSIONS),
    [WIRE_KERNEL_ERROR] = SHAPE(wire_kernel_error, WIRE_ERROR_EXTENSIONS),
    [WIRE_REMOTE_THREAD] = SHAPE(wire_remote_thread, WIRE_THREAD_EXTENSIONS),
    [WIRE_RAW_ACCESS_READ] = SHAPE(wire_raw_access_read, WIRE_RAW_EXTENSIONS),
    [WIRE_PROCESS_ACCESS] = SHAPE(wire_process_access, WIRE_ACCESS_EXTENSIONS),
    [WIRE_FILE_CREATE] = SHAPE(wire_file_create, WIRE_CREATE_EXTENSIONS),
    [WIRE_FILE_CREATE_STREAM_HASH] = SHAPE(wire_file_create, WIRE_CREATE_EXTENSIONS),
    [WIRE_REGISTRY_EVENT] = SHAPE(wire_registry_event, WIRE_REGISTRY_EXTENSIONS),
    [WIRE_PIPE_EVENT] = SHAPE(wire_pipe_event, WIRE_PIPE_EXTENSIONS),
    [WIRE_PROCESS_TAMPERING] = SHAPE(wire_process_tampering, WIRE_TAMPERING_EXTENSIONS),
    [WIRE_FILE_DELETE] = SHAPE(wire_file_delete, WIRE_DELETE_EXTENSIONS),
    [WIRE_FILE_DELETE_DETECTED] = SHAPE(wire_file_delete, WIRE_DELETE_EXTENSIONS),
    [WIRE_FILE_BLOCK_EXECUTABLE] = SHAPE(wire_file_delete, WIRE_DELETE_EXTENSIONS),
    [WIRE_FILE_BLOCK_SHREDDING] = SHAPE(wire_file_delete, WIRE_DELETE_EXTENSIONS),
    [WIRE_FILE_EXECUTABLE_DETECTED] = SHAPE(wire_file_delete, WIRE_DELETE_EXTENSIONS),
};
static const struct shape loss_shape = SHAPE(wire_loss, WIRE_LOSS_EXTENSIONS);
static const struct shape empty_shape; /* WIRE_CONFIG_UPDATE */

static const struct shape *find_shape(uint32_t type)
{
    if (type == WIRE_CONFIG_UPDATE)
        return &empty_shape;
    if (type == WIRE_LOSS)
        return &loss_shape;
    return type < WIRE_TYPE_COUNT && shapes[type].body_size ? &shapes[type] : NULL;
}

/* Fixed texts end where they end: a hostile record must not make anybody read on. */
static void terminate_texts(struct record *record)
{
    switch (record->header.EventType) {
    case WIRE_REMOTE_THREAD:
        record->body.thread.StartModule[WIRE_IMAGE_PATH_LIMIT] = 0;
        record->body.thread.StartFunction[WIRE_NAME_LIMIT - 1] = 0;
        break;
    case WIRE_RAW_ACCESS_READ:
        record->body.raw_access.Device[WIRE_IMAGE_PATH_LIMIT] = 0;
        break;
    case WIRE_PROCESS_TAMPERING:
        record->body.tampering.Type[WIRE_TAMPERING_LIMIT - 1] = 0;
        break;
    case WIRE_FILE_DELETE:
    case WIRE_FILE_DELETE_DETECTED:
    case WIRE_FILE_BLOCK_EXECUTABLE:
    case WIRE_FILE_BLOCK_SHREDDING:
    case WIRE_FILE_EXECUTABLE_DETECTED:
        record->body.file_delete.Archived[WIRE_ARCHIVED_LIMIT - 1] = 0;
        break;
    }
}

static int take_extensions(struct record *out, const struct shape *shape, const uint8_t *data)
{
    uint32_t left = out->header.EventSize - WIRE_BODY_OFFSET - shape->body_size;
    const uint8_t *at = data + WIRE_BODY_OFFSET + shape->body_size;
    uint32_t sizes[RECORD_MAX_EXTENSIONS] = { 0 };

    memcpy(sizes, data + WIRE_BODY_OFFSET + shape->sizes_at, shape->extensions * sizeof(uint32_t));
    for (unsigned i = 0; i < shape->extensions; i++) {
        if (sizes[i] > left)
            return -EINVAL;
        out->extension[i] = (struct record_span){ sizes[i] ? at : NULL, sizes[i] };
        at += sizes[i];
        left -= sizes[i];
    }
    return 0;
}

int record_decode(struct record *out, const void *data, size_t size)
{
    struct record record;
    const struct shape *shape;
    int status = 0;

    memset(&record, 0, sizeof(record));
    if (size < sizeof(record.header))
        return -EBADMSG;
    memcpy(&record.header, data, sizeof(record.header));
    if (record.header.EventSize < WIRE_BODY_OFFSET || record.header.EventSize > size ||
        record.header.EventSize > WIRE_MAX_EVENT_SIZE)
        return -EBADMSG;
    shape = find_shape(record.header.EventType);
    if (!shape)
        status = -ENOTSUP;
    else if (record.header.EventSize - WIRE_BODY_OFFSET < shape->body_size)
        status = -EINVAL;
    if (!status) {
        memcpy(&record.body, (const uint8_t *)data + WIRE_BODY_OFFSET, shape->body_size);
        status = take_extensions(&record, shape, data);
    }
    if (status) {
        out->header = record.header;
        return status;
    }
    terminate_texts(&record);
    *out = record;
    return (int)record.header.EventSize;
}

int record_loss_entry(const struct record *record, unsigned index, struct wire_loss_entry *out)
{
    const struct record_span *entries = &record->extension[WIRE_LOSS_ENTRIES];

    if (index >= entries->size / sizeof(*out))
        return -ENOENT;
    memcpy(out, entries->data + index * sizeof(*out), sizeof(*out));
    return 0;
}

int record_frame(const struct record *record, unsigned index, struct wire_frame *out)
{
    const struct record_span *trace = &record->extension[WIRE_ACCESS_CALL_TRACE];

    if (index >= WIRE_FRAMES_LIMIT || index >= trace->size / sizeof(*out))
        return -ENOENT;
    memcpy(out, trace->data + index * sizeof(*out), sizeof(*out));
    out->ModulePath[WIRE_IMAGE_PATH_LIMIT] = 0;
    return 0;
}

unsigned record_units(const wire_char *text, unsigned limit)
{
    unsigned count = 0;

    while (count < limit && text[count])
        count++;
    return count;
}
