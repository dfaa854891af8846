/* SPDX-License-Identifier: MIT */
/*
 * The Parameters key (spec 01 section 2.3). Each value is judged alone: one of the wrong type or size is reported and its
 * default stays. A reading is an immutable snapshot that users share by reference.
 */
#include "driver.h"

#define RULES_LIMIT (16u << 20)
#define VALUE_LIMIT 0x10000u
#define QUEUE_RECORDS_DEFAULT 100000u
#define QUEUE_RECORDS_LEAST 64u
#define QUEUE_RECORDS_MOST 10000000u
#define VERDICT_TIMEOUT_DEFAULT 2000u
#define VERDICT_TIMEOUT_MOST 30000u
#define ARCHIVE_QUOTA_DEFAULT 1024u
#define ARCHIVE_NAME_LIMIT 64u /* characters */

static struct {
    KSPIN_LOCK lock; /* of `current` and its first reference */
    struct settings *current;
    ULONGLONG wanted; /* that of `current` */
    FAST_MUTEX reading;
    HANDLE key; /* watched; NULL: there is none */
    HANDLE event;
    PKEVENT changed; /* the object of `event` */
    IO_STATUS_BLOCK watch_status;
    struct thread watcher;
} state;

/* ---- values ---- */

static NTSTATUS key_open(HANDLE *key)
{
    UNICODE_STRING path;
    OBJECT_ATTRIBUTES attributes;
    static const WCHAR leaf[] = L"\\Parameters";
    ULONG length = driver.registry_path.Length + sizeof leaf - sizeof(WCHAR);
    NTSTATUS status;

    path.Buffer = pool_allocate_paged(length);
    if (!path.Buffer)
        return STATUS_INSUFFICIENT_RESOURCES;
    memcpy(path.Buffer, driver.registry_path.Buffer, driver.registry_path.Length);
    memcpy((UCHAR *)path.Buffer + driver.registry_path.Length, leaf, sizeof leaf - sizeof(WCHAR));
    path.Length = path.MaximumLength = (USHORT)length;
    InitializeObjectAttributes(&attributes, &path, OBJ_CASE_INSENSITIVE | OBJ_KERNEL_HANDLE, NULL, NULL);
    status = ZwOpenKey(key, KEY_READ, &attributes);
    pool_free(path.Buffer);
    return status;
}

/* A reading under way: where it reads, and whether it must be thrown away, because half a configuration is none. */
struct reader {
    HANDLE key;
    bool out_of_memory;
};

/* The value in memory of ours; NULL when it is absent, too big or memory is short. */
static KEY_VALUE_PARTIAL_INFORMATION *value_read(struct reader *reader, const WCHAR *name, ULONG limit)
{
    UNICODE_STRING text;
    KEY_VALUE_PARTIAL_INFORMATION head, *value;
    ULONG size;
    NTSTATUS status;

    RtlInitUnicodeString(&text, name);
    status = ZwQueryValueKey(reader->key, &text, KeyValuePartialInformation, &head, sizeof head, &size);
    reader->out_of_memory |= status == STATUS_INSUFFICIENT_RESOURCES;
    if (status != STATUS_SUCCESS && status != STATUS_BUFFER_OVERFLOW)
        return NULL;
    if (head.DataLength > limit)
        goto refuse;
    size = FIELD_OFFSET(KEY_VALUE_PARTIAL_INFORMATION, Data) + head.DataLength + 2 * sizeof(WCHAR); /* room for terminators */
    value = pool_allocate_paged(size);
    if (!value) {
        reader->out_of_memory = true;
        return NULL;
    }
    status = ZwQueryValueKey(reader->key, &text, KeyValuePartialInformation, value, size - 2 * sizeof(WCHAR), &size);
    if (NT_SUCCESS(status))
        return value;
    reader->out_of_memory |= status == STATUS_INSUFFICIENT_RESOURCES;
    pool_free(value); /* or it grew meanwhile: the watcher will call again */
    return NULL;
refuse:
    record_error(L"Parameters", name, STATUS_BUFFER_OVERFLOW);
    return NULL;
}

static KEY_VALUE_PARTIAL_INFORMATION *value_read_typed(struct reader *reader, const WCHAR *name, ULONG type, ULONG least, ULONG limit)
{
    KEY_VALUE_PARTIAL_INFORMATION *value = value_read(reader, name, limit);

    if (!value)
        return NULL;
    if (value->Type == type && value->DataLength >= least)
        return value;
    record_error(L"Parameters", name, STATUS_OBJECT_TYPE_MISMATCH);
    pool_free(value);
    return NULL;
}

