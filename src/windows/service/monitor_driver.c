/* SPDX-License-Identifier: MIT */
/* The driver as a source: reads records, answers deletion questions at once, hands the rest to the worker. */
#include "monitor_core.h"
#include "registry.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tlhelp32.h>

#define RETRY_FIRST 1000   /* milliseconds until a missing driver is looked for again; doubles */
#define RETRY_LAST 60000

/* ---- what translation asks ---- */

static void lock(void *context)
{
    EnterCriticalSection(&((struct monitor *)context)->table_lock);
}

static void unlock(void *context)
{
    LeaveCriticalSection(&((struct monitor *)context)->table_lock);
}

/* Elapsed time; a performance counter never goes back. */
static uint64_t now(void *context)
{
    static LARGE_INTEGER frequency;
    LARGE_INTEGER count;

    if (!frequency.QuadPart)
        QueryPerformanceFrequency(&frequency);
    QueryPerformanceCounter(&count);
    return (uint64_t)(count.QuadPart / frequency.QuadPart) * 10000000u +
           (uint64_t)(count.QuadPart % frequency.QuadPart) * 10000000u / (uint64_t)frequency.QuadPart;
}

static struct match_text user(void *context, struct pool *pool, const uint8_t *sid, uint32_t size)
{
    return users_name(((struct monitor *)context)->users, pool, sid, size);
}

static struct match_text path(void *context, struct pool *pool, struct match_text nt_path)
{
    return volumes_dos_path(((struct monitor *)context)->volumes, pool, nt_path);
}

static struct match_text hashes(void *context, struct pool *pool, struct match_text file)
{
    return file_facts_hashes(((struct monitor *)context)->files, pool, file);
}

static int version(void *context, struct match_text file, struct pe_version *out)
{
    return file_facts_version(file, out);
}

static uint64_t logon_time(void *context, uint64_t luid)
{
    return users_logon_time(((struct monitor *)context)->users, luid);
}

static int query(void *context, uint32_t pid, void *buffer, size_t size)
{
    struct monitor *monitor = context;
    DWORD got = 0, error = ERROR_NOT_READY;

    EnterCriticalSection(&monitor->driver_lock);
    if (monitor->driver)
        error = driver_client_query(monitor->driver, pid, buffer, (DWORD)size, &got);
    LeaveCriticalSection(&monitor->driver_lock);
    return error ? -ENOENT : (int)got;
}

static struct match_text archive(void *context, struct pool *pool, struct match_text file, struct match_text copy)
{
    return deleted_files_archive(((struct monitor *)context)->deleted, pool, file, copy);
}

static struct match_text deleted_hashes(void *context, struct pool *pool, uint32_t pid, struct match_text file)
{
    return deleted_files_recall(((struct monitor *)context)->deleted, pool, pid, file);
}

const struct facts monitor_facts = { lock,  unlock,     now,   user,    path,           hashes, version,
                                     logon_time, query, archive, deleted_hashes, NULL };

/* ---- records ---- */

/* An image and what is known of its signature, for the second time in the queue. */
struct signed_record {
    struct signature signature;
    uint8_t record[];
};

static int make_signed(struct monitor *monitor, struct pool *pool, void *data, size_t size, struct event *out)
{
    const struct signed_record *item = data;
    struct record record;
    int status = record_decode(&record, item->record, size - sizeof(*item));

    return status < 0 ? status : translate_record(&monitor->translator, pool, &record, &item->signature, out);
}

void monitor_signed(void *context, const struct signature *signature, const void *record, size_t size)
{
    struct monitor *monitor = context;
    struct signed_record *item = malloc(sizeof(*item) + size);

    if (!item)
        return;
    item->signature = *signature;
    memcpy(item->record, record, size);
    work_queue_push(&monitor->queue, make_signed, item, sizeof(*item) + size, true);
    free(item);
}

/* An image event waits for its file's signature, unless that is known or cannot be had. */
static int make_image(struct monitor *monitor, struct pool *pool, const struct record *record, const void *data, size_t size,
                      struct event *out)
{
    struct match_text file = translate_signed_file(&monitor->translator, pool, record);
    struct signature signature;

