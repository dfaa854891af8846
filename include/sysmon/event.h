/* SPDX-License-Identifier: MIT */
/*
 * One event on its way from a source to the outputs.
 *
 * Every field carries the text that rules compare and outputs print (spec 02 section 3.4), built when the field is set; numbers
 * keep their value beside it so that outputs can print them as numbers. Text is UTF-8 by intent but raw by contract: a
 * process may be named by any bytes, and they travel unchanged to the renderers, which escape them.
 */
#pragma once

#include "sysmon/catalogue.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes kept per field for the text of a number, GUID or time; the longest is an unconvertible time. */
#define EVENT_SLOT_SIZE 48
/* Named values beside the catalogue's fields (container id, namespaces): Linux only, shown by JSON and text outputs. */
#define EVENT_MAX_EXTRAS 8

/* 16 bytes in memory order of a Windows GUID structure (first three groups little-endian). */
struct sysmon_guid {
    uint8_t bytes[16];
};

/* `data` NULL: this field has no text here (the kernel half cannot know it); the matcher answers FAILED. */
struct match_text {
    const char *data;
    uint32_t size; /* bytes */
};

struct event_extra {
    const char *name; /* static */
    struct match_text text;
    bool is_number; /* text is a decimal number */
};

/* Texts may point into `slot`: an event is never copied as a structure, and lives until it has been rendered. */
struct event {
    const struct catalogue_event *type;
    uint64_t time;         /* 100-ns units since 1601-01-01 UTC; 0 = not set */
    uint64_t record_id;    /* EventRecordID; the output stage assigns it */
    uint64_t write_time;   /* as `time`, when the outputs took the event (SystemTime); the output stage assigns it */
    uint32_t writer_pid, writer_tid; /* the monitor's own ids, for the XML header; the output stage assigns them */
    uint8_t system;        /* enum catalogue_system: where the event happened */
    struct match_text text[CATALOGUE_MAX_FIELDS];
    uint64_t number[CATALOGUE_MAX_FIELDS]; /* value of numeric and boolean fields */
    struct event_extra extra[EVENT_MAX_EXTRAS];
    uint32_t extra_count;
    uint32_t cut; /* bit i: field i was shortened by event_trim(); outputs append EVENT_CUT_MARK to its text */
    char slot[CATALOGUE_MAX_FIELDS][EVENT_SLOT_SIZE];
};

/* Every field unset: strings read `-`, numbers 0, booleans false, GUIDs zero. `type` must not be NULL. */
void event_init(struct event *event, const struct catalogue_event *type, enum catalogue_system system);

/* The text is borrowed and must outlive the event. Empty or NULL text becomes `-`. */
void event_set_text(struct event *event, unsigned field, const char *text, size_t size);
void event_set_string(struct event *event, unsigned field, const char *terminated);
/*
 * Decimal for uint16/uint32/pid, `0x…` for hex32/hex64, true/false for bool, chosen by the field's catalogue type. Linux
 * writes a hex64 (LogonId: user id, above it the terminal) as the decimal of its low 32 bits; the published program keeps
 * 16 bits (spec 02 section 3.4), which names the wrong user above 65535.
 */
void event_set_number(struct event *event, unsigned field, uint64_t value);
/* `{xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx}`, lower case. */
void event_set_guid(struct event *event, unsigned field, const struct sysmon_guid *guid);
/* `YYYY-MM-DD HH:MM:SS.mmm` UTC from 100-ns units since 1601 (spec 02 section 3.1). Also sets event->time for UtcTime. */
void event_set_time(struct event *event, unsigned field, uint64_t filetime);
/* `name` and `text` are borrowed. Beyond EVENT_MAX_EXTRAS the value is not taken. */
void event_add_extra(struct event *event, const char *name, const char *text, size_t size, bool is_number);

/* What outputs append to a shortened field; it counts as part of the length that was asked for. */
#define EVENT_CUT_MARK "..."
#define EVENT_CUT_MARK_SIZE 3
/* Longest text of a field, in characters (spec 02 section 3.20). */
#define EVENT_MAX_CHARACTERS 31839

/*
 * Shortens fields after matching and before output (spec 02 section 3.20): `field_sizes` has one limit per catalogue field of
 * this event (0 = none) or is NULL; then every text is held to EVENT_MAX_CHARACTERS, and event 1 as a whole to 62,000 bytes.
 * Characters are UTF-16 units, as the limits mean on Windows; a character is never split, a byte that is not UTF-8 counts one.
 */
void event_trim(struct event *event, const uint16_t *field_sizes);

/*
 * Doubles every `%` (spec 02 section 3.8: Windows, CommandLine of event 1 and Details of event 13, before matching). Returns
 * the size of the result; writes it when `out` is not NULL, which must hold it (at most twice `size`).
 */
size_t format_percent(char *out, const char *text, size_t size);

/* Formats: each returns the number of bytes written, without terminator; `out` must hold at least the stated size. */
unsigned format_decimal(char out[20], uint64_t value);
unsigned format_hex(char out[18], uint64_t value);
unsigned format_guid(char out[38], const struct sysmon_guid *guid);
unsigned format_time(char out[48], uint64_t filetime);

/*
 * As format_time, with another separator (`T`) and 1 to 9 fraction digits (truncated beyond 100 ns: zeros). `filetime` below
 * 1 << 63; the header of the XML form has no way to say "incorrect".
 */
unsigned format_time_fraction(char out[48], uint64_t filetime, char separator, unsigned digits);
#define FORMAT_DECIMAL_SIZE 20
#define FORMAT_HEX_SIZE 18
#define FORMAT_GUID_SIZE 38

/* 100-ns units between 1601-01-01 and 1970-01-01. */
#define FILETIME_UNIX_EPOCH 116444736000000000ull

/*
 * ProcessGuid and LogonGuid (spec 02 sections 3.2, 3.3): machine id, seconds since 1970 (low 32 bits), 64-bit key.
 * `filetime` 0 gives 0 seconds.
 */
struct sysmon_guid guid_compose(uint32_t machine_id, uint64_t filetime, uint64_t key);

#ifdef __cplusplus
}
#endif
