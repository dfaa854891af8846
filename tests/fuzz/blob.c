/* SPDX-License-Identifier: MIT */
/* Any bytes as a rules blob: the reader, the listing and the rule set must agree on what is sound, within bounds. */
#include "sysmon/blob.h"
#include "sysmon/listing.h"
#include "sysmon/ruleset.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void *allocate(void *context, size_t size)
{
    (void)context;
    return malloc(size);
}

static void release(void *context, void *memory, size_t size)
{
    (void)context, (void)size;
    free(memory);
}

static void need(bool condition)
{
    if (!condition)
        abort();
}

static void build(const uint8_t *data, size_t size, bool sound)
{
    const struct ruleset_memory memory = { allocate, release, NULL };
    const struct ruleset_options options = { 0 };
    struct ruleset *rules = NULL;
    int rc = ruleset_create(&rules, data, size, &options, &memory);

    need((rc == RULESET_OK) == (rules != NULL));
    need(sound || rc != RULESET_OK);
    if (rules)
        ruleset_destroy(rules);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static FILE *nowhere;
    struct blob blob;
    bool sound;

    if (!nowhere)
        nowhere = fopen("/dev/null", "w");
    if (!nowhere || size == 0)
        return 0;
    sound = blob_open(&blob, data, size) == 0 && blob_check(&blob) == 0;
    need(listing_print(nowhere, data, size, LISTING_TITLE | LISTING_ALL) == 0 || !sound);
    build(data, size, sound);
    return 0;
}
