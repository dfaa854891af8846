/* SPDX-License-Identifier: MIT */
#include "linux/parked.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What a request carries; most are answered at once and never need an event to be kept. */
struct parked_ticket {
    struct parked_event *event;
    struct archive *archive; /* NULL: only a hash is wanted */
    int fd;                  /* what to archive */
};

struct parked_event {
    struct parked_event *next, *previous; /* among those waiting */
    struct parked_event *behind;          /* of the same process, to follow */
    struct parked *owner;
    uint64_t process;
    size_t size;
    unsigned hash_field;
    struct event event;
    char text[];
};

static bool inside(const struct event *event, const char *text)
{
    return text >= (const char *)event && text < (const char *)(event + 1);
}

static size_t borrowed(const struct event *event)
{
    size_t size = 0;

    for (uint32_t i = 0; i < event->type->field_count; i++)
        size += inside(event, event->text[i].data) ? 0 : event->text[i].size;
    for (uint32_t i = 0; i < event->extra_count; i++)
        size += event->extra[i].text.size;
    return size;
}

static void keep(struct match_text *text, char **at)
{
    memcpy(*at, text->data, text->size);
    text->data = *at;
    *at += text->size;
}

static struct parked_event *copy_of(const struct event *event)
{
    size_t size = sizeof(struct parked_event) + borrowed(event);
    struct parked_event *copy = malloc(size);
    char *at;

    if (!copy)
        return NULL;
    memset(copy, 0, offsetof(struct parked_event, event));
    copy->event = *event;
    copy->size = size;
    at = copy->text;
    for (uint32_t i = 0; i < event->type->field_count; i++) {
        struct match_text *text = &copy->event.text[i];

        if (inside(event, text->data))
            text->data = (const char *)&copy->event + (text->data - (const char *)event);
        else
            keep(text, &at);
    }
    for (uint32_t i = 0; i < event->extra_count; i++)
        keep(&copy->event.extra[i].text, &at);
    return copy;
}

int parked_open(struct parked *parked, struct emitter *emitter, uint32_t mask)
{
    memset(parked, 0, sizeof *parked);
    parked->emitter = emitter;
    parked->mask = mask;
    return hasher_create(&parked->hasher, NULL);
}

static void set_hash(struct event *event, unsigned field, const struct hash_answer *answer, char text[HASH_TEXT_SIZE])
{
    if (!answer->error)
        event_set_text(event, field, text, hash_format(text, &answer->values, false));
}

/* Hash, kind and copy of a deleted file, as far as they could be had. */
static void set_archived(struct event *event, const struct hash_answer *answer, struct archive *archive, int fd)
{
    int result = answer->error ? answer->error
                               : archive_store(archive, fd, event->text[FILE_DELETE_Hashes], event->text[FILE_DELETE_TargetFilename]);

    event_set_number(event, FILE_DELETE_IsExecutable, !answer->error && answer->kind != EXECUTABLE_NONE);
    event_set_string(event, FILE_DELETE_Archived, !result ? "true" : result == -EFBIG ? "false: too large" : "false: not copied");
    close(fd);
}

static void release(struct parked_event *waiting)
{
    struct parked *parked = waiting->owner;

    if (waiting->previous)
        waiting->previous->next = waiting->next;
    else
        parked->first = waiting->next;
    if (waiting->next)
        waiting->next->previous = waiting->previous;
    while (waiting) {
        struct parked_event *behind = waiting->behind;

        accounting_of(&parked->emitter->accounting, waiting->event.type)->held--;
        emitter_emit(parked->emitter, &waiting->event);
        parked->bytes -= waiting->size;
        free(waiting);
        waiting = behind;
    }
}

static void answered(void *context, const struct hash_answer *answer)
{
    struct parked_ticket *ticket = context;
    struct parked_ticket asked = *ticket;
    struct parked_event *waiting = ticket->event;
    char text[HASH_TEXT_SIZE];

    free(ticket);
    if (!waiting) {
        if (asked.archive)
            close(asked.fd);
        return;
    }
    set_hash(&waiting->event, waiting->hash_field, answer, text);
    if (asked.archive)
        set_archived(&waiting->event, answer, asked.archive, asked.fd);
    release(waiting);
}

void parked_close(struct parked *parked)
{
    if (!parked->hasher)
        return;
    hasher_destroy(parked->hasher, answered);
    free(parked->spare);
    parked->hasher = NULL;
    parked->spare = NULL;
}

void parked_collect(struct parked *parked)
{
    hasher_collect(parked->hasher, answered);
}

static bool wait(struct parked *parked, struct parked_ticket *ticket, const struct event *event, unsigned hash_field,
                 uint64_t process)
{
    struct parked_event *copy = copy_of(event);

    if (!copy)
        return false;
    accounting_of(&parked->emitter->accounting, event->type)->held++;
    copy->owner = parked;
    copy->process = process;
    copy->hash_field = hash_field;
    copy->next = parked->first;
    if (copy->next)
        copy->next->previous = copy;
    parked->first = copy;
    parked->bytes += copy->size;
    ticket->event = copy;
    return true;
}

/* HASHER_ANSWERED, HASHER_QUEUED, or negative: there will be no answer. */
static int submit(struct parked *parked, struct hash_request *request, struct hash_answer *answer)
{
    if (!parked->spare)
        parked->spare = calloc(1, sizeof *parked->spare);
    request->mask = parked->mask;
    request->context = parked->spare;
    if (parked->spare && parked->bytes < PARKED_MAX_BYTES)
        return hasher_submit(parked->hasher, request, answer);
    if (request->fd >= 0)
        close(request->fd);
    return -EAGAIN;
}

static void emit(struct parked *parked, struct event *event, unsigned hash_field, struct hash_request *request,
                 uint64_t process, struct archive *archive)
{
    int fd = archive ? fcntl(request->fd, F_DUPFD_CLOEXEC, 3) : -1, state;
    struct hash_answer answer = { .error = -EAGAIN };
    char text[HASH_TEXT_SIZE];

    state = submit(parked, request, &answer);
    if (state == HASHER_QUEUED) {
        struct parked_ticket *ticket = parked->spare;

        parked->spare = NULL;
        ticket->archive = fd >= 0 ? archive : NULL;
        ticket->fd = fd;
        if (wait(parked, ticket, event, hash_field, process))
            return;
        emitter_emit(parked->emitter, event);
        return;
    }
    if (state == HASHER_ANSWERED)
        set_hash(event, hash_field, &answer, text);
    else
        parked->overflows++;
    if (fd >= 0)
        set_archived(event, &answer, archive, fd);
    emitter_emit(parked->emitter, event);
}

void parked_emit(struct parked *parked, struct event *event, unsigned hash_field, struct hash_request *request,
                 uint64_t process)
{
    emit(parked, event, hash_field, request, process, NULL);
}

void parked_emit_deleted(struct parked *parked, struct event *event, struct hash_request *request, struct archive *archive)
{
    emit(parked, event, FILE_DELETE_Hashes, request, 0, archive);
}

bool parked_behind(struct parked *parked, const struct event *event, uint64_t process)
{
    struct parked_event *waiting = parked->first, *copy;

    while (waiting && waiting->process != process)
        waiting = waiting->next;
    if (!waiting)
        return false;
    copy = copy_of(event);
    if (!copy)
        return false;
    accounting_of(&parked->emitter->accounting, event->type)->held++;
    parked->bytes += copy->size;
    while (waiting->behind)
        waiting = waiting->behind;
    waiting->behind = copy;
    return true;
}
