/* SPDX-License-Identifier: MIT */
/* Events 12, 13, 14: every operation, every field, every way a caller's memory can behave. */
#include <string.h>
#include <wchar.h>

#include "scenarios.h"

#include "../cm.h"

#define SOFTWARE L"\\REGISTRY\\USER\\S-1-5-21-1-2-3-1001\\Software"
static const WCHAR tool[] = L"\\Device\\HarddiskVolume1\\Users\\bob\\tool.exe";

static HANDLE key_of(const WCHAR *path)
{
    HANDLE key = NULL;

    check(NT_SUCCESS(cm_create(NULL, path, NULL, &key, NULL)), "the key %ls can be made", path);
    client_sync();
    client_forget();
    return key;
}

static const struct record *registry_record(uint32_t subtype, const WCHAR *type, const WCHAR *target, int64_t before)
{
    const struct record *r = expect(R_REGISTRY, "a registry operation");

    field_u32(r, "EventSubtype", REG_SUBTYPE, subtype);
    field_time(r, "EventSystemTime", REG_TIME, before, sched_now());
    field_u32(r, "ProcessId", REG_PID, world.user->id);
    field_sid(r, "Sid", REG_X_SID, "S-1-5-21-1-2-3-1001");
    field_text(r, "EventType", REG_X_TYPE, type);
    field_text(r, "ImagePath", REG_X_IMAGE, tool);
    field_text(r, "Target", REG_X_TARGET, target);
    field_session(r, 1);
    return r;
}

void registry_create_key(void)
{
    int64_t before = sched_now();
    ULONG disposition = 0;
    HANDLE key;

    check(NT_SUCCESS(cm_create(NULL, SOFTWARE L"\\New", NULL, &key, &disposition)) && disposition == 1, "a key is made");
    cm_close(key);
    if (profile->registry_create)
        field_empty(registry_record(1, L"CreateKey", L"HKU\\S-1-5-21-1-2-3-1001\\Software\\New", before), "Data", REG_X_DATA);
    else
        expect_none(R_REGISTRY, "this kernel does not tell of created keys");
    cm_create(NULL, SOFTWARE L"\\New", NULL, &key, &disposition);
    check(disposition == 2, "the key exists");
    cm_close(key);
    cm_open(NULL, SOFTWARE L"\\New", &key);
    cm_close(key);
    expect_none(R_REGISTRY, "opening is no creation");
    check(!NT_SUCCESS(cm_open(NULL, SOFTWARE L"\\None", &key)), "a key that is not there");
    expect_none(R_REGISTRY, "failing is no creation");
}

void registry_create_relative(void)
{
    HANDLE root = key_of(SOFTWARE), key;

    cm_create(root, L"One\\Two", NULL, &key, NULL);
    cm_close(key);
    if (profile->registry_create)
        field_text(expect(R_REGISTRY, "a key below a handle"), "Target", REG_X_TARGET, L"HKU\\S-1-5-21-1-2-3-1001\\Software\\One\\Two");
    cm_close(root);
}

void registry_transaction(void)
{
    int marker;
    HANDLE key;

    cm_create(NULL, SOFTWARE L"\\Transacted", &marker, &key, NULL);
    cm_set_value(key, L"v", REG_SZ, L"x", 4);
    cm_close(key);
    client_sync(); /* reported at once or at commit: neither may hurt */
}

static void set_and_expect(HANDLE key, const WCHAR *name, ULONG type, const void *data, ULONG size, const WCHAR *target, const WCHAR *details)
{
    int64_t before = sched_now();
    NTSTATUS status = cm_set_value(key, name, type, data, size);
    const struct record *r;

    check(NT_SUCCESS(status), "value %ls is set: 0x%08x", name, (unsigned)status);
    r = registry_record(7, L"SetValue", target, before);
    field_text(r, "Data", REG_X_DATA, details);
}