    if (!file.size)
        return -ENOENT;
    if (signatures_find(monitor->signatures, file, &signature))
        return translate_record(&monitor->translator, pool, record, &signature, out);
    if (signatures_queue(monitor->signatures, file, data, size))
        return -EAGAIN;
    return translate_record(&monitor->translator, pool, record, NULL, out);
}

static enum loss_cause cause_of(uint32_t cause)
{
    switch (cause) {
    case WIRE_LOSS_QUEUE_RECORDS:
    case WIRE_LOSS_QUEUE_BYTES:
        return LOSS_RING_FULL;
    case WIRE_LOSS_MEMORY:
        return LOSS_KERNEL_MEMORY;
    case WIRE_LOSS_SIZE:
        return LOSS_BAD_RECORD;
    }
    return LOSS_SOURCE_FULL;
}

static void account_loss(struct monitor *monitor, const struct record *record)
{
    struct wire_loss_entry entry;

    for (unsigned i = 0; !record_loss_entry(record, i, &entry); i++)
        monitor_lost(monitor, (uint16_t)translate_event_of_type(entry.EventType), cause_of(entry.Cause), entry.Count);
}

static int make_record(struct monitor *monitor, struct pool *pool, void *data, size_t size, struct event *out)
{
    struct record record;
    int status = record_decode(&record, data, size);

    if (status < 0)
        return status;
    translate_table(&monitor->translator, pool, &record);
    if (record.header.EventType == WIRE_PROCESS_TERMINATE)
        sources_process_ended(monitor, record.body.terminate.ProcessId);
    if (record.header.EventType == WIRE_LOSS)
        account_loss(monitor, &record);
    if (record.header.EventType == WIRE_IMAGE_LOAD)
        status = make_image(monitor, pool, &record, data, size, out);
    else
        status = translate_record(&monitor->translator, pool, &record, NULL, out);
    return status;
}

/* Is the record a question? Only deletion and blocking records can be. */
static bool is_question(const struct record *record)
{
    switch (record->header.EventType) {
    case WIRE_FILE_DELETE:
    case WIRE_FILE_BLOCK_EXECUTABLE:
    case WIRE_FILE_BLOCK_SHREDDING:
        return record->body.file_delete.TrackerId != WIRE_TRACKER_NONE;
    }
    return false;
}

/* FileDelete rules first, then FileDeleteDetected on the same fields, which the two events share (spec 06 section 6). */
static enum wire_verdict_result judge(struct monitor *monitor, const struct event *event)
{
    if (monitor_wants(monitor, event, event->type))
        return WIRE_VERDICT_INCLUDE;
    if (event->type->id == EVENT_FILE_DELETE && monitor_wants(monitor, event, catalogue_find(EVENT_FILE_DELETE_DETECTED)))
        return WIRE_VERDICT_LOG;
    return WIRE_VERDICT_EXCLUDE;
}

static void answer(struct monitor *monitor, const struct record *record)
{
    struct pool pool = { 0 };
    struct event *event = malloc(sizeof(*event));
    enum wire_verdict_result verdict = WIRE_VERDICT_EXCLUDE;

    if (event && !translate_record(&monitor->translator, &pool, record, NULL, event))
        verdict = judge(monitor, event);
    if (verdict != WIRE_VERDICT_EXCLUDE) /* now, while the thread waits: afterwards there is nothing left to hash */
        deleted_files_remember(monitor->deleted, record->body.file_delete.ProcessId, event->text[FILE_DELETE_TargetFilename]);
    driver_client_verdict(monitor->driver, record->body.file_delete.TrackerId, verdict);
    pool_free(&pool);
    free(event);
}

static void take_record(struct monitor *monitor, const struct record *record, const uint8_t *data, DWORD size)
{
    if (is_question(record))
        answer(monitor, record);
    else
        work_queue_push(&monitor->queue, make_record, data, size, true); /* a full queue waits: the driver counts what it loses then */
}

