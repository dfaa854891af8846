/* SPDX-License-Identifier: MIT */
/* Service entry and control handler (spec 01 section 3.1, 09 section 8.7). */
#include "service.h"
#include "monitor.h"
#include "outputs_setting.h"
#include "settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct service {
    SERVICE_STATUS_HANDLE handle;
    SERVICE_STATUS status;
    HANDLE stop;
    struct monitor *monitor;
    CRITICAL_SECTION lock; /* monitor: the handler comes on another thread */
};

static struct service service;

static void report(DWORD state, DWORD error, DWORD wait)
{
    service.status.dwServiceType = SERVICE_WIN32_OWN_PROCESS;
    service.status.dwCurrentState = state;
    service.status.dwControlsAccepted = state == SERVICE_RUNNING ? SERVICE_ACCEPT_STOP | SERVICE_ACCEPT_PRESHUTDOWN |
                                                                       SERVICE_ACCEPT_SESSIONCHANGE
                                                                 : 0;
    service.status.dwWin32ExitCode = error;
    service.status.dwWaitHint = wait;
    service.status.dwCheckPoint = wait ? service.status.dwCheckPoint + 1 : 0;
    SetServiceStatus(service.handle, &service.status);
}

static bool session_is_active(DWORD event)
{
    return event == 1 /* console connect */ || event == 3 /* remote connect */ || event == 5 /* logon */ || event == 8 /* unlock */;
}

static bool session_ended(DWORD event)
{
    return event == 6 /* logoff */ || event == 11 /* terminate */;
}

static DWORD with_monitor(DWORD control, DWORD event, const void *data)
{
    DWORD answer = NO_ERROR;

    EnterCriticalSection(&service.lock);
    if (!service.monitor)
        answer = control == SERVICE_CONTROL_CONFIGURED ? ERROR_SERVICE_CANNOT_ACCEPT_CTRL : NO_ERROR;
    else if (control == SERVICE_CONTROL_CONFIGURED)
        monitor_reload(service.monitor, true);
    else if (data && (session_is_active(event) || session_ended(event)))
        monitor_session(service.monitor, ((const WTSSESSION_NOTIFICATION *)data)->dwSessionId, session_is_active(event));
    LeaveCriticalSection(&service.lock);
    return answer;
}

static DWORD WINAPI handler(DWORD control, DWORD event, void *data, void *context)
{
    switch (control) {
    case SERVICE_CONTROL_STOP:
    case SERVICE_CONTROL_SHUTDOWN:
    case SERVICE_CONTROL_PRESHUTDOWN:
        report(SERVICE_STOP_PENDING, NO_ERROR, 20000);
        SetEvent(service.stop);
        return NO_ERROR;
    case SERVICE_CONTROL_INTERROGATE:
        return NO_ERROR;
    case SERVICE_CONTROL_CONFIGURED:
        return with_monitor(control, 0, NULL);
    case SERVICE_CONTROL_SESSIONCHANGE:
        return with_monitor(control, event, data);
    }
    return ERROR_CALL_NOT_IMPLEMENTED; /* pause and the like */
}

static DWORD start(const wchar_t *name, bool configured)
{
    struct monitor_options options = { .event_log = true, .configured = configured, .name = name };
    wchar_t *driver = settings_driver_of(name);
    struct monitor *monitor = NULL;
    char **outputs = outputs_setting_load(name, &options.output_count);
    char message[1024] = "";
    DWORD error;

    options.driver = driver ? driver : SETTINGS_DEFAULT_DRIVER;
    options.outputs = (const char *const *)outputs;
    error = monitor_start(&monitor, &options, message, sizeof(message));
    if (error && options.output_count) {
        /* a destination that cannot be opened must not leave the machine unwatched: the event log remains */
        char first[1024];

        memcpy(first, message, sizeof(first));
        options.output_count = 0;
        error = monitor_start(&monitor, &options, message, sizeof(message));
        if (!error)
            monitor_report(monitor, "Outputs", first);
    }
    if (!error) {
        EnterCriticalSection(&service.lock);
        service.monitor = monitor;
        LeaveCriticalSection(&service.lock);
    }
    outputs_setting_free(outputs);
    free(driver);
    return error;
}

static void stop(void)
{
    struct monitor *monitor;

    EnterCriticalSection(&service.lock);
    monitor = service.monitor;
    service.monitor = NULL;
    LeaveCriticalSection(&service.lock);
    if (monitor)
        monitor_stop(monitor);
}

static void WINAPI service_main(DWORD argc, wchar_t **argv)
{
    bool configured = argc > 1 && !wcscmp(argv[1], SERVICE_ARGUMENT_CONFIGURED);
    DWORD error;

    InitializeCriticalSection(&service.lock);
    service.stop = CreateEventW(NULL, TRUE, FALSE, NULL);
    service.handle = RegisterServiceCtrlHandlerExW(argv[0], handler, NULL);
    if (!service.handle || !service.stop)
        return;
    report(SERVICE_START_PENDING, NO_ERROR, 30000);
    error = start(argv[0], configured);
    if (error) {
        report(SERVICE_STOPPED, error, 0);
        return;
    }
    report(SERVICE_RUNNING, NO_ERROR, 0);
    WaitForSingleObject(service.stop, INFINITE);
    stop();
    report(SERVICE_STOPPED, NO_ERROR, 0);
}

int service_dispatch(void)
{
    wchar_t any[] = L"";
    const SERVICE_TABLE_ENTRYW table[] = { { any, service_main }, { NULL, NULL } };

    return StartServiceCtrlDispatcherW(table) ? 0 : -1;
}
