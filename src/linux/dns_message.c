/* SPDX-License-Identifier: MIT */
#include "linux/dns_message.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define HEADER_SIZE 12
#define NAME_LIMIT 255 /* on the wire, with its lengths */
#define FLAG_RESPONSE 0x8000
#define FLAG_TRUNCATED 0x0200

enum record_type { TYPE_A = 1, TYPE_NS = 2, TYPE_CNAME = 5, TYPE_SOA = 6, TYPE_PTR = 12, TYPE_MX = 15, TYPE_TXT = 16,
                   TYPE_AAAA = 28, TYPE_SRV = 33, TYPE_DNAME = 39, TYPE_OPT = 41 };

struct reader {
    const uint8_t *data;
    size_t size, at;
};

struct writer {
    char *out;
    size_t size, at;
    bool full;
};

static bool read_16(struct reader *reader, uint16_t *out)
{
    if (reader->size - reader->at < 2)
        return false;
    *out = (uint16_t)(reader->data[reader->at] << 8 | reader->data[reader->at + 1]);
    reader->at += 2;
    return true;
}

static bool skip(struct reader *reader, size_t size)
{
    if (reader->size - reader->at < size)
        return false;
    reader->at += size;
    return true;
}

static void put(struct writer *writer, char c)
{
    if (writer->at < writer->size)
        writer->out[writer->at++] = c;
    else
        writer->full = true;
}

static void put_string(struct writer *writer, const char *text)
{
    while (*text)
        put(writer, *text++);
}

static void put_escaped(struct writer *writer, uint8_t byte, const char *special)
{
    if (byte < 0x20 || byte > 0x7e) {
        put(writer, '\\');
        put(writer, (char)('0' + byte / 100));
        put(writer, (char)('0' + byte / 10 % 10));
        put(writer, (char)('0' + byte % 10));
        return;
    }
    if (strchr(special, byte))
        put(writer, '\\');
    put(writer, (char)byte);
}

static void put_label(struct writer *writer, const uint8_t *label, size_t size, bool first)
{
    if (!first)
        put(writer, '.');
    for (size_t i = 0; i < size; i++)
        put_escaped(writer, label[i], " .;\\");
}

/* The reader ends behind the name where it began; pointers lead ever further back, so that it ends. */
static bool read_name(struct reader *reader, struct writer *writer)
{
    size_t at = reader->at, lowest = reader->at, end = 0, total = 0;
    bool first = true;

    while (at < reader->size) {
        uint8_t length = reader->data[at++];

        if (!length) {
            if (first)
                put(writer, '.');
            reader->at = end ? end : at;
            return true;
        }
        if (length >= 0xc0) {
            size_t target;

            if (at == reader->size)
                return false;
            target = (size_t)(length & 0x3f) << 8 | reader->data[at++];
            if (!end)
                end = at;
            if (target >= lowest)
                return false;
            at = lowest = target;
            continue;
        }
        total += length + 1u;
        if (length > 63 || total > NAME_LIMIT || reader->size - at < length)
            return false;
        put_label(writer, reader->data + at, length, first);
        first = false;
        at += length;
    }
    return false;
}

static bool read_header(struct dns_message *out, struct reader *reader, uint16_t *questions)
{
    uint16_t flags;

    if (reader->size < HEADER_SIZE || !read_16(reader, &out->id) || !read_16(reader, &flags) || !read_16(reader, questions) ||
        !read_16(reader, &out->answer_count))
        return false;
    out->response = flags & FLAG_RESPONSE;
    out->truncated = flags & FLAG_TRUNCATED;
    out->opcode = flags >> 11 & 15;
    out->code = flags & 15;
    return skip(reader, 4);
}

int dns_parse(struct dns_message *out, const uint8_t *data, size_t size)
{
    struct reader reader = { data, size, 0 };
    struct writer writer = { out->name, sizeof out->name, 0, false };
    uint16_t questions;

    memset(out, 0, offsetof(struct dns_message, name));
    out->answers = 0;
    if (!read_header(out, &reader, &questions) || !questions || !read_name(&reader, &writer) || !read_16(&reader, &out->type) ||
        !read_16(&reader, &out->class))
        return -EBADMSG;
    for (unsigned i = 1; i < questions; i++) {
        struct writer nowhere = { NULL, 0, 0, false };

        if (!read_name(&reader, &nowhere) || !skip(&reader, 4))
            return -EBADMSG;
    }
    out->name_size = (uint32_t)writer.at;
    out->answers = reader.at;
    return 0;
}

/* --- answers ---------------------------------------------------------------------------------------------------------- */

static void put_ipv4(struct writer *writer, const uint8_t address[4])
{
    char text[32];

    snprintf(text, sizeof text, "::ffff:%u.%u.%u.%u", address[0], address[1], address[2], address[3]);
    put_string(writer, text);
}

/* The longest run of at least two zero groups, the first of the longest: its start, 8 = none. */
static unsigned longest_zeros(const uint16_t group[8], unsigned *length)
{
    unsigned best = 8, run = 0;

    *length = 1;
    for (unsigned i = 0; i < 8; i++) {
        run = group[i] ? 0 : run + 1;
        if (run > *length) {
            *length = run;
            best = i + 1 - run;
        }
    }
    return best;
}

