/* SPDX-License-Identifier: MIT */
/* From driver records to events: every field of every type, the process table's rules, and records that lie. */
#include "translate.h"
#include "record_builder.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define T0 0x01DA6EB61A2B3C4Dull /* 2024 */
#define SECOND 10000000ull

struct world {
    struct process_table *table;
    struct translator translator;
    struct pool pool;
    struct record record;
    struct event event;
    struct nt_volumes volumes;
    struct built_record answer; /* to a query for a pid */
    uint64_t now;
    unsigned queries, locked;
    const char *deleted;
};

static void lock(void *context)
{
    struct world *world = context;

    assert_int_equal(world->locked++, 0);
}

static void unlock(void *context)
{
    struct world *world = context;

    assert_int_equal(world->locked--, 1);
}

static uint64_t now(void *context)
{
    return ((struct world *)context)->now;
}

static struct match_text user(void *context, struct pool *pool, const uint8_t *sid, uint32_t size)
{
    char text[32];

    (void)context;
    return pool_text(pool, text, (size_t)snprintf(text, sizeof(text), "LAB\\u%u", sid[size - 1]));
}

static struct match_text path(void *context, struct pool *pool, struct match_text nt_path)
{
    return nt_path_to_dos(&((struct world *)context)->volumes, pool, nt_path);
}

static struct match_text hashes(void *context, struct pool *pool, struct match_text name)
{
    char text[600];

    (void)context;
    return pool_text(pool, text, (size_t)snprintf(text, sizeof(text), "SHA256=of(%.*s)", (int)name.size, name.data));
}

static int version(void *context, struct match_text name, struct pe_version *out)
{
    (void)context;
    (void)name;
    memset(out, 0, sizeof(*out));
    memcpy(out->file_version, "1.2", 4);
    memcpy(out->original_file_name, "o.exe", 6);
    return 0;
}

static uint64_t logon_time(void *context, uint64_t luid)
{
    (void)context;
    return luid == 0x3e7 ? T0 - 100 * SECOND : 0;
}

static int query(void *context, uint32_t pid, void *buffer, size_t size)
{
    struct world *world = context;

    world->queries++;
    if (pid != 77 || size < world->answer.size)
        return -ENOENT;
    memcpy(buffer, world->answer.bytes, world->answer.size);
    return (int)world->answer.size;
}

static struct match_text archive(void *context, struct pool *pool, struct match_text file, struct match_text copy)
{
    char text[600];

    (void)context;
    return pool_text(pool, text, (size_t)snprintf(text, sizeof(text), "SHA256=copy(%.*s,%.*s)", (int)file.size, file.data,
                                                    (int)copy.size, copy.data));
}

static const struct facts facts = { lock, unlock, now, user, path, hashes, version, logon_time, query, archive, NULL, NULL };

static int setup(void **state)
{
    static const uint8_t key[16];
    struct world *world = calloc(1, sizeof(*world));

    assert_int_equal(process_table_create(&world->table, NULL, key), 0);
    world->translator = (struct translator){ world->table, &facts, world, 0x08DA6306, 1, HASH_SHA256 };
    world->now = 1;
    world->volumes.count = 1;
    snprintf(world->volumes.volume[0].device, NT_PATH_NAME, "\\Device\\HarddiskVolume3");
    snprintf(world->volumes.volume[0].drive, NT_PATH_NAME, "C:");
    snprintf(world->volumes.windows, NT_PATH_NAME, "C:\\Windows");
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;

    process_table_destroy(world->table);
    pool_free(&world->pool);
    free(world);
    return 0;
}

static void feed(struct world *world, const struct built_record *built)
{
    assert_int_equal(record_decode(&world->record, built->bytes, built->size), built->size);
    translate_table(&world->translator, &world->pool, &world->record);
}

static int make(struct world *world, const struct built_record *built, const struct signature *signature)
{
    feed(world, built);
    return translate_record(&world->translator, &world->pool, &world->record, signature, &world->event);
}

