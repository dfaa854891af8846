/* SPDX-License-Identifier: MIT */
/* Settings and rules of the monitor: loaded at start and whenever the registry key changes (spec 01 section 2.3). */
#include "monitor_core.h"
#include "registry.h"
#include "wide.h"

#include "sysmon/config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The tool writes a dozen values one after the other: read when it has been quiet for so long, in milliseconds. */
#define QUIET 200
#define QUIET_LIMIT 3000
/* Until a key that does not exist, or a source that could not start, is tried again. */
#define RETRY 10000

static void *take(void *context, size_t size)
{
    return malloc(size);
}

static void give(void *context, void *memory, size_t size)
{
    free(memory);
}

static const struct ruleset_memory heap = { take, give, NULL };

/* Environment variables of a rule's value. The service's own environment: it has the system's variables. */
static int expand(void *context, uint32_t session, const char *value, size_t size, char *out, size_t capacity)
{
    char *terminated = malloc(size + 1), *utf8 = NULL;
    wchar_t *wide = NULL, expanded[4096];
    int written = -1;
    DWORD units;

    if (terminated) {
        memcpy(terminated, value, size);
        terminated[size] = 0;
        wide = wide_from_utf8(terminated);
    }
    units = wide ? ExpandEnvironmentStringsW(wide, expanded, 4096) : 0;
    if (units && units <= 4096)
        utf8 = wide_to_utf8(expanded);
    if (utf8 && strlen(utf8) <= capacity) {
        written = (int)strlen(utf8);
        memcpy(out, utf8, (size_t)written);
    }
    free(utf8);
    free(wide);
    free(terminated);
    return written;
}

static void policy_free(struct policy *policy)
{
    rule_hits_destroy(policy->hits);
    ruleset_destroy(policy->rules);
    settings_free(&policy->settings);
    free(policy->field_sizes);
    free(policy);
}

struct policy *policy_acquire(struct monitor *monitor)
{
    struct policy *policy;

    EnterCriticalSection(&monitor->policy_lock);
    policy = monitor->policy;
    InterlockedIncrement(&policy->references);
    LeaveCriticalSection(&monitor->policy_lock);
    return policy;
}

void policy_release(struct policy *policy)
{
    if (!InterlockedDecrement(&policy->references))
        policy_free(policy);
}

/* The text of FieldSizes as limits per event and field. */
static uint16_t *field_sizes(const wchar_t *text)
{
    struct config *config = config_new();
    char *utf8 = wide_to_utf8(text), error[256];
    uint16_t *sizes = NULL;

    if (config && utf8 && !config_set_option(config, OPTION_FieldSizes, utf8, error, sizeof(error)) && config->field_sizes)
        sizes = calloc(CATALOGUE_EVENT_COUNT * CATALOGUE_MAX_FIELDS, sizeof(*sizes));
    for (size_t i = 0; sizes && i < CATALOGUE_EVENT_COUNT * CATALOGUE_MAX_FIELDS; i++)
        sizes[i] = config->field_sizes[i] > UINT16_MAX ? UINT16_MAX : (uint16_t)config->field_sizes[i];
    config_free(config);
    free(utf8);
    return sizes;
}

static DWORD ruleset_error_code(int status)
{
    switch (status) {
    case RULESET_OK:
        return ERROR_SUCCESS;
    case RULESET_E_MEMORY:
        return ERROR_OUTOFMEMORY;
    case RULESET_E_VERSION:
        return ERROR_REVISION_MISMATCH;
    }
    return ERROR_INVALID_DATA;
}

static DWORD make_policy(struct monitor *monitor, struct policy **out)
{
    const struct ruleset_options options = { RULESET_ENVIRONMENT | RULESET_WINDOWS_DEFAULTS, expand, monitor };
    struct policy *policy = calloc(1, sizeof(*policy));
    DWORD error;

    if (!policy)
        return ERROR_OUTOFMEMORY;
    policy->references = 1;
    policy->settings.check_revocation = policy->settings.dns_lookup = true;
    error = monitor->driver_name ? settings_load(&policy->settings, monitor->driver_name) : ERROR_SUCCESS;
    if (error == ERROR_FILE_NOT_FOUND)
        error = ERROR_SUCCESS; /* `run` without an installation: defaults */
    if (!error)
        error = ruleset_error_code(ruleset_create(&policy->rules, policy->settings.rules, policy->settings.rules_size, &options, &heap));
    if (!error && rule_hits_create(&policy->hits))
        error = ERROR_OUTOFMEMORY;
    if (error) {
        policy_free(policy);
        return error;
    }
    if (policy->settings.field_sizes)
        policy->field_sizes = field_sizes(policy->settings.field_sizes);
    *out = policy;
    return ERROR_SUCCESS;
}

