/* SPDX-License-Identifier: MIT */
#include "profile.h"

#include <string.h>

const struct profile *profile;

#define OLD_REGISTRY .user_registry_buffers = true
const struct profile profiles[] = {
    {"nt52", 5, 2, 3790, 2, .late_command_line = true, .raw_parameters = true, .early_thread_callback = true,
     .legacy_image_names = true, .upper_case_registry_path = true, .registry_rename = false, .fat_volumes = true,
     .swallows_callback_exceptions = true, OLD_REGISTRY},
    {"ws2003", 5, 2, 3790, 2, .filter_manager_serves = true, .late_command_line = true, .raw_parameters = true,
     .early_thread_callback = true, .registry_rename = true, .registry_create = true, .swallows_callback_exceptions = true, OLD_REGISTRY},
    {"vista", 6, 0, 6001, 1, .filter_manager_serves = true, .registry_rename = true, .registry_create = true, .swallows_callback_exceptions = true, OLD_REGISTRY},
    {"win7", 6, 1, 7601, 1, .filter_manager_serves = true, .registry_rename = true, .registry_create = true, OLD_REGISTRY},
    {"win8", 6, 2, 9200, 0, .filter_manager_serves = true, .registry_rename = true, .registry_create = true},
    {"win81", 6, 3, 9600, 0, .filter_manager_serves = true, .registry_rename = true, .registry_create = true},
    {"win10-1507", 10, 0, 10240, 0, .filter_manager_serves = true, .registry_rename = true, .registry_create = true},
    {"win10", 10, 0, 19045, 0, .filter_manager_serves = true, .registry_rename = true, .registry_create = true},
    {"win11", 10, 0, 26100, 0, .filter_manager_serves = true, .registry_rename = true, .registry_create = true},
};
const size_t profile_count = sizeof profiles / sizeof profiles[0];

const struct profile *profile_find(const char *name)
{
    for (size_t i = 0; i < profile_count; i++)
        if (strcmp(profiles[i].name, name) == 0)
            return &profiles[i];
    return NULL;
}