#define HERE L"HKU\\S-1-5-21-1-2-3-1001\\Software\\Values\\"
void registry_set_value(void)
{
    HANDLE key = key_of(SOFTWARE L"\\Values");
    static const WCHAR multi[] = L"one\0two\0";

    set_and_expect(key, L"dword", REG_DWORD, &(ULONG){0xC0FFEE}, 4, HERE L"dword", L"DWORD (0x00c0ffee)");
    set_and_expect(key, L"qword", REG_QWORD, &(ULONGLONG){0x1122334455667788}, 8, HERE L"qword", L"QWORD (0x11223344-0x55667788)");
    set_and_expect(key, L"text", REG_SZ, L"hello 100%", sizeof L"hello 100%", HERE L"text", L"hello 100%");
    set_and_expect(key, L"bare", REG_SZ, L"no end", sizeof L"no end" - 2, HERE L"bare", L"no end");
    set_and_expect(key, L"expand", REG_EXPAND_SZ, L"%PATH%", sizeof L"%PATH%", HERE L"expand", L"%PATH%");
    set_and_expect(key, L"multi", REG_MULTI_SZ, multi, sizeof multi, HERE L"multi", L"one two");
    set_and_expect(key, L"binary", REG_BINARY, "\1\2\3", 3, HERE L"binary", L"Binary Data");
    set_and_expect(key, L"none", REG_SZ, NULL, 0, HERE L"none", L"(Empty)");
    set_and_expect(key, L"", REG_SZ, L"d", 4, HERE L"(Default)", L"d");
    cm_close(key);
}

/* Sizes that do not fit their type. */
void registry_odd_values(void)
{
    HANDLE key = key_of(SOFTWARE L"\\Values");

    set_and_expect(key, L"short", REG_DWORD, "\1\2", 2, HERE L"short", L"Binary Data");
    set_and_expect(key, L"long", REG_DWORD, "\1\2\3\4\5", 5, HERE L"long", L"Binary Data");
    set_and_expect(key, L"half", REG_SZ, "\x41", 1, HERE L"half", L"Binary Data");
    set_and_expect(key, L"odd", REG_SZ, "A\0B\0C", 5, HERE L"odd", L"AB");
    set_and_expect(key, L"ends", REG_SZ, L"\0\0", 6, HERE L"ends", L"(Empty)");
    set_and_expect(key, L"strange", 0x12345, "abcd", 4, HERE L"strange", L"Binary Data");
    cm_close(key);
}

void registry_big_value(void)
{
    static WCHAR big[40000];
    HANDLE key = key_of(SOFTWARE L"\\Values");
    const struct record *r;
    size_t size;

    for (size_t i = 0; i < 40000; i++)
        big[i] = 'x';
    cm_set_value(key, L"big", REG_SZ, big, sizeof big);
    r = expect(R_REGISTRY, "a value of 80,000 bytes");
    if (r) {
        record_extension(r, REG_X_DATA, &size);
        check(size >= 2 * 31839 || client_in_fault_run(), "its text is %zu bytes, at least 31,839 characters are wanted", size);
    }
    cm_close(key);
}

void registry_delete_value(void)
{
    HANDLE key = key_of(SOFTWARE L"\\Values");
    int64_t before;

    cm_set_value(key, L"gone", REG_SZ, L"x", 4);
    client_sync();
    client_forget();
    before = sched_now();
    check(NT_SUCCESS(cm_delete_value(key, L"gone")), "the value is deleted");
    field_empty(registry_record(5, L"DeleteValue", HERE L"gone", before), "Data", REG_X_DATA);
    check(!NT_SUCCESS(cm_delete_value(key, L"gone")), "it is gone");
    expect_none(R_REGISTRY, "a deletion that fails is no event");
    cm_close(key);
}

void registry_delete_key(void)
{
    HANDLE parent = key_of(SOFTWARE L"\\Parent"), child = key_of(SOFTWARE L"\\Parent\\Child");
    int64_t before = sched_now();

    check(!NT_SUCCESS(cm_delete_key(parent)), "a key with subkeys stays");
    expect_none(R_REGISTRY, "a deletion that fails is no event");
    check(NT_SUCCESS(cm_delete_key(child)), "the key is deleted");
    field_empty(registry_record(2, L"DeleteKey", L"HKU\\S-1-5-21-1-2-3-1001\\Software\\Parent\\Child", before), "Data", REG_X_DATA);
    cm_close(child);
    cm_close(parent);
}

void registry_rename_key(void)
{
    HANDLE key = key_of(SOFTWARE L"\\Before");
    int64_t before = sched_now();

    check(NT_SUCCESS(cm_rename_key(key, L"After")), "the key is renamed");
    if (profile->registry_rename)
        field_text(registry_record(3, L"RenameKey", L"HKU\\S-1-5-21-1-2-3-1001\\Software\\Before", before), "NewName", REG_X_DATA,
                   L"HKU\\S-1-5-21-1-2-3-1001\\Software\\After");
    cm_close(key);
    key = key_of(SOFTWARE L"\\Third");
    check(!NT_SUCCESS(cm_rename_key(key, L"After")), "the name is taken");
    expect_none(R_REGISTRY, "a renaming that fails is no event");
    cm_close(key);
}

