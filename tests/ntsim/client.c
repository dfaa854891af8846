/* SPDX-License-Identifier: MIT */
#include "client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "ob.h"
#include "profile.h"
#include "ps.h"
#include "se.h"
#include "sched.h"
#include "tap.h"
#include "verify.h"
#include "world.h"

static struct client {
    bool running, stopping;
    PFILE_OBJECT file;
    HANDLE handle;
    struct request request;
    uint8_t *buffer;
    size_t size;
    struct record *records, **last;
    unsigned verdict, questions, missing;
    uint64_t lost, received, gaps, expected_sequence;
    bool fault_run;
} client;

PFILE_OBJECT client_file(void) { return client.file; }
bool client_running(void) { return client.running; }
void client_answer(unsigned verdict) { client.verdict = verdict; }
uint64_t client_lost(void) { return client.lost; }
uint64_t client_received(void) { return client.received; }
unsigned client_questions(void) { return client.questions; }
unsigned client_missing(void) { return client.missing; }
void client_fault_run(bool on) { client.fault_run = on; }
bool client_in_fault_run(void) { return client.fault_run; }

NTSTATUS client_open_device(struct process *process, PFILE_OBJECT *file, HANDLE *handle)
{
    struct thread *was = current_thread();
    KPROCESSOR_MODE mode = self()->previous_mode;
    struct opening o = {.path = L"\\??\\SysmonDrv", .access = FILE_READ_DATA | FILE_WRITE_DATA, .disposition = FILE_OPEN};
    NTSTATUS status;

    as(process);
    status = io_open(&o);
    as_thread(was);
    self()->previous_mode = mode;
    if (NT_SUCCESS(status)) {
        *file = o.file;
        *handle = o.handle;
    }
    return status;
}

/* --- the reader's thread ------------------------------------------------------------------------------------------------ */

static bool is_question(const struct record *record)
{
    return (record->type == R_FILE_DELETE || record->type == R_BLOCK_EXECUTABLE || record->type == R_BLOCK_SHREDDING) &&
           record_u32(record, DELETE_TRACKER) != 0xffffffff;
}

static void answer(const struct record *record)
{
    uint32_t reply[2] = {record_u32(record, DELETE_TRACKER), client.verdict};

    client.questions++;
    if (client.verdict != VERDICT_SILENT)
        io_ioctl(client.file, (ULONG)IOCTL_VERDICT, reply, sizeof reply, NULL, 0, NULL);
}

static void note(struct record *record)
{
    client.received++;
    if (record->sequence < client.expected_sequence)
        bug("sequence", "number %llu after %llu", (unsigned long long)record->sequence, (unsigned long long)client.expected_sequence - 1);
    else
        client.gaps += record->sequence - client.expected_sequence;
    client.expected_sequence = record->sequence + 1;
    if (record->type == R_LOSS)
        client.lost += record_u64(record, LOSS_TOTAL);
}

static void keep(struct record *record)
{
    *client.last = record;
    client.last = &record->next;
}

static void take(size_t size)
{
    struct record *list = NULL, *next;

    record_split(client.buffer, size, &list);
    for (struct record *r = list; r; r = next) {
        next = r->next;
        r->next = NULL;
        note(r);
        if (is_question(r))
            answer(r);
        if (sched_is_parallel())
            record_free(r);
        else
            keep(r);
    }
}

static void reader(void *unused)
{
    (void)unused;
    while (!client.stopping) {
        io_ioctl_start(&client.request, client.file, (ULONG)IOCTL_READ, NULL, 0, client.buffer, client.size);
        io_wait(&client.request, NEVER);
        if (NT_SUCCESS(client.request.status))
            take(client.request.information);
        else if (client.request.status != STATUS_CANCELLED)
            bug("read", "READ_EVENT failed with 0x%08x", (unsigned)client.request.status);
        else
            break;
    }
    client.running = false;
}

