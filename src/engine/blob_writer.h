/* SPDX-License-Identifier: MIT */
/*
 * Writing a rules blob byte for byte as the published product does (spec 04), including what its undo forgets to undo.
 *
 * Calls come in document order: block, then for each child a filter, or an aggregation followed by its filters.
 * Each returns 0, -ENOMEM or -E2BIG (CONFIG_MAX_BLOB_SIZE); after a failure only blob_writer_free() is allowed.
 */
#pragma once

#include "sysmon/blob.h"

struct blob_writer {
    uint8_t *data;
    size_t capacity;
    uint32_t used, schema_version;
    uint32_t block_count, last_block, last_filter, last_aggregation;
    uint32_t aggregation_id;   /* of the newest aggregation; undo keeps counting */
    uint32_t open_aggregation; /* offset of the Rule that is being written, 0 = none */
    uint32_t block_start, previous_block; /* for undo */
};

/* `schema_version` is stored in the header. */
void blob_writer_init(struct blob_writer *writer, uint32_t schema_version);
void blob_writer_free(struct blob_writer *writer);

int blob_writer_block(struct blob_writer *writer, uint32_t event_id, enum blob_default default_action,
                      enum blob_relation relation);
/* Texts are UTF-8; an aggregation's name is cut to 127 units, a filter's to 255. */
int blob_writer_aggregation(struct blob_writer *writer, enum blob_relation relation, const char *name);
/* Ends a Rule: filters that follow belong to the block itself. */
void blob_writer_end_aggregation(struct blob_writer *writer);
/* `name` NULL: none. */
int blob_writer_filter(struct blob_writer *writer, uint32_t field, enum blob_condition condition, const char *name,
                       const char *value, size_t value_size);
/* Takes back the newest block. */
void blob_writer_undo(struct blob_writer *writer);

/* Hands the blob over, NULL with size 0 when there is no block. The writer is empty afterwards. */
uint8_t *blob_writer_finish(struct blob_writer *writer, size_t *size);
