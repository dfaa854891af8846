/* SPDX-License-Identifier: MIT */
/*
 * Version resources (spec 09 section 9.6). The resource is a tree of nodes, each
 *   WORD length, WORD value length, WORD type, UTF-16 key, padding to 4, value, padding to 4, children up to `length`
 *
 *   VS_VERSION_INFO { StringFileInfo { "040904B0" { CompanyName = … } … }  VarFileInfo { Translation = 0409 04B0 } }
 */
#include "pe_image.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MAX_ENTRIES 4096u
#define MAX_NODES 1000u
#define RT_VERSION 16u
#define SUBDIRECTORY 0x80000000u
#define NO_ID UINT32_MAX

struct tree {
    const uint8_t *data;
    unsigned nodes; /* looked at so far */
};

struct node {
    uint32_t key, key_units;
    uint32_t value, value_size; /* size in the unit of the type, as stored */
    uint32_t end, next;
};

/* Offset of the entry with this id (NO_ID: the first of all) below the directory at `at`. */
static bool find_entry(struct pe_image *image, uint32_t root, uint32_t at, uint32_t id, uint32_t *target)
{
    uint8_t header[16], entry[8];
    uint32_t count;

    if (!pe_image_read(image, (uint64_t)root + at, header, sizeof header))
        return false;
    count = (uint32_t)le16(header + 12) + le16(header + 14);
    for (uint32_t i = 0; i < count && i < MAX_ENTRIES; i++) {
        if (!pe_image_read(image, (uint64_t)root + at + sizeof header + i * sizeof entry, entry, sizeof entry))
            return false;
        if (id == NO_ID || le32(entry) == id) {
            *target = le32(entry + 4);
            return true;
        }
    }
    return false;
}

/* Type 16, its first name, the first language. */
static bool find_version(struct pe_image *image, uint32_t *rva, uint32_t *size)
{
    uint32_t root = image->directory[PE_DIRECTORY_RESOURCE], at = SUBDIRECTORY;
    static const uint32_t level[] = { RT_VERSION, NO_ID, NO_ID };
    uint8_t entry[16];

    if (!root)
        return false;
    for (unsigned i = 0; i < 3; i++)
        if (!(at & SUBDIRECTORY) || !find_entry(image, root, at & ~SUBDIRECTORY, level[i], &at))
            return false;
    if ((at & SUBDIRECTORY) || !pe_image_read(image, (uint64_t)root + at, entry, sizeof entry))
        return false;
    *rva = le32(entry);
    *size = le32(entry + 4) < PE_MAX_RESOURCE ? le32(entry + 4) : PE_MAX_RESOURCE;
    return true;
}

static uint32_t align4(uint32_t at)
{
    return (at + 3) & ~3u;
}

/* The node at `at`, cut to its parent's end; false: none there. */
static bool read_node(struct tree *tree, uint32_t at, uint32_t limit, struct node *node)
{
    uint32_t length;

    if (at >= limit || limit - at < 8 || ++tree->nodes > MAX_NODES)
        return false;
    length = le16(tree->data + at);
    if (length < 8)
        return false;
    node->end = length < limit - at ? at + length : limit;
    node->next = align4(node->end);
    node->key = at + 6;
    node->key_units = 0;
    while (node->key + 2 * node->key_units + 2 <= node->end && le16(tree->data + node->key + 2 * node->key_units))
        node->key_units++;
    node->value = align4(node->key + 2 * node->key_units + 2);
    if (node->value > node->end)
        node->value = node->end;
    node->value_size = le16(tree->data + at + 2);
    return true;
}

static bool key_is(const struct tree *tree, const struct node *node, const char *name)
{
    for (uint32_t i = 0; i < node->key_units; i++) {
        uint16_t unit = le16(tree->data + node->key + 2 * i);
        char c = name[i];

        if (c >= 'a' && c <= 'z')
            c = (char)(c - 32);
        if (unit >= 'a' && unit <= 'z')
            unit -= 32;
        if (!c || unit != (uint16_t)c)
            return false;
    }
    return !name[node->key_units];
}

static bool find_child(struct tree *tree, uint32_t at, uint32_t limit, const char *name, struct node *node)
{
    for (; read_node(tree, at, limit, node); at = node->next)
        if (key_is(tree, node, name))
            return true;
    return false;
}

