/* SPDX-License-Identifier: MIT */
#include "linux/executables.h"

#include "sysmon/pe.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/queue.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define CREATED_MAX 4096u /* files that were created and not yet closed; the oldest give way */
#define BUCKETS 1024u
#define TAKEN_MAX 256u
#define FAN_OVERFLOW FAN_Q_OVERFLOW

struct created {
    TAILQ_ENTRY(created) order;
    struct created *below;
    uint64_t device, inode;
    struct wire_header header;
    uint32_t size;
    char path[];
};

struct executables {
    int fanotify;
    unsigned count, taken;
    TAILQ_HEAD(, created) order; /* oldest first */
    struct created *bucket[BUCKETS];
    int file[TAKEN_MAX];
};

static struct created **bucket_of(struct executables *executables, uint64_t device, uint64_t inode)
{
    return &executables->bucket[(inode * 0x9e3779b97f4a7c15ull ^ device * 31) >> 7 & (BUCKETS - 1)];
}

static const char *const unwatched[] = { "proc", "sysfs", "cgroup", "cgroup2", "devpts", "tracefs", "debugfs", "bpf", "mqueue",
                                         "securityfs", "pstore", "autofs", "configfs", "fusectl", "binfmt_misc", "hugetlbfs",
                                         "selinuxfs", "nsfs", "efivarfs" };

static bool is_watched(const char *type)
{
    for (unsigned i = 0; i < sizeof unwatched / sizeof unwatched[0]; i++)
        if (!strcmp(type, unwatched[i]))
            return false;
    return true;
}

/* `36 35 98:0 /root /mount options - type source options`; blanks in the path are octal. */
static bool parse_mount(char *line, char **path, char **type)
{
    char *dash = strstr(line, " - "), *from, *to;

    if (!dash || sscanf(dash + 3, "%ms", type) != 1)
        return false;
    if (sscanf(line, "%*s %*s %*s %*s %ms", path) != 1) {
        free(*type);
        return false;
    }
    for (from = to = *path; *from; to++) {
        unsigned value;

        if (*from == '\\' && sscanf(from + 1, "%3o", &value) == 1) {
            *to = (char)value;
            from += 4;
        } else {
            *to = *from++;
        }
    }
    *to = 0;
    return true;
}

static int mark_all(int fanotify)
{
    FILE *mounts = fopen("/proc/self/mountinfo", "re");
    char *line = NULL, *path, *type;
    size_t capacity = 0;
    int marked = 0;

    if (!mounts)
        return -errno;
    while (getline(&line, &capacity, mounts) > 0) {
        if (!parse_mount(line, &path, &type))
            continue;
        if (is_watched(type) && !fanotify_mark(fanotify, FAN_MARK_ADD | FAN_MARK_FILESYSTEM, FAN_CLOSE_WRITE, AT_FDCWD, path))
            marked++;
        free(path);
        free(type);
    }
    free(line);
    fclose(mounts);
    return marked ? 0 : -ENOTSUP;
}

int executables_open(struct executables **out)
{
    struct executables *executables = calloc(1, sizeof *executables);
    int result;

    if (!executables)
        return -ENOMEM;
    TAILQ_INIT(&executables->order);
    executables->fanotify = fanotify_init(FAN_CLASS_NOTIF | FAN_CLOEXEC | FAN_NONBLOCK,
                                          O_RDONLY | O_CLOEXEC | O_LARGEFILE | O_NOATIME | O_NONBLOCK);
    result = executables->fanotify < 0 ? -errno : mark_all(executables->fanotify);
    if (result) {
        executables_close(executables);
        return result;
    }
    *out = executables;
    return 0;
}

static void forget(struct executables *executables, struct created *created)
{
    struct created **at = bucket_of(executables, created->device, created->inode);

    while (*at != created)
        at = &(*at)->below;
    *at = created->below;
    TAILQ_REMOVE(&executables->order, created, order);
    executables->count--;
    free(created);
}

void executables_close(struct executables *executables)
{
    if (!executables)
        return;
    while (!TAILQ_EMPTY(&executables->order))
        forget(executables, TAILQ_FIRST(&executables->order));
    while (executables->taken)
        close(executables->file[--executables->taken]);
    if (executables->fanotify >= 0)
        close(executables->fanotify);
    free(executables);
}

int executables_descriptor(const struct executables *executables)
{
    return executables->fanotify;
}

static struct created *find(struct executables *executables, uint64_t device, uint64_t inode)
{
    struct created *created = *bucket_of(executables, device, inode);

    while (created && (created->device != device || created->inode != inode))
        created = created->below;
    return created;
}

void executables_created(struct executables *executables, const struct wire_name *name, struct match_text path)
{
    uint64_t device = makedev(name->file.device >> 20, name->file.device & 0xfffff);
    struct created *created;

    if (!S_ISREG(name->file.mode) || (name->how != WIRE_BY_OPEN && name->how != WIRE_BY_OVERWRITE))
        return;
    created = find(executables, device, name->file.inode);
    if (created)
        forget(executables, created);
    created = malloc(sizeof *created + path.size);
    if (!created)
        return;
    created->device = device;
    created->inode = name->file.inode;
    created->header = name->header;
    created->size = path.size;
    memcpy(created->path, path.data, path.size);
    created->below = *bucket_of(executables, device, created->inode);
    *bucket_of(executables, device, created->inode) = created;
    TAILQ_INSERT_TAIL(&executables->order, created, order);
    if (++executables->count > CREATED_MAX)
        forget(executables, TAILQ_FIRST(&executables->order));
}

unsigned executables_take(struct executables *executables)
{
    _Alignas(8) char buffer[4096];
    unsigned lost = 0;

    while (executables->taken + sizeof buffer / FAN_EVENT_METADATA_LEN < TAKEN_MAX) {
        ssize_t size = read(executables->fanotify, buffer, sizeof buffer);
        struct fanotify_event_metadata *event = (void *)buffer;

        if (size <= 0)
            break;
        for (; FAN_EVENT_OK(event, size); event = FAN_EVENT_NEXT(event, size)) {
            if (event->mask & FAN_OVERFLOW)
                lost++;
            if (event->fd < 0)
                continue;
            if (event->pid == getpid())
                close(event->fd);
            else
                executables->file[executables->taken++] = event->fd;
        }
    }
    return lost;
}

static int64_t read_at(void *context, uint64_t offset, void *data, size_t size)
{
    ssize_t count = pread(*(const int *)context, data, size, (off_t)offset);

    return count < 0 ? -errno : count;
}

static void look(struct executables *executables, int fd, void (*tell)(void *context, struct executable *executable),
                 void *context)
{
    struct executable executable = { .fd = fd };
    struct created *created;
    struct stat status;

    created = fstat(fd, &status) ? NULL : find(executables, status.st_dev, status.st_ino);
    if (created) {
        executable.header = created->header;
        executable.path = (struct match_text){ created->path, created->size };
        if (executable_detect(&(struct byte_source){ read_at, &fd }) != EXECUTABLE_NONE)
            tell(context, &executable);
        forget(executables, created);
    }
    if (executable.fd >= 0)
        close(executable.fd);
}

void executables_look(struct executables *executables, void (*tell)(void *context, struct executable *executable), void *context)
{
    for (unsigned i = 0; i < executables->taken; i++)
        look(executables, executables->file[i], tell, context);
    executables->taken = 0;
}