static void read_dword(struct reader *reader, const WCHAR *name, ULONG least, ULONG most, ULONG *out)
{
    KEY_VALUE_PARTIAL_INFORMATION *value = value_read_typed(reader, name, REG_DWORD, sizeof(ULONG), sizeof(ULONG));
    ULONG number;

    if (!value)
        return;
    memcpy(&number, value->Data, sizeof number);
    if (number >= least && number <= most)
        *out = number;
    else
        record_error(L"Parameters", name, STATUS_INVALID_PARAMETER);
    pool_free(value);
}

static void read_flag(struct reader *reader, const WCHAR *name, bool *out)
{
    KEY_VALUE_PARTIAL_INFORMATION *value = value_read_typed(reader, name, REG_BINARY, 1, 1);

    if (!value)
        return;
    *out = value->Data[0] != 0;
    pool_free(value);
}

static bool is_algorithm(ULONG hash)
{
    return (hash >= WIRE_HASH_SHA1 && hash <= WIRE_HASH_IMPHASH) || (hash > WIRE_HASH_SEVERAL && hash <= WIRE_HASH_ALL);
}

static void read_hash(struct reader *reader, ULONG *out)
{
    ULONG hash = *out;

    read_dword(reader, L"HashingAlgorithm", 0, MAXULONG, &hash);
    if (is_algorithm(hash))
        *out = hash;
    else
        record_error(L"Parameters", L"HashingAlgorithm", STATUS_INVALID_PARAMETER);
}

/* Bytes of a REG_SZ without terminators. */
static ULONG text_length(const KEY_VALUE_PARTIAL_INFORMATION *value)
{
    const WCHAR *text = (const WCHAR *)value->Data;
    ULONG length = value->DataLength / sizeof(WCHAR);

    while (length && !text[length - 1])
        length--;
    return length * sizeof(WCHAR);
}

/* `\name\`: one component between two backslashes, nothing else that a path could mean. */
static bool is_directory_name(const WCHAR *text, ULONG characters)
{
    if (characters < 3 || characters > ARCHIVE_NAME_LIMIT || text[0] != L'\\' || text[characters - 1] != L'\\' || text[1] == L'.')
        return false;
    for (ULONG i = 1; i < characters - 1; i++)
        if (text[i] < L' ' || wcschr(L"\\/:*?\"<>|", text[i]))
            return false;
    return true;
}

static NTSTATUS directory_set(struct settings *settings, const WCHAR *text, ULONG bytes)
{
    WCHAR *buffer = pool_allocate_paged(bytes);

    if (!buffer)
        return STATUS_INSUFFICIENT_RESOURCES;
    memcpy(buffer, text, bytes);
    pool_free(settings->archive_directory.Buffer);
    settings->archive_directory.Buffer = buffer;
    settings->archive_directory.Length = settings->archive_directory.MaximumLength = (USHORT)bytes;
    return STATUS_SUCCESS;
}

static void read_archive(struct reader *reader, struct settings *settings)
{
    KEY_VALUE_PARTIAL_INFORMATION *value = value_read_typed(reader, L"ArchiveDirectory", REG_SZ, sizeof(WCHAR), VALUE_LIMIT);
    ULONG bytes;

    if (!value)
        return;
    bytes = text_length(value);
    if (is_directory_name((const WCHAR *)value->Data, bytes / sizeof(WCHAR)))
        reader->out_of_memory |= !NT_SUCCESS(directory_set(settings, (const WCHAR *)value->Data, bytes));
    else
        record_error(L"Parameters", L"ArchiveDirectory", STATUS_OBJECT_NAME_INVALID);
    pool_free(value);
}

/* Without the value there are no rules, and defaults decide. */
static void read_rules(struct reader *reader, struct settings *settings)
{
    KEY_VALUE_PARTIAL_INFORMATION *value = value_read_typed(reader, L"Rules", REG_BINARY, 1, RULES_LIMIT);

    settings->rules = rules_create(value ? value->Data : NULL, value ? value->DataLength : 0);
    settings->wanted = rules_wanted(settings->rules);
    pool_free(value);
}

/* Names and masks belong together by position; a name without mask is watched for any access. */
static void read_access(struct reader *reader, struct settings *settings)
{
    KEY_VALUE_PARTIAL_INFORMATION *value = value_read_typed(reader, L"ProcessAccessNames", REG_MULTI_SZ, sizeof(WCHAR), VALUE_LIMIT);
    KEY_VALUE_PARTIAL_INFORMATION *masks;
    ULONG bytes;

    if (!value)
        return;
    bytes = value->DataLength & ~1u; /* the value is followed by two zero characters (value_read) */
    settings->access_names = pool_allocate_paged(bytes + 2 * sizeof(WCHAR));
    if (settings->access_names)
        memcpy(settings->access_names, value->Data, bytes);
    else
        reader->out_of_memory = true;
    pool_free(value);
    memset(settings->access_masks, 0xFF, sizeof settings->access_masks);
    masks = value_read_typed(reader, L"ProcessAccessMasks", REG_BINARY, sizeof(ULONG), sizeof settings->access_masks);
    if (!masks)
        return;
    memcpy(settings->access_masks, masks->Data, masks->DataLength & ~3u);
    pool_free(masks);
}

