/* SPDX-License-Identifier: MIT */
#include "linux/attachments.h"

#include "sensor.skel.h"

#define PROGRAM(name)                                                            \
    static struct bpf_program *name##_program(const struct sensor_bpf *programs) \
    {                                                                            \
        return programs->progs.name;                                             \
    }

PROGRAM(process_exec)
PROGRAM(process_fork)
PROGRAM(process_exit)
PROGRAM(process_running)
PROGRAM(socket_state)
PROGRAM(socket_destroyed)
PROGRAM(socket_peer4)
PROGRAM(socket_peer6)
PROGRAM(socket_owners)
PROGRAM(socket_listeners)

const struct attachment attachments[] = {
    { process_exec_program, "sched_process_exec", ATTACH_RAW, ATTACH_REQUIRED, ALWAYS, WIRE_EXEC },
    { process_fork_program, "sched_process_fork", ATTACH_RAW, ATTACH_REQUIRED, ALWAYS, WIRE_FORK },
    { process_exit_program, "sched_process_exit", ATTACH_RAW, ATTACH_REQUIRED, ALWAYS, WIRE_EXIT },
    { process_running_program, NULL, ATTACH_ITERATOR, ATTACH_REQUIRED, ALWAYS, 0 },
    { socket_state_program, "inet_sock_set_state", ATTACH_RAW, ATTACH_REQUIRED, SENSOR_TCP, WIRE_CONNECTION },
    { socket_destroyed_program, "tcp_destroy_sock", ATTACH_RAW, ATTACH_REQUIRED, SENSOR_TCP, 0 },
    { socket_peer4_program, NULL, ATTACH_CGROUP, 0, SENSOR_TCP, 0 },
    { socket_peer6_program, NULL, ATTACH_CGROUP, 0, SENSOR_TCP, 0 },
    { socket_owners_program, NULL, ATTACH_ITERATOR, ATTACH_REQUIRED, SENSOR_TCP, 0 },
    { socket_listeners_program, NULL, ATTACH_ITERATOR, ATTACH_REQUIRED, SENSOR_TCP, 0 },
};
const unsigned attachment_count = sizeof attachments / sizeof attachments[0];
_Static_assert(sizeof attachments / sizeof attachments[0] <= SENSOR_MAX_ATTACHMENTS, "raise the limit");
