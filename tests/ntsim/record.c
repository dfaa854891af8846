/* SPDX-License-Identifier: MIT */
#include "record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "verify.h"

/* Body size, place and number of the extension sizes; spec 06 section 5. */
static const struct shape {
    const char *name;
    uint16_t size, extensions;
    uint8_t count;
} shapes[R_TYPES] = {
    [R_CONFIG_UPDATE] = {"ConfigUpdate", 0, 0, 0},
    [R_PROCESS_CREATE] = {"ProcessCreate", BY_ARCH(88, 80), BY_ARCH(64, 56), 6},
    [R_FILE_TIME] = {"FileTime", 48, 32, 3},
    [R_PROCESS_TERMINATE] = {"ProcessTerminate", 24, 16, 1},
    [R_PROCESS_CACHE] = {"ProcessCreateCache", BY_ARCH(88, 80), BY_ARCH(64, 56), 6},
    [R_IMAGE_LOAD] = {"ImageLoad", BY_ARCH(96, 72), BY_ARCH(72, 48), 5},
    [R_KERNEL_ERROR] = {"KernelError", 8, 0, 2},
    [R_REMOTE_THREAD] = {"RemoteThread", BY_ARCH(824, 816), BY_ARCH(812, 804), 2},
    [R_RAW_ACCESS] = {"RawAccessRead", 544, 536, 1},
    [R_PROCESS_ACCESS] = {"ProcessAccess", 48, 24, 5},
    [R_FILE_CREATE] = {"FileCreate", 128, 112, 4},
    [R_STREAM_HASH] = {"FileCreateStreamHash", 128, 112, 4},
    [R_REGISTRY] = {"RegistryEvent", 40, 20, 5},
    [R_PIPE] = {"PipeEvent", 40, 20, 4},
    [R_TAMPERING] = {"ProcessTampering", 104, 100, 1},
    [R_FILE_DELETE] = {"FileDelete", 168, 24, 4},
    [R_FILE_DELETE_DETECTED] = {"FileDeleteDetected", 168, 24, 4},
    [R_BLOCK_EXECUTABLE] = {"FileBlockExecutable", 168, 24, 4},
    [R_BLOCK_SHREDDING] = {"FileBlockShredding", 168, 24, 4},
    [R_EXECUTABLE_DETECTED] = {"FileExecutableDetected", 168, 24, 4},
};
static const struct shape loss_shape = {"Loss", 40, 36, 1};

static const struct shape *shape_of(uint32_t type)
{
    return type < R_TYPES ? &shapes[type] : type == R_LOSS ? &loss_shape : NULL;
}

const char *record_name(uint32_t type) { return shape_of(type) ? shape_of(type)->name : "unknown"; }

static uint32_t word_at(const uint8_t *at)
{
    uint32_t word;

    memcpy(&word, at, 4);
    return word;
}

uint32_t record_u32(const struct record *record, unsigned offset) { return word_at(record->bytes + RECORD_HEAD + offset); }

uint64_t record_u64(const struct record *record, unsigned offset)
{
    uint64_t value;

    memcpy(&value, record->bytes + RECORD_HEAD + offset, 8);
    return value;
}

uintptr_t record_pointer(const struct record *record, unsigned offset)
{
    uintptr_t value;

    memcpy(&value, record->bytes + RECORD_HEAD + offset, sizeof value);
    return value;
}

const uint8_t *record_extension(const struct record *record, unsigned number, size_t *size)
{
    const struct shape *shape = shape_of(record->type);
    const uint8_t *at = record->bytes + RECORD_HEAD + shape->size;

    for (unsigned i = 0; i < number; i++)
        at += record_u32(record, shape->extensions + 4 * i);
    *size = record_u32(record, shape->extensions + 4 * number);
    return at;
}

static bool well_formed(const uint8_t *at, size_t left)
{
    uint32_t type = word_at(at), size = word_at(at + 4), used;
    const struct shape *shape = shape_of(type);

    if (!shape) {
        bug("record", "unknown type 0x%x", type);
        return false;
    }
    if (size < RECORD_LEAST || size > RECORD_MOST || size % 8 || size > left) {
        bug("record", "%s with EventSize %u of %zu bytes", shape->name, size, left);
        return false;
    }
    used = RECORD_HEAD + shape->size;
    for (unsigned i = 0; i < shape->count; i++)
        used += word_at(at + RECORD_HEAD + shape->extensions + 4 * i);
    if (used > size)
        bug("record", "%s: its extensions need %u bytes, EventSize is %u", shape->name, used, size);
    for (uint32_t i = used; i < size && used <= size; i++)
        if (at[i]) {
            bug("record", "%s: padding is not zero", shape->name);
            break;
        }
    return used <= size;
}

static struct record *record_new(const uint8_t *at)
{
    struct record *record = calloc(1, sizeof *record);

    record->type = word_at(at);
    record->size = word_at(at + 4);
    record->prefiltered = at[12];
    memcpy(&record->sequence, at + 16, 8);
    record->session = word_at(at + 24);
    record->bytes = malloc(record->size);
    memcpy(record->bytes, at, record->size);
    return record;
}

unsigned record_split(const uint8_t *data, size_t size, struct record **last)
{
    unsigned n = 0;

    while (size >= RECORD_HEAD && well_formed(data, size)) {
        struct record *record = record_new(data);

        *last = record;
        last = &record->next;
        data += record->size;
        size -= record->size;
        n++;
    }
    if (size)
        bug("record", "%zu bytes at the end of an answer are no record", size);
    return n;
}

void record_dump(const struct record *record)
{
    const struct shape *shape = shape_of(record->type);

    printf("#   %s, sequence %llu, session %u\n", shape->name, (unsigned long long)record->sequence, record->session);
    for (unsigned i = 0; i < shape->count; i++) {
        size_t size;
        const uint8_t *at = record_extension(record, i, &size);

        if (size)
            printf("#     [%u] %zu bytes: %.*ls\n", i, size, (int)(size / 2), (const WCHAR *)at);
    }
}

void record_free(struct record *record)
{
    if (!record)
        return;
    free(record->bytes);
    free(record);
}
