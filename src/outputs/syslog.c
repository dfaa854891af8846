/* SPDX-License-Identifier: MIT */
/*
 * Syslog: RFC 5424 to the local daemon's socket, by UDP (RFC 5426), or by TCP with octet counting (RFC 6587); with `bsd` the
 * form that syslog(3) writes, for daemons that read no other.
 *
 * Daemons cut messages at a length of their own (2 to 64 KiB, most at 8 KiB) and say nothing. So an event that does not fit
 * is sent in numbered parts: their texts in order are the event.
 *   RFC 5424: structured data [part@32473 record="42" number="1" count="3"]      local: a prefix `part 1/3 of 42: `
 */
#include "port/host.h"
#include "sink.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LOCAL_SOCKET "/dev/log"
#define DEFAULT_PORT "514"
#define DEFAULT_LIMIT 8192
#define HEADER_SIZE 512
#define FACILITY_USER (1 << 3)
#define SEVERITY_ERROR 3
#define SEVERITY_INFORMATIONAL 6
#define LEVEL_ERROR 2
#define UNIX_EPOCH_SECONDS 11644473600ull

struct syslog_state {
    enum stream_kind kind;
    bool bsd; /* the header of syslog(3) instead of RFC 5424 */
    char *host, *port; /* or the path of the local socket, and NULL */
    char sender[256];  /* our host name as the header may hold it */
    uint64_t limit;    /* longest message */
    struct port_stream *stream;
};

/* A piece of one record. */
struct part {
    const struct record *record;
    uint32_t offset, size;
    unsigned number, count; /* 1 of 1: whole */
};

static unsigned priority(const struct record *record)
{
    return FACILITY_USER | (record->level == LEVEL_ERROR ? SEVERITY_ERROR : SEVERITY_INFORMATIONAL);
}

static int header_5424(const struct syslog_state *state, const struct part *part, char out[HEADER_SIZE])
{
    char time_text[48], data[128] = "-";
    unsigned size = format_time_fraction(time_text, part->record->write_time, 'T', 6);

    if (part->count > 1)
        snprintf(data, sizeof(data), "[part@32473 record=\"%llu\" number=\"%u\" count=\"%u\"]",
                 (unsigned long long)part->record->record_id, part->number, part->count);
    return snprintf(out, HEADER_SIZE, "<%u>1 %.*sZ %s sysmon %u %u %s ", priority(part->record), (int)size, time_text, state->sender,
                    host_process_id(), part->record->event_id, data);
}

