/* SPDX-License-Identifier: MIT */
#include "control.h"
#include "registry.h"
#include "wide.h"

#include <stdlib.h>

#define WAIT_STEP 250       /* milliseconds */
#define WAIT_LIMIT 120000   /* a driver that empties its queue, a service that waits for its threads */

static DWORD open_service(const wchar_t *name, DWORD access, SC_HANDLE *manager, SC_HANDLE *service)
{
    DWORD error = ERROR_SUCCESS;

    *service = NULL;
    *manager = OpenSCManagerW(NULL, NULL, SC_MANAGER_CONNECT);
    if (!*manager)
        return GetLastError();
    *service = OpenServiceW(*manager, name, access);
    if (!*service) {
        error = GetLastError();
        CloseServiceHandle(*manager);
    }
    return error;
}

static void close_service(SC_HANDLE manager, SC_HANDLE service)
{
    CloseServiceHandle(service);
    CloseServiceHandle(manager);
}

DWORD control_exists(const wchar_t *name, bool *exists)
{
    SC_HANDLE manager, service;
    DWORD error = open_service(name, SERVICE_QUERY_STATUS, &manager, &service);

    if (error == ERROR_SUCCESS)
        close_service(manager, service);
    else if (error != ERROR_SERVICE_DOES_NOT_EXIST)
        return error;
    *exists = error == ERROR_SUCCESS;
    return ERROR_SUCCESS;
}

/* Extras whose absence does not matter: an old system, or Wine, refuses some of them. */
static void describe(SC_HANDLE service, const struct service_definition *definition)
{
    SC_ACTION actions[3] = { { SC_ACTION_RESTART, 1000 }, { SC_ACTION_RESTART, 5000 }, { SC_ACTION_RESTART, 60000 } };
    SERVICE_FAILURE_ACTIONSW failure = { .dwResetPeriod = 86400, .cActions = 3, .lpsaActions = actions };
    SERVICE_DESCRIPTIONW description = { (wchar_t *)definition->description };

    ChangeServiceConfig2W(service, SERVICE_CONFIG_DESCRIPTION, &description);
    if (definition->restart)
        ChangeServiceConfig2W(service, SERVICE_CONFIG_FAILURE_ACTIONS, &failure);
}

DWORD control_create(const struct service_definition *definition)
{
    SC_HANDLE manager = OpenSCManagerW(NULL, NULL, SC_MANAGER_CONNECT | SC_MANAGER_CREATE_SERVICE), service;
    DWORD error;

    if (!manager)
        return GetLastError();
    service = CreateServiceW(manager, definition->name, definition->name, SERVICE_ALL_ACCESS, definition->type,
                             definition->start, SERVICE_ERROR_NORMAL, definition->image_path, NULL, NULL, NULL, NULL, NULL);
    error = service ? ERROR_SUCCESS : GetLastError();
    if (service) {
        describe(service, definition);
        CloseServiceHandle(service);
    }
    CloseServiceHandle(manager);
    return error;
}

DWORD control_set_image_path(const wchar_t *name, const wchar_t *image_path)
{
    SC_HANDLE manager, service;
    DWORD error = open_service(name, SERVICE_CHANGE_CONFIG, &manager, &service);

    if (error)
        return error;
    if (!ChangeServiceConfigW(service, SERVICE_NO_CHANGE, SERVICE_NO_CHANGE, SERVICE_NO_CHANGE, image_path, NULL, NULL, NULL,
                              NULL, NULL, NULL))
        error = GetLastError();
    close_service(manager, service);
    return error;
}

static DWORD query(SC_HANDLE service, SERVICE_STATUS_PROCESS *status)
{
    DWORD need;

    if (!QueryServiceStatusEx(service, SC_STATUS_PROCESS_INFO, (BYTE *)status, sizeof(*status), &need))
        return GetLastError();
    return ERROR_SUCCESS;
}

