/* SPDX-License-Identifier: MIT */
/* Collecting samples; the three ways to print them. */
#include "sysmon/stats.h"

#include "render_buffer.h"
#include "utf8.h"

#include <errno.h>
#include <stdlib.h>

#define PREFIX "sysmon_"
#define TABLE_COLUMNS 16 /* of the text form's event table */

struct sample {
    uint64_t value;
    uint32_t label[STATS_MAX_LABELS]; /* offsets into the label texts */
};

struct family {
    const char *name, *help, *label[STATS_MAX_LABELS];
    enum stats_kind kind;
    unsigned labels;
    size_t first, count; /* samples */
};

struct stats {
    struct family *family;
    struct sample *sample;
    size_t families, family_capacity, samples, sample_capacity;
    struct render_buffer text; /* label values, each terminated */
    bool failed;
};

struct stats *stats_create(void)
{
    return calloc(1, sizeof(struct stats));
}

void stats_destroy(struct stats *stats)
{
    if (!stats)
        return;
    free(stats->family);
    free(stats->sample);
    render_buffer_free(&stats->text);
    free(stats);
}

static bool room(struct stats *stats, void **array, size_t *capacity, size_t count, size_t size)
{
    size_t wanted = *capacity ? *capacity * 2 : 32;
    void *grown;

    if (count < *capacity)
        return true;
    grown = realloc(*array, wanted * size);
    if (!grown) {
        stats->failed = true;
        return false;
    }
    *array = grown;
    *capacity = wanted;
    return true;
}

void stats_family(struct stats *stats, const char *name, enum stats_kind kind, const char *help, const char *label1,
                  const char *label2, const char *label3)
{
    struct family *family;

    if (!room(stats, (void **)&stats->family, &stats->family_capacity, stats->families, sizeof *family))
        return;
    family = &stats->family[stats->families++];
    *family = (struct family){ name, help, { label1, label2, label3 }, kind, 0, stats->samples, 0 };
    while (family->labels < STATS_MAX_LABELS && family->label[family->labels])
        family->labels++;
}

static uint32_t keep(struct stats *stats, const char *text, size_t size)
{
    uint32_t at = (uint32_t)stats->text.size;

    buffer_put(&stats->text, text, size);
    buffer_put(&stats->text, "", 1);
    return at;
}

void stats_value_sized(struct stats *stats, uint64_t value, const char *value1, const char *value2, const char *last, size_t size)
{
    struct family *family = &stats->family[stats->families - 1];
    const char *values[] = { value1, value2 };
    struct sample *sample;

    if (stats->failed || !room(stats, (void **)&stats->sample, &stats->sample_capacity, stats->samples, sizeof *sample))
        return;
    sample = &stats->sample[stats->samples++];
    *sample = (struct sample){ .value = value };
    for (unsigned i = 0; i < family->labels; i++)
        sample->label[i] = i + 1 < family->labels ? keep(stats, values[i], strlen(values[i])) : keep(stats, last, size);
    family->count++;
}

void stats_value(struct stats *stats, uint64_t value, const char *value1, const char *value2, const char *value3)
{
    const char *last = value3 ? value3 : value2 ? value2 : value1 ? value1 : "";

    stats_value_sized(stats, value, value1, value2, last, strlen(last));
}

static const char *label_of(const struct stats *stats, const struct family *family, size_t sample, unsigned label)
{
    return stats->text.data + stats->sample[family->first + sample].label[label];
}

static bool is_time(const struct family *family)
{
    return family->kind == STATS_TIME_COUNTER || family->kind == STATS_TIME_GAUGE;
}

static void put_number(struct render_buffer *out, const struct family *family, uint64_t value)
{
    char fraction[8] = ".";

    if (!is_time(family)) {
        buffer_decimal(out, value);
        return;
    }
    buffer_decimal(out, value / 1000000);
    value %= 1000000;
    for (int i = 6; i >= 1; i--, value /= 10)
        fraction[i] = (char)('0' + value % 10);
    buffer_put(out, fraction, 7);
}