static void expect(struct world *world, const char *field, const char *text)
{
    int index = catalogue_field_index(world->event.type, field, strlen(field));
    char got[4096];

    assert_true(index >= 0);
    snprintf(got, sizeof(got), "%.*s", (int)world->event.text[index].size, world->event.text[index].data);
    if (strcmp(got, text))
        print_error("# field %s of event %u\n", field, world->event.type->id);
    assert_string_equal(got, text);
}

static const uint8_t sid5[] = { 1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 5 };
static const uint8_t sid7[] = { 1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 7 };
static const uint8_t high[] = { 1, 1, 0, 0, 0, 0, 0, 16, 0, 0x30, 0, 0 };

static struct built_record process(uint32_t type, uint32_t pid, uint32_t parent, uint64_t time, const char *image, const char *line)
{
    struct wire_process_create body = { .ProcessKey = 0x001000000000010Bull, .ProcessId = pid, .ParentProcessId = parent,
                                        .SessionId = 2, .CreateTime = time, .AuthenticationId = 0x3e7,
                                        .ParentProcessObject = 0x1000 + parent, .ProcessObject = 0x1000 + pid };
    struct built_record built;

    RECORD_BEGIN(&built, type, body);
    record_bytes(&built, WIRE_PROCESS_SID, sid5, sizeof(sid5));
    record_bytes(&built, WIRE_PROCESS_INTEGRITY, high, sizeof(high));
    record_text(&built, WIRE_PROCESS_IMAGE, image);
    record_text(&built, WIRE_PROCESS_COMMAND_LINE, line);
    record_text(&built, WIRE_PROCESS_DIRECTORY, "C:\\Users\\bob\\");
    return built;
}

#define CMD "\\Device\\HarddiskVolume3\\Windows\\cmd.exe"

static void test_process_create(void **state)
{
    struct world *world = *state;
    struct built_record built = process(WIRE_PROCESS_CREATE, 500, 4, T0, "\\Device\\HarddiskVolume3\\Windows\\explorer.exe", "explorer 50%");

    assert_int_equal(make(world, &built, NULL), 0);
    expect(world, "ParentProcessGuid", "{00000000-0000-0000-0000-000000000000}");
    expect(world, "ParentImage", "-");
    expect(world, "CommandLine", "explorer 50%%");
    pool_reset(&world->pool);
    built = process(WIRE_PROCESS_CREATE, 600, 500, T0 + SECOND, CMD, "cmd /c echo 100%");
    assert_int_equal(make(world, &built, NULL), 0);
    assert_int_equal(world->event.type->id, 1);
    expect(world, "Image", "C:\\Windows\\cmd.exe");
    expect(world, "FileVersion", "1.2");
    expect(world, "Description", "-");
    expect(world, "OriginalFileName", "o.exe");
    expect(world, "CommandLine", "cmd /c echo 100%%");
    expect(world, "CurrentDirectory", "C:\\Users\\bob\\");
    expect(world, "User", "LAB\\u5");
    expect(world, "LogonId", "0x3e7");
    expect(world, "TerminalSessionId", "2");
    expect(world, "IntegrityLevel", "High");
    expect(world, "Hashes", "SHA256=of(C:\\Windows\\cmd.exe)");
    expect(world, "ParentProcessId", "500");
    expect(world, "ParentImage", "C:\\Windows\\explorer.exe");
    expect(world, "ParentCommandLine", "explorer 50%"); /* not doubled */
    expect(world, "ParentUser", "LAB\\u5");
    assert_memory_equal(world->event.text[CREATE_PROCESS_ProcessGuid].data, "{08da6306-", 10);
    assert_memory_equal(world->event.text[CREATE_PROCESS_ProcessGuid].data + 20, "0b01-000000001000}", 18);
    assert_memory_equal(world->event.text[CREATE_PROCESS_LogonGuid].data + 20, "e703-000000000000}", 18);
}

