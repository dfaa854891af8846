/* SPDX-License-Identifier: MIT */
/* Any bytes as a buffer of driver records, one after the other as the service reads them, through to finished events. */
#include "translate.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct match_text path(void *context, struct pool *pool, struct match_text nt_path)
{
    return nt_path_to_dos(context, pool, nt_path);
}

static struct match_text user(void *context, struct pool *pool, const uint8_t *sid, uint32_t size)
{
    (void)context;
    return pool_text(pool, (const char *)sid, size); /* touches every byte */
}

/* Reading is the test: a sanitizer sees a text that lies. */
static volatile char last_sum;

static void read_all(const struct event *event)
{
    char sum = 0;

    for (unsigned i = 0; i < event->type->field_count; i++)
        for (uint32_t j = 0; j < event->text[i].size; j++)
            sum ^= event->text[i].data[j];
    last_sum = sum;
}

static void one(struct translator *translator, const struct record *record)
{
    const struct signature signature = { "true", "signer", "Valid" };
    struct wire_loss_entry entry;
    struct pool pool = { 0 };
    struct event event;

    translate_table(translator, &pool, record);
    translate_signed_file(translator, &pool, record);
    if (!translate_record(translator, &pool, record, &signature, &event))
        read_all(&event);
    for (unsigned i = 0; record->header.EventType == WIRE_LOSS && !record_loss_entry(record, i, &entry); i++)
        translate_event_of_type(entry.EventType);
    pool_free(&pool);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct facts facts = { .path = path, .user = user };
    static struct nt_volumes volumes = { 1, { { "\\Device\\HarddiskVolume1", "C:" } }, "C:\\Windows" };
    static const uint8_t key[16];
    struct process_table *table;
    struct record record;

    if (process_table_create(&table, NULL, key))
        return 0;
    struct translator translator = { table, &facts, &volumes, 1, 1, HASH_ALL };

    for (size_t at = 0; at < size;) {
        int status = record_decode(&record, data + at, size - at);

        if (status > 0)
            one(&translator, &record);
        else if (status != -EINVAL && status != -ENOTSUP) /* after those the next one follows */
            break;
        at += (record.header.EventSize + WIRE_RECORD_ALIGNMENT - 1) & ~(size_t)(WIRE_RECORD_ALIGNMENT - 1);
    }
    process_table_destroy(table);
    return 0;
}