/* As RFC 5952 has it. */
static void put_ipv6(struct writer *writer, const uint8_t address[16])
{
    static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
    unsigned length, zeros;
    uint16_t group[8];
    char text[8];

    if (!memcmp(address, mapped, sizeof mapped)) {
        put_ipv4(writer, address + 12);
        return;
    }
    for (unsigned i = 0; i < 8; i++)
        group[i] = (uint16_t)(address[2 * i] << 8 | address[2 * i + 1]);
    zeros = longest_zeros(group, &length);
    for (unsigned i = 0; i < 8; i++) {
        if (i == zeros) {
            put_string(writer, "::");
            i += length - 1;
            continue;
        }
        snprintf(text, sizeof text, i && i != zeros + length ? ":%x" : "%x", group[i]);
        put_string(writer, text);
    }
}

static bool put_strings(struct reader data, struct writer *writer)
{
    while (data.at < data.size) {
        size_t length = data.data[data.at++];

        if (data.size - data.at < length)
            return false;
        for (size_t i = 0; i < length; i++)
            put_escaped(writer, data.data[data.at + i], ";\\");
        data.at += length;
    }
    return true;
}

/* Bytes of a record's data before the name in it; -1 = a type that holds no name. */
static int name_offset(uint16_t type)
{
    switch (type) {
    case TYPE_NS:
    case TYPE_CNAME:
    case TYPE_SOA:
    case TYPE_PTR:
    case TYPE_DNAME: return 0;
    case TYPE_MX: return 2;
    case TYPE_SRV: return 6;
    default: return -1;
    }
}

/* `data` ends where the record ends; its name may point before it. */
static bool put_value(struct writer *writer, uint16_t type, struct reader data)
{
    int offset = name_offset(type);
    char text[16];

    if (type == TYPE_A && data.size - data.at == 4) {
        put_ipv4(writer, data.data + data.at);
        return true;
    }
    if (type == TYPE_AAAA && data.size - data.at == 16) {
        put_ipv6(writer, data.data + data.at);
        return true;
    }
    snprintf(text, sizeof text, "type: %2u", type);
    put_string(writer, text);
    if (type != TYPE_TXT && offset < 0)
        return true;
    put(writer, ' ');
    if (type == TYPE_TXT)
        return put_strings(data, writer);
    return skip(&data, (size_t)offset) && read_name(&data, writer);
}

static bool put_answer(struct writer *writer, struct reader *reader)
{
    struct writer nowhere = { NULL, 0, 0, false };
    uint16_t type, length;
    struct reader data;

    if (!read_name(reader, &nowhere) || !read_16(reader, &type) || !skip(reader, 6) || !read_16(reader, &length))
        return false;
    data = *reader;
    if (!skip(reader, length))
        return false;
    if (type == TYPE_OPT)
        return true;
    data.size = reader->at;
    if (!put_value(writer, type, data))
        return false;
    put(writer, ';');
    return true;
}

size_t dns_results(char out[DNS_RESULTS_SIZE], const struct dns_message *message, const uint8_t *data, size_t size)
{
    struct reader reader = { data, size, message->answers };
    struct writer writer = { out, DNS_RESULTS_SIZE, 0, false };

    for (unsigned i = 0; i < message->answer_count; i++) {
        size_t whole = writer.at;

        if (!put_answer(&writer, &reader) || writer.full)
            return whole;
    }
    return writer.at;
}

unsigned dns_status(const struct dns_message *message, size_t results)
{
    if (message->code)
        return DNS_STATUS_CODES + message->code;
    if (results)
        return 0;
    return message->answer_count ? DNS_STATUS_BAD_PACKET : DNS_STATUS_NO_RECORDS;
}

const char *dns_type_name(char text[16], uint16_t type)
{
    static const struct {
        uint16_t type;
        const char *name;
    } names[] = {
        { 1, "A" }, { 2, "NS" }, { 5, "CNAME" }, { 6, "SOA" }, { 10, "NULL" }, { 12, "PTR" }, { 13, "HINFO" }, { 15, "MX" },
        { 16, "TXT" }, { 28, "AAAA" }, { 33, "SRV" }, { 35, "NAPTR" }, { 39, "DNAME" }, { 43, "DS" }, { 46, "RRSIG" },
        { 47, "NSEC" }, { 48, "DNSKEY" }, { 52, "TLSA" }, { 64, "SVCB" }, { 65, "HTTPS" }, { 251, "IXFR" }, { 252, "AXFR" },
        { 255, "ANY" }, { 257, "CAA" },
    };

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (names[i].type == type)
            return names[i].name;
    snprintf(text, 16, "TYPE%u", type);
    return text;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

bool dns_same_name(const char *left, size_t left_size, const char *right, size_t right_size)
{
    if (left_size != right_size)
        return false;
    for (size_t i = 0; i < left_size; i++)
        if (lower(left[i]) != lower(right[i]))
            return false;
    return true;
}
