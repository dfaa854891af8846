/* SPDX-License-Identifier: MIT */
/* The kernel half from user space: load, attach, read records, read counters. */
#pragma once

#include "linux/bpf/sensor.h"
#include "sysmon/wire_linux.h"

#include <stdbool.h>
#include <stddef.h>

struct sensor;

/* Gets one record; `size` is at least that of a header and equals header.size. Untrusted: decode.h checks. */
typedef void sensor_record_function(void *context, const void *record, size_t size);

/*
 * Loads the programs and attaches those that `features` need. On failure a message for the user is in `error`, and the
 * exit code of exit_codes.h for it is returned; 0 = success.
 */
int sensor_open(struct sensor **out, uint32_t features, sensor_record_function *record, void *context, char *error,
                size_t error_size);
/* Attaches what is missing, detaches what is not needed any more. 0 or a negative errno. */
int sensor_observe(struct sensor *sensor, uint32_t features);
/* Stops recording. What is in the ring can still be drained. */
void sensor_detach(struct sensor *sensor);
void sensor_close(struct sensor *sensor);

/* Takes stock: one WIRE_RUNNING record for every process, and the sensor's own tables filled. 0 or a negative errno. */
int sensor_running(struct sensor *sensor, sensor_record_function *record, void *context);

/* Readable when records wait, after sensor_sleep(). */
int sensor_descriptor(const struct sensor *sensor);
/* Delivers every record that is there; returns how many, or a negative errno. */
int sensor_drain(struct sensor *sensor);
/*
 * Announces that the reader will wait on the descriptor: from now on the next record makes it readable. False when
 * records arrived in between: drain again instead of waiting.
 */
bool sensor_sleep(struct sensor *sensor);

/* Connections whose process is not known yet: call sensor_claim() a little later. */
unsigned sensor_unclaimed(const struct sensor *sensor);
/*
 * Looks for their processes among all open files; what is found comes as records. Those that have waited since before
 * `give_up` (CLOCK_BOOTTIME, ns) are delivered through `record` as they are.
 */
void sensor_claim(struct sensor *sensor, uint64_t give_up);

/* Bytes that wait in the ring. */
uint64_t sensor_backlog(const struct sensor *sensor);
/* Moves with every loss the programs know of; cheap. */
uint64_t sensor_losses(const struct sensor *sensor);
/*
 * Sums over processors, by enum wire_type; both have WIRE_TYPE_COUNT elements. `missed`: calls of the programs of that type
 * that the kernel left out because the program was running already; not in the counters' `seen`.
 */
int sensor_counters(const struct sensor *sensor, struct wire_counters *out, uint64_t *missed);