void client_start_with(size_t buffer)
{
    uint32_t version = 0;
    size_t written = 0;
    bool fault_run = client.fault_run;
    struct process *was = current_thread()->process;
    NTSTATUS status;

    memset(&client, 0, sizeof client);
    client.fault_run = fault_run;
    client.last = &client.records;
    client.verdict = VERDICT_EXCLUDE;
    client.expected_sequence = 1;
    status = client_open_device(world.service, &client.file, &client.handle);
    if (!check(NT_SUCCESS(status), "the service opens the control device: 0x%08x", (unsigned)status))
        return;
    as(world.service);
    status = io_ioctl(client.file, (ULONG)IOCTL_VERSION, NULL, 0, &version, sizeof version, &written);
    check(NT_SUCCESS(status) && written == 4 && version, "GET_VERSION: 0x%08x, %zu bytes, version 0x%x", (unsigned)status, written, version);
    client.buffer = malloc(buffer);
    client.size = buffer;
    client.running = true;
    sched_start("client", ps_first_thread(world.service), reader, NULL);
    as(was->is_system ? NULL : was);
}

void client_start(void) { client_start_with(RECORD_MOST); }

void client_stop(void)
{
    struct process *was = current_thread()->process;

    if (!client.file)
        return;
    client.stopping = true;
    sched_settle();
    io_cancel(&client.request);
    sched_settle();
    check(!client.running, "a cancelled READ_EVENT ends");
    as(world.service);
    io_close(client.handle);
    as(was->is_system ? NULL : was);
    client_forget();
    free(client.buffer);
    client.buffer = NULL;
    client.file = NULL;
}

void client_sync(void) { sched_settle(); }

void client_forget(void)
{
    for (struct record *r = client.records, *next; r; r = next) {
        next = r->next;
        record_free(r);
    }
    client.records = NULL;
    client.last = &client.records;
}

void client_check_sequence(void)
{
    check(client.gaps == client.lost, "%llu sequence numbers are missing, %llu records were reported lost",
          (unsigned long long)client.gaps, (unsigned long long)client.lost);
}

/* --- expectations --------------------------------------------------------------------------------------------------------------- */

unsigned client_count(uint32_t type)
{
    unsigned n = 0;

    for (struct record *r = client.records; r; r = r->next)
        n += r->type == type && !r->taken && !is_question(r);
    return n;
}

static bool text_is(const struct record *record, unsigned extension, const WCHAR *text)
{
    size_t size;
    const uint8_t *at = record_extension(record, extension, &size);

    return size == wcslen(text) * sizeof(WCHAR) && memcmp(at, text, size) == 0;
}

static void show_all(void)
{
    unsigned n = 0;

    for (struct record *r = client.records; r && n < 12; r = r->next)
        if (!r->taken) {
            record_dump(r);
            n++;
        }
}

static const struct record *missing(uint32_t type, const char *what)
{
    client.missing++;
    if (client.fault_run)
        return NULL;
    check(false, "no %s record: %s. Received:", record_name(type), what);
    show_all();
    return NULL;
}

const struct record *expect(uint32_t type, const char *what)
{
    client_sync();
    for (struct record *r = client.records; r; r = r->next)
        if (r->type == type && !r->taken && !is_question(r)) {
            r->taken = true;
            return r;
        }
    return missing(type, what);
}

const struct record *expect_text(uint32_t type, unsigned extension, const WCHAR *text, const char *what)
{
    client_sync();
    for (struct record *r = client.records; r; r = r->next)
        if (r->type == type && !r->taken && !is_question(r) && text_is(r, extension, text)) {
            r->taken = true;
            return r;
        }
    return missing(type, what);
}

/* In a fault run the service may not have been asked, and the rules alone decided. */
void expect_none(uint32_t type, const char *what)
{
    client_sync();
    if (client.fault_run && (type == R_FILE_DELETE || type == R_FILE_DELETE_DETECTED || type == R_BLOCK_EXECUTABLE || type == R_BLOCK_SHREDDING))
        return;
    if (!check(client_count(type) == 0, "%u %s record(s) too many: %s", client_count(type), record_name(type), what))
        show_all();
}