/* A buffer holds whole records one after the other. */
static void take_buffer(struct monitor *monitor, const uint8_t *data, DWORD size)
{
    struct record *record = malloc(sizeof(*record));

    while (record && size) {
        int status = record_decode(record, data, size);
        DWORD used;
        char text[64];

        if (status == -EBADMSG) {
            monitor_error(monitor, "Driver", "A damaged record was received");
            break;
        }
        used = record->header.EventSize;
        if (status > 0) {
            take_record(monitor, record, data, used);
        } else if (status == -ENOTSUP) {
            snprintf(text, sizeof(text), "Unknown event type to forward %u", (unsigned)record->header.EventType);
            monitor_error(monitor, "Driver", text);
        } else {
            monitor_lost(monitor, (uint16_t)translate_event_of_type(record->header.EventType), LOSS_BAD_RECORD, 1);
        }
        used = used ? (used + WIRE_RECORD_ALIGNMENT - 1) & ~(WIRE_RECORD_ALIGNMENT - 1) : size;
        data += used < size ? used : size;
        size -= used < size ? used : size;
    }
    free(record);
}

/* ---- what runs already ---- */

static int make_known(struct monitor *monitor, struct pool *pool, void *data, size_t size, struct event *out)
{
    struct process_view view;

    translate_process(&monitor->translator, pool, *(const uint32_t *)data, 0, 0, &view); /* asks the driver when it is new */
    return -ENOENT;
}

/* Processes that started before the driver or before us, so that their children find their parents. */
static void learn_processes(struct monitor *monitor)
{
    HANDLE snapshot = CreateToolhelp32Snapshot(TH32CS_SNAPPROCESS, 0);
    PROCESSENTRY32W entry = { .dwSize = sizeof(entry) };
    BOOL more;

    if (snapshot == INVALID_HANDLE_VALUE)
        return;
    for (more = Process32FirstW(snapshot, &entry); more; more = Process32NextW(snapshot, &entry))
        work_queue_push(&monitor->queue, make_known, &entry.th32ProcessID, sizeof(uint32_t), true);
    CloseHandle(snapshot);
}

/* ---- the reader ---- */

static DWORD connect_driver(struct monitor *monitor)
{
    struct driver_client *client;
    DWORD error = driver_client_open(&client, monitor->driver_name, NULL);

    if (error)
        return error;
    EnterCriticalSection(&monitor->driver_lock);
    monitor->driver = client;
    LeaveCriticalSection(&monitor->driver_lock);
    return ERROR_SUCCESS;
}

static void disconnect_driver(struct monitor *monitor)
{
    struct driver_client *client;

    EnterCriticalSection(&monitor->driver_lock);
    client = monitor->driver;
    monitor->driver = NULL;
    LeaveCriticalSection(&monitor->driver_lock);
    driver_client_close(client);
}

static DWORD read_all(struct monitor *monitor)
{
    const void *data;
    DWORD size, error;

    while (!(error = driver_client_read(monitor->driver, monitor->stop, &data, &size)))
        take_buffer(monitor, data, size);
    return error;
}

DWORD WINAPI reader_main(void *context)
{
    struct monitor *monitor = context;
    DWORD wait = RETRY_FIRST, reported = ERROR_SUCCESS, error;

    while (WaitForSingleObject(monitor->stop, 0) != WAIT_OBJECT_0) {
        error = connect_driver(monitor);
        if (!error) {
            if (reported)
                monitor_error(monitor, "Driver", "The driver is back");
            reported = ERROR_SUCCESS;
            wait = RETRY_FIRST;
            learn_processes(monitor);
            error = read_all(monitor);
            disconnect_driver(monitor);
        }
        if (error == ERROR_OPERATION_ABORTED)
            continue;
        if (error != reported) /* once per cause, not once per attempt */
            monitor_error_code(monitor, "Driver", error == ERROR_REVISION_MISMATCH
                                   ? "The driver is of another version: reinstall. Sources without a driver go on"
                                   : "The driver cannot be reached, it will be tried again. Sources without a driver go on", error);
        reported = error;
        WaitForSingleObject(monitor->stop, wait);
        wait = wait * 2 > RETRY_LAST ? RETRY_LAST : wait * 2;
    }
    return 0;
}
