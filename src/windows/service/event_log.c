/* SPDX-License-Identifier: MIT */
#include "event_log.h"
#include "pool.h"
#include "system.h"
#include "utf16.h"

#include <stdlib.h>
#include <string.h>

#define CHANNEL 16
#define CHANNEL_KEYWORD 0x8000000000000000ull /* bit 63 stands for channel 16: without it the event reaches no channel */
#define MAX_EVENT_BYTES 62000                 /* of 65,535 with the headers the system adds */
#define MAX_STRING 31839                      /* characters, ReportEvent */
#define CLASSIC_SOURCE L"Microsoft-Windows-Sysmon"

/* Our own copies: the SDK's declarations need a newer minimum system than we load on. */
struct descriptor {
    uint16_t id;
    uint8_t version, channel, level, opcode;
    uint16_t task;
    uint64_t keyword;
};

struct data {
    uint64_t pointer;
    uint32_t size, reserved;
};

struct event_log {
    ULONG(WINAPI *unregister)(uint64_t);
    ULONG(WINAPI *write)(uint64_t, const struct descriptor *, ULONG, struct data *);
    uint64_t handle;
    HANDLE classic;
    struct pool pool;
    uint64_t number[CATALOGUE_MAX_FIELDS];
    uint8_t guid[CATALOGUE_MAX_FIELDS][16];
};

static const GUID provider = { 0x5770385F, 0xC22A, 0x43E0, { 0xBF, 0x4C, 0x06, 0xF5, 0x69, 0x8F, 0xFB, 0xD9 } };

DWORD event_log_open(struct event_log **out)
{
    ULONG(WINAPI *start)(const GUID *, void *, void *, uint64_t *) = system_function("advapi32.dll", "EventRegister");
    struct event_log *log = calloc(1, sizeof(*log));
    DWORD error = ERROR_SUCCESS;

    if (!log)
        return ERROR_OUTOFMEMORY;
    log->write = system_function("advapi32.dll", "EventWrite");
    log->unregister = system_function("advapi32.dll", "EventUnregister");
    if (start && log->write && log->unregister) {
        error = start(&provider, NULL, NULL, &log->handle);
    } else {
        log->write = NULL;
        log->classic = RegisterEventSourceW(NULL, CLASSIC_SOURCE);
        if (!log->classic)
            error = GetLastError();
    }
    if (error) {
        free(log);
        return error;
    }
    *out = log;
    return ERROR_SUCCESS;
}

void event_log_close(struct event_log *log)
{
    if (!log)
        return;
    if (log->write)
        log->unregister(log->handle);
    if (log->classic)
        DeregisterEventSource(log->classic);
    pool_free(&log->pool);
    free(log);
}

/* UTF-16 with terminator, with the mark where the event was cut, at most `limit` units. */
static uint16_t *wide_field(struct event_log *log, const struct event *event, unsigned field, size_t limit, size_t *units)
{
    struct match_text text = event->text[field];
    size_t need = utf16_from_utf8(NULL, text.data, text.size), mark = event->cut & (1u << field) ? EVENT_CUT_MARK_SIZE : 0;
    uint16_t *out = pool_take(&log->pool, (need + mark + 1) * sizeof(*out));

    if (!out)
        return NULL;
    utf16_from_utf8(out, text.data, text.size);
    for (size_t i = 0; i < mark; i++)
        out[need + i] = (uint16_t)EVENT_CUT_MARK[i];
    *units = need + mark;
    if (*units > limit)
        *units = limit;
    out[*units] = 0;
    return out;
}

static unsigned hex_digit(char c)
{
    return c <= '9' ? (unsigned)(c - '0') : (unsigned)((c | 32) - 'a' + 10);
}

