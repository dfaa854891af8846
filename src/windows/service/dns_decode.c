/* SPDX-License-Identifier: MIT */
#include "dns_decode.h"
#include "utf16.h"

#include "engine/fold.h"

#include <errno.h>
#include <string.h>

/* {1c95126e-7eea-49a9-a3fe-a378b03ddb4d} */
const struct sysmon_guid dns_client_provider = { { 0x6E, 0x12, 0x95, 0x1C, 0xEA, 0x7E, 0xA9, 0x49, 0xA3, 0xFE, 0xA3, 0x78, 0xB0, 0x3D, 0xDB, 0x4D } };

#define NUMBERS 16 /* type 4, options 8, status 4 */

static uint32_t u32_at(const uint8_t *data)
{
    return data[0] | (uint32_t)data[1] << 8 | (uint32_t)data[2] << 16 | (uint32_t)data[3] << 24;
}

int dns_decode(struct dns_query *out, const struct trace_record *record)
{
    struct dns_query query = { .time = record->time, .pid = record->pid };
    const uint8_t *numbers;
    size_t units = record->size / 2, name;

    if (record->id != DNS_EVENT_QUERY_COMPLETED || memcmp(&record->provider, &dns_client_provider, sizeof(record->provider)))
        return 0;
    name = utf16_length(record->data, units);
    if (name == units || name > DNS_NAME_LIMIT || record->size < 2 * (name + 1) + NUMBERS)
        return -EBADMSG;
    query.name = record->data;
    query.name_size = (uint32_t)(2 * name);
    numbers = record->data + 2 * (name + 1);
    query.type = u32_at(numbers);
    query.options = u32_at(numbers + 4) | (uint64_t)u32_at(numbers + 8) << 32;
    query.status = u32_at(numbers + 12);
    query.results = numbers + NUMBERS;
    /* a missing terminator is forgiven: the text then ends with the record */
    units = (record->size - 2 * (name + 1) - NUMBERS) / 2;
    query.results_size = (uint32_t)(2 * utf16_length(query.results, units));
    *out = query;
    return 1;
}

/* The lists compare without regard to case; no memory: as written. */
static struct match_text folded(struct pool *pool, struct match_text text)
{
    uint8_t *out = text.size <= UINT32_MAX / 3 ? pool_take(pool, 3u * text.size + 1) : NULL;

    return out ? (struct match_text){ (const char *)out, fold_text((const uint8_t *)text.data, text.size, out) } : text;
}

/* By pid alone: the newest process of that pid keeps the list (spec 09 section 6.4). */
static bool is_new(struct translator *translator, uint32_t pid, struct match_text name, struct match_text results, uint32_t status)
{
    const struct facts *facts = translator->facts;
    const struct process *process;
    bool answer;

    if (facts->lock)
        facts->lock(translator->context);
    process = process_table_find(translator->processes, pid, 0, 0);
    answer = !process || process_table_dns_new(translator->processes, process, name, results, status);
    if (facts->unlock)
        facts->unlock(translator->context);
    return answer;
}

static void set(struct event *event, unsigned field, struct match_text text)
{
    event_set_text(event, field, text.data, text.size);
}

int dns_event(struct translator *translator, struct pool *pool, const struct dns_query *query, struct event *out)
{
    struct match_text name = pool_utf16(pool, query->name, query->name_size);
    struct match_text results = pool_utf16(pool, query->results, query->results_size);
    struct process_view view;
    char status[FORMAT_DECIMAL_SIZE];

    translate_process(translator, pool, query->pid, query->time, 0, &view);
    if (!is_new(translator, query->pid, folded(pool, name), folded(pool, results), query->status))
        return -EEXIST;
    event_init(out, catalogue_find(EVENT_DNS_QUERY), CATALOGUE_WINDOWS);
    event_set_time(out, DNS_QUERY_UtcTime, query->time);
    event_set_guid(out, DNS_QUERY_ProcessGuid, &view.guid);
    event_set_number(out, DNS_QUERY_ProcessId, query->pid);
    set(out, DNS_QUERY_QueryName, name);
    set(out, DNS_QUERY_QueryStatus, pool_text(pool, status, format_decimal(status, query->status)));
    set(out, DNS_QUERY_QueryResults, results);
    set(out, DNS_QUERY_Image, view.image);
    set(out, DNS_QUERY_User, view.user);
    return 0;
}
