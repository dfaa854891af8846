/* SPDX-License-Identifier: MIT */
/*
 * Values with environment variables (spec 03 section 8, Windows): what they stand for depends on the session of the event, so
 * they are compared plainly, when the event is there.
 */
#include "matcher.h"

#include "fold.h"

struct value {
    const uint8_t *bytes; /* folded */
    uint32_t size;
};

struct subject {
    const uint8_t *text;
    uint32_t size;
};

static bool equals(struct subject s, struct value v)
{
    return fold_compare(s.text, s.size, v.bytes, v.size) == 0;
}

static bool occurs(struct subject s, struct value v)
{
    const uint8_t *end = s.text + s.size;

    while (s.text < end) {
        struct fold_unit unit;

        if (fold_begins(s.text, s.size, v.bytes, v.size) >= 0)
            return true;
        s.text += fold_forward(s.text, end, &unit);
        s.size = (uint32_t)(end - s.text);
    }
    return false;
}

static const uint8_t *find_byte(const uint8_t *bytes, uint32_t size, uint8_t byte)
{
    for (; size; bytes++, size--)
        if (*bytes == byte)
            return bytes;
    return NULL;
}

static bool image(struct subject s, struct value v, bool slash)
{
    uint32_t name = s.size;

    if (find_byte(v.bytes, v.size, '\\') || (slash && find_byte(v.bytes, v.size, '/')))
        return equals(s, v);
    while (name > 0 && s.text[name - 1] != '\\' && !(slash && s.text[name - 1] == '/'))
        name--;
    return equals((struct subject){ s.text + name, s.size - name }, v);
}

/* Takes the next token off the value; an empty one searches for all that follows. False after the last. */
static bool next_token(struct value *rest, bool *more, bool whole_rest, struct value *token)
{
    const uint8_t *separator = find_byte(rest->bytes, rest->size, ';');

    if (!*more)
        return false;
    token->bytes = rest->bytes;
    token->size = separator ? (uint32_t)(separator - rest->bytes) : rest->size;
    *more = separator != NULL;
    if (separator) {
        uint32_t taken = token->size + 1;

        if (token->size == 0 && whole_rest)
            token->size = rest->size;
        rest->bytes += taken;
        rest->size -= taken;
    }
    return true;
}

/* Do any (`wanted` true) or not all (`wanted` false) of the tokens occur? Returns whether such a token exists. */
static bool token_exists(struct subject s, struct value v, bool is, bool wanted)
{
    struct value token;
    bool more = true;

    while (next_token(&v, &more, !is, &token))
        if ((is ? equals(s, token) : occurs(s, token)) == wanted)
            return true;
    return false;
}

static bool holds(uint32_t condition, struct subject s, struct value v, bool slash)
{
    switch (condition) {
    case BLOB_IS: return equals(s, v);
    case BLOB_IS_NOT: return !equals(s, v);
    case BLOB_CONTAINS: return occurs(s, v);
    case BLOB_CONTAINS_ANY: return token_exists(s, v, false, true);
    case BLOB_IS_ANY: return token_exists(s, v, true, true);
    case BLOB_CONTAINS_ALL: return !token_exists(s, v, false, false);
    case BLOB_EXCLUDES: return !occurs(s, v);
    case BLOB_EXCLUDES_ANY: return !token_exists(s, v, false, true);
    case BLOB_EXCLUDES_ALL: return token_exists(s, v, false, false);
    case BLOB_BEGIN_WITH: return fold_begins(s.text, s.size, v.bytes, v.size) >= 0;
    case BLOB_END_WITH: return fold_ends(s.text, s.size, v.bytes, v.size) >= 0;
    case BLOB_LESS_THAN: return fold_compare(s.text, s.size, v.bytes, v.size) < 0;
    case BLOB_MORE_THAN: return fold_compare(s.text, s.size, v.bytes, v.size) > 0;
    case BLOB_IMAGE: return image(s, v, slash);
    case BLOB_NOT_BEGIN_WITH: return fold_begins(s.text, s.size, v.bytes, v.size) < 0;
    default: return fold_ends(s.text, s.size, v.bytes, v.size) < 0;
    }
}

enum state expand_test(const struct match *m, const struct filter *filter, const struct match_text *text)
{
    const struct ruleset_options *options = &m->rules->options;
    struct subject subject = { (const uint8_t *)text->data, text->size };
    uint8_t *folded = m->expanded + EXPANDED_SIZE;
    int size;

    if (options->flags & RULESET_KERNEL)
        return STATE_FAILED;
    if (!options->expand)
        return STATE_NOMATCH;
    size = options->expand(options->expand_context, m->session, (const char *)m->tag->bytes + filter->value.offset,
                           filter->value.size, (char *)m->expanded, EXPANDED_SIZE);
    if (size < 0 || size > EXPANDED_SIZE)
        return STATE_NOMATCH;
    return holds(filter->condition, subject, (struct value){ folded, fold_text(m->expanded, (uint32_t)size, folded) },
                 m->sink.slash);
}
