/* SPDX-License-Identifier: MIT */
/*
 * Sample events for the golden tests of the renderers: ordinary ones, hostile ones, and any number of random ones.
 *
 * usage: render-samples text|oneline|json|xml [SEED COUNT]      the records
 *        render-samples raw [SEED COUNT]                        `NUMBER FIELD HEX` for every field, for comparison
 */
#include "sysmon/render.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BASE_TIME (FILETIME_UNIX_EPOCH + 1709626530ull * 10000000 + 1234567)
#define TEXT(literal) literal, sizeof(literal) - 1

typedef void (*sink)(const struct event *event, void *context);

static char many[40000]; /* a text longer than any limit */

static void begin(struct event *event, unsigned id, enum catalogue_system system, uint64_t record)
{
    event_init(event, catalogue_find(id), system);
    event->record_id = record;
    event->write_time = BASE_TIME + 5000;
    event->writer_pid = 700;
    event->writer_tid = 701;
    if (strcmp(event->type->fields[0].name, "RuleName") == 0)
        event_set_string(event, 0, "technique_id=T1059,technique_name=Shell");
    event_set_time(event, (unsigned)catalogue_field_index(event->type, "UtcTime", 7), BASE_TIME);
}

static void process_create(struct event *event, enum catalogue_system system, uint64_t record)
{
    bool linux_system = system == CATALOGUE_LINUX;
    struct sysmon_guid guid = guid_compose(0x08DA6306, BASE_TIME, 0x0012000000000234ull);

    begin(event, EVENT_CREATE_PROCESS, system, record);
    event_set_guid(event, CREATE_PROCESS_ProcessGuid, &guid);
    event_set_number(event, CREATE_PROCESS_ProcessId, 4242);
    event_set_string(event, CREATE_PROCESS_Image, linux_system ? "/usr/bin/bash" : "C:\\Windows\\System32\\cmd.exe");
    event_set_string(event, CREATE_PROCESS_CommandLine, linux_system ? "bash -c \"echo 100%\"" : "cmd /c echo 100%%");
    event_set_string(event, CREATE_PROCESS_CurrentDirectory, linux_system ? "/home/bob" : "C:\\Users\\bob\\");
    event_set_string(event, CREATE_PROCESS_User, linux_system ? "bob" : "LAB\\bob");
    event_set_guid(event, CREATE_PROCESS_LogonGuid, &guid);
    event_set_number(event, CREATE_PROCESS_LogonId, linux_system ? 1000 : 0x3A1F3);
    event_set_number(event, CREATE_PROCESS_TerminalSessionId, 1);
    event_set_string(event, CREATE_PROCESS_IntegrityLevel, linux_system ? "no level" : "Medium");
    event_set_string(event, CREATE_PROCESS_Hashes, "SHA256=9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08");
    event_set_number(event, CREATE_PROCESS_ParentProcessId, 3100);
    event_set_string(event, CREATE_PROCESS_ParentUser, linux_system ? "bob" : "LAB\\bob");
}

static void ordinary(sink take, void *context)
{
    struct event event;

    process_create(&event, CATALOGUE_LINUX, 1);
    event_add_extra(&event, "ContainerId", TEXT("4f0e1d2c3b4a"), false);
    event_add_extra(&event, "PidNamespace", TEXT("4026531836"), true);
    take(&event, context);
    process_create(&event, CATALOGUE_WINDOWS, 2);
    take(&event, context);

    begin(&event, EVENT_NETWORK_CONNECT, CATALOGUE_LINUX, 3);
    event_set_string(&event, NETWORK_CONNECT_Protocol, "tcp");
    event_set_number(&event, NETWORK_CONNECT_Initiated, 1);
    event_set_string(&event, NETWORK_CONNECT_SourceIp, "127.0.0.1");
    event_set_number(&event, NETWORK_CONNECT_SourcePort, 65535);
    event_set_number(&event, NETWORK_CONNECT_DestinationPort, 443);
    take(&event, context);

    begin(&event, EVENT_ACCESS_PROCESS, CATALOGUE_WINDOWS, 4);
    event_set_number(&event, ACCESS_PROCESS_GrantedAccess, 0x1410);
    event_set_string(&event, ACCESS_PROCESS_CallTrace, "C:\\Windows\\SYSTEM32\\ntdll.dll+9d4c4|UNKNOWN(00007FFB1A2B3C40)");
    take(&event, context);

    begin(&event, EVENT_EBPF_EVENT, CATALOGUE_LINUX, 5);
    event_set_string(&event, EBPF_EVENT_BpfProgramName, "probe");
    take(&event, context);
    begin(&event, EVENT_ERROR, CATALOGUE_LINUX, 6);
    event_set_string(&event, ERROR_ID, "Queue");
    event_set_string(&event, ERROR_Description, "3 events lost");
    take(&event, context);
}

static void file_named(sink take, void *context, uint64_t record, const char *name, size_t size)
{
    struct event event;

    begin(&event, EVENT_FILE_CREATE, CATALOGUE_LINUX, record);
    event_set_text(&event, FILE_CREATE_TargetFilename, name, size);
    event_trim(&event, NULL);
    take(&event, context);
}