/* Number of the current control set, for registry paths. */
static unsigned control_set(void)
{
    DWORD number = 0, size = sizeof(number);
    HKEY key;

    if (registry_open(L"SYSTEM\\Select", KEY_QUERY_VALUE, &key))
        return 0;
    if (RegQueryValueExW(key, L"Current", NULL, NULL, (BYTE *)&number, &size))
        number = 0;
    RegCloseKey(key);
    return number;
}

static void set_archive(struct monitor *monitor, const wchar_t *directory)
{
    char *utf8 = wide_to_utf8(directory ? directory : SETTINGS_DEFAULT_ARCHIVE);

    if (utf8)
        deleted_files_set_directory(monitor->deleted, utf8);
    free(utf8);
}

DWORD policy_load(struct monitor *monitor)
{
    struct policy *policy, *old;
    DWORD error = make_policy(monitor, &policy);

    if (error)
        return error;
    EnterCriticalSection(&monitor->policy_lock);
    old = monitor->policy;
    monitor->policy = policy;
    LeaveCriticalSection(&monitor->policy_lock);
    if (old)
        policy_release(old);
    file_facts_set_algorithms(monitor->files, hash_mask(policy->settings.hash_algorithms));
    set_archive(monitor, policy->settings.archive_directory);
    signatures_configure(monitor->signatures, policy->settings.check_revocation, policy->settings.signing_queue_size);
    monitor->translator.control_set = control_set();
    return ERROR_SUCCESS;
}

/* ---- the watcher ---- */

/* Opens the key and asks to be told of changes; NULL: no such key (the driver is not installed). */
static HKEY watch(struct monitor *monitor, HANDLE changed)
{
    HKEY key;

    if (!monitor->driver_name || settings_open_key(monitor->driver_name, KEY_NOTIFY | KEY_READ, &key))
        return NULL;
    if (RegNotifyChangeKeyValue(key, TRUE, REG_NOTIFY_CHANGE_LAST_SET | REG_NOTIFY_CHANGE_NAME, changed, TRUE)) {
        RegCloseKey(key);
        return NULL;
    }
    return key;
}

/* Closing a watched key wakes its watcher too: that is no change. */
static void unwatch(HKEY key, HANDLE changed)
{
    if (key)
        RegCloseKey(key);
    ResetEvent(changed);
}

/* After a change: waits until nothing has changed for a while. False: stop. */
static bool settle(struct monitor *monitor, HANDLE changed)
{
    const HANDLE waits[3] = { monitor->stop, changed, monitor->reload };
    DWORD woken = WAIT_OBJECT_0 + 1;

    for (DWORD waited = 0; waited < QUIET_LIMIT && woken == WAIT_OBJECT_0 + 1; waited += QUIET) {
        HKEY key = watch(monitor, changed);

        woken = WaitForMultipleObjects(3, waits, FALSE, QUIET);
        unwatch(key, changed);
    }
    return woken != WAIT_OBJECT_0; /* quiet, or the tool says that it has finished */
}

static void reload(struct monitor *monitor)
{
    DWORD error = policy_load(monitor);

    if (error)
        monitor_error_code(monitor, "Configuration", "The new settings cannot be used, the old ones stay", error);
    EnterCriticalSection(&monitor->driver_lock);
    if (monitor->driver)
        driver_client_update(monitor->driver);
    LeaveCriticalSection(&monitor->driver_lock);
    if (InterlockedExchange(&monitor->reports, 0) && !error)
        monitor_configuration(monitor);
}

/* The key is watched before it is read: what changes in between wakes the next wait. */
DWORD WINAPI watcher_main(void *context)
{
    struct monitor *monitor = context;
    HANDLE changed = CreateEventW(NULL, FALSE, FALSE, NULL);
    const HANDLE waits[3] = { monitor->stop, monitor->reload, changed };
    bool running = changed, due = false, complete;

    while (running) {
        HKEY key = watch(monitor, changed);
        DWORD woken;

        if (due)
            reload(monitor);
        complete = sources_apply(monitor);
        woken = WaitForMultipleObjects(3, waits, FALSE, key && complete ? INFINITE : RETRY);
        due = woken == WAIT_OBJECT_0 + 1 || woken == WAIT_OBJECT_0 + 2;
        running = woken != WAIT_OBJECT_0;
        unwatch(key, changed);
        if (woken == WAIT_OBJECT_0 + 2)
            running = settle(monitor, changed);
    }
    sources_stop(monitor);
    if (changed)
        CloseHandle(changed);
    return 0;
}