/* `{xxxxxxxx-xxxx-…}` back to the structure's bytes; anything else is the zero GUID. */
static void guid_bytes(uint8_t out[16], struct match_text text)
{
    static const uint8_t order[16] = { 3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15 };
    unsigned byte = 0;

    memset(out, 0, 16);
    for (uint32_t i = 1; i + 1 < text.size && byte < 16; i += 2) {
        if (text.data[i] == '-')
            i++;
        if (i + 1 >= text.size)
            break;
        out[order[byte++]] = (uint8_t)(hex_digit(text.data[i]) << 4 | hex_digit(text.data[i + 1]));
    }
}

static bool field_data(struct event_log *log, const struct event *event, unsigned field, struct data *out)
{
    static const uint8_t sizes[] = { [CATALOGUE_BOOL] = 4, [CATALOGUE_UINT16] = 2, [CATALOGUE_UINT32] = 4, [CATALOGUE_PID] = 4,
                                     [CATALOGUE_HEX32] = 4, [CATALOGUE_HEX64] = 8 };
    unsigned type = event->type->fields[field].type;
    size_t units;

    if (type == CATALOGUE_STRING) {
        uint16_t *text = wide_field(log, event, field, MAX_EVENT_BYTES / 2, &units);

        *out = (struct data){ (uintptr_t)text, (uint32_t)((units + 1) * 2), 0 };
        return text;
    }
    if (type == CATALOGUE_GUID) {
        guid_bytes(log->guid[field], event->text[field]);
        *out = (struct data){ (uintptr_t)log->guid[field], 16, 0 };
        return true;
    }
    log->number[field] = event->number[field];
    *out = (struct data){ (uintptr_t)&log->number[field], sizes[type], 0 };
    return true;
}

/* An event larger than the log's buffers would be lost without trace: the longest text gives way first. */
static void fit(struct data *data, const struct event *event)
{
    for (;;) {
        uint32_t total = 0, excess, longest = 0;

        for (unsigned i = 0; i < event->type->field_count; i++) {
            total += data[i].size;
            if (event->type->fields[i].type == CATALOGUE_STRING && data[i].size > data[longest].size)
                longest = i;
        }
        if (total <= MAX_EVENT_BYTES || data[longest].size < 64)
            return;
        excess = total - MAX_EVENT_BYTES;
        data[longest].size = data[longest].size > excess + 64 ? (data[longest].size - excess) & ~1u : 64;
        uint16_t *end = (uint16_t *)(uintptr_t)data[longest].pointer + data[longest].size / 2 - 1;

        end[0] = 0;
        end[-1] = end[-2] = end[-3] = '.';
    }
}

static DWORD write_modern(struct event_log *log, const struct event *event)
{
    const struct catalogue_event *type = event->type;
    const struct descriptor descriptor = { type->id, type->version, CHANNEL, type->level, 0, type->id, CHANNEL_KEYWORD };
    struct data data[CATALOGUE_MAX_FIELDS];

    for (unsigned i = 0; i < type->field_count; i++)
        if (!field_data(log, event, i, &data[i]))
            return ERROR_OUTOFMEMORY;
    fit(data, event);
    return log->write(log->handle, &descriptor, type->field_count, data);
}

static DWORD write_classic(struct event_log *log, const struct event *event)
{
    const struct catalogue_event *type = event->type;
    bool is_error = type->level == 2;
    DWORD id = (is_error ? 0xC0060000 : 0x40060000) + type->id;
    const wchar_t *texts[CATALOGUE_MAX_FIELDS];
    size_t units;

    for (unsigned i = 0; i < type->field_count; i++) {
        texts[i] = (const wchar_t *)wide_field(log, event, i, MAX_STRING, &units);
        if (!texts[i])
            return ERROR_OUTOFMEMORY;
    }
    if (ReportEventW(log->classic, is_error ? EVENTLOG_ERROR_TYPE : EVENTLOG_INFORMATION_TYPE, type->id, id, NULL,
                     (WORD)type->field_count, 0, texts, NULL))
        return ERROR_SUCCESS;
    return GetLastError();
}

DWORD event_log_write(struct event_log *log, const struct event *event)
{
    DWORD error = log->write ? write_modern(log, event) : write_classic(log, event);

    pool_reset(&log->pool);
    return error;
}