/* Every form takes UTF-8 only: another byte shows as U+FFFD, a control character as `\u00XX` or blank. */
static void put_quoted(struct render_buffer *out, const char *text, bool json)
{
    static const char digits[] = "0123456789abcdef";
    size_t size = strlen(text);

    buffer_literal(out, "\"");
    while (size) {
        unsigned length = utf8_sequence(text, size);
        unsigned char c = (unsigned char)*text;

        if (!length) {
            buffer_literal(out, "\xef\xbf\xbd");
            length = 1;
        } else if (c == '"' || c == '\\') {
            buffer_literal(out, "\\");
            buffer_put(out, text, 1);
        } else if (c == '\n' && !json) {
            buffer_literal(out, "\\n");
        } else if (c < 0x20 && json) {
            buffer_literal(out, "\\u00");
            buffer_put(out, &digits[c >> 4], 1);
            buffer_put(out, &digits[c & 15], 1);
        } else {
            buffer_put(out, text, length);
        }
        text += length;
        size -= length;
    }
    buffer_literal(out, "\"");
}

/* --- Prometheus text format 0.0.4 --------------------------------------------------------------------------------- */

static void metric_name(struct render_buffer *out, const struct family *family)
{
    buffer_literal(out, PREFIX);
    buffer_string(out, family->name);
    if (is_time(family))
        buffer_literal(out, "_seconds");
    if (family->kind == STATS_COUNTER || family->kind == STATS_TIME_COUNTER)
        buffer_literal(out, "_total");
    if (family->kind == STATS_INFO)
        buffer_literal(out, "_info");
}

static void metric_head(struct render_buffer *out, const struct family *family)
{
    bool counter = family->kind == STATS_COUNTER || family->kind == STATS_TIME_COUNTER;

    buffer_literal(out, "# HELP ");
    metric_name(out, family);
    buffer_literal(out, " ");
    buffer_string(out, family->help);
    buffer_literal(out, "\n# TYPE ");
    metric_name(out, family);
    buffer_string(out, counter ? " counter\n" : " gauge\n");
}

static void render_prometheus(const struct stats *stats, struct render_buffer *out)
{
    for (const struct family *family = stats->family; family < stats->family + stats->families; family++) {
        metric_head(out, family);
        for (size_t i = 0; i < family->count; i++) {
            metric_name(out, family);
            for (unsigned label = 0; label < family->labels; label++) {
                buffer_string(out, label ? "," : "{");
                buffer_string(out, family->label[label]);
                buffer_literal(out, "=");
                put_quoted(out, label_of(stats, family, i, label), false);
            }
            buffer_string(out, family->labels ? "} " : " ");
            if (family->kind == STATS_INFO)
                buffer_literal(out, "1");
            else
                put_number(out, family, stats->sample[family->first + i].value);
            buffer_literal(out, "\n");
        }
    }
}

/* --- JSON --------------------------------------------------------------------------------------------------------- */

/* How many leading labels the sample shares with the one before it. */
static unsigned shared_labels(const struct stats *stats, const struct family *family, size_t sample, unsigned depth)
{
    unsigned same = 0;

    while (sample && same < depth && !strcmp(label_of(stats, family, sample, same), label_of(stats, family, sample - 1, same)))
        same++;
    return same;
}

static void json_family(const struct stats *stats, const struct family *family, struct render_buffer *out)
{
    bool info = family->kind == STATS_INFO;
    unsigned depth = family->labels - (info ? 1 : 0); /* the last label of an information is its value */

    if (!family->count) {
        buffer_string(out, depth ? "{}" : "null");
        return;
    }
    if (depth)
        buffer_literal(out, "{");
    for (size_t i = 0; i < family->count; i++) {
        unsigned same = shared_labels(stats, family, i, depth);

        for (unsigned label = same; i && label + 1 < depth; label++)
            buffer_literal(out, "}");
        if (i)
            buffer_literal(out, ",");
        for (unsigned label = same; label < depth; label++) {
            put_quoted(out, label_of(stats, family, i, label), true);
            buffer_string(out, label + 1 < depth ? ":{" : ":");
        }
        if (info)
            put_quoted(out, label_of(stats, family, i, depth), true);
        else
            put_number(out, family, stats->sample[family->first + i].value);
    }
    for (unsigned i = 0; i < depth; i++)
        buffer_literal(out, "}");
}

static void render_json_form(const struct stats *stats, struct render_buffer *out)
{
    buffer_literal(out, "{");
    for (size_t i = 0; i < stats->families; i++) {
        buffer_string(out, i ? ",\n\"" : "\n\"");
        buffer_string(out, stats->family[i].name);
        buffer_string(out, is_time(&stats->family[i]) ? "_seconds\":" : "\":");
        json_family(stats, &stats->family[i], out);
    }
    buffer_literal(out, "\n}\n");
}

