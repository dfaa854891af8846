/* SPDX-License-Identifier: MIT */
/* What enters the kernel: event 100 (BPF programs) and event 6 (modules). */
#include "linux/actor.h"
#include "linux/module_signature.h"
#include "linux/monitor_state.h"
#include "linux/name_path.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define BPF_PROG_LOAD 5
#define BPF_PROG_ATTACH 8

/* Without BPF_PROG_TYPE_ (spec 07 section 4); the kernel's enumeration. */
static const char *const program_types[] = {
    "UNSPEC", "SOCKET_FILTER", "KPROBE", "SCHED_CLS", "SCHED_ACT", "TRACEPOINT", "XDP", "PERF_EVENT", "CGROUP_SKB",
    "CGROUP_SOCK", "LWT_IN", "LWT_OUT", "LWT_XMIT", "SOCK_OPS", "SK_SKB", "CGROUP_DEVICE", "SK_MSG", "RAW_TRACEPOINT",
    "CGROUP_SOCK_ADDR", "LWT_SEG6LOCAL", "LIRC_MODE2", "SK_REUSEPORT", "FLOW_DISSECTOR", "CGROUP_SYSCTL",
    "RAW_TRACEPOINT_WRITABLE", "CGROUP_SOCKOPT", "TRACING", "STRUCT_OPS", "EXT", "LSM", "SK_LOOKUP", "SYSCALL", "NETFILTER",
};

static const char *type_name(uint32_t type)
{
    return type < sizeof program_types / sizeof program_types[0] ? program_types[type] : "UNKNOWN";
}

bool monitor_program(struct monitor *monitor, const void *record, size_t size)
{
    struct event *event = &monitor->event;
    const struct wire_program *program;
    const struct process *process;

    if (decode_program(&program, record, size))
        return false;
    process = monitor_actor(monitor, &program->header, EVENT_EBPF_EVENT);
    if (!process)
        return true;
    actor_begin(event, EVENT_EBPF_EVENT, &program->header, process, monitor->processes.users);
    event_set_string(event, EBPF_EVENT_BpfCommand, program->command == BPF_PROG_LOAD ? "BPF_PROG_LOAD" : "BPF_PROG_ATTACH");
    event_set_string(event, EBPF_EVENT_BpfProgramType, type_name(program->type));
    event_set_number(event, EBPF_EVENT_BpfProgramId, program->descriptor);
    event_set_text(event, EBPF_EVENT_BpfProgramName, program->name, strnlen(program->name, sizeof program->name));
    if (program->id)
        actor_extra_number(event, "BpfKernelId", program->id, &monitor->arena);
    if (program->command == BPF_PROG_ATTACH)
        actor_extra_number(event, "BpfAttachType", program->attach_type, &monitor->arena);
    actor_extras(event, process, &monitor->arena);
    emitter_emit(&monitor->emitter, event);
    return true;
}

/* --- modules ---------------------------------------------------------------------------------------------------------- */

/* The file that was loaded, opened; -1 when it is not there any more. */
static int open_module(const struct wire_name *name, struct match_text path)
{
    struct stat status;
    int fd = name->path_size ? regular_file_open(AT_FDCWD, path.data, true) : -1;

    if (fd >= 0 && (fstat(fd, &status) || status.st_ino != name->file.inode ||
                    status.st_dev != makedev(name->file.device >> 20, name->file.device & 0xfffff))) {
        close(fd);
        fd = -1;
    }
    return fd;
}

/* A signature that the kernel did not verify is there, but says nothing. */
static void set_signature(struct event *event, bool verified, int fd, struct text_arena *arena)
{
    char *signer = text_take(arena, MODULE_SIGNER_SIZE);
    bool present = signer && fd >= 0 && !module_signature_read(fd, signer);

    event_set_string(event, DRIVER_LOAD_Signed, verified || present ? "true" : "false");
    if (present)
        event_set_string(event, DRIVER_LOAD_Signature, signer);
    event_set_string(event, DRIVER_LOAD_SignatureStatus, verified ? "Valid" : "Unavailable");
}

static void add_loader(struct monitor *monitor, const struct process *process, struct match_text module)
{
    struct match_text image = process_image(process, process->pid, CATALOGUE_LINUX);
    struct event *event = &monitor->event;

    event_add_extra(event, "ModuleName", module.data, module.size, false);
    actor_extra_number(event, "ProcessId", process->pid, &monitor->arena);
    event_add_extra(event, "Image", image.data, image.size, false);
    actor_extras(event, process, &monitor->arena);
}

static void emit_module(struct monitor *monitor, const struct wire_name *name, struct match_text path, int fd)
{
    struct hash_request request = { .identity = file_identity_of(&name->file), .path = path.data, .fd = fd };

    if (fd >= 0)
        parked_emit(&monitor->parked, &monitor->event, DRIVER_LOAD_Hashes, &request, 0);
    else
        emitter_emit(&monitor->emitter, &monitor->event);
}

bool monitor_module(struct monitor *monitor, const void *record, size_t size)
{
    struct event *event = &monitor->event;
    struct match_text path, module;
    const struct process *process;
    struct decoded_name decoded;
    int fd;

    if (decode_name(&decoded, record, size))
        return false;
    process = monitor_actor(monitor, &decoded.name->header, EVENT_DRIVER_LOAD);
    if (!process)
        return true;
    module = (struct match_text){ decoded.argument.data, (uint32_t)strnlen(decoded.argument.data, decoded.argument.size) };
    decoded.argument.size = 0; /* it is no path */
    path = decoded.name->path_size ? name_path(&decoded, &monitor->arena) : module;
    fd = open_module(decoded.name, path);
    actor_begin(event, EVENT_DRIVER_LOAD, &decoded.name->header, process, monitor->processes.users);
    event_set_text(event, DRIVER_LOAD_ImageLoaded, path.data, path.size);
    set_signature(event, decoded.name->how == WIRE_MODULE_VERIFIED, fd, &monitor->arena);
    add_loader(monitor, process, module);
    emit_module(monitor, decoded.name, path, fd);
    return true;
}
