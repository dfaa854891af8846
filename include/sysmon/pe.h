/* SPDX-License-Identifier: MIT */
/*
 * What a file is and what a PE file says about itself, read without trust: every offset is checked, every walk is
 * bounded, nothing is mapped or loaded. Import hash: spec 09 section 10; version resources: spec 09 section 9.6.
 */
#pragma once

#include "sysmon/source.h"

#ifdef __cplusplus
extern "C" {
#endif

enum executable_kind { EXECUTABLE_NONE, EXECUTABLE_PE, EXECUTABLE_ELF, EXECUTABLE_SCRIPT /* begins with #! */ };

/* EXECUTABLE_NONE also when the file cannot be read. Reads at most two small pieces. */
enum executable_kind executable_detect(const struct byte_source *source);

/* Limits of one walk; what lies beyond is ignored. */
#define PE_MAX_SECTIONS 96
#define PE_MAX_DESCRIPTORS 4096
#define PE_MAX_SYMBOLS 65536
#define PE_MAX_NAME 512
#define PE_MAX_RESOURCE (256u << 10)
#define PE_VERSION_TEXT 1024

/*
 * MD5 over the import list. 0: computed. -ENOENT: a PE file without imports. -EINVAL: not a PE file. Other negative
 * values come from the source. `out` is written only on 0.
 */
int pe_imphash(const struct byte_source *source, uint8_t out[16]);

/* Strings of the version resource as UTF-8, cut to the buffers at a character; empty when absent. */
struct pe_version {
    char file_version[PE_VERSION_TEXT];
    char description[PE_VERSION_TEXT];
    char product[PE_VERSION_TEXT];
    char company[PE_VERSION_TEXT];
    char original_file_name[PE_VERSION_TEXT];
};

/* -ENOENT: a PE file without a version resource. -EINVAL: not a PE file. `out` is written only on 0. */
int pe_version(const struct byte_source *source, struct pe_version *out);

#ifdef __cplusplus
}
#endif
