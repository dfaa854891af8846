/* SPDX-License-Identifier: MIT */
/* Services and drivers under the service control manager. Functions return a Windows error, 0 = success. */
#pragma once

#include <stdbool.h>
#include <wchar.h>
#include <windows.h>

struct service_definition {
    const wchar_t *name, *image_path, *description;
    DWORD type, start;
    bool restart; /* after a crash: service control manager starts it again */
};

DWORD control_exists(const wchar_t *name, bool *exists);
DWORD control_create(const struct service_definition *definition);
DWORD control_set_image_path(const wchar_t *name, const wchar_t *image_path);
/* Current state (SERVICE_STOPPED …) and process id (0: none); either may be NULL. */
DWORD control_state(const wchar_t *name, DWORD *state, DWORD *process_id);
/* Starts and waits until it runs. `progress` is called once per wait step, may be NULL. Already running is success. */
DWORD control_start(const wchar_t *name, const wchar_t *argument, void (*progress)(void));
/* Stops and waits until it is stopped. Not running is success. */
DWORD control_stop(const wchar_t *name);
DWORD control_delete(const wchar_t *name);
/* Deletes the service and what is left of its registry key. */
DWORD control_remove(const wchar_t *name);
/* Sends a user-defined control code (128 to 255). */
DWORD control_send(const wchar_t *name, DWORD code);
