/* SPDX-License-Identifier: MIT */
/*
 * A PE file as a set of mapped ranges, read through a small cache of file pages.
 *
 * Addresses are relative to the image base (RVA). A section covers max(VirtualSize, SizeOfRawData) bytes from its
 * virtual address; what lies beyond its raw data reads as zero, as in memory. Headers map one to one.
 */
#pragma once

#include "sysmon/pe.h"

#define PE_PAGE 4096u
#define PE_PAGES 16u

enum pe_directory { PE_DIRECTORY_IMPORT = 1, PE_DIRECTORY_RESOURCE = 2 };

struct pe_section {
    uint32_t address, size;   /* RVA range */
    uint32_t offset, present; /* file range behind it */
};

struct pe_image {
    const struct byte_source *source;
    int error; /* first negative value of the source, 0 = none */
    bool wide; /* PE32+ */
    bool flat; /* SectionAlignment below a page: RVA = file offset */
    uint32_t headers_size;
    uint32_t directory[16];
    unsigned section_count;
    struct pe_section section[PE_MAX_SECTIONS];
    uint64_t page_at[PE_PAGES]; /* file offset + 1; 0 = empty */
    uint32_t page_size[PE_PAGES];
    uint8_t page[PE_PAGES][PE_PAGE];
};

/* 0, -ENOMEM, -EINVAL (not a PE file), or the source's error. Free with free(). */
int pe_image_open(struct pe_image **out, const struct byte_source *source);
/* All `size` bytes at the RVA, or false: outside the image, or unreadable (then image->error is set). */
bool pe_image_read(struct pe_image *image, uint64_t rva, void *out, uint32_t size);
/* A terminated string of at most `capacity` - 1 bytes (longer ones are cut); false when its start is outside. */
bool pe_image_string(struct pe_image *image, uint64_t rva, char *out, uint32_t capacity, uint32_t *size);

static inline uint16_t le16(const uint8_t *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint32_t le32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/*
 * Name of an ordinal of ws2_32.dll, wsock32.dll or oleaut32.dll (`module` in lower case with extension), lower case;
 * NULL: unknown, the hash uses `ord<number>`.
 */
const char *pe_ordinal_name(const char *module, uint16_t ordinal);