static void hostile(sink take, void *context)
{
    static const struct { const char *name; size_t size; } names[] = {
        { TEXT("/tmp/two\nlines\r\tand tab") },
        { TEXT("/tmp/\x1b[2Jescape\x07\x7f") },
        { TEXT("/tmp/nul\0inside") },
        { TEXT("/tmp/latin1-\xe9\xff") },
        { TEXT("/tmp/overlong\xc0\xaf surrogate\xed\xa0\x80 cut\xe2\x82") },
        { TEXT("/tmp/beyond\xf4\x90\x80\x80") },
        { TEXT("/tmp/<a href=\"x\">&amp;'</a>]]>") },
        { TEXT("/tmp/looks like \\x{41} and \\x{zz} and \\x41 \\") },
        { TEXT("/tmp/\xc2\x85" "c1 \xe2\x80\xae" "txt.exe\xe2\x80\xa8 \xef\xbf\xbe\xef\xbf\xbf \xef\xbf\xbd") },
        { TEXT("/tmp/\xc3\xbc\xe6\xbc\xa2\xf0\x9f\x98\x80") },
        { TEXT("\"") },
        { TEXT(" ") },
    };
    struct event event;

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        file_named(take, context, 100 + i, names[i].name, names[i].size);
    begin(&event, EVENT_REG_SETVALUE, CATALOGUE_WINDOWS, 200);
    event_set_text(&event, REG_SETVALUE_Details, TEXT("a\x01'\"\xed\xb0\x80"));
    event_set_text(&event, REG_SETVALUE_ProcessId, TEXT("not a number \"007\""));
    take(&event, context);
    begin(&event, EVENT_CREATE_PROCESS, CATALOGUE_LINUX, 201);
    event.text[CREATE_PROCESS_Image].data = NULL; /* the kernel half did not know it */
    take(&event, context);
}

static uint64_t next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005ull + 1442695040888963407ull;
    return *state >> 33;
}

/* Bytes that mean something to a form come often. */
static size_t random_text(uint64_t *state, char *out, size_t limit)
{
    static const char spicy[] = "\\x{5C}\\x{0A}\"'<>&]\n\r\t\x1b\x7f\xc2\x80\xe2\x80\xae\xef\xbf\xbd\xef\xbf\xbe\xf0\x9f\x98\x80\xed\xa0\x80";
    size_t size = next_random(state) % limit;

    for (size_t i = 0; i < size; i++) {
        uint64_t r = next_random(state);
        out[i] = r % 3 ? spicy[(r >> 8) % (sizeof(spicy) - 1)] : (char)(r >> 8);
        if (r % 3 == 1 && i)
            out[i] = spicy[((size_t)(strchr(spicy, out[i - 1]) ? strchr(spicy, out[i - 1]) - spicy : 0) + 1) % (sizeof(spicy) - 1)];
    }
    return size;
}

static void random_events(uint64_t seed, unsigned count, sink take, void *context)
{
    char texts[CATALOGUE_MAX_FIELDS][80];
    struct event event;

    for (unsigned n = 0; n < count; n++) {
        const struct catalogue_event *type = &catalogue_events[next_random(&seed) % CATALOGUE_EVENT_COUNT];
        begin(&event, type->id, next_random(&seed) % 2 ? CATALOGUE_LINUX : CATALOGUE_WINDOWS, n);
        for (unsigned i = 0; i < type->field_count; i++)
            event_set_text(&event, i, texts[i], random_text(&seed, texts[i], sizeof(texts[i])));
        take(&event, context);
    }
}

struct printing {
    enum render_format format;
    struct render_buffer buffer;
};

static void print_record(const struct event *event, void *context)
{
    const struct render_host host = { "host<1>\xff", event->system == CATALOGUE_LINUX ? "0" : "S-1-5-18" };
    struct printing *printing = context;

    printing->buffer.size = 0;
    if (render_event(&printing->buffer, printing->format, event, &host) < 0)
        exit(1);
    fwrite(printing->buffer.data, 1, printing->buffer.size, stdout);
}

static void print_raw(const struct event *event, void *context)
{
    unsigned *number = context;

    for (unsigned i = 0; i < event->type->field_count; i++) {
        const struct match_text *text = &event->text[i];
        printf("%u %s ", *number, event->type->fields[i].name);
        for (uint32_t k = 0; k < text->size && text->data; k++)
            printf("%02x", (uint8_t)text->data[k]);
        printf("%s\n", text->data ? event->cut >> i & 1 ? "2e2e2e" : "" : "2d");
    }
    ++*number;
}

int main(int argc, char **argv)
{
    static const char *const names[RENDER_FORMAT_COUNT] = { "text", "oneline", "json", "xml" };
    struct printing printing = { 0 };
    unsigned number = 0;
    sink take = print_raw;
    void *context = &number;

    if (argc != 2 && argc != 4)
        return 87;
    for (unsigned i = 0; i < RENDER_FORMAT_COUNT; i++)
        if (!strcmp(argv[1], names[i])) {
            printing.format = (enum render_format)i;
            take = print_record;
            context = &printing;
        }
    if (argc == 4) {
        random_events(strtoull(argv[2], NULL, 10), (unsigned)strtoul(argv[3], NULL, 10), take, context);
    } else {
        memset(many, 'm', sizeof(many));
        ordinary(take, context);
        hostile(take, context);
        memcpy(many, "/tmp/", 5);
        file_named(take, context, 300, many, 4096);
    }
    render_buffer_free(&printing.buffer);
    return 0;
}
