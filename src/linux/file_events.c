/* SPDX-License-Identifier: MIT */
#include "linux/file_events.h"

#include "linux/actor.h"
#include "linux/clock.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

static const char *const how_texts[] = {
    [WIRE_BY_LINK] = "link",
    [WIRE_BY_SYMLINK] = "symlink",
    [WIRE_BY_MKNOD] = "mknod",
    [WIRE_BY_RENAME] = "rename",
};

static void add_extras(struct event *event, const struct wire_name *name, const struct process *process,
                       struct text_arena *arena)
{
    const char *how = name->how < sizeof how_texts / sizeof how_texts[0] ? how_texts[name->how] : NULL;

    actor_extras(event, process, arena);
    if (how)
        event_add_extra(event, "By", how, strlen(how), false);
    if (name->how == WIRE_BY_OVERWRITE)
        event_add_extra(event, "Overwrite", "true", 4, false);
}

/* A file that was there before knows its birth; the kernel's record does not carry it. */
uint64_t file_birth(const struct wire_name *name, struct match_text path)
{
    struct statx status;

    if (name->how == WIRE_BY_OPEN || name->how == WIRE_BY_SYMLINK || name->how == WIRE_BY_MKNOD ||
        statx(AT_FDCWD, path.data, AT_SYMLINK_NOFOLLOW, STATX_BTIME | STATX_INO, &status) ||
        !(status.stx_mask & STATX_BTIME) || status.stx_ino != name->file.inode ||
        makedev(status.stx_dev_major, status.stx_dev_minor) != makedev(name->file.device >> 20, name->file.device & 0xfffff))
        return clock_event_time(name->header.time);
    return (uint64_t)status.stx_btime.tv_sec * 10000000u + status.stx_btime.tv_nsec / 100 + FILETIME_UNIX_EPOCH;
}

void file_event_created(struct event *event, struct processes *processes, const struct wire_name *name,
                        struct match_text path, const struct process *process, struct text_arena *arena)
{
    actor_begin(event, EVENT_FILE_CREATE, &name->header, process, processes->users);
    event_set_text(event, FILE_CREATE_TargetFilename, path.data, path.size);
    event_set_time(event, FILE_CREATE_CreationUtcTime, file_birth(name, path));
    add_extras(event, name, process, arena);
}

void file_event_deleted(struct event *event, enum catalogue_event_id id, struct processes *processes,
                        const struct wire_name *name, struct match_text path, const struct process *process,
                        struct text_arena *arena)
{
    actor_begin(event, id, &name->header, process, processes->users);
    event_set_text(event, id == EVENT_FILE_DELETE ? FILE_DELETE_TargetFilename : FILE_DELETE_DETECTED_TargetFilename,
                   path.data, path.size);
    add_extras(event, name, process, arena);
}
