/* SPDX-License-Identifier: MIT */
/* Events 23, 26, 27, 28, 29: deletions asked, archived, logged; executables found and refused; shredding refused. */
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "scenarios.h"
#include "user.h"

#include "../mm.h"
#include "../rules.h"

static const WCHAR tool[] = L"\\Device\\HarddiskVolume1\\Users\\bob\\tool.exe";
#define VICTIM L"C:\\Users\\bob\\Documents\\victim.txt"
#define VICTIM_NT L"\\Device\\HarddiskVolume1\\Users\\bob\\Documents\\victim.txt"
static const char contents[] = "the contents of the file";

static uint8_t *executable(void)
{
    static uint8_t image[0x400];
    const uint32_t at = 0x80, signature = 0x4550;

    memcpy(image, "MZ", 2);
    memcpy(image + 0x3c, &at, 4);
    memcpy(image + at, &signature, 4);
    image[at + 4] = 0x64;
    image[at + 5] = 0x86;
    return image;
}

static void plant_victim(void) { fs_plant(VICTIM, contents, sizeof contents - 1); }

static void delete_fields(const struct record *r, int64_t before, const WCHAR *name, uint32_t is_executable)
{
    field_u32(r, "ProcessId", DELETE_PID, world.user->id);
    field_time(r, "DeleteTime", DELETE_TIME, before, sched_now());
    field_u32(r, "HashType", DELETE_HASH_TYPE, 0);
    field_u32(r, "IsExecutable", DELETE_EXECUTABLE, is_executable);
    if (r)
        check(record_u32(r, DELETE_TRACKER) == 0xffffffff, "TrackerId is 0x%x", record_u32(r, DELETE_TRACKER));
    field_sid(r, "Sid", DELETE_X_SID, "S-1-5-21-1-2-3-1001");
    field_text(r, "FileName", DELETE_X_NAME, name);
    field_text(r, "ImagePath", DELETE_X_IMAGE, tool);
    field_session(r, 1);
}

/* The copy in the archive that a record names; NULL when it has none. */
static struct fs_node *archived(const struct record *r)
{
    const WCHAR *text = r ? (const WCHAR *)(r->bytes + RECORD_HEAD + DELETE_ARCHIVED) : L"";
    WCHAR path[200];

    if (wcsncmp(text, L"true", 5) != 0)
        return NULL;
    swprintf(path, 200, L"C:\\Sysmon\\%ls", text + 5);
    return fs_find(path);
}

static bool same_contents(struct fs_node *node, const void *data, size_t size)
{
    struct fs_stream *stream = node ? fs_stream(node, L"", 0) : NULL;

    return stream && stream->size == size && memcmp(stream->data, data, size) == 0;
}

/* --- the service's answers --------------------------------------------------------------------------------------------------- */

void delete_excluded(void)
{
    client_answer(VERDICT_EXCLUDE);
    plant_victim();
    check(NT_SUCCESS(user_delete(VICTIM)) && !user_exists(VICTIM), "the file is deleted");
    client_sync();
    check(client_questions() == 1 || client_in_fault_run(), "%u question(s) to the service", client_questions());
    expect_none(R_FILE_DELETE, "the service said no");
    expect_none(R_FILE_DELETE_DETECTED, "the service said no");
}

void delete_logged(void)
{
    int64_t before = sched_now();

    client_answer(VERDICT_LOG);
    plant_victim();
    check(NT_SUCCESS(user_delete(VICTIM)), "the file is deleted");
    delete_fields(expect(R_FILE_DELETE_DETECTED, "a deletion to be logged"), before, VICTIM_NT, 0);
    expect_none(R_FILE_DELETE, "logged only");
}

