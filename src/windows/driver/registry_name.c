/* SPDX-License-Identifier: MIT */
/* Key paths: from the key object, abbreviated the way events show them (spec 02 section 3.17). */
#include "driver.h"
#include "registry.h"

#define SELECT_KEY L"\\Registry\\Machine\\System\\Select"
#define SET_PREFIX L"\\REGISTRY\\MACHINE\\SYSTEM\\ControlSet"

static WCHAR current_set[64];      /* \REGISTRY\MACHINE\SYSTEM\ControlSet001 */
static WCHAR current_hardware[96]; /* … \Hardware Profiles\Current */

/* The longest prefixes first. */
static const struct {
    const WCHAR *prefix, *shown;
} roots[] = {
    { current_hardware, L"HKCC" },
    { current_set, L"HKLM\\System\\CurrentControlSet" },
    { L"\\REGISTRY\\MACHINE\\SOFTWARE\\Classes", L"HKCR" },
    { L"\\REGISTRY\\MACHINE", L"HKLM" },
    { L"\\REGISTRY\\USER", L"HKU" },
};

static ULONG select_current(void)
{
    UNICODE_STRING path, name;
    OBJECT_ATTRIBUTES attributes;
    struct {
        KEY_VALUE_PARTIAL_INFORMATION value;
        UCHAR more[sizeof(ULONG)];
    } buffer;
    ULONG size, number = 1;
    HANDLE key;

    RtlInitUnicodeString(&path, SELECT_KEY);
    RtlInitUnicodeString(&name, L"Current");
    InitializeObjectAttributes(&attributes, &path, OBJ_CASE_INSENSITIVE | OBJ_KERNEL_HANDLE, NULL, NULL);
    if (!NT_SUCCESS(ZwOpenKey(&key, KEY_READ, &attributes)))
        return number;
    if (NT_SUCCESS(ZwQueryValueKey(key, &name, KeyValuePartialInformation, &buffer, sizeof buffer, &size)) &&
        buffer.value.Type == REG_DWORD && buffer.value.DataLength == sizeof number)
        memcpy(&number, buffer.value.Data, sizeof number);
    ZwClose(key);
    return number;
}

void registry_names_start(void)
{
    ULONG number = select_current() % 1000;
    WCHAR digits[3] = { (WCHAR)(L'0' + number / 100), (WCHAR)(L'0' + number / 10 % 10), (WCHAR)(L'0' + number % 10) };
    struct text text;

    IRQL_AT_MOST(PASSIVE_LEVEL);
    text_start(&text, current_set, COUNT(current_set) - 1);
    text_append_string(&text, SET_PREFIX);
    text_append(&text, digits, COUNT(digits));
    current_set[text.length] = 0;
    text_start(&text, current_hardware, COUNT(current_hardware) - 1);
    text_append_string(&text, current_set);
    text_append_string(&text, L"\\Hardware Profiles\\Current");
    current_hardware[text.length] = 0;
}

/* Is `prefix` a whole number of leading components of `path`? */
static bool leads(const WCHAR *prefix, const UNICODE_STRING *path)
{
    UNICODE_STRING head;

    RtlInitUnicodeString(&head, prefix);
    if (!RtlPrefixUnicodeString(&head, path, TRUE))
        return false;
    return path->Length == head.Length || path->Buffer[head.Length / sizeof(WCHAR)] == L'\\';
}

static void append_abbreviated(struct text *text, const UNICODE_STRING *path)
{
    UNICODE_STRING rest = *path;

    for (unsigned i = 0; i < COUNT(roots); i++)
        if (leads(roots[i].prefix, path)) {
            USHORT skip = (USHORT)(wcslen(roots[i].prefix) * sizeof(WCHAR));

            text_append_string(text, roots[i].shown);
            rest.Buffer += skip / sizeof(WCHAR);
            rest.Length -= skip;
            break;
        }
    text_append_name(text, &rest);
}

NTSTATUS registry_path_show(UNICODE_STRING *out, const UNICODE_STRING *path, const UNICODE_STRING *leaf)
{
    /* Only HKLM\System\CurrentControlSet could be longer than what it stands for; it is not. */
    SIZE_T capacity = path->Length / sizeof(WCHAR) + 1 + (leaf ? leaf->Length / sizeof(WCHAR) : 0);
    struct text text;
    NTSTATUS status = text_reserve(out, &text, capacity);

    IRQL_AT_MOST(PASSIVE_LEVEL);
    if (!NT_SUCCESS(status))
        return status;
    append_abbreviated(&text, path);
    if (leaf) {
        text_append_string(&text, L"\\");
        text_append_name(&text, leaf);
    }
    text_finish(out, &text);
    return STATUS_SUCCESS;
}

static UNICODE_STRING *name_copy_of(PCUNICODE_STRING name)
{
    UNICODE_STRING *copy = pool_allocate_paged(sizeof *copy + name->Length);

    if (!copy)
        return NULL;
    copy->Buffer = (WCHAR *)(copy + 1);
    copy->Length = copy->MaximumLength = name->Length;
    memcpy(copy->Buffer, name->Buffer, name->Length);
    return copy;
}

UNICODE_STRING *registry_name_of(PLARGE_INTEGER cookie, PVOID key)
{
    PCUNICODE_STRING name;
    UNICODE_STRING *copy;

    IRQL_AT_MOST(APC_LEVEL);
    if (!compat.CmCallbackGetKeyObjectIDEx || !compat.CmCallbackReleaseKeyObjectIDEx)
        return name_of_object(key);
    if (!NT_SUCCESS(compat.CmCallbackGetKeyObjectIDEx(cookie, key, NULL, &name, 0)))
        return NULL;
    copy = name_copy_of(name);
    compat.CmCallbackReleaseKeyObjectIDEx(name);
    return copy;
}
