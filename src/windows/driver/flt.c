/* SPDX-License-Identifier: MIT */
/* Finding the filter manager's routines in the loaded module's export directory (spec 08 section 1.13). */
#include "flt.h"

#include "driver.h"

struct flt flt;

static NTSTATUS modules_query(struct nt_modules **out)
{
    ULONG size = 0x10000;

    for (int attempt = 0; attempt < 5; attempt++) {
        struct nt_modules *modules = pool_allocate_paged(size);
        ULONG needed = 0;
        NTSTATUS status;

        if (!modules)
            return STATUS_INSUFFICIENT_RESOURCES;
        status = ZwQuerySystemInformation(NT_SYSTEM_MODULES, modules, size, &needed);
        if (NT_SUCCESS(status)) {
            *out = modules;
            return status;
        }
        pool_free(modules);
        if (status != STATUS_INFO_LENGTH_MISMATCH)
            return status;
        size = (needed > size ? needed : size) + 0x4000; /* more may be loaded meanwhile */
    }
    return STATUS_INFO_LENGTH_MISMATCH;
}

/* Names of modules are ASCII. */
static bool is_named(const struct nt_module *module, const CHAR *name)
{
    ULONG at = module->file_name_offset;

    for (; at < sizeof module->path; at++, name++) {
        CHAR c = module->path[at];

        if (c >= 'A' && c <= 'Z')
            c += 'a' - 'A';
        if (c != *name)
            return false;
        if (!c)
            return true;
    }
    return false;
}

bool module_path(const void *base, CHAR *out, ULONG capacity)
{
    struct nt_modules *modules;
    bool found = false;

    IRQL_AT_MOST(PASSIVE_LEVEL);
    if (!NT_SUCCESS(modules_query(&modules)))
        return false;
    for (ULONG i = 0; i < modules->count && !found; i++) {
        const struct nt_module *module = &modules->module[i];

        if (module->base != base || capacity < sizeof module->path)
            continue;
        memcpy(out, module->path, sizeof module->path);
        out[sizeof module->path - 1] = 0;
        found = true;
    }
    pool_free(modules);
    return found;
}

static const UCHAR *module_base(const CHAR *name, ULONG *image_size)
{
    struct nt_modules *modules = NULL;
    const UCHAR *base = NULL;

    if (!NT_SUCCESS(modules_query(&modules)))
        return NULL;
    for (ULONG i = 0; i < modules->count && !base; i++)
        if (is_named(&modules->module[i], name)) {
            base = modules->module[i].base;
            *image_size = modules->module[i].size;
        }
    pool_free(modules);
    return base;
}

/* The export directory of a mapped image; every address is held against the size of the image. */
struct exports {
    const UCHAR *base;
    ULONG size;
    ULONG directory, directory_size, count, routines, names, ordinals;
};

static ULONG read_ulong(const UCHAR *base, ULONG at)
{
    ULONG value;

    memcpy(&value, base + at, sizeof value);
    return value;
}

static bool exports_open(struct exports *exports)
{
    ULONG pe = read_ulong(exports->base, 0x3C);
    ULONG magic_at = pe + 24;

    if (pe > 0x1000 || read_ulong(exports->base, pe) != 0x4550)
        return false;
    exports->directory = read_ulong(exports->base, magic_at + ((read_ulong(exports->base, magic_at) & 0xFFFF) == 0x20B ? 112 : 96));
    if (!exports->directory || exports->directory > exports->size - 40)
        return false;
    exports->directory_size = read_ulong(exports->base, magic_at + ((read_ulong(exports->base, magic_at) & 0xFFFF) == 0x20B ? 116 : 100));
    exports->count = read_ulong(exports->base, exports->directory + 24);
    exports->routines = read_ulong(exports->base, exports->directory + 28);
    exports->names = read_ulong(exports->base, exports->directory + 32);
    exports->ordinals = read_ulong(exports->base, exports->directory + 36);
    return exports->count <= 0x10000 && exports->names <= exports->size - 4 * exports->count &&
           exports->ordinals <= exports->size - 2 * exports->count;
}

static void *export_at(const struct exports *exports, ULONG index)
{
    USHORT ordinal;
    ULONG address;

    memcpy(&ordinal, exports->base + exports->ordinals + 2 * index, sizeof ordinal);
    if (exports->routines + 4u * ordinal > exports->size - 4)
        return NULL;
    address = read_ulong(exports->base, exports->routines + 4u * ordinal);
    if (address >= exports->size || address - exports->directory < exports->directory_size) /* the latter: a forwarder */
        return NULL;
    return (void *)(exports->base + address);
}

static void *export_find(const struct exports *exports, const CHAR *name)
{
    for (ULONG i = 0; i < exports->count; i++) {
        ULONG at = read_ulong(exports->base, exports->names + 4 * i);

        if (at < exports->size - 64 && strcmp((const CHAR *)exports->base + at, name) == 0)
            return export_at(exports, i);
    }
    return NULL;
}

#define FLT_FIND(result, name, arguments)                                                                                    \
    do {                                                                                                                     \
        void *address = export_find(&exports, #name);                                                                        \
        if (!address)                                                                                                        \
            goto incomplete;                                                                                                 \
        memcpy(&flt.name, &address, sizeof address);                                                                         \
    } while (0);

NTSTATUS flt_start(void)
{
    struct exports exports = { 0 };

    IRQL_AT_MOST(PASSIVE_LEVEL);
    exports.base = module_base("fltmgr.sys", &exports.size);
    if (!exports.base || exports.size < 0x1000)
        return STATUS_NOT_FOUND;
    if (!exports_open(&exports))
        return STATUS_INVALID_IMAGE_FORMAT;
    FLT_ROUTINES(FLT_FIND)
    return STATUS_SUCCESS;
incomplete:
    memset(&flt, 0, sizeof flt);
    return STATUS_PROCEDURE_NOT_FOUND;
}
