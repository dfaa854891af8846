/* SPDX-License-Identifier: MIT */
/* PE headers, sections and the page cache; recognition of executables. */
#include "pe_image.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SECTION_SIZE 40u
#define DIRECTORIES 16u

/* The cached page that holds `offset`; NULL when the file ends before it or cannot be read. */
static const uint8_t *page_of(struct pe_image *image, uint64_t offset, uint32_t *left)
{
    uint64_t base = offset & ~(uint64_t)(PE_PAGE - 1);
    unsigned slot = (unsigned)(base / PE_PAGE % PE_PAGES);
    uint32_t inside = (uint32_t)(offset - base);

    if (image->page_at[slot] != base + 1) {
        int64_t got = image->source->read(image->source->context, base, image->page[slot], PE_PAGE);

        if (got < 0) {
            image->error = image->error ? image->error : (int)got;
            return NULL;
        }
        image->page_at[slot] = base + 1;
        image->page_size[slot] = (uint32_t)got;
    }
    if (inside >= image->page_size[slot])
        return NULL;
    *left = image->page_size[slot] - inside;
    return image->page[slot] + inside;
}

static bool read_file(struct pe_image *image, uint64_t offset, uint8_t *out, uint32_t size)
{
    while (size) {
        uint32_t left;
        const uint8_t *from = page_of(image, offset, &left);

        if (!from)
            return false;
        if (left > size)
            left = size;
        memcpy(out, from, left);
        out += left;
        offset += left;
        size -= left;
    }
    return true;
}

/*
 * Where an RVA lies: how many bytes follow in the same range, and how many of them stand in the file at `*offset`.
 * The rest of the range reads as zero.
 */
static bool locate(const struct pe_image *image, uint64_t rva, uint64_t *offset, uint32_t *present, uint32_t *range)
{
    for (unsigned i = 0; !image->flat && i < image->section_count; i++) {
        const struct pe_section *s = &image->section[i];
        uint64_t inside = rva - s->address;

        if (rva < s->address || inside >= s->size)
            continue;
        *range = s->size - (uint32_t)inside;
        *present = inside < s->present ? s->present - (uint32_t)inside : 0;
        *offset = (uint64_t)s->offset + inside;
        return true;
    }
    if (rva >= (image->flat ? UINT32_MAX : image->headers_size))
        return false;
    *offset = rva;
    *range = image->flat ? UINT32_MAX : image->headers_size - (uint32_t)rva;
    *present = *range;
    return true;
}

bool pe_image_read(struct pe_image *image, uint64_t rva, void *out, uint32_t size)
{
    uint64_t offset;
    uint32_t present, range;

    if (!locate(image, rva, &offset, &present, &range) || range < size)
        return false;
    if (present < size) {
        memset((uint8_t *)out + present, 0, size - present);
        size = present;
    }
    return read_file(image, offset, out, size);
}

bool pe_image_string(struct pe_image *image, uint64_t rva, char *out, uint32_t capacity, uint32_t *size)
{
    uint64_t offset;
    uint32_t present, range, used = 0;

    if (!locate(image, rva, &offset, &present, &range))
        return false;
    while (used < capacity - 1 && used < present) {
        uint32_t left;
        const uint8_t *from = page_of(image, offset + used, &left);

        if (!from && !used)
            return false;
        if (!from || !*from)
            break;
        out[used++] = (char)*from;
    }
    out[used] = '\0';
    *size = used;
    return true;
}

static void add_section(struct pe_image *image, const uint8_t *header)
{
    struct pe_section *s = &image->section[image->section_count++];
    uint32_t virtual_size = le32(header + 8), raw_size = le32(header + 16);

    s->address = le32(header + 12);
    s->size = virtual_size > raw_size ? virtual_size : raw_size;
    s->offset = le32(header + 20) & ~511u; /* as the loader rounds it */
    s->present = raw_size;
}

static int read_sections(struct pe_image *image, uint64_t offset, unsigned count)
{
    uint8_t header[SECTION_SIZE];

    if (count > PE_MAX_SECTIONS)
        count = PE_MAX_SECTIONS;
    for (unsigned i = 0; i < count && read_file(image, offset + i * SECTION_SIZE, header, SECTION_SIZE); i++)
        add_section(image, header);
    return image->error;
}

/* Fixed offsets of IMAGE_OPTIONAL_HEADER: they differ between PE32 and PE32+ after BaseOfData. */
static int read_optional(struct pe_image *image, uint64_t offset, unsigned size)
{
    uint8_t header[112 + DIRECTORIES * 8] = { 0 };
    uint32_t start, count;
    uint32_t take = size < sizeof header ? size : (uint32_t)sizeof header;

    if (take < 2 || !read_file(image, offset, header, take))
        return image->error ? image->error : -EINVAL;
    if (le16(header) != 0x10b && le16(header) != 0x20b)
        return -EINVAL;
    image->wide = le16(header) == 0x20b;
    image->flat = le32(header + 32) < PE_PAGE;
    image->headers_size = le32(header + 60);
    start = image->wide ? 112 : 96;
    count = le32(header + start - 4);
    for (uint32_t i = 0; i < DIRECTORIES && i < count && start + i * 8 + 8 <= take; i++)
        image->directory[i] = le32(header + start + i * 8);
    return 0;
}

static int read_headers(struct pe_image *image)
{
    uint8_t dos[64], file[24];
    uint64_t at;
    int error;

    if (!read_file(image, 0, dos, sizeof dos) || dos[0] != 'M' || dos[1] != 'Z')
        return image->error ? image->error : -EINVAL;
    at = le32(dos + 60);
    if (!read_file(image, at, file, sizeof file) || memcmp(file, "PE\0", 4) != 0)
        return image->error ? image->error : -EINVAL;
    error = read_optional(image, at + sizeof file, le16(file + 20));
    return error ? error : read_sections(image, at + sizeof file + le16(file + 20), le16(file + 6));
}

int pe_image_open(struct pe_image **out, const struct byte_source *source)
{
    struct pe_image *image = calloc(1, sizeof *image);
    int error;

    if (!image)
        return -ENOMEM;
    image->source = source;
    error = read_headers(image);
    if (error)
        free(image);
    else
        *out = image;
    return error;
}

enum executable_kind executable_detect(const struct byte_source *source)
{
    uint8_t head[64] = { 0 }, signature[4];
    int64_t got = source->read(source->context, 0, head, sizeof head);

    if (got >= 4 && !memcmp(head, "\177ELF", 4))
        return EXECUTABLE_ELF;
    if (got >= 2 && !memcmp(head, "#!", 2))
        return EXECUTABLE_SCRIPT;
    if (got == sizeof head && !memcmp(head, "MZ", 2)
        && source->read(source->context, le32(head + 60), signature, sizeof signature) == sizeof signature
        && !memcmp(signature, "PE\0", 4))
        return EXECUTABLE_PE;
    return EXECUTABLE_NONE;
}
