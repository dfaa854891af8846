/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/*
 * Records of the Linux sensor: what the BPF programs of src/linux/bpf write into the ring and src/linux/decode.c reads.
 *
 * A record is a fixed structure that begins with struct wire_header, followed by texts, one behind the other, whose sizes
 * stand in the fixed part. Two kinds of text:
 *   plain  bytes as they are;
 *   path   components from the leaf to the root, each ended by NUL: `ls\0bin\0usr\0` is /usr/bin/ls, no bytes at all is `/`.
 *          The kernel walks a path upwards, so this is the order in which it can be written without a second pass.
 *
 * Times are CLOCK_BOOTTIME in nanoseconds, numbers are in the machine's order, process ids are those of the initial
 * namespace. The reader trusts nothing: sizes are checked against the record.
 */
#pragma once

#ifndef __bpf__
#include <stddef.h>
#include <stdint.h>
#endif

enum wire_type {
    WIRE_EXEC = 1, /* a program was started: struct wire_exec */
    WIRE_ARGUMENTS, /* more of the arguments of the WIRE_EXEC before it: struct wire_arguments */
    WIRE_EXIT,     /* the last thread of a process ended: struct wire_exit */
    WIRE_FORK,     /* a process was made that runs on in its maker's program: struct wire_fork */
    WIRE_RUNNING,  /* a process that runs since before the sensor: struct wire_exec without arguments; not from the ring */
    WIRE_CONNECTION, /* struct wire_connection */
    WIRE_DNS,        /* a packet from or to port 53: struct wire_dns */
    WIRE_CREATED,    /* a file got a name: struct wire_name */
    WIRE_DELETED,    /* a file lost a name: struct wire_name */
    WIRE_RAW,        /* a block device was opened: struct wire_name */
    WIRE_PIPE,       /* a named pipe or socket was made or connected to: struct wire_name */
    WIRE_TIMES,      /* a file's times were set: struct wire_name */
    WIRE_ATTRIBUTE,  /* an extended attribute was set: struct wire_name */
    WIRE_ACCESS,     /* a process reached into another: struct wire_access */
    WIRE_PROGRAM,    /* a BPF program was loaded or attached: struct wire_program */
    WIRE_MODULE,     /* a kernel module was loaded: struct wire_name; `how`: enum wire_module; the argument is its name, padded */
    WIRE_TAMPERED,   /* a process changed the file it says it runs: struct wire_name, the new one */
    WIRE_TYPE_COUNT
};

enum wire_flag {
    WIRE_ARGUMENTS_CUT = 1,   /* the process has more arguments than were sent */
    WIRE_ARGUMENTS_FOLLOW = 2, /* WIRE_ARGUMENTS records with the rest follow */
    WIRE_PATH_CUT = 4,        /* a path has more components than the walk allows; the ones at the root are missing */
    WIRE_PATH_DETACHED = 8,   /* the image is not below the process's root (memfd, unmounted, …) */
    WIRE_PATH_AMBIGUOUS = 16, /* the file system is mounted more than once: the path may go through another mount */
    WIRE_PATH_NONE = 32,      /* no path could be had from the kernel: only base and argument */
};

#define WIRE_PATH_COMPONENTS 128 /* walk limit */
#define WIRE_PATH_SIZE 4096      /* bytes of a path text, at most; then WIRE_PATH_CUT */
#define WIRE_RECORD_MAX 32768
#define WIRE_ARGUMENTS_CHUNK 16384
#define WIRE_ARGUMENTS_CHUNKS 16 /* hence 256 KiB of arguments */

/* Identity of the process that acted. A process is (pid, start); the program it runs is `image`. */
struct wire_header {
    uint32_t size;  /* of the whole record */
    uint16_t type;  /* enum wire_type */
    uint16_t flags; /* enum wire_flag */
    uint64_t time;
    uint64_t start; /* when the process was created (clone, not exec) */
    uint64_t image; /* time of the exec that gave the process its program; inherited by fork; 0 = not known to the sensor */
    uint32_t pid, tid;
    uint32_t euid;
    uint32_t parent_pid;
};

/* A file as the kernel knows it; enough to recognise it again. */
struct wire_file {
    uint64_t inode;
    uint64_t size;
    int64_t mtime_seconds, ctime_seconds;
    uint32_t mtime_nanoseconds, ctime_nanoseconds;
    uint32_t device; /* kernel encoding: major << 20 | minor */
    uint32_t generation;
    uint32_t links;
    uint32_t mode;
};

struct wire_exec {
    struct wire_header header;
    struct wire_file file; /* the program */
    uint64_t parent_start, parent_image;
    uint32_t parent_euid;
    uint32_t uid, login_uid, audit_session, session; /* session: of setsid(), its leader's pid */
    uint32_t pid_namespace, mount_namespace;         /* inode numbers */
    uint32_t arguments_total;                        /* bytes, all of them */
    /* sizes of the texts, in this order */
    uint32_t image_size;     /* path */
    uint32_t directory_size; /* path: the working directory */
    uint32_t cgroup_size;    /* path */
    uint32_t tty_size;       /* plain */
    uint32_t arguments_size; /* plain: arguments, each ended by NUL, first part */
};

struct wire_arguments {
    struct wire_header header;
    uint32_t offset; /* of this part in the whole */
    uint32_t arguments_size;
};

struct wire_exit {
    struct wire_header header;
    uint32_t exit_code; /* as wait() reports it */
    uint32_t reserved;
};

/* Not sent for vfork and posix_spawn, whose child shares the maker's memory until it runs a program of its own. */
struct wire_fork {
    struct wire_header header; /* of the child */
    uint64_t maker_start;      /* the process that called fork; not always the parent */
    uint32_t maker_pid;
    uint32_t reserved;
};

