/* SPDX-License-Identifier: MIT */
#include <wchar.h>

#include "outputs_setting.h"
#include "registry.h"
#include "settings.h"
#include "wide.h"

#include <stdlib.h>

#define MAX_OUTPUTS 16

char **outputs_setting_load(const wchar_t *service, unsigned *count)
{
    wchar_t *texts, *at;
    char **out;
    HKEY key;

    *count = 0;
    if (settings_open_key(service, KEY_READ, &key))
        return NULL;
    texts = registry_get_text(key, L"Outputs");
    RegCloseKey(key);
    out = texts ? calloc(MAX_OUTPUTS + 1, sizeof(*out)) : NULL;
    for (at = texts; out && *at && *count < MAX_OUTPUTS; at += wcslen(at) + 1) {
        out[*count] = wide_to_utf8(at);
        if (!out[*count])
            break;
        ++*count;
    }
    free(texts);
    return out;
}

void outputs_setting_free(char **outputs)
{
    for (char **text = outputs; text && *text; text++)
        free(*text);
    free(outputs);
}
