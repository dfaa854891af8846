/* SPDX-License-Identifier: MIT */
/*
 * IMPHASH (spec 09 section 10): MD5 of `module.function` joined by commas, in file order, lower case.
 *
 * Damaged tables follow the published reference behaviour: a lookup table that cannot be read or is empty gives way
 * to the address table; a descriptor without a readable name is left out; an unusual module name counts as
 * `*invalid*`; an unusual or missing function name leaves its entry out.
 */
#include "pe_image.h"

#include "port/digest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DESCRIPTOR_SIZE 20u
#define MAX_HASHED (8u << 20)
/* Thunks looked at while checking tables: several descriptors may share one table, but not without end. */
#define MAX_EXAMINED (8u * PE_MAX_SYMBOLS)

struct imports {
    struct pe_image *image;
    struct digest *digest;
    uint32_t symbols, examined, hashed;
    char file[PE_MAX_NAME + 1];   /* module name in lower case, with extension */
    char module[PE_MAX_NAME + 1]; /* without it where it is dropped */
};

static bool one_of(char c, const char *extra)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c && strchr(extra, c));
}

static bool all_of(const char *text, uint32_t size, const char *extra)
{
    for (uint32_t i = 0; i < size; i++)
        if (!one_of(text[i], extra))
            return false;
    return size > 0;
}

static void lower(char *text)
{
    for (; *text; text++)
        if (*text >= 'A' && *text <= 'Z')
            *text = (char)(*text + 32);
}

/* One thunk: the next value, or false at an unreadable place. */
static bool thunk_at(struct imports *in, uint64_t table, uint32_t index, uint64_t *value)
{
    uint8_t raw[8] = { 0 };
    uint32_t size = in->image->wide ? 8 : 4;

    if (!pe_image_read(in->image, table + (uint64_t)index * size, raw, size))
        return false;
    *value = (uint64_t)le32(raw + 4) << 32 | le32(raw);
    return true;
}

static bool is_ordinal(const struct imports *in, uint64_t thunk)
{
    return thunk >> (in->image->wide ? 63 : 31) & 1;
}

/* Every thunk must be an ordinal or lead to a readable hint; gives the number of thunks, 0 = not usable. */
static uint32_t usable_table(struct imports *in, uint64_t table)
{
    uint64_t thunk;
    uint32_t count = 0;
    uint8_t hint[2];

    if (!table)
        return 0;
    for (;; count++) {
        if (++in->examined > MAX_EXAMINED || !thunk_at(in, table, count, &thunk))
            return 0;
        if (!thunk)
            return count;
        if (!is_ordinal(in, thunk) && !pe_image_read(in->image, thunk, hint, sizeof hint))
            return 0;
    }
}

static int add(struct imports *in, const char *function)
{
    char text[2 * PE_MAX_NAME + 8];
    size_t module_size = strlen(in->module), function_size = strlen(function), size = 0;

    if (in->hashed)
        text[size++] = ',';
    memcpy(text + size, in->module, module_size);
    size += module_size;
    text[size++] = '.';
    memcpy(text + size, function, function_size);
    size += function_size;
    in->hashed += (uint32_t)size;
    in->symbols++;
    return digest_update(in->digest, text, size);
}

static int add_ordinal(struct imports *in, uint16_t ordinal)
{
    const char *name = pe_ordinal_name(in->file, ordinal);
    char text[12] = "ord";
    unsigned size = 3;

    if (name)
        return add(in, name);
    for (unsigned scale = 10000; scale; scale /= 10)
        if (ordinal >= scale || scale == 1)
            text[size++] = (char)('0' + ordinal / scale % 10);
    text[size] = '\0';
    return add(in, text);
}

static int add_thunk(struct imports *in, uint64_t thunk)
{
    char name[PE_MAX_NAME + 1];
    uint32_t size;

    if (is_ordinal(in, thunk))
        return (uint16_t)thunk ? add_ordinal(in, (uint16_t)thunk) : 0;
    if (!pe_image_string(in->image, thunk + 2, name, sizeof name, &size) || !all_of(name, size, "._?@$()<>"))
        return 0;
    lower(name);
    return add(in, name);
}

/* The extension is dropped only when it is exactly dll, ocx or sys. */
static void name_module(struct imports *in, const char *name)
{
    static const char *const dropped[] = { ".dll", ".ocx", ".sys" };
    char *dot;

    memcpy(in->file, name, strlen(name) + 1);
    lower(in->file);
    memcpy(in->module, in->file, strlen(in->file) + 1);
    dot = strrchr(in->module, '.');
    for (size_t i = 0; dot && i < sizeof dropped / sizeof *dropped; i++)
        if (!strcmp(dot, dropped[i])) {
            *dot = '\0';
            return;
        }
}

static int add_descriptor(struct imports *in, const uint8_t *descriptor)
{
    uint64_t table = le32(descriptor), thunk;
    uint32_t count = usable_table(in, table), size;
    char name[PE_MAX_NAME + 1];
    int error = 0;

    if (!count) {
        table = le32(descriptor + 16);
        count = usable_table(in, table);
    }
    if (!count || !pe_image_string(in->image, le32(descriptor + 12), name, sizeof name, &size) || !size)
        return 0;
    name_module(in, all_of(name, size, "!#$%&'()-@^_`{}~+,.;=[]\\/") ? name : "*invalid*");
    for (uint32_t i = 0; !error && i < count && in->symbols < PE_MAX_SYMBOLS && in->hashed < MAX_HASHED; i++)
        if (thunk_at(in, table, i, &thunk))
            error = add_thunk(in, thunk);
    return error;
}

static int walk(struct imports *in)
{
    static const uint8_t end[DESCRIPTOR_SIZE];
    uint64_t at = in->image->directory[PE_DIRECTORY_IMPORT];
    uint8_t descriptor[DESCRIPTOR_SIZE];
    int error = 0;

    if (!at)
        return 0;
    for (unsigned i = 0; !error && i < PE_MAX_DESCRIPTORS && in->examined < MAX_EXAMINED; i++, at += DESCRIPTOR_SIZE) {
        if (!pe_image_read(in->image, at, descriptor, sizeof descriptor) || !memcmp(descriptor, end, sizeof end))
            break;
        error = add_descriptor(in, descriptor);
    }
    return error ? error : in->image->error;
}

int pe_imphash(const struct byte_source *source, uint8_t out[16])
{
    struct pe_image *image;
    struct imports in = { 0 };
    struct digest_values values;
    int error = pe_image_open(&image, source);

    if (error)
        return error;
    in.image = image;
    error = digest_open(&in.digest, DIGEST_BIT(DIGEST_MD5));
    if (!error)
        error = walk(&in);
    if (!error && !in.symbols)
        error = -ENOENT;
    if (!error)
        error = digest_finish(in.digest, &values);
    if (!error)
        memcpy(out, values.value[DIGEST_MD5], 16);
    digest_close(in.digest);
    free(image);
    return error;
}