DWORD control_state(const wchar_t *name, DWORD *state, DWORD *process_id)
{
    SC_HANDLE manager, service;
    SERVICE_STATUS_PROCESS status;
    DWORD error = open_service(name, SERVICE_QUERY_STATUS, &manager, &service);

    if (error)
        return error;
    error = query(service, &status);
    close_service(manager, service);
    if (error)
        return error;
    if (state)
        *state = status.dwCurrentState;
    if (process_id)
        *process_id = status.dwProcessId;
    return ERROR_SUCCESS;
}

/* Until the service has left `pending` for `wanted`; the error it stopped with when it went elsewhere. */
static DWORD wait_for(SC_HANDLE service, DWORD pending, DWORD wanted, void (*progress)(void))
{
    for (DWORD waited = 0; waited < WAIT_LIMIT; waited += WAIT_STEP) {
        SERVICE_STATUS_PROCESS status;
        DWORD error = query(service, &status);

        if (error)
            return error;
        if (status.dwCurrentState == wanted)
            return ERROR_SUCCESS;
        if (status.dwCurrentState != pending && wanted == SERVICE_RUNNING)
            return status.dwWin32ExitCode ? status.dwWin32ExitCode : ERROR_SERVICE_NOT_ACTIVE;
        if (progress)
            progress();
        Sleep(WAIT_STEP);
    }
    return ERROR_SERVICE_REQUEST_TIMEOUT;
}

DWORD control_start(const wchar_t *name, const wchar_t *argument, void (*progress)(void))
{
    SC_HANDLE manager, service;
    DWORD error = open_service(name, SERVICE_START | SERVICE_QUERY_STATUS, &manager, &service);

    if (error)
        return error;
    if (!StartServiceW(service, argument ? 1 : 0, argument ? &argument : NULL))
        error = GetLastError();
    if (error == ERROR_SUCCESS || error == ERROR_SERVICE_ALREADY_RUNNING)
        error = wait_for(service, SERVICE_START_PENDING, SERVICE_RUNNING, progress);
    close_service(manager, service);
    return error;
}

DWORD control_stop(const wchar_t *name)
{
    SC_HANDLE manager, service;
    SERVICE_STATUS status;
    DWORD error = open_service(name, SERVICE_STOP | SERVICE_QUERY_STATUS, &manager, &service);

    if (error)
        return error;
    if (!ControlService(service, SERVICE_CONTROL_STOP, &status))
        error = GetLastError();
    if (error == ERROR_SUCCESS || error == ERROR_SERVICE_CANNOT_ACCEPT_CTRL)
        error = wait_for(service, SERVICE_STOP_PENDING, SERVICE_STOPPED, NULL);
    close_service(manager, service);
    return error == ERROR_SERVICE_NOT_ACTIVE ? ERROR_SUCCESS : error;
}

DWORD control_delete(const wchar_t *name)
{
    SC_HANDLE manager, service;
    DWORD error = open_service(name, DELETE, &manager, &service);

    if (error)
        return error;
    if (!DeleteService(service))
        error = GetLastError();
    close_service(manager, service);
    return error;
}

DWORD control_remove(const wchar_t *name)
{
    wchar_t *path = wide_format(L"SYSTEM\\CurrentControlSet\\Services\\%ls", name);
    DWORD error = path ? control_delete(name) : ERROR_OUTOFMEMORY;

    if (!error || error == ERROR_SERVICE_DOES_NOT_EXIST) /* a half-broken installation leaves keys without a service */
        registry_delete_tree(HKEY_LOCAL_MACHINE, path);
    free(path);
    return error;
}

DWORD control_send(const wchar_t *name, DWORD code)
{
    SC_HANDLE manager, service;
    SERVICE_STATUS status;
    DWORD error = open_service(name, SERVICE_USER_DEFINED_CONTROL, &manager, &service);

    if (error)
        return error;
    if (!ControlService(service, code, &status))
        error = GetLastError();
    close_service(manager, service);
    return error;
}