void delete_archived(void)
{
    int64_t before = sched_now();
    const struct record *r;
    struct fs_node *copy;

    client_answer(VERDICT_INCLUDE);
    plant_victim();
    check(NT_SUCCESS(user_delete(VICTIM)) && !user_exists(VICTIM), "the file is deleted");
    r = expect(R_FILE_DELETE, "a deletion to be archived");
    delete_fields(r, before, VICTIM_NT, 0);
    if (!r || client_in_fault_run())
        return;
    copy = archived(r);
    check(copy != NULL, "Archived is \"%ls\", with a copy behind it", (const WCHAR *)(r->bytes + RECORD_HEAD + DELETE_ARCHIVED));
    check(same_contents(copy, contents, sizeof contents - 1), "the copy has the contents");
    if (copy)
        check(copy->parent->descriptor_size > 0, "the archive directory was made with a descriptor of its own");
    if (copy && copy->parent->descriptor_size) {
        check(se_access((PSECURITY_DESCRIPTOR)copy->parent->descriptor, world.system_token, FILE_ALL_ACCESS), "SYSTEM may use it");
        check(!se_access((PSECURITY_DESCRIPTOR)copy->parent->descriptor, world.user_token, 1), "a user may not");
        check(!se_access((PSECURITY_DESCRIPTOR)copy->parent->descriptor, world.admin_token, 1), "nor an administrator");
    }
    expect_none(R_FILE_DELETE_DETECTED, "archived, not logged");
}

/* Nobody answers: the deletion goes on after a bounded time. */
void delete_silent(void)
{
    int64_t before = sched_now();

    client_answer(VERDICT_SILENT);
    plant_victim();
    check(NT_SUCCESS(user_delete(VICTIM)) && !user_exists(VICTIM), "the file is deleted");
    check(sched_now() - before < SECONDS(60), "the wait was bounded: %lld s", (long long)((sched_now() - before) / SECONDS(1)));
    client_sync();
    check(client_count(R_FILE_DELETE) + client_count(R_FILE_DELETE_DETECTED) == 1 || client_in_fault_run(), "the rules decide: %u event(s)",
          client_count(R_FILE_DELETE) + client_count(R_FILE_DELETE_DETECTED));
}

/* The service is gone altogether. */
void delete_without_service(void)
{
    client_stop();
    plant_victim();
    check(NT_SUCCESS(user_delete(VICTIM)) && !user_exists(VICTIM), "the file is deleted");
    client_start();
    client_sync();
}

/* --- the ways of deletion ------------------------------------------------------------------------------------------------------- */

static void expect_logged(const WCHAR *name, const char *how)
{
    expect_text(R_FILE_DELETE_DETECTED, DELETE_X_NAME, name, how);
    expect_none(R_FILE_DELETE_DETECTED, how);
}

void delete_ways(void)
{
    struct user_file file;

    client_answer(VERDICT_LOG);
    plant_victim();
    file = user_open(VICTIM, DELETE | READ_ACCESS, FILE_OPEN, FILE_DELETE_ON_CLOSE);
    client_sync();
    expect_none(R_FILE_DELETE_DETECTED, "not before it is closed");
    user_close(&file);
    expect_logged(VICTIM_NT, "delete on close");
    if (nt_at_least(WIN10_1607)) {
        plant_victim();
        file = user_open(VICTIM, DELETE | READ_ACCESS, FILE_OPEN, 0);
        check(NT_SUCCESS(user_dispose_ex(&file, 1)), "the extended disposition");
        user_close(&file);
        expect_logged(VICTIM_NT, "the extended disposition");
        plant_victim();
        file = user_open(VICTIM, DELETE | READ_ACCESS, FILE_OPEN, 0);
        user_dispose_ex(&file, 1 | 8);
        user_close(&file);
        client_sync(); /* a change of delete-on-close: whatever comes, nothing may break */
        client_forget();
    }
    plant_victim();
    fs_plant(L"C:\\Users\\bob\\Documents\\other.txt", "other", 5);
    check(NT_SUCCESS(user_rename(L"C:\\Users\\bob\\Documents\\other.txt", VICTIM, true, false)), "a rename replaces the file");
    expect_logged(VICTIM_NT, "replaced by a rename");
    if (nt_at_least(WIN10_1607)) {
        fs_plant(L"C:\\Users\\bob\\Documents\\other.txt", "other", 5);
        check(NT_SUCCESS(user_rename(L"C:\\Users\\bob\\Documents\\other.txt", VICTIM, true, true)), "an extended rename replaces the file");
        expect_logged(VICTIM_NT, "replaced by an extended rename");
    }
    plant_victim();
    user_write_file(VICTIM, "new", 3);
    expect_logged(VICTIM_NT, "overwritten");
    file = user_open(VICTIM, WRITE_ACCESS | DELETE, FILE_SUPERSEDE, 0);
    user_close(&file);
    expect_logged(VICTIM_NT, "superseded");
}

