/* SPDX-License-Identifier: MIT */
/* X11 spoken through libxcb, which is loaded here, so that nothing depends on it. */
#include "linux/clipboard_helper.h"

#include <dlfcn.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>
#include <xcb/xcb.h>
#include <xcb/xcbext.h>

#define ANSWER_MS 1000 /* an owner that does not answer */
#define OWNER_CHANGED 0 /* XFixesSelectionNotify, from the extension's first event on */

enum { EXIT_ENDED = 0, EXIT_NO_DISPLAY = 2, EXIT_NO_LIBRARY = 3 };

#define XCB_FUNCTIONS(X)                                                                                                          \
    X(xcb_connect) X(xcb_connection_has_error) X(xcb_get_setup) X(xcb_setup_roots_iterator) X(xcb_generate_id)                      \
    X(xcb_create_window) X(xcb_intern_atom) X(xcb_intern_atom_reply) X(xcb_get_property) X(xcb_get_property_reply)                   \
    X(xcb_get_property_value) X(xcb_get_property_value_length) X(xcb_convert_selection) X(xcb_poll_for_event) X(xcb_flush)            \
    X(xcb_get_file_descriptor) X(xcb_get_extension_data) X(xcb_send_request) X(xcb_wait_for_reply) X(xcb_disconnect)

#define DECLARE(name) static __typeof__(name) *p_##name;
XCB_FUNCTIONS(DECLARE)

static bool load_library(void)
{
    void *library = dlopen("libxcb.so.1", RTLD_NOW | RTLD_LOCAL);
    bool whole = library;

#define FIND(name) whole = whole && (p_##name = (__typeof__(p_##name))(uintptr_t)dlsym(library, #name));
    XCB_FUNCTIONS(FIND)
    return whole;
}

struct display {
    xcb_connection_t *connection;
    xcb_window_t window;
    xcb_atom_t clipboard, utf8, incremental, property, pid;
    uint8_t first_event; /* of XFixes */
    bool resources;      /* X-Resource 1.2: whose a window is */
};

/* Requests of extensions, as their protocol has them; libxcb fills in the first byte and the length. */
struct query_version {
    uint8_t major_code, minor_code;
    uint16_t length;
    uint32_t major, minor;
};

struct select_selection {
    uint8_t major_code, minor_code;
    uint16_t length;
    uint32_t window, selection, mask;
};

struct query_ids {
    uint8_t major_code, minor_code;
    uint16_t length;
    uint32_t count, client, mask;
};

struct ids_reply {
    uint8_t type, unused;
    uint16_t sequence;
    uint32_t length, count, padding[5];
    uint32_t client, mask, size, value; /* the first */
};

struct owner_changed {
    uint8_t type, subtype;
    uint16_t sequence;
    uint32_t window, owner, selection, time, selection_time;
};

static xcb_extension_t fixes = { "XFIXES", 0 }, resource = { "X-Resource", 0 };

static unsigned request_of(xcb_connection_t *connection, xcb_extension_t *extension, uint8_t code, bool is_void, void *request, size_t size)
{
    const xcb_protocol_request_t about = { .count = 1, .ext = extension, .opcode = code, .isvoid = is_void };
    struct iovec parts[3] = { [2] = { request, size } }; /* libxcb uses the two before it */

    return p_xcb_send_request(connection, is_void ? 0 : XCB_REQUEST_CHECKED, parts + 2, &about);
}

static void *ask(xcb_connection_t *connection, xcb_extension_t *extension, uint8_t code, void *request, size_t size)
{
    xcb_generic_error_t *error = NULL;
    void *reply = p_xcb_wait_for_reply(connection, request_of(connection, extension, code, false, request, size), &error);

    free(error);
    return reply;
}

static bool has_version(xcb_connection_t *connection, xcb_extension_t *extension, uint32_t version)
{
    const xcb_query_extension_reply_t *there = p_xcb_get_extension_data(connection, extension);
    struct query_version request = { .major = version, .minor = 2 };
    void *reply;

    if (extension == &resource) /* client_major, client_minor: a byte each */
        request.major = 1 | 2 << 8;
    if (!there || !there->present)
        return false;
    reply = ask(connection, extension, 0, &request, extension == &resource ? 8 : sizeof request);
    free(reply);
    return reply;
}

static xcb_atom_t atom(xcb_connection_t *connection, const char *name)
{
    xcb_intern_atom_reply_t *reply =
        p_xcb_intern_atom_reply(connection, p_xcb_intern_atom(connection, 0, (uint16_t)strlen(name), name), NULL);
    xcb_atom_t value = reply ? reply->atom : XCB_ATOM_NONE;

    free(reply);
    return value;
}

static bool open_display(struct display *display)
{
    struct select_selection request = { .mask = 1 }; /* a new owner */
    xcb_screen_t *screen;

    display->connection = p_xcb_connect(NULL, NULL);
    if (p_xcb_connection_has_error(display->connection) || !has_version(display->connection, &fixes, 5))
        return false;
    display->first_event = p_xcb_get_extension_data(display->connection, &fixes)->first_event;
    display->resources = has_version(display->connection, &resource, 1);
    screen = p_xcb_setup_roots_iterator(p_xcb_get_setup(display->connection)).data;
    display->clipboard = atom(display->connection, "CLIPBOARD");
    display->utf8 = atom(display->connection, "UTF8_STRING");
    display->incremental = atom(display->connection, "INCR");
    display->property = atom(display->connection, "SYSMON_CLIPBOARD");
    display->pid = atom(display->connection, "_NET_WM_PID");
    display->window = p_xcb_generate_id(display->connection);
    p_xcb_create_window(display->connection, XCB_COPY_FROM_PARENT, display->window, screen->root, 0, 0, 1, 1, 0,
                        XCB_WINDOW_CLASS_INPUT_ONLY, XCB_COPY_FROM_PARENT, 0, NULL);
    request.window = screen->root;
    request.selection = display->clipboard;
    request_of(display->connection, &fixes, 2, true, &request, sizeof request);
    return p_xcb_flush(display->connection) > 0;
}

