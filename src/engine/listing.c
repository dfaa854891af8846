/* SPDX-License-Identifier: MIT */
/* A rules blob in words (spec 05 section 7). */
#include "sysmon/listing.h"

#include <string.h>

/* Units printed at a time. */
#define PIECE 256

static void print_piece(FILE *out, const struct blob_text *piece)
{
    char text[PIECE * 3];
    uint32_t size = blob_text_utf8(piece, text, sizeof text);

    for (uint32_t i = 0; i < size; i++)
        fputc((unsigned char)text[i] < 0x20 && !strchr("\t\n", text[i]) ? '?' : text[i], out);
}

static void print_text(FILE *out, struct blob_text text, uint32_t limit)
{
    if (text.units > limit)
        text.units = limit;
    while (text.units > 0) {
        struct blob_text piece = { text.data, text.units < PIECE ? text.units : PIECE };

        if (piece.units == PIECE && (blob_unit(&piece, PIECE - 1) & 0xfc00) == 0xd800)
            piece.units--; /* keep surrogates together */
        print_piece(out, &piece);
        text.data += 2 * piece.units;
        text.units -= piece.units;
    }
}

static void print_field(FILE *out, const struct catalogue_event *event, uint32_t field)
{
    if (field < event->field_count)
        fprintf(out, "%-30s", event->fields[field].name);
    else
        fprintf(out, "%-30s", "(unknown field)");
}

static void print_filter(FILE *out, const struct catalogue_event *event, const struct blob_filter *filter)
{
    fputs(filter->aggregation_id ? "\t    " : "\t", out);
    print_field(out, event, filter->field);
    fprintf(out, " filter: %-12s value: '", blob_condition_name(filter->condition));
    print_text(out, filter->value, UINT32_MAX);
    fputs("'\n", out);
}

static int print_rule(FILE *out, const struct blob *blob, const struct blob_filter *filter)
{
    struct blob_aggregation rule;
    int rc = blob_aggregation(blob, filter, &rule);

    if (rc != BLOB_ITEM)
        return rc;
    fputs("\tCompound Rule ", out);
    if (rule.name.units)
        print_text(out, rule.name, 32);
    else
        fprintf(out, "%04u", (unsigned)rule.id);
    fprintf(out, "   combine using %s\n", rule.relation == BLOB_AND ? "And" : "Or");
    return 0;
}

static int print_filters(FILE *out, const struct blob *blob, const struct blob_block *block)
{
    const struct catalogue_event *event = catalogue_find(block->event_id);
    struct blob_filter filter;
    uint32_t rule = 0;
    int rc = blob_first_filter(blob, block, &filter);

    for (; rc == BLOB_ITEM; rc = blob_next_filter(blob, &filter)) {
        if (filter.aggregation_id && filter.aggregation_id != rule && print_rule(out, blob, &filter) < 0)
            return BLOB_E_INVALID;
        rule = filter.aggregation_id;
        print_filter(out, event, &filter);
    }
    return rc;
}

static void print_block(FILE *out, const char *tag, const struct blob_block *block)
{
    fprintf(out, " - %-34s onmatch: %s   combine rules using '%s'\n", tag,
            block->default_action == BLOB_DEFAULT_EXCLUDE ? "include" : "exclude", block->relation == BLOB_AND ? "And" : "Or");
}

int listing_print(FILE *out, const void *data, size_t size, unsigned flags)
{
    const char *last_tag = "", *tag;
    uint32_t last_default = UINT32_MAX;
    struct blob_block block;
    struct blob blob;
    int rc;

    if (!data || !size) {
        fputs("No rules installed\n", out);
        return 0;
    }
    rc = blob_open(&blob, data, size);
    if (rc)
        return rc;
    if (flags & LISTING_TITLE)
        fprintf(out, "Rule configuration (version %u.%02u):\n", (unsigned)(blob.schema_version >> 16),
                (unsigned)(blob.schema_version & 0xffff));
    for (rc = blob_first_block(&blob, &block); rc == BLOB_ITEM; rc = blob_next_block(&blob, &block)) {
        tag = catalogue_find(block.event_id)->tag;
        tag = tag ? tag : "-";
        if (!(flags & LISTING_ALL) && !strcmp(tag, last_tag) && block.default_action == last_default)
            continue;
        last_tag = tag;
        last_default = block.default_action;
        print_block(out, tag, &block);
        if (print_filters(out, &blob, &block) < 0)
            return BLOB_E_INVALID;
    }
    return rc;
}