/* Values that only the service uses are still held to their types: a wrong one shows here at once. */
static void check_others(struct reader *reader)
{
    static const struct {
        const WCHAR *name;
        ULONG type;
    } others[] = {
        { L"ConfigFile", REG_SZ },  { L"ConfigHash", REG_SZ },         { L"FieldSizes", REG_SZ },
        { L"TraceEvents", REG_SZ }, { L"SigningQueueSize", REG_DWORD },
    };

    for (unsigned i = 0; i < COUNT(others); i++)
        pool_free(value_read_typed(reader, others[i].name, others[i].type, 0, VALUE_LIMIT));
}

static void read_all(struct reader *reader, struct settings *settings)
{
    read_dword(reader, L"Options", 0, MAXULONG, &settings->options);
    read_hash(reader, &settings->hash_algorithms);
    read_flag(reader, L"CheckRevocation", &settings->check_revocation);
    read_flag(reader, L"DnsLookup", &settings->dns_lookup);
    read_archive(reader, settings);
    read_access(reader, settings);
    read_rules(reader, settings);
    check_others(reader);
    read_dword(reader, L"DriverQueueSize", QUEUE_RECORDS_LEAST, QUEUE_RECORDS_MOST, &settings->queue_records);
    read_dword(reader, L"VerdictTimeout", 0, VERDICT_TIMEOUT_MOST, &settings->verdict_timeout);
    read_dword(reader, L"ArchiveQuota", 0, MAXULONG, &settings->archive_quota);
    read_dword(reader, L"Protect", 0, SETTINGS_PROTECT_KEY | SETTINGS_PROTECT_FILE, &settings->protect);
    read_dword(reader, L"Sensors", 0, SETTINGS_SENSOR_ALL, &settings->sensors);
}

/* ---- snapshots ---- */

static void settings_free(struct settings *settings)
{
    pool_free(settings->archive_directory.Buffer);
    pool_free(settings->access_names);
    rules_destroy(settings->rules);
    pool_free(settings);
}

static struct settings *settings_default(void)
{
    static const WCHAR directory[] = L"\\Sysmon\\";
    struct settings *settings = pool_allocate(sizeof *settings);

    if (!settings)
        return NULL;
    settings->references = 1;
    settings->hash_algorithms = WIRE_HASH_DEFAULT;
    settings->queue_records = QUEUE_RECORDS_DEFAULT;
    settings->verdict_timeout = VERDICT_TIMEOUT_DEFAULT;
    settings->archive_quota = ARCHIVE_QUOTA_DEFAULT;
    settings->sensors = SETTINGS_SENSOR_ALL;
    settings->check_revocation = settings->dns_lookup = true;
    settings->wanted = ~0ull;
    if (!NT_SUCCESS(directory_set(settings, directory, sizeof directory - sizeof(WCHAR)))) {
        settings_free(settings);
        return NULL;
    }
    return settings;
}

void settings_release(struct settings *settings)
{
    IRQL_AT_MOST(APC_LEVEL);
    if (InterlockedDecrement(&settings->references) == 0)
        settings_free(settings);
}

struct settings *settings_acquire(void)
{
    struct settings *settings;
    KIRQL irql;

    IRQL_AT_MOST(DISPATCH_LEVEL);
    KeAcquireSpinLock(&state.lock, &irql);
    settings = state.current;
    InterlockedIncrement(&settings->references);
    KeReleaseSpinLock(&state.lock, irql);
    return settings;
}

bool settings_wants(unsigned event_id)
{
    return (state.wanted >> event_id & 1) != 0;
}

bool settings_allows(ULONG sensor)
{
    struct settings *settings = settings_acquire();
    bool allows = (settings->sensors & sensor) != 0;

    settings_release(settings);
    return allows;
}

static void publish(struct settings *settings)
{
    struct settings *old;
    KIRQL irql;

    KeAcquireSpinLock(&state.lock, &irql);
    old = state.current;
    state.current = settings;
    state.wanted = settings ? settings->wanted : 0;
    KeReleaseSpinLock(&state.lock, irql);
    if (old)
        settings_release(old);
}