/* --- whose ------------------------------------------------------------------------------------------------------------ */

static uint32_t server_knows(struct display *display, xcb_window_t window)
{
    struct query_ids request = { .count = 1, .client = window, .mask = 2 }; /* LocalClientPID */
    struct ids_reply *reply = ask(display->connection, &resource, 4, &request, sizeof request);
    uint32_t pid = 0;

    if (reply && reply->count >= 1 && reply->length >= 4 && reply->size == 4)
        pid = reply->value;
    free(reply);
    return pid;
}

static uint32_t window_says(struct display *display, xcb_window_t window)
{
    xcb_get_property_reply_t *reply = p_xcb_get_property_reply(
        display->connection, p_xcb_get_property(display->connection, 0, window, display->pid, XCB_ATOM_CARDINAL, 0, 1), NULL);
    uint32_t pid = 0;

    if (reply && reply->format == 32 && p_xcb_get_property_value_length(reply) == 4)
        memcpy(&pid, p_xcb_get_property_value(reply), 4);
    free(reply);
    return pid;
}

static void name_owner(struct display *display, xcb_window_t window, struct clipboard_change *change)
{
    change->owner_pid = display->resources ? server_knows(display, window) : 0;
    change->vouched = change->owner_pid != 0;
    if (!change->owner_pid)
        change->owner_pid = window_says(display, window);
}

/* --- what ------------------------------------------------------------------------------------------------------------- */

static void wait_for_server(const struct display *display, int timeout)
{
    struct pollfd waits[2] = { { .fd = p_xcb_get_file_descriptor(display->connection), .events = POLLIN },
                               { .fd = STDOUT_FILENO } };

    if (poll(waits, 2, timeout) > 0 && waits[1].revents)
        _exit(EXIT_ENDED);
}

static int64_t milliseconds(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

static bool is_owner_change(const struct display *display, const xcb_generic_event_t *event)
{
    return (event->response_type & 0x7f) == display->first_event + OWNER_CHANGED;
}

/* The owner's answer to our wish; a new owner meanwhile goes to `*next`. False: none came. */
static bool converted(struct display *display, xcb_generic_event_t **next)
{
    int64_t end = milliseconds() + ANSWER_MS;
    bool done = false, good = false;

    while (!done && milliseconds() < end && !p_xcb_connection_has_error(display->connection)) {
        xcb_generic_event_t *event = p_xcb_poll_for_event(display->connection);

        if (!event) {
            wait_for_server(display, (int)(end - milliseconds()));
            continue;
        }
        if (is_owner_change(display, event)) {
            free(*next);
            *next = event;
            continue;
        }
        if ((event->response_type & 0x7f) == XCB_SELECTION_NOTIFY) {
            good = ((xcb_selection_notify_event_t *)event)->property != XCB_ATOM_NONE;
            done = true;
        }
        free(event);
    }
    return good;
}

static void take_text(struct display *display, struct clipboard_change *change, char *text, xcb_generic_event_t **next)
{
    xcb_get_property_reply_t *reply;

    p_xcb_convert_selection(display->connection, display->window, display->clipboard, display->utf8, display->property,
                            XCB_CURRENT_TIME);
    p_xcb_flush(display->connection);
    if (!converted(display, next))
        return;
    reply = p_xcb_get_property_reply(display->connection,
                                     p_xcb_get_property(display->connection, 1, display->window, display->property,
                                                        XCB_GET_PROPERTY_TYPE_ANY, 0, CLIPBOARD_TEXT_MAX / 4), NULL);
    if (!reply)
        return;
    if (reply->type == display->incremental || reply->bytes_after) {
        change->too_large = 1;
    } else if (reply->format == 8 && reply->value_len <= CLIPBOARD_TEXT_MAX) {
        change->text_size = reply->value_len;
        memcpy(text, p_xcb_get_property_value(reply), reply->value_len);
    }
    free(reply);
}

static void tell(struct display *display, const struct owner_changed *changed, xcb_generic_event_t **next)
{
    static struct {
        struct clipboard_change change;
        char text[CLIPBOARD_TEXT_MAX];
    } message;
    struct timespec time;

    memset(&message.change, 0, sizeof message.change);
    clock_gettime(CLOCK_BOOTTIME, &time);
    message.change.time = (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
    name_owner(display, changed->owner, &message.change);
    take_text(display, &message.change, message.text, next);
    if (write(STDOUT_FILENO, &message, sizeof message.change + message.change.text_size) < 0)
        _exit(EXIT_ENDED);
}

int clipboard_helper(void)
{
    struct display display = { 0 };

    if (!load_library())
        return EXIT_NO_LIBRARY;
    if (!open_display(&display))
        return EXIT_NO_DISPLAY;
    while (!p_xcb_connection_has_error(display.connection)) {
        xcb_generic_event_t *event = p_xcb_poll_for_event(display.connection), *next;

        if (!event)
            wait_for_server(&display, -1);
        for (; event; event = next) {
            next = NULL;
            if (is_owner_change(&display, event) && ((struct owner_changed *)event)->owner)
                tell(&display, (struct owner_changed *)event, &next);
            free(event);
        }
    }
    p_xcb_disconnect(display.connection);
    return EXIT_ENDED;
}