/*
 * A TCP connection that was made, refused or accepted, or the first datagram of a UDP flow. The header's process is
 * the one that connected, accepted or sent; when it could not be told, pid is 0.
 */
struct wire_connection {
    struct wire_header header; /* its time: of the connect call, of the end of the handshake, of the datagram */
    uint64_t socket;           /* the socket while it lives */
    uint32_t net_namespace;
    int32_t error;             /* of a connection attempt that failed: errno */
    uint8_t ipv6, protocol;    /* protocol: IPPROTO_TCP, IPPROTO_UDP */
    uint8_t initiated;         /* by this side */
    uint8_t guessed;           /* the process is that of the listening socket: who accepts is not known */
    uint16_t local_port, remote_port;
    uint8_t local[16], remote[16]; /* IPv4: the first 4 bytes */
};

/*
 * A UDP datagram, or (a piece of) what one TCP segment carries. The header's process is the one that asks; pid 0 when it could
 * not be told, and in an answer it need not be right: the question has it.
 */
struct wire_dns {
    struct wire_header header;
    uint64_t socket; /* cookie */
    uint8_t ipv6, protocol, outgoing, reserved;
    uint16_t local_port, remote_port;
    uint8_t local[16], remote[16];
    uint32_t sequence;     /* TCP: of the first byte here */
    uint32_t total_size;   /* of the packet's payload */
    uint32_t payload_size; /* of it here: at most WIRE_DNS_PAYLOAD; then the bytes, and padding */
    uint32_t unused;
};

#define WIRE_DNS_PAYLOAD 4096

enum wire_how {
    WIRE_BY_OPEN,      /* created by open() */
    WIRE_BY_OVERWRITE, /* existed, and was emptied by open(O_TRUNC) */
    WIRE_BY_LINK,
    WIRE_BY_SYMLINK,
    WIRE_BY_MKNOD,
    WIRE_BY_RENAME,    /* WIRE_DELETED: another file took the name */
    WIRE_BY_UNLINK,
    WIRE_BY_BIND,      /* WIRE_PIPE: a socket got its name */
    WIRE_BY_CONNECT,   /* WIRE_PIPE: a pipe was opened, a socket connected */
    WIRE_BY_SETTING,
};

/* A change of a directory: which file, under which name. The kernel's own path where it can be had, else what was asked for. */
struct wire_name {
    struct wire_header header;
    struct wire_file file; /* of WIRE_DELETED: before the change but for the times, and on ext4 the links; all zero with WIRE_PATH_NONE */
    int64_t previous_seconds; /* WIRE_TIMES: the modification time that was */
    uint32_t previous_nanoseconds;
    uint32_t how;           /* enum wire_how */
    uint32_t value_total;   /* WIRE_ATTRIBUTE: bytes of the value, all of them */
    /* sizes of the texts, in this order */
    uint32_t path_size;     /* path; empty with WIRE_PATH_NONE */
    uint32_t base_size;     /* path: where a relative argument begins; with _NONE and _AMBIGUOUS */
    uint32_t argument_size; /* plain: the system call's path argument, cut at WIRE_PATH_SIZE; with _NONE and _AMBIGUOUS.
                               WIRE_PIPE without a path: the name of an abstract socket, without its leading NUL */
    uint32_t attribute_size; /* plain: WIRE_ATTRIBUTE: the attribute's name */
    uint32_t value_size;     /* plain: of its value, what fits */
};

enum wire_access_how { WIRE_ACCESS_PTRACE, WIRE_ACCESS_READ, WIRE_ACCESS_WRITE, WIRE_ACCESS_OPEN };

struct wire_access {
    struct wire_header header;
    uint32_t how;        /* enum wire_access_how */
    uint32_t target;     /* process or thread; 0 = not told */
    uint32_t local;      /* the number is that of the caller's pid namespace, else of the initial one */
    uint32_t may_read, may_write; /* WIRE_ACCESS_OPEN: of /proc/PID/mem */
    uint32_t reserved;
};

struct wire_program {
    struct wire_header header;
    uint32_t command;     /* of bpf() */
    uint32_t type;        /* enum bpf_prog_type; 0 for BPF_PROG_ATTACH */
    uint32_t descriptor;  /* BPF_PROG_LOAD: what it returned */
    uint32_t id;          /* the kernel's number of the program; 0: not known */
    uint32_t attach_type; /* BPF_PROG_ATTACH: enum bpf_attach_type */
    uint32_t unused;
    char name[16];        /* ended by NUL unless it is full */
};

enum wire_module {
    WIRE_MODULE_UNVERIFIED, /* no signature, or one whose key the kernel does not know */
    WIRE_MODULE_VERIFIED,   /* the kernel has verified its signature */
};

/* One line per event type in the sensor's counters; `seen` includes what was lost. */
struct wire_counters {
    uint64_t seen;
    uint64_t lost_ring;    /* the ring was full */
    uint64_t lost_scratch; /* a program interrupted another of its kind on the same processor */
};

#define WIRE_ASSERT_SIZE(type, size) _Static_assert(sizeof(struct type) == (size), #type)
WIRE_ASSERT_SIZE(wire_header, 48);
WIRE_ASSERT_SIZE(wire_file, 56);
WIRE_ASSERT_SIZE(wire_exec, 176);
WIRE_ASSERT_SIZE(wire_arguments, 56);
WIRE_ASSERT_SIZE(wire_exit, 56);
WIRE_ASSERT_SIZE(wire_fork, 64);
WIRE_ASSERT_SIZE(wire_connection, 104);
WIRE_ASSERT_SIZE(wire_dns, 112);
WIRE_ASSERT_SIZE(wire_name, 144);
WIRE_ASSERT_SIZE(wire_access, 72);
WIRE_ASSERT_SIZE(wire_program, 88);