void delete_not(void)
{
    struct user_file file, second;

    client_answer(VERDICT_LOG);
    plant_victim();
    file = user_open(VICTIM, DELETE | READ_ACCESS, FILE_OPEN, 0);
    user_dispose(&file, true);
    user_dispose(&file, false);
    user_close(&file);
    check(user_exists(VICTIM), "a disposition can be withdrawn");
    file = user_open(VICTIM, DELETE | READ_ACCESS, FILE_OPEN, 0);
    second = user_open(VICTIM, READ_ACCESS, FILE_OPEN, 0);
    user_dispose(&file, true);
    user_close(&file);
    check(user_exists(VICTIM), "while another handle is open the file stays");
    if (!profile->fat_volumes) /* FAT tells pending from gone to nobody */
        expect_none(R_FILE_DELETE_DETECTED, "nothing is deleted yet");
    user_close(&second);
    check(!user_exists(VICTIM), "now it is gone");
    expect_logged(VICTIM_NT, "at the last handle");
    fs_plant(VICTIM, "x", 1)->attributes |= FILE_ATTRIBUTE_READONLY;
    check(!NT_SUCCESS(user_delete(VICTIM)), "a read-only file stays");
    fs_plant_directory(L"C:\\Users\\bob\\Documents\\empty");
    check(NT_SUCCESS(user_delete(L"C:\\Users\\bob\\Documents\\empty")), "a directory goes");
    check(!NT_SUCCESS(user_delete(L"C:\\Users\\bob")), "one that is not empty does not");
    expect_none(R_FILE_DELETE_DETECTED, "failures and directories");
}

void delete_executable(void)
{
    int64_t before = sched_now();

    client_answer(VERDICT_LOG);
    fs_plant(L"C:\\Users\\bob\\Documents\\program.exe", executable(), 0x400);
    check(NT_SUCCESS(user_delete(L"C:\\Users\\bob\\Documents\\program.exe")), "the program is deleted");
    delete_fields(expect(R_FILE_DELETE_DETECTED, "a program is deleted"), before,
                  L"\\Device\\HarddiskVolume1\\Users\\bob\\Documents\\program.exe", 1);
}

void delete_stream(void)
{
    if (profile->fat_volumes)
        return;
    client_answer(VERDICT_LOG);
    plant_victim();
    fs_plant_stream(VICTIM, L"extra", "stream", 6);
    check(NT_SUCCESS(user_delete(VICTIM L":extra")), "a stream is deleted");
    check(user_exists(VICTIM), "its file stays");
    client_sync();
}

/* --- the archive ------------------------------------------------------------------------------------------------------------------- */

static const WCHAR *archived_text(const struct record *r) { return r ? (const WCHAR *)(r->bytes + RECORD_HEAD + DELETE_ARCHIVED) : L"-"; }