/* Abbreviations of spec 02 section 3.17. */
void registry_roots(void)
{
    static const struct {
        const WCHAR *path, *shown;
    } roots[] = {
        {L"\\REGISTRY\\MACHINE\\SOFTWARE\\Vendor", L"HKLM\\SOFTWARE\\Vendor\\v"},
        {L"\\REGISTRY\\MACHINE\\SYSTEM\\ControlSet001\\Services\\x", L"HKLM\\System\\CurrentControlSet\\Services\\x\\v"},
        {L"\\REGISTRY\\MACHINE\\SYSTEM\\ControlSet002\\Services\\x", L"HKLM\\SYSTEM\\ControlSet002\\Services\\x\\v"},
        {L"\\REGISTRY\\USER\\.DEFAULT\\x", L"HKU\\.DEFAULT\\x\\v"},
        {L"\\REGISTRY\\MACHINE\\SOFTWARE\\Classes\\.txt", L"HKCR\\.txt\\v"},
        {L"\\REGISTRY\\MACHINE\\SOFTWAREX", L"HKLM\\SOFTWAREX\\v"},
        {L"\\REGISTRY\\A\\{00000000-0000-0000-0000-000000000001}\\x", L"\\REGISTRY\\A\\{00000000-0000-0000-0000-000000000001}\\x\\v"},
    };

    for (size_t i = 0; i < sizeof roots / sizeof roots[0]; i++) {
        HANDLE key = key_of(roots[i].path);

        cm_set_value(key, L"v", REG_SZ, L"x", 4);
        field_text(expect(R_REGISTRY, "a value somewhere"), "Target", REG_X_TARGET, roots[i].shown);
        cm_close(key);
    }
}

/* --- the caller's memory (visible to callbacks before 6.2) -------------------------------------------------------------- */

static void in_a_mood(enum cm_mood mood)
{
    HANDLE key = key_of(SOFTWARE L"\\Moods");

    cm_mood(mood);
    cm_set_value(key, L"dword", REG_DWORD, &(ULONG){7}, 4);
    cm_set_value(key, L"qword", REG_QWORD, &(ULONGLONG){7}, 8);
    cm_set_value(key, L"text", REG_SZ, L"some text of some length", sizeof L"some text of some length");
    cm_set_value(key, L"multi", REG_MULTI_SZ, L"a\0b\0", 10);
    cm_delete_value(key, L"dword");
    cm_rename_key(key, L"Renamed");
    cm_mood(CM_MOOD_GOOD);
    cm_close(key);
    client_sync();
}

void registry_faulting(void) { in_a_mood(CM_MOOD_FAULTING); }
void registry_changing(void) { in_a_mood(CM_MOOD_CHANGING); }
void registry_kernel_address(void) { in_a_mood(CM_MOOD_KERNEL_ADDRESS); }

/* Classes nobody knows yet, and those that are none of the driver's business. */
void registry_classes(void)
{
    for (ULONG class = 47; class < 90; class++)
        check(NT_SUCCESS(cm_unknown_class(class)), "class %u is answered with an error", (unsigned)class);
    check(NT_SUCCESS(cm_unknown_class(0xffffffff)), "class 0xffffffff is answered with an error");
    expect_none(R_REGISTRY, "unknown classes");
}

/* The driver's own service key, when it is protected. */
void registry_protected(void)
{
    HANDLE key;

    if (client_in_fault_run())
        return; /* short of memory it does not protect, rather than refuse what is not its own */
    cm_open(NULL, SERVICE_KEY, &key);
    check(cm_set_value(key, L"Start", REG_DWORD, &(ULONG){4}, 4) == STATUS_ACCESS_DENIED, "a user's process may not change the service key");
    check(cm_delete_value(key, L"Type") == STATUS_ACCESS_DENIED, "nor delete its values");
    check(cm_delete_key(key) == STATUS_ACCESS_DENIED, "nor the key");
    cm_close(key);
    cm_open(NULL, SERVICE_KEY L"\\Parameters", &key);
    check(cm_set_value(key, L"Options", REG_DWORD, &(ULONG){0}, 4) == STATUS_ACCESS_DENIED, "nor what is below it");
    cm_close(key);
    as(world.service);
    cm_open(NULL, SERVICE_KEY, &key);
    check(NT_SUCCESS(cm_set_value(key, L"Start", REG_DWORD, &(ULONG){4}, 4)), "the service may");
    cm_close(key);
    as(world.user);
    cm_open(NULL, SOFTWARE, &key);
    check(NT_SUCCESS(cm_set_value(key, L"x", REG_DWORD, &(ULONG){4}, 4)), "other keys are free");
    cm_close(key);
}