static int header_bsd(const struct part *part, char out[HEADER_SIZE])
{
    static const char months[][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
    time_t seconds = (time_t)(part->record->write_time / 10000000 - UNIX_EPOCH_SECONDS);
    char prefix[64] = "";
    struct tm local;

#ifdef _WIN32
    localtime_s(&local, &seconds);
#else
    localtime_r(&seconds, &local);
#endif
    if (part->count > 1)
        snprintf(prefix, sizeof(prefix), "part %u/%u of %llu: ", part->number, part->count,
                 (unsigned long long)part->record->record_id);
    return snprintf(out, HEADER_SIZE, "<%u>%s %2d %02d:%02d:%02d sysmon[%u]: %s", priority(part->record), months[local.tm_mon],
                    local.tm_mday, local.tm_hour, local.tm_min, local.tm_sec, host_process_id(), prefix);
}

static int header(const struct syslog_state *state, const struct part *part, char out[HEADER_SIZE])
{
    return state->bsd ? header_bsd(part, out) : header_5424(state, part, out);
}

/* Bytes up to `limit`, but never into the middle of a character. */
static uint32_t whole_characters(const char *text, uint32_t size, uint32_t limit)
{
    uint32_t end = size < limit ? size : limit;

    while (end < size && end && ((uint8_t)text[end] & 0xC0) == 0x80)
        end--;
    return end;
}

/* Sends one message; TCP messages say their length in front. */
static int send_part(struct sink *sink, const struct part *part)
{
    struct syslog_state *state = sink->state;
    char head[HEADER_SIZE], octets[24];
    int head_size = header(state, part, head);
    struct file_slice slices[3] = { { octets, 0 }, { head, (size_t)head_size },
                                    { part->record->data + part->offset, part->size } };
    size_t written;

    if (state->kind == STREAM_UDP || state->kind == STREAM_UNIX_DATAGRAM)
        return stream_send_datagram(state->stream, slices + 1, 2, sink->waker);
    slices[0].size = (size_t)snprintf(octets, sizeof(octets), "%zu ", slices[1].size + slices[2].size);
    return stream_send(state->stream, slices, 3, sink->waker, &written);
}

/* The record in as few parts as the limit allows; without its newline. */
static int send_record(struct sink *sink, const struct record *record)
{
    const struct syslog_state *state = sink->state;
    uint32_t size = record->size - 1, room;
    struct part part = { .record = record, .size = size, .number = 1, .count = 1 };
    char head[HEADER_SIZE];

    if ((uint64_t)header(state, &part, head) + size <= state->limit)
        return send_part(sink, &part);
    part.number = part.count = 999999; /* room for the longest header */
    room = (uint32_t)state->limit - (uint32_t)header(state, &part, head);
    part.count = 0;
    for (uint32_t at = 0; at < size; part.count++)
        at += whole_characters(record->data + at, size - at, room);
    part.number = 1;
    for (part.offset = 0; part.offset < size; part.offset += part.size, part.number++) {
        int error;
        part.size = whole_characters(record->data + part.offset, size - part.offset, room);
        error = send_part(sink, &part);
        if (error)
            return error;
    }
    return 0;
}

static int syslog_open(struct sink *sink)
{
    struct syslog_state *state = sink->state;

    return stream_connect(&state->stream, state->kind, state->host, state->port, sink->waker);
}

static int syslog_write(struct sink *sink, struct record *const *records, unsigned count, unsigned *done)
{
    struct syslog_state *state = sink->state;

    if (state->kind == STREAM_TCP && stream_peer_closed(state->stream))
        return -EPIPE;
    while (*done < count) {
        int error = send_record(sink, records[*done]);
        if (error)
            return error;
        ++*done;
    }
    return 0;
}

static void syslog_close(struct sink *sink)
{
    struct syslog_state *state = sink->state;

    stream_close(state->stream);
    state->stream = NULL;
}

static void syslog_destroy(struct sink *sink)
{
    struct syslog_state *state = sink->state;

    free(state->host);
    free(state->port);
    free(state);
}

static const struct sink_kind syslog_kind = {
    .name = "out-syslog",
    .open = syslog_open,
    .write = syslog_write,
    .close = syslog_close,
    .destroy = syslog_destroy,
    .longest_pause = 10000,
};

/* `HOST`, `HOST:PORT`, `[IPV6]:PORT` */
static int take_address(struct syslog_state *state, struct specification *specification, const char *text)
{
    const char *end = text[0] == '[' ? strchr(text, ']') : text + strcspn(text, ":"), *host = text + (text[0] == '[');

    if (!end || end == host || (text[0] != '[' && strchr(end + (*end == ':'), ':')))
        return specification_reject(specification, "output 'syslog:%s' needs HOST:PORT (an IPv6 address in brackets: [::1]:514)",
                                    specification->target);
    state->host = calloc(1, (size_t)(end - host) + 1);
    if (state->host)
        memcpy(state->host, host, (size_t)(end - host));
    end += *end == ']';
    if (*end && (*end != ':' || !end[1]))
        return specification_reject(specification, "output 'syslog:%s': no port behind '%s'", specification->target, end);
    state->port = strdup(*end ? end + 1 : DEFAULT_PORT);
    return state->host && state->port ? 0 : -ENOMEM;
}

static int take_target(struct syslog_state *state, struct specification *specification)
{
    const char *target = specification->target;

    if (!strncmp(target, "udp:", 4) || !strncmp(target, "tcp:", 4)) {
        state->kind = target[0] == 'u' ? STREAM_UDP : STREAM_TCP;
        return take_address(state, specification, target + 4);
    }
    if (strncmp(target, "local", 5) || (target[5] && target[5] != ':'))
        return specification_reject(specification, "output 'syslog:%s': the target is local, udp:HOST:PORT or tcp:HOST:PORT", target);
    state->kind = STREAM_UNIX_DATAGRAM;
    state->host = strdup(target[5] ? target + 6 : LOCAL_SOCKET);
    return state->host ? 0 : -ENOMEM;
}

static int take_options(struct sink *sink, struct syslog_state *state, struct specification *specification)
{
    const char *format = "xml";
    int error = specification_take_text(specification, "format", &format);

    if (!error)
        error = specification_take_flag(specification, "bsd", &state->bsd);
    state->limit = DEFAULT_LIMIT;
    if (!error)
        error = specification_take_size(specification, "max", 1024, state->kind == STREAM_UDP ? 65507 : 1 << 20, &state->limit);
    if (error)
        return error;
    if (!strcmp(format, "json"))
        sink->format = RENDER_JSON;
    else if (!strcmp(format, "text"))
        sink->format = RENDER_ONELINE;
    else if (!strcmp(format, "xml"))
        sink->format = RENDER_XML;
    else
        return specification_reject(specification, "output option 'format=%s': xml, json or text", format);
    return 0;
}

/* RFC 5424 allows printable ASCII without blanks. */
static void set_sender(struct syslog_state *state, const char *computer)
{
    size_t size = 0;

    for (; computer[size] && size < sizeof(state->sender) - 1; size++)
        state->sender[size] = computer[size] > ' ' && computer[size] < 127 ? computer[size] : '?';
    if (!size)
        state->sender[size++] = '-';
}

int syslog_create(struct sink *sink, struct specification *specification)
{
    struct syslog_state *state = calloc(1, sizeof(*state));
    int error;

    if (!state)
        return -ENOMEM;
    sink->state = state;
    sink->kind = &syslog_kind;
    set_sender(state, sink->host);
    error = take_target(state, specification);
    return error ? error : take_options(sink, state, specification);
}
