/* SPDX-License-Identifier: MIT */
#include "linux/arguments.h"

#include <stdlib.h>
#include <string.h>

struct waiting_exec {
    TAILQ_ENTRY(waiting_exec) order;
    struct decoded_exec exec; /* of `record` */
    uint32_t size, capacity;  /* of the arguments */
    bool aged;                /* a whole batch has passed */
    char *arguments;
    char record[];
};

void arguments_open(struct arguments *arguments)
{
    TAILQ_INIT(&arguments->waiting);
    arguments->count = 0;
}

static void forget(struct arguments *arguments, struct waiting_exec *waiting)
{
    TAILQ_REMOVE(&arguments->waiting, waiting, order);
    arguments->count--;
    free(waiting->arguments);
    free(waiting);
}

void arguments_close(struct arguments *arguments)
{
    while (!TAILQ_EMPTY(&arguments->waiting))
        forget(arguments, TAILQ_FIRST(&arguments->waiting));
}

bool arguments_wait(struct arguments *arguments, const void *record, size_t size)
{
    struct waiting_exec *waiting;
    const uint32_t limit = WIRE_ARGUMENTS_CHUNK * (WIRE_ARGUMENTS_CHUNKS + 1);
    uint32_t total;

    if (arguments->count >= ARGUMENTS_MAX_WAITING)
        return false;
    waiting = calloc(1, sizeof *waiting + size);
    if (!waiting)
        return false;
    memcpy(waiting->record, record, size);
    if (decode_exec(&waiting->exec, waiting->record, size))
        goto fail;
    total = waiting->exec.exec->arguments_total;
    waiting->capacity = total < limit ? total : limit;
    if (waiting->capacity < waiting->exec.arguments.size)
        goto fail;
    waiting->arguments = malloc(waiting->capacity + 1u);
    if (!waiting->arguments)
        goto fail;
    waiting->size = waiting->exec.arguments.size;
    memcpy(waiting->arguments, waiting->exec.arguments.data, waiting->size);
    TAILQ_INSERT_TAIL(&arguments->waiting, waiting, order);
    arguments->count++;
    return true;
fail:
    free(waiting);
    return false;
}

static void finish(struct arguments *arguments, struct waiting_exec *waiting, arguments_function *complete, void *context)
{
    complete(context, &waiting->exec, (struct match_text){ waiting->arguments, waiting->size });
    forget(arguments, waiting);
}

void arguments_more(struct arguments *arguments, const void *record, size_t size, arguments_function *complete, void *context)
{
    const struct wire_arguments *more;
    struct waiting_exec *waiting;
    struct match_text text;

    if (decode_arguments(&more, &text, record, size))
        return;
    TAILQ_FOREACH(waiting, &arguments->waiting, order)
        if (waiting->exec.exec->header.pid == more->header.pid && waiting->exec.exec->header.time == more->header.time)
            break;
    if (!waiting)
        return;
    /* A part in between was lost: what is there is a prefix, and stays one. */
    if (more->offset != waiting->size || text.size > waiting->capacity - waiting->size) {
        finish(arguments, waiting, complete, context);
        return;
    }
    memcpy(waiting->arguments + waiting->size, text.data, text.size);
    waiting->size += text.size;
    waiting->aged = false;
    if (waiting->size == waiting->capacity)
        finish(arguments, waiting, complete, context);
}

void arguments_give_up(struct arguments *arguments, uint32_t pid, arguments_function *complete, void *context)
{
    struct waiting_exec *waiting = TAILQ_FIRST(&arguments->waiting), *next;

    for (; waiting; waiting = next) {
        next = TAILQ_NEXT(waiting, order);
        if (pid ? waiting->exec.exec->header.pid == pid : waiting->aged)
            finish(arguments, waiting, complete, context);
        else if (!pid)
            waiting->aged = true;
    }
}