/* Another process under the parent's pid: the object tells them apart. */
static void test_parent_reuse(void **state)
{
    struct world *world = *state;
    struct built_record built = process(WIRE_PROCESS_CREATE, 500, 4, T0, CMD, "old");

    feed(world, &built);
    built = process(WIRE_PROCESS_CREATE, 600, 500, T0 + SECOND, CMD, "child");
    ((struct wire_process_create *)(built.bytes + WIRE_BODY_OFFSET))->ParentProcessObject = 0xdead;
    assert_int_equal(make(world, &built, NULL), 0);
    expect(world, "ParentImage", "-");
}

static void test_cache_and_end(void **state)
{
    struct world *world = *state;
    struct wire_process_terminate end = { .ProcessId = 77, .EventTime = T0 + 2 * SECOND };
    struct built_record built = process(WIRE_PROCESS_CREATE_CACHE, 77, 4, T0, CMD, "x");

    assert_int_equal(make(world, &built, NULL), -ENOENT); /* no event, but known */
    RECORD_BEGIN(&built, WIRE_PROCESS_TERMINATE, end);
    record_bytes(&built, WIRE_TERMINATE_SID, sid7, sizeof(sid7));
    assert_int_equal(make(world, &built, NULL), 0);
    assert_int_equal(world->event.type->id, 5);
    expect(world, "Image", "C:\\Windows\\cmd.exe");
    expect(world, "User", "LAB\\u7");
    assert_int_equal(world->queries, 0);
}

/* An unknown pid is asked for, once it is known no more. */
static void test_query(void **state)
{
    struct world *world = *state;
    struct wire_raw_access_read body = { .EventSystemTime = T0 + SECOND, .ProcessId = 77 };
    struct built_record built;

    world->answer = process(WIRE_PROCESS_CREATE_CACHE, 77, 4, T0, CMD, "x");
    memcpy(body.Device, (wire_char[]){ '\\', 'D', 0 }, 6);
    RECORD_BEGIN(&built, WIRE_RAW_ACCESS_READ, body);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(make(world, &built, NULL), 0);
        expect(world, "Image", "C:\\Windows\\cmd.exe");
        expect(world, "Device", "\\D");
    }
    assert_int_equal(world->queries, 1);
    body.ProcessId = 78;
    RECORD_BEGIN(&built, WIRE_RAW_ACCESS_READ, body);
    assert_int_equal(make(world, &built, NULL), 0);
    expect(world, "Image", "<unknown process>");
    expect(world, "ProcessGuid", "{00000000-0000-0000-0000-000000000000}");
    body.ProcessId = 4;
    RECORD_BEGIN(&built, WIRE_RAW_ACCESS_READ, body);
    assert_int_equal(make(world, &built, NULL), 0);
    expect(world, "Image", "System");
}

