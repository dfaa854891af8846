/* SPDX-License-Identifier: MIT */
/* Why an event was, or was not, logged: the sequential evaluation, watched. */
#include "matcher.h"

#include <string.h>

struct comparison {
    const struct filter *filter;
    enum state result;
};

struct watch {
    struct comparison seen[EXPLAIN_MAX_FILTERS];
    uint32_t count;
};

/* Other items than the last do not decide an OR block. */
static void note(struct sequence *s, const struct block *block, const struct filter *filter, enum state result)
{
    struct watch *w = s->context;

    if (block->relation == BLOB_OR && w->count &&
        (filter->rule == NONE || w->seen[w->count - 1].filter->rule != filter->rule))
        w->count = 0;
    if (w->count == EXPLAIN_MAX_FILTERS) {
        memmove(w->seen, w->seen + 1, sizeof(w->seen) - sizeof(w->seen[0]));
        w->count--;
    }
    w->seen[w->count++] = (struct comparison){ filter, result };
}

/* In an AND block that ended without a match: does the failure of this filter belong to what ended it? */
static bool ended(const struct tag *tag, const struct comparison *c, const struct comparison *last)
{
    if (c->filter->rule != last->filter->rule || c->result == STATE_MATCH)
        return false;
    if (c->filter->rule == NONE)
        return c->filter->field == last->filter->field;
    return tag->rules[c->filter->rule].relation == BLOB_OR || c == last;
}

static bool decides(const struct tag *tag, const struct block *block, enum state result, const struct comparison *c,
                    const struct comparison *last)
{
    switch (result) {
    case STATE_MATCH: return c->result == STATE_MATCH;
    case STATE_FAILED: return c == last;
    default: return block->relation == BLOB_AND && ended(tag, c, last);
    }
}

static struct match_text text_of(const struct tag *tag, struct bytes bytes)
{
    return (struct match_text){ (const char *)tag->bytes + bytes.offset, bytes.size };
}

static void describe(const struct match *m, const struct block *block, const struct comparison *c, struct explain_filter *out)
{
    const struct catalogue_event *own = catalogue_find(block->event_id);
    const struct filter *filter = c->filter;

    *out = (struct explain_filter){ .condition = blob_condition_name(filter->condition),
                                    .result = (enum explain_result)c->result };
    if (m->rules->options.flags & RULESET_EXPLAIN)
        out->value = text_of(m->tag, filter->text);
    out->name = text_of(m->tag, filter->name);
    if (filter->rule != NONE)
        out->rule = filter->rule - block->first_rule + 1;
    if (filter->field < own->field_count)
        out->field = own->fields[filter->field].name;
    if (applies(block, m->member, filter->field))
        out->text = match_field(m, filter->field);
}

struct reporter {
    void (*report)(void *context, const struct explain_block *block);
    void *context;
};

static void report_block(struct sequence *s, const struct reporter *r, uint32_t index, enum state result)
{
    const struct tag *tag = s->match->tag;
    const struct block *block = &tag->blocks[index];
    const struct watch *w = s->context;
    struct explain_filter deciding[EXPLAIN_MAX_FILTERS];
    struct explain_block out = { .index = index, .exclude = block->default_action == BLOB_DEFAULT_INCLUDE,
                                 .and_relation = block->relation == BLOB_AND, .filter_count = block->filter_count,
                                 .result = (enum explain_result)result, .deciding = deciding };

    for (uint32_t i = 0; i < w->count; i++)
        if (decides(tag, block, result, &w->seen[i], &w->seen[w->count - 1]))
            describe(s->match, block, &w->seen[i], &deciding[out.deciding_count++]);
    r->report(r->context, &out);
}

void ruleset_explain(const struct ruleset *rules, const struct catalogue_event *event, const struct match_text *fields,
                     uint32_t session, void *scratch, void (*report)(void *context, const struct explain_block *block),
                     void *context, struct match_result *result)
{
    const struct tag *tag = rules->tag[event - catalogue_events];
    const struct reporter reporter = { report, context };
    struct watch watch = { .count = 0 };
    struct sequence s = { .compared = note, .context = &watch };
    struct match m;

    if (tag) {
        match_begin(&m, rules, tag, event, fields, session, scratch);
        s.match = &m;
        for (uint32_t i = 0; i < tag->block_count; i++) {
            enum state state;

            watch.count = 0;
            state = sequence_block(&s, &tag->blocks[i]);
            report_block(&s, &reporter, i, state);
            if (state == STATE_MATCH)
                break;
        }
    }
    ruleset_match(rules, event, fields, session, scratch, result);
}
