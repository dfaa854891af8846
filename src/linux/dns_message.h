/* SPDX-License-Identifier: MIT */
/*
 * DNS messages (RFC 1035) from anybody: every length is checked, compression pointers only lead backwards, and what is written
 * is bounded. Portable, no allocation.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* 255 bytes on the wire, each at most `\DDD`. */
#define DNS_NAME_SIZE 1024
/* Text of the answers; what does not fit is left out. */
#define DNS_RESULTS_SIZE 8192

/* Win32 and DNS statuses (spec 09 section 6.3); a response code other than 0 is DNS_STATUS_CODES + code. */
enum dns_status {
    DNS_STATUS_TIMEOUT = 1460,     /* ERROR_TIMEOUT */
    DNS_STATUS_CODES = 9000,
    DNS_STATUS_NO_RECORDS = 9501,  /* the name exists, not with that type */
    DNS_STATUS_BAD_PACKET = 9502,
    DNS_STATUS_PENDING = 9506,
};

struct dns_message {
    uint16_t id;
    bool response;
    bool truncated;        /* flag TC: the rest is to be had by TCP */
    uint8_t opcode, code;  /* code: of the response */
    uint16_t type, class;  /* of the question */
    uint16_t answer_count; /* as the message claims */
    uint32_t name_size;
    char name[DNS_NAME_SIZE]; /* of the question; the root is `.` */
    size_t answers;           /* offset of the first answer */
};

/*
 * Header and first question. -EBADMSG when they are not whole and well-formed or there is no question; then, if the
 * header was whole, `*out` still has id and flags, else out->id is 0 too.
 */
int dns_parse(struct dns_message *out, const uint8_t *data, size_t size);
/*
 * The answers as event 22 shows them (spec 02 section 3.15): addresses bare, IPv4 as `::ffff:1.2.3.4`, others as
 * `type: NN value`, each ended by `;`. In names and texts `.`, `;` and `\` that are no separators stand behind a `\`, bytes that
 * do not print are `\DDD`. Stops at what is not well-formed, missing or does not fit. Returns the size; not terminated.
 */
size_t dns_results(char out[DNS_RESULTS_SIZE], const struct dns_message *message, const uint8_t *data, size_t size);
/* Of a response; `results` as dns_results() returned. */
unsigned dns_status(const struct dns_message *message, size_t results);
/* `A`, `AAAA`, …, `TYPE65280`. Returns `text` or a constant. */
const char *dns_type_name(char text[16], uint16_t type);
/* Names compare without regard to case (RFC 4343). */
bool dns_same_name(const char *left, size_t left_size, const char *right, size_t right_size);
