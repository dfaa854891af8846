/* SPDX-License-Identifier: MIT */
/* Events 11, 2, 15, 9: files and streams made, creation times changed, volumes opened raw. */
#include <string.h>
#include <wchar.h>

#include "scenarios.h"
#include "user.h"

static const WCHAR tool[] = L"\\Device\\HarddiskVolume1\\Users\\bob\\tool.exe";
#define DOCUMENTS L"\\Device\\HarddiskVolume1\\Users\\bob\\Documents\\"

static void common_fields(const struct record *r, int64_t before)
{
    field_u32(r, "ProcessId", FILE_PID, world.user->id);
    field_time(r, "EventTime", FILE_TIME, before, sched_now());
    field_sid(r, "Sid", FILE_X_SID, "S-1-5-21-1-2-3-1001");
    field_text(r, "ImagePath", FILE_X_IMAGE, tool);
    field_session(r, 1);
}

void file_create(void)
{
    int64_t before = sched_now();
    const struct record *r;
    struct fs_node *node;

    check(NT_SUCCESS(user_write_file(L"C:\\Users\\bob\\Documents\\new.txt", "text", 4)), "a file is written");
    r = expect(R_FILE_CREATE, "a file was made");
    common_fields(r, before);
    node = fs_find(L"C:\\Users\\bob\\Documents\\new.txt");
    if (node)
        field_time(r, "CreateTime", FILE_CREATION, node->created, node->created);
    field_text(r, "FileName", FILE_X_NAME, DOCUMENTS L"new.txt");
    field_u32(r, "hashType", FILE_HASH_TYPE, 0);
    field_empty(r, "Contents", FILE_X_CONTENTS);
    expect_none(R_FILE_CREATE, "one file, one record");
}

void file_create_kinds(void)
{
    struct user_file file;

    user_write_file(L"C:\\Users\\bob\\Documents\\a.txt", "text", 4);
    expect_text(R_FILE_CREATE, FILE_X_NAME, DOCUMENTS L"a.txt", "made");
    user_write_file(L"C:\\Users\\bob\\Documents\\a.txt", "other", 5);
    expect_text(R_FILE_CREATE, FILE_X_NAME, DOCUMENTS L"a.txt", "overwritten");
    file = user_open(L"C:\\Users\\bob\\Documents\\a.txt", WRITE_ACCESS | DELETE, FILE_SUPERSEDE, 0);
    user_close(&file);
    expect_text(R_FILE_CREATE, FILE_X_NAME, DOCUMENTS L"a.txt", "superseded");
    file = user_open(L"C:\\Users\\bob\\Documents\\a.txt", READ_ACCESS, FILE_OPEN_IF, 0);
    user_close(&file);
    file = user_open(L"C:\\Users\\bob\\Documents\\a.txt", READ_ACCESS, FILE_CREATE, 0);
    check(file.status == STATUS_OBJECT_NAME_COLLISION, "it exists");
    file = user_open(L"C:\\Users\\bob\\Documents\\none\\a.txt", READ_ACCESS, FILE_CREATE, 0);
    check(!NT_SUCCESS(file.status), "its directory does not");
    file = user_open(L"C:\\Users\\bob\\Documents\\none", READ_ACCESS, FILE_OPEN, 0);
    check(!NT_SUCCESS(file.status), "there is no such file");
    file = user_open(L"C:\\Users\\bob\\Documents\\directory", READ_ACCESS, FILE_CREATE, FILE_DIRECTORY_FILE);
    user_close(&file);
    expect_none(R_FILE_CREATE, "opening, failing, and directories");
}

void file_create_relative(void)
{
    struct user_file root = user_open(L"C:\\Users\\bob\\Documents", READ_ACCESS, FILE_OPEN, FILE_DIRECTORY_FILE);
    struct user_file file = user_open_at(root.file, L"sub.txt", WRITE_ACCESS, FILE_CREATE, FILE_NON_DIRECTORY_FILE);

    check(NT_SUCCESS(file.status), "a file relative to a directory: 0x%08x", (unsigned)file.status);
    user_close(&file);
    user_close(&root);
    field_text(expect(R_FILE_CREATE, "a file relative to a directory"), "FileName", FILE_X_NAME, DOCUMENTS L"sub.txt");
    check(NT_SUCCESS(user_write_file(L"D:\\data\\x.txt", "x", 1)), "a file on another volume");
    field_text(expect(R_FILE_CREATE, "a file on another volume"), "FileName", FILE_X_NAME, L"\\Device\\HarddiskVolume2\\data\\x.txt");
}

