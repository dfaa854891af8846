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
PROGRAM(packet_out)
PROGRAM(packet_in)
PROGRAM(socket_bound4)
PROGRAM(socket_bound6)
PROGRAM(dns_connect4)
PROGRAM(dns_connect6)
PROGRAM(dns_sendmsg4)
PROGRAM(dns_sendmsg6)
PROGRAM(change_time_set)
PROGRAM(change_time_exchanged)
PROGRAM(change_time_kept)
PROGRAM(name_changed)
PROGRAM(file_opened)
PROGRAM(process_traced)
PROGRAM(memory_read)
PROGRAM(memory_written)
PROGRAM(name_bound)
PROGRAM(name_connected)
PROGRAM(bpf_called)
PROGRAM(module_loaded)
PROGRAM(image_changed)

#define SENSOR_NAMES (SENSOR_CREATE | SENSOR_DELETE)
#define SENSOR_CHANGES (SENSOR_NAMES | SENSOR_PIPE | SENSOR_TIMES | SENSOR_ATTRIBUTE)
#define SENSOR_OPENS (SENSOR_CREATE | SENSOR_RAW | SENSOR_PIPE | SENSOR_ACCESS)
#define SENSOR_MKNOD (SENSOR_CREATE | SENSOR_PIPE)

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
    { packet_out_program, NULL, ATTACH_CGROUP, 0, SENSOR_UDP | SENSOR_DNS, WIRE_CONNECTION },
    { packet_in_program, NULL, ATTACH_CGROUP, 0, SENSOR_UDP | SENSOR_DNS, WIRE_CONNECTION },
    { socket_bound4_program, NULL, ATTACH_CGROUP, 0, SENSOR_UDP, 0 },
    { socket_bound6_program, NULL, ATTACH_CGROUP, 0, SENSOR_UDP, 0 },
    { dns_connect4_program, NULL, ATTACH_CGROUP, 0, SENSOR_DNS, 0 },
    { dns_connect6_program, NULL, ATTACH_CGROUP, 0, SENSOR_DNS, 0 },
    { dns_sendmsg4_program, NULL, ATTACH_CGROUP, 0, SENSOR_DNS, 0 },
    { dns_sendmsg6_program, NULL, ATTACH_CGROUP, 0, SENSOR_DNS, 0 },
    { change_time_set_program, "inode_set_ctime_to_ts", ATTACH_RAW, 0, SENSOR_CHANGES, WIRE_DELETED },
    { change_time_exchanged_program, "ctime_ns_xchg", ATTACH_RAW, 0, SENSOR_CHANGES, WIRE_DELETED },
    { change_time_kept_program, "ctime_xchg_skip", ATTACH_RAW, 0, SENSOR_CHANGES, WIRE_DELETED },
    { name_changed_program, "syscalls/sys_exit_unlink", ATTACH_TRACEPOINT, 0, SENSOR_DELETE, WIRE_DELETED },
    { name_changed_program, "syscalls/sys_exit_unlinkat", ATTACH_TRACEPOINT, ATTACH_REQUIRED, SENSOR_DELETE, WIRE_DELETED },
    { name_changed_program, "syscalls/sys_exit_rename", ATTACH_TRACEPOINT, 0, SENSOR_NAMES, WIRE_DELETED },
    { name_changed_program, "syscalls/sys_exit_renameat", ATTACH_TRACEPOINT, 0, SENSOR_NAMES, WIRE_DELETED },
    { name_changed_program, "syscalls/sys_exit_renameat2", ATTACH_TRACEPOINT, ATTACH_REQUIRED, SENSOR_NAMES, WIRE_DELETED },
    { name_changed_program, "syscalls/sys_exit_link", ATTACH_TRACEPOINT, 0, SENSOR_CREATE, WIRE_CREATED },
    { name_changed_program, "syscalls/sys_exit_linkat", ATTACH_TRACEPOINT, ATTACH_REQUIRED, SENSOR_CREATE, WIRE_CREATED },
    { name_changed_program, "syscalls/sys_exit_symlink", ATTACH_TRACEPOINT, 0, SENSOR_MKNOD, WIRE_CREATED },
    { name_changed_program, "syscalls/sys_exit_symlinkat", ATTACH_TRACEPOINT, ATTACH_REQUIRED, SENSOR_MKNOD, WIRE_CREATED },
    { name_changed_program, "syscalls/sys_exit_mknod", ATTACH_TRACEPOINT, 0, SENSOR_MKNOD, WIRE_CREATED },
    { name_changed_program, "syscalls/sys_exit_mknodat", ATTACH_TRACEPOINT, ATTACH_REQUIRED, SENSOR_MKNOD, WIRE_CREATED },
    { name_changed_program, "syscalls/sys_exit_utimensat", ATTACH_TRACEPOINT, 0, SENSOR_TIMES, WIRE_TIMES },
    { name_changed_program, "syscalls/sys_exit_utimes", ATTACH_TRACEPOINT, 0, SENSOR_TIMES, WIRE_TIMES },
    { name_changed_program, "syscalls/sys_exit_utime", ATTACH_TRACEPOINT, 0, SENSOR_TIMES, WIRE_TIMES },
    { name_changed_program, "syscalls/sys_exit_futimesat", ATTACH_TRACEPOINT, 0, SENSOR_TIMES, WIRE_TIMES },
    { name_changed_program, "syscalls/sys_exit_setxattr", ATTACH_TRACEPOINT, 0, SENSOR_ATTRIBUTE, WIRE_ATTRIBUTE },
    { name_changed_program, "syscalls/sys_exit_lsetxattr", ATTACH_TRACEPOINT, 0, SENSOR_ATTRIBUTE, WIRE_ATTRIBUTE },
    { name_changed_program, "syscalls/sys_exit_fsetxattr", ATTACH_TRACEPOINT, 0, SENSOR_ATTRIBUTE, WIRE_ATTRIBUTE },
    { file_opened_program, "syscalls/sys_exit_open", ATTACH_TRACEPOINT, 0, SENSOR_OPENS, WIRE_CREATED },
    { file_opened_program, "syscalls/sys_exit_openat", ATTACH_TRACEPOINT, ATTACH_REQUIRED, SENSOR_OPENS, WIRE_CREATED },
    { file_opened_program, "syscalls/sys_exit_openat2", ATTACH_TRACEPOINT, 0, SENSOR_OPENS, WIRE_CREATED },
    { file_opened_program, "syscalls/sys_exit_creat", ATTACH_TRACEPOINT, 0, SENSOR_OPENS, WIRE_CREATED },
    { process_traced_program, "syscalls/sys_exit_ptrace", ATTACH_TRACEPOINT, 0, SENSOR_ACCESS, WIRE_ACCESS },
    { memory_read_program, "syscalls/sys_exit_process_vm_readv", ATTACH_TRACEPOINT, 0, SENSOR_ACCESS, WIRE_ACCESS },
    { memory_written_program, "syscalls/sys_exit_process_vm_writev", ATTACH_TRACEPOINT, 0, SENSOR_ACCESS, WIRE_ACCESS },
    { name_bound_program, "syscalls/sys_exit_bind", ATTACH_TRACEPOINT, 0, SENSOR_PIPE, WIRE_PIPE },
    { name_connected_program, "syscalls/sys_exit_connect", ATTACH_TRACEPOINT, 0, SENSOR_PIPE, WIRE_PIPE },
    { bpf_called_program, "syscalls/sys_exit_bpf", ATTACH_TRACEPOINT, 0, SENSOR_PROGRAM, WIRE_PROGRAM },
    { module_loaded_program, "module_load", ATTACH_RAW, 0, SENSOR_MODULE, WIRE_MODULE },
    { image_changed_program, "syscalls/sys_exit_prctl", ATTACH_TRACEPOINT, 0, SENSOR_TAMPER, WIRE_TAMPERED },
};
const unsigned attachment_count = sizeof attachments / sizeof attachments[0];
_Static_assert(sizeof attachments / sizeof attachments[0] <= SENSOR_MAX_ATTACHMENTS, "raise the limit");
