/* SPDX-License-Identifier: MIT */
/*
 * Events that wait for the hash of a file. Others go on meanwhile; only the end of the same process waits behind its start, so
 * that no ProcessTerminate comes before its ProcessCreate.
 */
#pragma once

#include "linux/archive.h"
#include "linux/emitter.h"
#include "linux/hasher.h"

/* Texts held by waiting events; beyond it events go out without the hash. */
#define PARKED_MAX_BYTES (8u << 20)

struct parked_event;
struct parked_ticket;

struct parked {
    struct hasher *hasher;
    struct emitter *emitter;
    struct parked_event *first;  /* of those waiting */
    struct parked_ticket *spare; /* for the next request */
    size_t bytes;
    uint64_t overflows;         /* events that went out without a hash because too much was waiting */
    uint32_t mask;              /* enum hash_algorithm */
};

int parked_open(struct parked *parked, struct emitter *emitter, uint32_t mask);
/* Every waiting event goes out as it is. */
void parked_close(struct parked *parked);

/*
 * Emits the event with the hash of the file in field `hash_field`: at once when the hash is known, else later. `request` is
 * as for hasher_submit(), without mask and context. `process` identifies whose event it is: 0 = nobody's.
 */
void parked_emit(struct parked *parked, struct event *event, unsigned hash_field, struct hash_request *request,
                 uint64_t process);
/*
 * The same for event 23 with the deleted file itself as request->fd: its content goes to the archive once its hash is
 * known, and the fields IsExecutable and Archived tell.
 */
void parked_emit_deleted(struct parked *parked, struct event *event, struct hash_request *request, struct archive *archive);
/* True: the event waits behind an earlier one of the same process. False: emit it now. */
bool parked_behind(struct parked *parked, const struct event *event, uint64_t process);
/* Emits what has its hash now. */
void parked_collect(struct parked *parked);