static void test_files(void **state)
{
    struct world *world = *state;
    struct wire_file_time times = { 9, T0, T0 - SECOND, T0 };
    struct wire_file_create create = { .ProcessId = 9, .EventTime = T0, .CreateTime = T0 };
    struct built_record built;

    RECORD_BEGIN(&built, WIRE_FILE_TIME, times);
    record_bytes(&built, WIRE_FILE_TIME_SID, sid5, sizeof(sid5));
    record_text(&built, WIRE_FILE_TIME_IMAGE, CMD);
    record_text(&built, WIRE_FILE_TIME_NAME, "\\??\\C:\\a.txt");
    assert_int_equal(make(world, &built, NULL), 0);
    assert_int_equal(world->event.type->id, 2);
    expect(world, "TargetFilename", "C:\\a.txt");
    assert_true(world->event.text[FILE_TIME_CreationUtcTime].size == 23);
    RECORD_BEGIN(&built, WIRE_FILE_CREATE, create);
    record_text(&built, WIRE_CREATE_IMAGE, CMD);
    record_text(&built, WIRE_CREATE_NAME, "\\Device\\HarddiskVolume9\\b");
    assert_int_equal(make(world, &built, NULL), 0);
    assert_int_equal(world->event.type->id, 11);
    expect(world, "TargetFilename", "\\Device\\HarddiskVolume9\\b"); /* no such volume: stays */
    expect(world, "User", "-");
    create.hashType = WIRE_HASH_MD5;
    memset(create.filehash, 0xab, sizeof(create.filehash));
    RECORD_BEGIN(&built, WIRE_FILE_CREATE_STREAM_HASH, create);
    record_text(&built, WIRE_CREATE_NAME, "\\??\\C:\\a:Zone.Identifier");
    record_bytes(&built, WIRE_CREATE_CONTENTS, "[ZoneTransfer]\r\nZoneId=3\r\n", 26);
    assert_int_equal(make(world, &built, NULL), 0);
    assert_int_equal(world->event.type->id, 15);
    expect(world, "Hash", "MD5=ABABABABABABABABABABABABABABABAB");
    expect(world, "Contents", "[ZoneTransfer]  ZoneId=3  ");
    expect(world, "Image", "<unknown process>");
}

static void test_images(void **state)
{
    struct world *world = *state;
    const struct signature signature = { "true", "Example Signer", "Valid" };
    struct wire_image_load body = { .ProcessId = 9, .EventTime = T0, .Driver = 1, .HashType = WIRE_HASH_SEVERAL | 3 };
    uint8_t raw[36];
    struct built_record built;

    memset(raw, 0x11, 20);
    memset(raw + 20, 0x22, 16);
    RECORD_BEGIN(&built, WIRE_IMAGE_LOAD, body);
    record_text(&built, WIRE_IMAGE_PATH, "\\SystemRoot\\system32\\x.sys");
    record_bytes(&built, WIRE_IMAGE_HASH, raw, sizeof(raw));
    assert_int_equal(make(world, &built, &signature), 0);
    assert_int_equal(world->event.type->id, 6);
    expect(world, "ImageLoaded", "C:\\Windows\\system32\\x.sys");
    expect(world, "Hashes", "SHA1=1111111111111111111111111111111111111111,MD5=22222222222222222222222222222222");
    expect(world, "Signed", "true");
    expect(world, "Signature", "Example Signer");
    expect(world, "SignatureStatus", "Valid");
    body.Driver = 0;
    body.HashType = 0;
    RECORD_BEGIN(&built, WIRE_IMAGE_LOAD, body);
    record_bytes(&built, WIRE_IMAGE_SID, sid5, sizeof(sid5));
    record_text(&built, WIRE_IMAGE_PATH, "\\Device\\HarddiskVolume3\\d.dll");
    record_text(&built, WIRE_IMAGE_PROCESS, CMD);
    assert_int_equal(make(world, &built, NULL), 0);
    assert_int_equal(world->event.type->id, 7);
    expect(world, "Image", "C:\\Windows\\cmd.exe");
    expect(world, "Hashes", "SHA256=of(C:\\d.dll)");
    expect(world, "FileVersion", "1.2");
    expect(world, "Signed", "failed");
    RECORD_BEGIN(&built, WIRE_IMAGE_LOAD, body);
    assert_int_equal(make(world, &built, NULL), -ENOENT); /* nobody knows which file */
}