/* By its id the name is a number before the create, and nothing is made. */
void file_open_by_id(void)
{
    struct opening o = {.path = L"\\??\\C:", .access = READ_ACCESS, .disposition = FILE_OPEN, .options = FILE_OPEN_BY_FILE_ID, .share = SHARE_ALL};

    o.id = fs_find(L"C:\\Users\\bob\\tool.exe")->id;
    if (NT_SUCCESS(io_open(&o)))
        io_close(o.handle);
    else
        check(profile->fat_volumes, "a file is opened by its id");
    client_sync();
}

/* --- creation time -------------------------------------------------------------------------------------------------------- */

void file_time(void)
{
    struct user_file file = user_open(L"C:\\Users\\bob\\tool.exe", FILE_WRITE_ATTRIBUTES, FILE_OPEN, 0);
    struct fs_node *node = fs_find(L"C:\\Users\\bob\\tool.exe");
    int64_t before = sched_now(), old = node->created, new = old - SECONDS(86400);
    const struct record *r;

    check(NT_SUCCESS(user_set_creation_time(&file, new)), "the creation time is changed");
    r = expect(R_FILE_TIME, "a creation time was changed");
    field_u32(r, "ProcessId", TIME_PID, world.user->id);
    field_time(r, "EventTime", TIME_TIME, before, sched_now());
    field_u64(r, "CreateTime", TIME_NEW, (uint64_t)new);
    field_u64(r, "PreviousCreateTime", TIME_OLD, (uint64_t)old);
    field_sid(r, "Sid", TIME_X_SID, "S-1-5-21-1-2-3-1001");
    field_text(r, "ImagePath", TIME_X_IMAGE, tool);
    field_text(r, "FileName", TIME_X_FILE, tool);
    field_session(r, 1);
    user_set_creation_time(&file, 0);
    user_set_creation_time(&file, -1);
    user_set_creation_time(&file, -2);
    expect_none(R_FILE_TIME, "0, -1 and -2 are no times");
    user_close(&file);
}

/* --- streams ------------------------------------------------------------------------------------------------------------------- */

static const char mark[] = "[ZoneTransfer]\r\nZoneId=3\r\n";

void stream_create(void)
{
    int64_t before = sched_now();
    const struct record *r;
    size_t size;
    const uint8_t *contents;

    if (profile->fat_volumes)
        return;
    check(NT_SUCCESS(user_write_file(L"C:\\Users\\bob\\tool.exe:Zone.Identifier", mark, sizeof mark - 1)), "a stream is written");
    r = expect(R_STREAM_HASH, "a stream was made");
    common_fields(r, before);
    field_text(r, "FileName", FILE_X_NAME, L"\\Device\\HarddiskVolume1\\Users\\bob\\tool.exe:Zone.Identifier");
    if (r && !client_in_fault_run()) {
        contents = record_extension(r, FILE_X_CONTENTS, &size);
        check(size == sizeof mark - 1 && memcmp(contents, mark, size) == 0, "its contents: %zu bytes", size);
    }
    expect_none(R_STREAM_HASH, "one stream, one record");
    expect_none(R_FILE_CREATE, "a stream is no file");
}

void stream_kinds(void)
{
    static char big[5000];
    const struct record *r;
    size_t size;

    if (profile->fat_volumes)
        return;
    memset(big, 'x', sizeof big);
    user_write_file(L"C:\\Users\\bob\\tool.exe:big", big, sizeof big);
    r = expect(R_STREAM_HASH, "a big stream");
    if (r && !client_in_fault_run()) {
        record_extension(r, FILE_X_CONTENTS, &size);
        check(size <= 1024, "%zu bytes of it are shown", size);
    }
    user_write_file(L"C:\\Users\\bob\\tool.exe:empty", "", 0);
    expect(R_STREAM_HASH, "an empty stream");
    user_write_file(L"C:\\Users\\bob\\tool.exe:typed:$DATA", "x", 1);
    field_text(expect(R_STREAM_HASH, "a stream with its type"), "FileName", FILE_X_NAME,
               L"\\Device\\HarddiskVolume1\\Users\\bob\\tool.exe:typed");
    user_write_file(L"C:\\Users\\bob\\Documents\\both.txt::$DATA", "x", 1);
    expect(R_FILE_CREATE, "the unnamed stream is the file");
    expect_none(R_STREAM_HASH, "and no named stream");
}

/* --- raw access ------------------------------------------------------------------------------------------------------------------ */

