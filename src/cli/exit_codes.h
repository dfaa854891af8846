/* SPDX-License-Identifier: MIT */
/*
 * Exit codes of every command: one list, documented in docs/exit-codes.md (a test compares the two).
 * The numbers 87 and 228 are those of the classic command line (spec 05 section 3): ERROR_INVALID_PARAMETER, and
 * ERROR_ELEVATION_REQUIRED (740) as a shell sees it.
 */
#pragma once

#ifdef _WIN32
#define EXIT_NUMBER_NOT_ROOT 740
#else
#define EXIT_NUMBER_NOT_ROOT 228
#endif

#define EXIT_CODES(X)                                                                                \
    X(EXIT_OK, 0, "success")                                                                         \
    X(EXIT_FOUND, 1, "the command worked and its answer is no: errors in a configuration, a difference")  \
    X(EXIT_UNREADABLE, 2, "an input file cannot be opened or read")                                   \
    X(EXIT_CONFIG, 3, "the configuration has errors")                                                \
    X(EXIT_OUTPUT, 4, "an output cannot be opened or written")                                        \
    X(EXIT_NO_BTF, 5, "the kernel has no type information (BTF)")                                     \
    X(EXIT_KERNEL_TOO_OLD, 6, "the kernel is too old")                                                \
    X(EXIT_NO_CAPABILITY, 7, "the kernel refuses BPF to this process: a missing capability or a policy") \
    X(EXIT_SENSOR, 8, "the kernel half could not be loaded for another reason")                       \
    X(EXIT_SECOND_INSTANCE, 9, "another instance is already running")                                 \
    X(EXIT_NOT_INSTALLED, 10, "not installed")                                                       \
    X(EXIT_NOT_RUNNING, 11, "installed, but not running")                                             \
    X(EXIT_INSTALL, 12, "installing, starting or removing the service failed")                        \
    X(EXIT_INTERNAL, 70, "internal error, also: out of memory")                                       \
    X(EXIT_USAGE, 87, "wrong arguments (and, with the classic switches, a refused configuration)")     \
    X(EXIT_NOT_ROOT, EXIT_NUMBER_NOT_ROOT, "must be root or an administrator") \
    X(EXIT_DIFFERENT, 254, "-x: the file does not hold these rules")                                 \
    X(EXIT_DUMP_FAILED, 255, "-x, -y: the file cannot be read or written")

enum exit_code {
#define EXIT_CODE_MEMBER(name, number, meaning) name = number,
    EXIT_CODES(EXIT_CODE_MEMBER)
#undef EXIT_CODE_MEMBER
};