/* In a fault run a number that could not be found out is zero. */
static bool excused(uint64_t value) { return client.fault_run && value == 0; }

/* --- fields --------------------------------------------------------------------------------------------------------------------------- */

void field_u32(const struct record *record, const char *name, unsigned offset, uint32_t wanted)
{
    if (record && !excused(record_u32(record, offset)))
        check(record_u32(record, offset) == wanted, "%s.%s is 0x%x, should be 0x%x", record_name(record->type), name, record_u32(record, offset),
              wanted);
}

void field_u64(const struct record *record, const char *name, unsigned offset, uint64_t wanted)
{
    if (record && !excused(record_u64(record, offset)))
        check(record_u64(record, offset) == wanted, "%s.%s is 0x%llx, should be 0x%llx", record_name(record->type), name,
              (unsigned long long)record_u64(record, offset), (unsigned long long)wanted);
}

void field_pointer(const struct record *record, const char *name, unsigned offset, const void *wanted)
{
    if (record && !excused(record_pointer(record, offset)))
        check(record_pointer(record, offset) == (uintptr_t)wanted, "%s.%s is %p, should be %p", record_name(record->type), name,
              (void *)record_pointer(record, offset), wanted);
}

void field_time(const struct record *record, const char *name, unsigned offset, int64_t from, int64_t to)
{
    int64_t time = record ? (int64_t)record_u64(record, offset) : 0;

    if (record)
        check(time >= from && time <= to, "%s.%s is %lld, should be %lld to %lld", record_name(record->type), name, (long long)time,
              (long long)from, (long long)to);
}

/* A fallback may name the same file in another form. */
static bool ends_alike(const WCHAR *text, size_t length, const WCHAR *wanted)
{
    const WCHAR *last = wcsrchr(wanted, '\\');
    size_t tail = last ? wcslen(last) : 0;

    return tail && length >= tail && memcmp(text + length - tail, last, tail * sizeof(WCHAR)) == 0;
}

void field_text(const struct record *record, const char *name, unsigned extension, const WCHAR *wanted)
{
    size_t size;
    const uint8_t *at;

    if (!record)
        return;
    at = record_extension(record, extension, &size);
    if (client.fault_run && (size == 0 || ends_alike((const WCHAR *)at, size / 2, wanted)))
        return;
    check(text_is(record, extension, wanted), "%s.%s is \"%.*ls\", should be \"%ls\"", record_name(record->type), name, (int)(size / 2),
          (const WCHAR *)at, wanted);
}

void field_inline(const struct record *record, const char *name, unsigned offset, const WCHAR *wanted)
{
    const WCHAR *text = record ? (const WCHAR *)(record->bytes + RECORD_HEAD + offset) : NULL;

    if (!record || (client.fault_run && !text[0]))
        return;
    check(wcscmp(text, wanted) == 0, "%s.%s is \"%ls\", should be \"%ls\"", record_name(record->type), name, text, wanted);
}

void field_sid(const struct record *record, const char *name, unsigned extension, const char *wanted)
{
    struct sid sid = se_sid(wanted);
    size_t size;
    const uint8_t *at;

    if (!record)
        return;
    at = record_extension(record, extension, &size);
    if (client.fault_run && size == 0)
        return;
    check(size == sid.length && memcmp(at, sid.bytes, size) == 0, "%s.%s is not %s (%zu bytes)", record_name(record->type), name, wanted, size);
}

void field_empty(const struct record *record, const char *name, unsigned extension)
{
    size_t size;

    if (!record)
        return;
    record_extension(record, extension, &size);
    check(size == 0, "%s.%s has %zu bytes, should be absent", record_name(record->type), name, size);
}

void field_session(const struct record *record, uint32_t wanted)
{
    if (record && !excused(record->session))
        check(record->session == wanted, "%s: session %u, should be %u", record_name(record->type), record->session, wanted);
}