/* The directory is there already, made by somebody else, open to everybody. */
void archive_premade(void)
{
    const struct record *r;
    struct fs_node *directory = fs_plant_directory(L"C:\\Sysmon");

    client_answer(VERDICT_INCLUDE);
    plant_victim();
    user_delete(VICTIM);
    r = expect(R_FILE_DELETE, "a deletion to be archived");
    if (client_in_fault_run() || profile->fat_volumes) /* FAT has no descriptors */
        return;
    check(wcsncmp(archived_text(r), L"true", 4) != 0 || (directory->descriptor_size &&
          !se_access((PSECURITY_DESCRIPTOR)directory->descriptor, world.user_token, 1)),
          "a directory that was there before is not trusted: Archived is \"%ls\"", archived_text(r));
}

/* It is a file. */
void archive_is_file(void)
{
    const struct record *r;

    fs_plant(L"C:\\Sysmon", "trap", 4);
    client_answer(VERDICT_INCLUDE);
    plant_victim();
    check(NT_SUCCESS(user_delete(VICTIM)) && !user_exists(VICTIM), "the deletion goes on");
    r = expect(R_FILE_DELETE, "a deletion that could not be archived");
    if (r && !client_in_fault_run())
        check(wcsncmp(archived_text(r), L"true", 4) != 0, "Archived is \"%ls\"", archived_text(r));
}

void archive_big(void)
{
    size_t size = 300000;
    uint8_t *data = malloc(size);
    const struct record *r;

    for (size_t i = 0; i < size; i++)
        data[i] = (uint8_t)(i * 7 + (i >> 8));
    fs_plant(VICTIM, data, size);
    client_answer(VERDICT_INCLUDE);
    user_delete(VICTIM);
    r = expect(R_FILE_DELETE, "a big file");
    if (r && !client_in_fault_run())
        check(same_contents(archived(r), data, size), "the copy of 300,000 bytes is whole: Archived is \"%ls\"", archived_text(r));
    free(data);
}

void prepare_quota(void)
{
    size_t size;
    const uint8_t *rules = rules_everything(&size);

    world_parameter(L"Rules", REG_BINARY, rules, (ULONG)size);
    world_parameter_dword(L"ArchiveQuota", 1);
}

void archive_quota(void)
{
    static uint8_t data[400000];
    unsigned kept = 0;

    client_answer(VERDICT_INCLUDE);
    for (unsigned i = 0; i < 5; i++) {
        const struct record *r;

        fs_plant(VICTIM, data, sizeof data);
        user_delete(VICTIM);
        r = expect(R_FILE_DELETE, "a file for the archive");
        kept += archived(r) != NULL;
    }
    if (!client_in_fault_run())
        check(kept == 2, "%u copies of 400,000 bytes fit in one MiB", kept);
}

/* Cancelled deletions leave no copy behind. */
void archive_withdrawn(void)
{
    struct user_file file;
    struct fs_node *directory;
    unsigned left = 0;

    client_answer(VERDICT_INCLUDE);
    plant_victim();
    file = user_open(VICTIM, DELETE | READ_ACCESS, FILE_OPEN, 0);
    user_dispose(&file, true);
    user_dispose(&file, false);
    user_close(&file);
    client_sync();
    directory = fs_find(L"C:\\Sysmon");
    for (struct fs_node *n = directory ? directory->children : NULL; n; n = n->next)
        left += !n->gone;
    check(left == 0 || client_in_fault_run(), "%u copies are left of a deletion that did not happen", left);
    check(user_exists(VICTIM), "the file is there");
}

/* --- executables ------------------------------------------------------------------------------------------------------------------- */

#define PROGRAM L"C:\\Users\\bob\\Documents\\program.exe"
#define PROGRAM_NT L"\\Device\\HarddiskVolume1\\Users\\bob\\Documents\\program.exe"