/* --- text ---------------------------------------------------------------------------------------------------------- */

static void pad(struct render_buffer *out, size_t from, size_t width)
{
    while (out->size - from < width)
        buffer_literal(out, " ");
}

/* Text for a terminal: nothing that moves the cursor. */
static void put_plain(struct render_buffer *out, const char *text)
{
    for (; *text; text++)
        buffer_put(out, (unsigned char)*text < 0x20 || *text == 0x7f ? "?" : text, 1);
}

static bool in_table(const struct family *family)
{
    return family->labels == 1 && !strcmp(family->label[0], "event") && family->kind != STATS_INFO;
}

static size_t right(struct render_buffer *out, size_t width, const char *text)
{
    for (size_t size = strlen(text); size < width; size++)
        buffer_literal(out, " ");
    buffer_string(out, text);
    return width;
}

/* The families by event, side by side; an event without any value above 0 has no row. */
static void text_table(const struct stats *stats, struct render_buffer *out)
{
    const struct family *column[TABLE_COLUMNS];
    unsigned columns = 0;

    for (size_t i = 0; i < stats->families && columns < TABLE_COLUMNS; i++)
        if (in_table(&stats->family[i]))
            column[columns++] = &stats->family[i];
    if (!columns)
        return;
    pad(out, out->size, 28);
    for (unsigned c = 0; c < columns; c++)
        right(out, 18, column[c]->name);
    buffer_literal(out, "\n");
    for (size_t i = 0; i < column[0]->count; i++) {
        size_t start = out->size;
        uint64_t sum = 0;

        put_plain(out, label_of(stats, column[0], i, 0));
        pad(out, start, 28);
        for (unsigned c = 0; c < columns; c++) {
            uint64_t value = i < column[c]->count ? stats->sample[column[c]->first + i].value : 0;
            char digits[FORMAT_DECIMAL_SIZE + 1];

            digits[format_decimal(digits, value)] = '\0';
            right(out, 18, digits);
            sum += value;
        }
        buffer_literal(out, "\n");
        if (!sum)
            out->size = start;
    }
    buffer_literal(out, "\n");
}

static void text_samples(const struct stats *stats, const struct family *family, struct render_buffer *out)
{
    for (size_t i = 0; i < family->count; i++) {
        size_t start = out->size;
        unsigned named = family->labels - (family->kind == STATS_INFO ? 1 : 0);

        buffer_string(out, family->name);
        for (unsigned label = 0; label < named; label++) {
            buffer_literal(out, "  ");
            put_plain(out, label_of(stats, family, i, label));
        }
        buffer_literal(out, " ");
        pad(out, start, 64);
        if (family->kind == STATS_INFO)
            put_plain(out, label_of(stats, family, i, named));
        else
            put_number(out, family, stats->sample[family->first + i].value);
        buffer_string(out, is_time(family) ? " s\n" : "\n");
    }
}

static void render_text_form(const struct stats *stats, struct render_buffer *out)
{
    bool table = false;

    for (const struct family *family = stats->family; family < stats->family + stats->families; family++) {
        if (in_table(family) && !table) {
            buffer_literal(out, "\n");
            text_table(stats, out);
            table = true;
        } else if (!in_table(family)) {
            text_samples(stats, family, out);
        }
    }
}

int stats_render(const struct stats *stats, enum stats_format format, char **out, size_t *size)
{
    struct render_buffer buffer = { 0 };

    if (stats->failed || stats->text.failed)
        return -ENOMEM;
    if (format == STATS_JSON)
        render_json_form(stats, &buffer);
    else if (format == STATS_PROMETHEUS)
        render_prometheus(stats, &buffer);
    else
        render_text_form(stats, &buffer);
    buffer_put(&buffer, "", 1);
    if (buffer.failed) {
        render_buffer_free(&buffer);
        return -ENOMEM;
    }
    *out = buffer.data;
    *size = buffer.size - 1;
    return 0;
}

int stats_format_parse(const char *name, enum stats_format *out)
{
    static const char *const names[] = { "text", "json", "prometheus" };

    for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(names[i], name)) {
            *out = (enum stats_format)i;
            return 0;
        }
    return -EINVAL;
}