static void test_threads_and_access(void **state)
{
    struct world *world = *state;
    struct wire_remote_thread thread = { .EventSystemTime = T0, .SourceProcessId = 9, .TargetProcessId = 10, .TargetThreadId = 11,
                                         .StartAddress = 0x7ffb1a2b3c40 };
    struct wire_process_access access = { 9, 12, 10, 0x1410, T0 };
    struct wire_frame frames[2] = { { .ModuleBase = 0x10000, .ModuleSize = 0x1000, .FrameReturnAddress = 0x10abc },
                                    { .FrameReturnAddress = 0x42, .IsWow64 = 1 } };
    struct built_record built;

    memset(thread.StartModule, 'x', sizeof(thread.StartModule)); /* never terminated */
    RECORD_BEGIN(&built, WIRE_REMOTE_THREAD, thread);
    record_bytes(&built, WIRE_THREAD_SOURCE_SID, sid5, sizeof(sid5));
    record_bytes(&built, WIRE_THREAD_TARGET_SID, sid7, sizeof(sid7));
    assert_int_equal(make(world, &built, NULL), 0);
    assert_int_equal(world->event.type->id, 8);
    expect(world, "StartAddress", "0x00007FFB1A2B3C40");
    expect(world, "NewThreadId", "11");
    expect(world, "SourceUser", "LAB\\u5");
    expect(world, "TargetUser", "LAB\\u7");
    expect(world, "StartFunction", "-");
    memcpy(frames[0].ModulePath, (wire_char[]){ '\\', '?', '?', '\\', 'C', ':', '\\', 'n', 0 }, 18);
    RECORD_BEGIN(&built, WIRE_PROCESS_ACCESS, access);
    record_bytes(&built, WIRE_ACCESS_CALL_TRACE, frames, sizeof(frames));
    record_text(&built, WIRE_ACCESS_CLIENT_IMAGE, CMD);
    assert_int_equal(make(world, &built, NULL), 0);
    assert_int_equal(world->event.type->id, 10);
    expect(world, "CallTrace", "C:\\n+abc|UNKNOWN(0x0000000000000042)(wow64)");
    expect(world, "GrantedAccess", "0x1410");
    expect(world, "SourceImage", "C:\\Windows\\cmd.exe");
    expect(world, "TargetImage", "<unknown process>");
    expect(world, "SourceThreadId", "12");
}

static void test_registry(void **state)
{
    static const struct {
        uint32_t subtype, event;
        const char *type, *target, *want, *data, *field, *details;
    } cases[] = {
        { WIRE_REGISTRY_CREATE_KEY, 12, "CreateKey", "\\REGISTRY\\MACHINE\\SOFTWARE\\X", "HKLM\\SOFTWARE\\X", "", NULL, NULL },
        { WIRE_REGISTRY_RENAME_VALUE, 12, "RenameValue", "\\Registry\\User\\S-1-5-18\\X", "HKU\\S-1-5-18\\X", "", NULL, NULL },
        { WIRE_REGISTRY_SET_VALUE, 13, "SetValue", "\\REGISTRY\\MACHINE\\SYSTEM\\ControlSet001\\Y", "HKLM\\System\\CurrentControlSet\\Y",
          "100% sure", "Details", "100%% sure" },
        { WIRE_REGISTRY_SET_VALUE, 13, "SetValue", "\\REGISTRY\\MACHINE\\SYSTEM\\ControlSet002\\Y", "HKLM\\SYSTEM\\ControlSet002\\Y",
          "DWORD (0x00000001)", "Details", "DWORD (0x00000001)" },
        { WIRE_REGISTRY_RENAME_KEY, 14, "RenameKey", "\\REGISTRY\\MACHINE\\SOFTWARE\\Classes\\a", "HKCR\\a",
          "\\REGISTRY\\MACHINE\\SOFTWARE\\Classes\\b", "NewName", "HKCR\\b" },
    };
    struct world *world = *state;

    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct wire_registry_event body = { .EventSubtype = cases[i].subtype, .EventSystemTime = T0, .ProcessId = 9 };
        struct built_record built;

        RECORD_BEGIN(&built, WIRE_REGISTRY_EVENT, body);
        record_bytes(&built, WIRE_REGISTRY_SID, sid5, sizeof(sid5));
        record_text(&built, WIRE_REGISTRY_EVENT_TYPE, cases[i].type);
        record_text(&built, WIRE_REGISTRY_IMAGE, CMD);
        record_text(&built, WIRE_REGISTRY_TARGET, cases[i].target);
        record_text(&built, WIRE_REGISTRY_DATA, cases[i].data);
        assert_int_equal(make(world, &built, NULL), 0);
        assert_int_equal(world->event.type->id, cases[i].event);
        expect(world, "EventType", cases[i].type);
        expect(world, "TargetObject", cases[i].want);
        expect(world, "User", "LAB\\u5");
        if (cases[i].field)
            expect(world, cases[i].field, cases[i].details);
    }
}