void executable_detected(void)
{
    int64_t before = sched_now();

    client_answer(VERDICT_EXCLUDE);
    check(NT_SUCCESS(user_write_file(PROGRAM, executable(), 0x400)), "a program is written");
    delete_fields(expect(R_EXECUTABLE_DETECTED, "a program was written"), before, PROGRAM_NT, 1);
    check(user_exists(PROGRAM) || client_in_fault_run(), "it stays"); /* unasked, the rules refuse it */
    expect_none(R_EXECUTABLE_DETECTED, "one program, one record");
    user_write_file(L"C:\\Users\\bob\\Documents\\text.exe", "this is no program", 18);
    expect_none(R_EXECUTABLE_DETECTED, "a text, whatever its name");
}

/* The head is written last, or alone into an old file. */
void executable_in_parts(void)
{
    struct user_file file = user_open(PROGRAM, WRITE_ACCESS, FILE_CREATE, 0);

    client_answer(VERDICT_EXCLUDE);
    io_write(file.file, 0x100, executable() + 0x100, 0x300, 0);
    io_write(file.file, 0, executable(), 0x100, 0);
    user_close(&file);
    expect(R_EXECUTABLE_DETECTED, "a program written backwards");
    fs_plant(L"C:\\Users\\bob\\Documents\\old.bin", contents, sizeof contents - 1);
    file = user_open(L"C:\\Users\\bob\\Documents\\old.bin", WRITE_ACCESS, FILE_OPEN, 0);
    io_write(file.file, 0, executable(), 0x400, 0);
    user_close(&file);
    expect(R_EXECUTABLE_DETECTED, "an old file becomes a program");
}

void executable_blocked(void)
{
    int64_t before = sched_now();

    client_answer(VERDICT_INCLUDE);
    user_write_file(PROGRAM, executable(), 0x400);
    delete_fields(expect(R_BLOCK_EXECUTABLE, "a program is refused"), before, PROGRAM_NT, 1);
    check(!user_exists(PROGRAM) || client_in_fault_run(), "the file is gone");
    if (!client_in_fault_run())
        expect_none(R_EXECUTABLE_DETECTED, "refused, not detected");
}

/* --- shredding --------------------------------------------------------------------------------------------------------------------- */

void shredding_blocked(void)
{
    static uint8_t zeros[8192];
    int64_t before = sched_now();
    struct user_file file;
    NTSTATUS status;

    fs_plant(VICTIM, contents, sizeof contents - 1);
    client_answer(VERDICT_INCLUDE);
    file = user_open(VICTIM, WRITE_ACCESS, FILE_OPEN, 0);
    status = io_write(file.file, 0, zeros, sizeof zeros, 0);
    if (!client_in_fault_run())
        check(!NT_SUCCESS(status), "overwriting with zeros is refused: 0x%08x", (unsigned)status);
    delete_fields(expect(R_BLOCK_SHREDDING, "shredding is refused"), before, VICTIM_NT, 0);
    if (!client_in_fault_run())
        check(same_contents(fs_find(VICTIM), contents, sizeof contents - 1), "the contents are as before");
    check(NT_SUCCESS(io_write(file.file, 0, "other contents", 14, 0)), "other contents pass");
    user_close(&file);
}

void shredding_allowed(void)
{
    static uint8_t zeros[8192];
    struct user_file file;

    fs_plant(VICTIM, contents, sizeof contents - 1);
    client_answer(VERDICT_EXCLUDE);
    file = user_open(VICTIM, WRITE_ACCESS, FILE_OPEN, 0);
    check(NT_SUCCESS(io_write(file.file, 0, zeros, sizeof zeros, 0)), "the service lets it pass");
    user_close(&file);
    client_answer(VERDICT_INCLUDE);
    file = user_open(L"C:\\Users\\bob\\Documents\\fresh.bin", WRITE_ACCESS, FILE_CREATE, 0);
    check(NT_SUCCESS(io_write(file.file, 0, zeros, sizeof zeros, 0)), "zeros in a new file shred nothing");
    user_close(&file);
    expect_none(R_BLOCK_SHREDDING, "nothing was refused");
}