void raw_access(void)
{
    int64_t before = sched_now();
    struct user_file file = user_open_nt(L"\\Device\\HarddiskVolume1", READ_ACCESS, FILE_OPEN, 0, false);
    const struct record *r = expect(R_RAW_ACCESS, "a volume was opened for reading");

    field_time(r, "EventSystemTime", RAW_TIME, before, sched_now());
    field_u32(r, "ProcessId", RAW_PID, world.user->id);
    field_inline(r, "Device", RAW_DEVICE, L"\\Device\\HarddiskVolume1");
    field_sid(r, "Sid", RAW_X_SID, "S-1-5-21-1-2-3-1001");
    field_session(r, 1);
    user_close(&file);
    file = user_open_nt(L"\\??\\C:", READ_ACCESS, FILE_OPEN, 0, false);
    user_close(&file);
    field_inline(expect(R_RAW_ACCESS, "by its drive letter"), "Device", RAW_DEVICE, L"\\Device\\HarddiskVolume1");
    file = user_open_nt(L"\\Device\\HarddiskVolume1", FILE_READ_ATTRIBUTES, FILE_OPEN, 0, false);
    user_close(&file);
    file = user_open(L"C:\\", READ_ACCESS, FILE_OPEN, FILE_DIRECTORY_FILE);
    user_close(&file);
    expect_none(R_RAW_ACCESS, "attributes only, and the root directory");
}

/* --- ways of writing ----------------------------------------------------------------------------------------------------------------- */

static void write_all_ways(struct user_file *file)
{
    static const unsigned ways[] = {0, IO_WRITE_FAST, IO_WRITE_PAGING, IO_WRITE_MDL, IO_WRITE_USER_FAULT, IO_WRITE_USER_CHANGING,
                                    IO_WRITE_FAST | IO_WRITE_USER_CHANGING};
    static char data[9000] = "MZ and more";

    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        io_write(file->file, 0, data, sizeof data, ways[i]);
        io_write(file->file, 0, data, 1, ways[i]);
        io_write(file->file, 0, data, 0, ways[i] & ~(unsigned)IO_WRITE_FAST);
        io_write(file->file, 100, data, 100, ways[i]);
        io_write(file->file, ~0ull, data, 100, ways[i]);
    }
}

void file_write_ways(void)
{
    struct user_file file = user_open(L"C:\\Users\\bob\\Documents\\ways.bin", WRITE_ACCESS, FILE_CREATE, 0);

    write_all_ways(&file);
    user_close(&file);
    file = user_open(L"C:\\Users\\bob\\Documents\\ways.bin", WRITE_ACCESS, FILE_OPEN, 0);
    write_all_ways(&file);
    user_close(&file);
    client_sync();
}

/* The file system finishes everything later, in another thread, writes at DISPATCH_LEVEL. */
void file_asynchronous(void)
{
    struct user_file file;

    fs_asynchronous(true);
    check(NT_SUCCESS(user_write_file(L"C:\\Users\\bob\\Documents\\late.txt", "text", 4)), "a file is written");
    expect_text(R_FILE_CREATE, FILE_X_NAME, DOCUMENTS L"late.txt", "made");
    file = user_open(L"C:\\Users\\bob\\Documents\\late.txt", WRITE_ACCESS | DELETE, FILE_OPEN, 0);
    write_all_ways(&file);
    user_set_creation_time(&file, sched_now() - SECONDS(100));
    expect(R_FILE_TIME, "a creation time");
    user_dispose(&file, true);
    user_close(&file);
    fs_asynchronous(false);
    client_sync();
}

/* The related file object, the volume, a top-level request, odd names. */
void file_odd(void)
{
    static const WCHAR *const names[] = {L"C:\\Users\\bob\\Documents\\x:", L"C:\\Users\\bob\\Documents\\:y", L"C:\\Users\\bob\\Documents\\", L"C:\\",
                                         L"C:\\Users\\bob\\Documents\\::$DATA", L"C:\\Users\\bob\\Documents\\a:b:$DATA:c", L"C:\\\\x", L"C:\\x\\\\y"};
    struct user_file volume = user_open_nt(L"\\Device\\HarddiskVolume1", READ_ACCESS, FILE_OPEN, 0, false), file;

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        file = user_open(names[i], WRITE_ACCESS, FILE_OPEN_IF, 0);
        user_close(&file);
        file = user_open(names[i], WRITE_ACCESS | DELETE, FILE_OPEN_IF, FILE_DELETE_ON_CLOSE);
        user_close(&file);
    }
    file = user_open_at(volume.file, L"Users\\bob\\tool.exe", READ_ACCESS, FILE_OPEN, 0);
    user_close(&file);
    file = user_open_at(volume.file, L"", READ_ACCESS, FILE_OPEN, 0);
    user_close(&file);
    user_close(&volume);
    client_sync();
}

void file_many(void)
{
    WCHAR name[100];

    for (int i = 0; i < 60; i++) {
        swprintf(name, 100, L"C:\\Users\\bob\\Documents\\%d.txt", i);
        user_write_file(name, "x", 1);
    }
    client_sync();
    check(client_count(R_FILE_CREATE) == 60, "%u of 60 files", client_count(R_FILE_CREATE));
}
