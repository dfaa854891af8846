/* SPDX-License-Identifier: MIT */
/* Event 24, with the option CaptureClipboard only. */
#include "linux/actor.h"
#include "linux/clipboard.h"
#include "linux/clock.h"
#include "linux/monitor_state.h"

#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <unistd.h>

#define CLIENT_SIZE 300

/* The text as a file, for the archive. */
static int file_of(const char *text, size_t size)
{
    int fd = memfd_create("clipboard", MFD_CLOEXEC);

    if (fd >= 0 && write(fd, text, size) != (ssize_t)size) {
        close(fd);
        fd = -1;
    }
    return fd;
}

static const char *archive_text(struct monitor *monitor, struct match_text hash, const char *text, size_t size)
{
    const struct match_text name = { "clipboard.txt", 13 };
    int fd = monitor->clipboard_archive ? file_of(text, size) : -1, result = -1;

    if (fd >= 0) {
        result = archive_store(monitor->clipboard_archive, fd, hash, name);
        close(fd);
    }
    return result ? "false: not copied" : "true";
}

static void set_content(struct monitor *monitor, const struct clipboard_change *change, const char *text)
{
    struct byte_buffer buffer = { text, change->text_size };
    struct byte_source source = byte_source_buffer(&buffer);
    struct event *event = &monitor->event;
    char *hash = text_take(&monitor->arena, HASH_TEXT_SIZE);
    struct hash_values values;
    unsigned size = 0;

    if (hash && change->text_size && !hash_compute(&values, monitor->parked.mask, &source))
        size = hash_format(hash, &values, false);
    if (size) {
        event_set_text(event, CLIPBOARD_Hashes, hash, size);
        event_set_string(event, CLIPBOARD_Archived, archive_text(monitor, (struct match_text){ hash, size }, text, change->text_size));
    } else {
        event_set_string(event, CLIPBOARD_Archived, change->too_large ? "false: too large" : "false: no text");
    }
}

/* Who a pid is that was heard of from elsewhere. */
static void set_owner(struct monitor *monitor, const struct clipboard_change *change)
{
    const struct process *process =
        change->owner_pid ? process_table_find(monitor->processes.table, change->owner_pid, 0, 0) : NULL;
    struct match_text image = process_image(process, change->owner_pid, CATALOGUE_LINUX), user;
    struct event *event = &monitor->event;

    event_set_number(event, CLIPBOARD_ProcessId, change->owner_pid);
    event_set_text(event, CLIPBOARD_Image, image.data, image.size);
    if (process) {
        user = users_name(monitor->processes.users, process->user_id);
        event_set_guid(event, CLIPBOARD_ProcessGuid, &process->guid);
        event_set_number(event, CLIPBOARD_Session, process->session_id);
        event_set_text(event, CLIPBOARD_User, user.data, user.size);
    }
    if (change->owner_pid && !change->vouched)
        event_add_extra(event, "ProcessIsClaimed", "true", 4, false);
    if (process)
        actor_extras(event, process, &monitor->arena);
}

static void changed(void *context, const struct clipboard_change *change, const char *text, uint32_t uid, int display)
{
    struct monitor *monitor = context;
    struct event *event = &monitor->event;
    struct match_text user = users_name(monitor->processes.users, uid);
    char *client = text_take(&monitor->arena, CLIENT_SIZE), *name = text_take(&monitor->arena, 16);

    emitter_saw(&monitor->emitter, EVENT_CLIPBOARD);
    event_init(event, catalogue_find(EVENT_CLIPBOARD), CATALOGUE_LINUX);
    event_set_time(event, CLIPBOARD_UtcTime, clock_event_time(change->time));
    if (client)
        event_set_text(event, CLIPBOARD_ClientInfo, client,
                       (size_t)snprintf(client, CLIENT_SIZE, "user: %.*s", user.size > 256 ? 256 : (int)user.size, user.data));
    if (name)
        event_add_extra(event, "Display", name, (size_t)snprintf(name, 16, ":%d", display), false);
    set_owner(monitor, change);
    if (emitter_wants(&monitor->emitter, event))
        set_content(monitor, change, text);
    emitter_emit(&monitor->emitter, event);
    text_reset(&monitor->arena);
}

void monitor_read_clipboards(struct monitor *monitor)
{
    if (monitor->clipboards)
        clipboards_read(monitor->clipboards);
}

int monitor_open_clipboards(struct monitor *monitor)
{
    struct epoll_event event = { .events = EPOLLIN };
    int result;

    if (!monitor->capture_clipboard || !ruleset_wants(monitor->emitter.rules, EVENT_CLIPBOARD)) {
        monitor_close_clipboards(monitor);
        return 0;
    }
    if (monitor->clipboards)
        return 0;
    result = clipboards_open(&monitor->clipboards, changed, monitor);
    if (result)
        return result;
    event.data.fd = clipboards_descriptor(monitor->clipboards);
    return epoll_ctl(monitor->epoll, EPOLL_CTL_ADD, event.data.fd, &event);
}

void monitor_close_clipboards(struct monitor *monitor)
{
    clipboards_close(monitor->clipboards);
    monitor->clipboards = NULL;
}