/* One character from UTF-16; a lone surrogate becomes U+FFFD. */
static uint32_t next_character(const uint8_t *text, uint32_t units, uint32_t *at)
{
    uint32_t c = le16(text + 2 * (*at)++);

    if (c >= 0xd800 && c < 0xdc00 && *at < units) {
        uint32_t low = le16(text + 2 * *at);

        if (low >= 0xdc00 && low < 0xe000) {
            (*at)++;
            return 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
        }
    }
    return c >= 0xd800 && c < 0xe000 ? 0xfffd : c;
}

static unsigned encode(uint32_t c, char out[4])
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xc0 | c >> 6);
        out[1] = (char)(0x80 | (c & 63));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xe0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 63));
        out[2] = (char)(0x80 | (c & 63));
        return 3;
    }
    out[0] = (char)(0xf0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 63));
    out[2] = (char)(0x80 | (c >> 6 & 63));
    out[3] = (char)(0x80 | (c & 63));
    return 4;
}

/* The stored length counts characters in some files and bytes in others: the node's end and NUL decide. */
static void copy_value(const struct tree *tree, const struct node *node, char out[PE_VERSION_TEXT])
{
    uint32_t units = (node->end - node->value) / 2, at = 0, used = 0;
    const uint8_t *text = tree->data + node->value;
    char piece[4];

    if (units > node->value_size)
        units = node->value_size;
    while (at < units && le16(text + 2 * at)) {
        unsigned size = encode(next_character(text, units, &at), piece);

        if (used + size >= PE_VERSION_TEXT)
            break;
        memcpy(out + used, piece, size);
        used += size;
    }
    out[used] = '\0';
}

/* The key of the table that the first translation names, e.g. 040904B0. */
static void translation_key(struct tree *tree, uint32_t at, uint32_t limit, char key[9])
{
    static const char digits[] = "0123456789ABCDEF";
    struct node info, translation;

    key[0] = '\0';
    if (!find_child(tree, at, limit, "VarFileInfo", &info)
        || !find_child(tree, info.value, info.end, "Translation", &translation)
        || translation.end - translation.value < 4)
        return;
    for (unsigned i = 0; i < 8; i++) {
        uint16_t word = le16(tree->data + translation.value + (i < 4 ? 0 : 2));
        key[i] = digits[word >> (12 - 4 * (i % 4)) & 15];
    }
    key[8] = '\0';
}

static bool choose_table(struct tree *tree, uint32_t at, uint32_t limit, struct node *table)
{
    const char *const order[] = { NULL, "040904B0", "040904E4", "04090000" };
    char translated[9];
    struct node info;

    translation_key(tree, at, limit, translated);
    if (!find_child(tree, at, limit, "StringFileInfo", &info))
        return false;
    for (unsigned i = 0; i < sizeof order / sizeof *order; i++)
        if (find_child(tree, info.value, info.end, order[i] ? order[i] : translated, table))
            return true;
    return read_node(tree, info.value, info.end, table);
}

static void read_strings(struct tree *tree, const struct node *table, struct pe_version *out)
{
    const struct {
        const char *name;
        char *text;
    } wanted[] = {
        { "FileVersion", out->file_version },
        { "FileDescription", out->description },
        { "ProductName", out->product },
        { "CompanyName", out->company },
        { "OriginalFilename", out->original_file_name },
    };
    struct node node;

    for (uint32_t at = table->value; read_node(tree, at, table->end, &node); at = node.next)
        for (unsigned i = 0; i < sizeof wanted / sizeof *wanted; i++)
            if (!wanted[i].text[0] && key_is(tree, &node, wanted[i].name))
                copy_value(tree, &node, wanted[i].text);
}

static int parse(const uint8_t *data, uint32_t size, struct pe_version *out)
{
    struct tree tree = { data, 0 };
    struct pe_version version = { 0 };
    struct node root, table;
    uint32_t children;

    if (!read_node(&tree, 0, size, &root) || !key_is(&tree, &root, "VS_VERSION_INFO"))
        return -ENOENT;
    children = align4(root.value + root.value_size);
    if (!choose_table(&tree, children, root.end, &table))
        return -ENOENT;
    read_strings(&tree, &table, &version);
    *out = version;
    return 0;
}

int pe_version(const struct byte_source *source, struct pe_version *out)
{
    struct pe_image *image;
    uint8_t *data = NULL;
    uint32_t rva, size;
    int error = pe_image_open(&image, source);

    if (error)
        return error;
    error = -ENOENT;
    if (!find_version(image, &rva, &size) || size < 8)
        goto done;
    data = malloc(size);
    if (!data)
        error = -ENOMEM;
    else if (pe_image_read(image, rva, data, size))
        error = parse(data, size, out);
done:
    if (image->error)
        error = image->error;
    free(data);
    free(image);
    return error;
}
