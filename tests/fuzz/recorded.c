/* SPDX-License-Identifier: MIT */
/* Any line as a recorded event. What is read must be a sound event that renders to a line which reads as the same event. */
#include "cli/recorded.h"
#include "sysmon/render.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void need(bool condition)
{
    if (!condition)
        abort();
}

static void render(const struct recorded *recorded, struct render_buffer *buffer)
{
    const struct render_host host = { .computer = recorded->computer[0] ? recorded->computer : "-" };

    need(render_event(buffer, RENDER_JSON, &recorded->event, &host) > 0);
}

/* The second reading starts from our own form, so from there on nothing may change. */
static void go_round(const struct recorded *first)
{
    struct render_buffer once = { NULL }, twice = { NULL };
    struct recorded again = { .strings = NULL };

    render(first, &once);
    need(recorded_read(&again, once.data, once.size - 1, (enum catalogue_system)first->event.system) == RECORDED_EVENT);
    for (uint32_t i = 1; i < first->event.type->field_count; i++)
        need(again.event.text[i].size == first->event.text[i].size &&
             !memcmp(again.event.text[i].data, first->event.text[i].data, first->event.text[i].size));
    render(&again, &twice);
    need(once.size == twice.size && !memcmp(once.data, twice.data, once.size));
    render_buffer_free(&once);
    render_buffer_free(&twice);
    recorded_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct recorded recorded = { .strings = NULL };
    char *line = malloc(size + !size);

    if (size)
        memcpy(line, data, size);
    if (recorded_read(&recorded, line, size, (enum catalogue_system)0) == RECORDED_EVENT)
        go_round(&recorded);
    recorded_free(&recorded);
    free(line);
    return 0;
}
