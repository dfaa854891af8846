/* SPDX-License-Identifier: MIT */
#include "monitor.h"
#include "monitor_core.h"
#include "random.h"
#include "registry.h"
#include "system.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define QUEUE_LIMIT (64u << 20) /* bytes between sources and worker */
#define FLUSH_LIMIT 10000       /* milliseconds that outputs get at the end */

/* First eight hexadecimal digits of the machine's GUID (spec 02 section 3.2). */
static uint32_t machine_id(void)
{
    wchar_t *text = NULL;
    uint32_t id = 0;
    HKEY key;

    if (registry_open(L"SOFTWARE\\Microsoft\\Cryptography", KEY_QUERY_VALUE, &key))
        return 0;
    text = registry_get_text(key, L"MachineGuid");
    RegCloseKey(key);
    if (text)
        id = wcstoul(text, NULL, 16);
    free(text);
    return id;
}

static DWORD open_parts(struct monitor *monitor, const char **part)
{
    uint8_t key[16];
    DWORD error;

    *part = "work queue";
    error = work_queue_open(&monitor->queue, QUEUE_LIMIT);
    if (!error && (*part = "account names"))
        error = users_open(&monitor->users);
    if (!error && (*part = "volumes"))
        error = volumes_open(&monitor->volumes);
    if (!error && (*part = "file cache"))
        error = file_facts_open(&monitor->files);
    if (!error && (*part = "deleted files"))
        error = deleted_files_open(&monitor->deleted, monitor->files);
    if (!error && (*part = "signatures"))
        error = signatures_open(&monitor->signatures, monitor_signed, monitor);
    random_bytes(key, sizeof(key));
    if (!error && (*part = "process table") && process_table_create(&monitor->table, NULL, key))
        error = ERROR_OUTOFMEMORY;
    if (!error && (*part = "events")) {
        monitor->stop = CreateEventW(NULL, TRUE, FALSE, NULL);
        monitor->reload = CreateEventW(NULL, FALSE, FALSE, NULL);
        error = monitor->stop && monitor->reload ? ERROR_SUCCESS : GetLastError();
    }
    monitor->translator = (struct translator){ monitor->table, &monitor_facts, monitor, machine_id(), 0, 0 };
    if (!error && (*part = "settings and rules"))
        error = policy_load(monitor);
    if (!error && monitor->options.event_log && (*part = "event log"))
        error = event_log_open(&monitor->log);
    return error;
}

static void free_monitor(struct monitor *monitor)
{
    if (monitor->outputs)
        outputs_close(monitor->outputs, FLUSH_LIMIT);
    event_log_close(monitor->log);
    if (monitor->policy)
        policy_release(monitor->policy);
    process_table_destroy(monitor->table);
    signatures_close(monitor->signatures);
    deleted_files_close(monitor->deleted);
    file_facts_close(monitor->files);
    volumes_close(monitor->volumes);
    users_close(monitor->users);
    work_queue_destroy(&monitor->queue);
    if (monitor->stop)
        CloseHandle(monitor->stop);
    if (monitor->reload)
        CloseHandle(monitor->reload);
    DeleteCriticalSection(&monitor->table_lock);
    DeleteCriticalSection(&monitor->policy_lock);
    DeleteCriticalSection(&monitor->driver_lock);
    free(monitor->driver_name);
    free(monitor);
}

static DWORD start_threads(struct monitor *monitor)
{
    monitor->worker = CreateThread(NULL, 0, worker_main, monitor, 0, NULL);
    if (!monitor->worker)
        return GetLastError();
    if (monitor->options.configured)
        monitor_configuration(monitor);
    monitor_state(monitor, "Started");
    monitor->watcher = CreateThread(NULL, 0, watcher_main, monitor, 0, NULL);
    if (!monitor->watcher)
        return GetLastError();
    if (monitor->options.name && stats_pipe_open(&monitor->stats, monitor, monitor->options.name))
        monitor_error_code(monitor, "Statistics", "No pipe for `stats`", GetLastError());
    if (!monitor->driver_name)
        return ERROR_SUCCESS;
    monitor->reader = CreateThread(NULL, 0, reader_main, monitor, 0, NULL);
    return monitor->reader ? ERROR_SUCCESS : GetLastError();
}

static void join(HANDLE *thread)
{
    if (!*thread)
        return;
    WaitForSingleObject(*thread, INFINITE);
    CloseHandle(*thread);
    *thread = NULL;
}

/* Sources first, then what they left in the queue. */
static void stop_threads(struct monitor *monitor)
{
    SetEvent(monitor->stop);
    stats_pipe_close(monitor->stats);
    monitor->stats = NULL;
    join(&monitor->reader);
    join(&monitor->watcher);
    if (monitor->signatures)
        signatures_stop(monitor->signatures);
    if (monitor->worker)
        monitor_state(monitor, "Stopped");
    work_queue_close(&monitor->queue);
    join(&monitor->worker);
}

DWORD monitor_start(struct monitor **out, const struct monitor_options *options, char *message, size_t size)
{
    struct monitor *monitor = calloc(1, sizeof(*monitor));
    const char *part = "memory";
    char text[600];
    DWORD error = ERROR_OUTOFMEMORY;

    if (!monitor)
        return error;
    InitializeCriticalSection(&monitor->table_lock);
    InitializeCriticalSection(&monitor->policy_lock);
    InitializeCriticalSection(&monitor->driver_lock);
    monitor->options = *options;
    monitor->driver_name = options->driver ? _wcsdup(options->driver) : NULL;
    if (options->output_count && monitor_open_outputs(monitor, message, size)) {
        free_monitor(monitor);
        return ERROR_OPEN_FAILED;
    }
    error = open_parts(monitor, &part);
    if (!error && (part = "threads")) {
        error = start_threads(monitor);
        if (error)
            stop_threads(monitor);
    }
    if (error) {
        system_error_text(error, text, sizeof(text));
        snprintf(message, size, "cannot set up the %s: %s", part, text);
        free_monitor(monitor);
        return error;
    }
    *out = monitor;
    return ERROR_SUCCESS;
}

void monitor_stop(struct monitor *monitor)
{
    stop_threads(monitor);
    free_monitor(monitor);
}

void monitor_reload(struct monitor *monitor, bool report)
{
    if (report)
        InterlockedExchange(&monitor->reports, 1);
    SetEvent(monitor->reload);
}

void monitor_report(struct monitor *monitor, const char *id, const char *description)
{
    monitor_error(monitor, id, description);
}