static void test_pipes(void **state)
{
    struct world *world = *state;
    struct wire_pipe_event body = { .EventSubtype = WIRE_PIPE_CONNECT, .EventSystemTime = T0, .ProcessId = 9 };
    struct built_record built;

    RECORD_BEGIN(&built, WIRE_PIPE_EVENT, body);
    record_text(&built, WIRE_PIPE_EVENT_TYPE, "ConnectPipe");
    record_text(&built, WIRE_PIPE_NAME, "\\spoolss");
    record_text(&built, WIRE_PIPE_IMAGE, CMD);
    assert_int_equal(make(world, &built, NULL), 0);
    assert_int_equal(world->event.type->id, 18);
    expect(world, "PipeName", "\\spoolss");
    body.EventSubtype = WIRE_PIPE_CREATE;
    RECORD_BEGIN(&built, WIRE_PIPE_EVENT, body);
    assert_int_equal(make(world, &built, NULL), 0);
    assert_int_equal(world->event.type->id, 17);
    expect(world, "PipeName", "<Anonymous Pipe>");
}

static void test_delete(void **state)
{
    struct world *world = *state;
    struct wire_file_delete body = { .ProcessId = 9, .DeleteTime = T0, .IsExecutable = 1, .TrackerId = WIRE_TRACKER_NONE };
    struct built_record built;

    memcpy(body.Archived, (wire_char[]){ 't', 'r', 'u', 'e', 0, 'c', '1', 0 }, 16);
    RECORD_BEGIN(&built, WIRE_FILE_DELETE, body);
    record_text(&built, WIRE_DELETE_NAME, "\\??\\C:\\v.exe");
    assert_int_equal(make(world, &built, NULL), 0);
    assert_int_equal(world->event.type->id, 23);
    expect(world, "Archived", "true");
    expect(world, "IsExecutable", "true");
    expect(world, "Hashes", "SHA256=copy(C:\\v.exe,c1)");
    for (uint32_t type = WIRE_FILE_DELETE_DETECTED; type <= WIRE_FILE_EXECUTABLE_DETECTED; type++) {
        RECORD_BEGIN(&built, type, body);
        record_text(&built, WIRE_DELETE_NAME, "\\??\\C:\\v.exe");
        assert_int_equal(make(world, &built, NULL), 0);
        assert_int_equal(world->event.type->id, type == WIRE_FILE_DELETE_DETECTED ? 26 : 27 + type - WIRE_FILE_BLOCK_EXECUTABLE);
        expect(world, "TargetFilename", "C:\\v.exe");
    }
}

static void test_errors(void **state)
{
    struct world *world = *state;
    struct wire_kernel_error body = { { 0 } };
    struct wire_loss loss = { .EventTime = T0, .Total = 5, .EntryCount = 1 };
    struct wire_loss_entry entry = { WIRE_REGISTRY_EVENT, WIRE_LOSS_QUEUE_RECORDS, 5 }, got;
    struct built_record built;

    RECORD_BEGIN(&built, WIRE_KERNEL_ERROR, body);
    record_text(&built, WIRE_ERROR_MESSAGE, "boom");
    assert_int_equal(make(world, &built, NULL), 0);
    expect(world, "ID", "Kernel");
    expect(world, "Description", "boom");
    RECORD_BEGIN(&built, WIRE_LOSS, loss);
    record_bytes(&built, WIRE_LOSS_ENTRIES, &entry, sizeof(entry));
    assert_int_equal(make(world, &built, NULL), -ENOENT);
    assert_int_equal(record_loss_entry(&world->record, 0, &got), 0);
    assert_int_equal(got.Count, 5);
    assert_int_equal(record_loss_entry(&world->record, 1, &got), -ENOENT);
    assert_int_equal(translate_event_of_type(WIRE_REGISTRY_EVENT), EVENT_REG_KEY);
    assert_int_equal(translate_event_of_type(WIRE_LOSS), 0);
}

