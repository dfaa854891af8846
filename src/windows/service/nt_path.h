/* SPDX-License-Identifier: MIT */
/* Kernel names to the names people know: files (spec 02 section 3.19) and registry keys (section 3.17). Portable. */
#pragma once

#include "pool.h"

#define NT_PATH_VOLUMES 64
#define NT_PATH_NAME 260

/* Which NT device stands behind which drive. Names are UTF-8, terminated. */
struct nt_volumes {
    unsigned count;
    struct {
        char device[NT_PATH_NAME]; /* \Device\HarddiskVolume1 */
        char drive[NT_PATH_NAME];  /* C:, or a folder where the volume is mounted */
    } volume[NT_PATH_VOLUMES];
    char windows[NT_PATH_NAME];    /* C:\Windows, for \SystemRoot */
};

/* The result points into `pool`, or is `path` itself when nothing changes. An unknown volume keeps its NT name. */
struct match_text nt_path_to_dos(const struct nt_volumes *volumes, struct pool *pool, struct match_text path);
/* True when `path` names a device volume that `volumes` does not know: time to look again. */
bool nt_path_is_unknown(const struct nt_volumes *volumes, struct match_text path);

/* `control_set`: number of the current control set, 0 when not known (then only `CurrentControlSet` is mapped). */
struct match_text registry_path_to_short(struct pool *pool, struct match_text path, unsigned control_set);