/* NULL when memory is short. */
static struct settings *settings_read(void)
{
    struct settings *settings = settings_default();
    struct reader reader = { 0 };
    NTSTATUS status;

    if (!settings)
        return NULL;
    status = key_open(&reader.key);
    if (NT_SUCCESS(status)) {
        read_all(&reader, settings);
        ZwClose(reader.key);
    } /* no key: defaults */
    if (!reader.out_of_memory && status != STATUS_INSUFFICIENT_RESOURCES)
        return settings;
    settings_free(settings);
    return NULL;
}

NTSTATUS settings_reload(void)
{
    struct settings *settings;
    bool protects_file = false;

    IRQL_AT_MOST(PASSIVE_LEVEL);
    mutex_enter(&state.reading);
    settings = settings_read();
    if (settings) {
        queue_set_limit(settings->queue_records);
        protects_file = (settings->protect & SETTINGS_PROTECT_FILE) != 0;
        publish(settings);
    }
    mutex_leave(&state.reading);
    if (protects_file)
        own_file_find();
    return settings ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}

void settings_client_came(void)
{
    struct settings *settings = settings_acquire();

    IRQL_AT_MOST(PASSIVE_LEVEL);
    if (settings->protect & SETTINGS_PROTECT_FILE)
        own_file_find();
    settings_release(settings);
}

/* ---- the watch: a change made by hand takes effect too (spec 01 section 2.3, end) ---- */

#define SETTLE (-300 * 10000ll) /* an installer writes several values in a row */

static NTSTATUS watch(void)
{
    return ZwNotifyChangeKey(state.key, state.event, NULL, NULL, &state.watch_status, REG_NOTIFY_CHANGE_LAST_SET, FALSE, NULL, 0,
                             TRUE);
}

static void announce(void)
{
    struct record *record = record_create(WIRE_CONFIG_UPDATE, NULL);

    if (record)
        record_submit(record, 0);
}

static VOID NTAPI watcher_thread(PVOID context)
{
    struct thread *thread = context;
    PVOID objects[2] = { &thread->stop, state.changed };
    LARGE_INTEGER settle = { .QuadPart = SETTLE };

    while (NT_SUCCESS(watch()) &&
           KeWaitForMultipleObjects(COUNT(objects), objects, WaitAny, Executive, KernelMode, FALSE, NULL, NULL) != STATUS_WAIT_0) {
        if (KeWaitForSingleObject(&thread->stop, Executive, KernelMode, FALSE, &settle) == STATUS_SUCCESS)
            break;
        settings_reload();
        announce();
    }
    PsTerminateSystemThread(STATUS_SUCCESS);
}

static NTSTATUS event_create(void)
{
    OBJECT_ATTRIBUTES attributes;
    NTSTATUS status;

    InitializeObjectAttributes(&attributes, NULL, OBJ_KERNEL_HANDLE, NULL, NULL);
    status = ZwCreateEvent(&state.event, EVENT_ALL_ACCESS, &attributes, SynchronizationEvent, FALSE);
    if (!NT_SUCCESS(status))
        return status;
    status = ObReferenceObjectByHandle(state.event, EVENT_ALL_ACCESS, NULL, KernelMode, (PVOID *)&state.changed, NULL);
    if (!NT_SUCCESS(status)) {
        ZwClose(state.event);
        state.event = NULL;
    }
    return status;
}

static void watch_stop(void)
{
    thread_stop(&state.watcher);
    if (state.key)
        ZwClose(state.key); /* also ends a notification that still waits */
    if (state.event) {
        ObDereferenceObject(state.changed);
        ZwClose(state.event);
    }
    state.key = state.event = NULL;
}

/* Without a watch the settings still change by UPDATE_CONFIG: a failure here is reported, not fatal. */
static void watch_start(void)
{
    NTSTATUS status = key_open(&state.key);

    if (!NT_SUCCESS(status)) {
        state.key = NULL;
        return; /* no Parameters key: nothing to watch */
    }
    status = event_create();
    if (NT_SUCCESS(status))
        status = thread_start(&state.watcher, watcher_thread);
    if (NT_SUCCESS(status))
        return;
    watch_stop();
    record_error(L"Parameters", L"Changes of the key are not watched", status);
}

NTSTATUS settings_start(void)
{
    NTSTATUS status;

    IRQL_AT_MOST(PASSIVE_LEVEL);
    KeInitializeSpinLock(&state.lock);
    mutex_initialize(&state.reading);
    status = settings_reload();
    if (NT_SUCCESS(status))
        watch_start();
    return status;
}

void settings_stop(void)
{
    IRQL_AT_MOST(PASSIVE_LEVEL);
    watch_stop();
    publish(NULL);
    own_file_stop();
}