/* Every length of every record, and every extension size, may be a lie. */
static void test_hostile(void **state)
{
    struct built_record built = process(WIRE_PROCESS_CREATE, 600, 500, T0, CMD, "line");
    struct record record;
    uint32_t size = built.size, huge = 0xFFFFFFFF;

    (void)state;
    for (uint32_t cut = 0; cut < size; cut++) {
        uint8_t *copy = malloc(cut + 1);

        memcpy(copy, built.bytes, cut);
        assert_int_equal(record_decode(&record, copy, cut), -EBADMSG);
        if (cut >= sizeof(struct wire_header)) {
            memcpy(copy + 4, &cut, 4);
            assert_true(record_decode(&record, copy, cut) < 0); /* says it is that short */
        }
        free(copy);
    }
    memcpy(built.bytes + built.sizes_at + 4 * WIRE_PROCESS_IMAGE, &huge, 4);
    assert_int_equal(record_decode(&record, built.bytes, size), -EINVAL);
    assert_int_equal(record.header.EventSize, size); /* the next one can be found */
    built.bytes[0] = 99;
    assert_int_equal(record_decode(&record, built.bytes, size), -ENOTSUP);
    memcpy(built.bytes + 4, &huge, 4);
    assert_int_equal(record_decode(&record, built.bytes, size), -EBADMSG);
}

static void test_texts(void **state)
{
    struct world *world = *state;
    static const uint8_t wide[] = { 0xFF, 0xFE, 'h', 0, 'i', 0 }, binary[] = { 1, 2, 3, 4 }, lone[] = { 0x00, 0xD8, 'a', 0 };
    struct match_text text = translate_contents(&world->pool, wide, sizeof(wide));

    assert_int_equal(text.size, 2);
    assert_memory_equal(text.data, "hi", 2);
    assert_int_equal(translate_contents(&world->pool, binary, sizeof(binary)).size, 0);
    text = pool_utf16(&world->pool, lone, sizeof(lone));
    assert_int_equal(text.size, 4);
    assert_memory_equal(text.data, "\xEF\xBF\xBD" "a", 4);
    assert_int_equal(translate_integrity(&world->pool, high, 3, false).size, 0);
    assert_memory_equal(translate_integrity(&world->pool, NULL, 0, true).data, "AppContainer", 12);
    assert_null(pool_take(&world->pool, POOL_LIMIT + 1));
    assert_true(world->pool.failed);
    pool_reset(&world->pool);
    assert_false(world->pool.failed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_process_create, setup, teardown),
        cmocka_unit_test_setup_teardown(test_parent_reuse, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cache_and_end, setup, teardown),
        cmocka_unit_test_setup_teardown(test_query, setup, teardown),
        cmocka_unit_test_setup_teardown(test_files, setup, teardown),
        cmocka_unit_test_setup_teardown(test_images, setup, teardown),
        cmocka_unit_test_setup_teardown(test_threads_and_access, setup, teardown),
        cmocka_unit_test_setup_teardown(test_registry, setup, teardown),
        cmocka_unit_test_setup_teardown(test_pipes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_delete, setup, teardown),
        cmocka_unit_test_setup_teardown(test_errors, setup, teardown),
        cmocka_unit_test_setup_teardown(test_hostile, setup, teardown),
        cmocka_unit_test_setup_teardown(test_texts, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
