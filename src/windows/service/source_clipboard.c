/* SPDX-License-Identifier: MIT */
/*
 * Event 24 (spec 01 section 3.5, 09 section 8): a helper in every session with a user, each with a thread here that starts it, reads what it
 * sends and starts it again when it dies.
 */
#include "clipboard_archive.h"
#include "clipboard_message.h"
#include "clipboard_process.h"
#include "sources.h"
#include "system.h"
#include "wide.h"

#include "sysmon/hash.h"
#include "sysmon/wire.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wtsapi32.h>

#define MAX_SESSIONS 128
#define RETRY_FIRST 1000
#define RETRY_LAST 60000
#define ADDRESS_SIZE 24 /* WTS_CLIENT_ADDRESS */

struct session {
    struct source *source;
    DWORD id;
    HANDLE stop, thread; /* NULL thread: free place */
};

struct source {
    struct monitor *monitor;
    CRITICAL_SECTION lock; /* what follows */
    struct session session[MAX_SESSIONS];
    wchar_t *archive;
    uint32_t hashes;
};

/* What is on the way to the worker; the text is behind it. */
struct seen {
    uint64_t time;
    uint32_t pid, session, text_size, hashes;
    uint32_t address_size;
    uint8_t address[ADDRESS_SIZE];
    char user[256], host[64];
    wchar_t archive[260];
    uint8_t text[];
};

/* ---- the event ---- */

/* `CLIP-` and the hexadecimal digits of the hashes one after the other, without the names of the algorithms. */
static void file_name(wchar_t out[208], const char *hashes)
{
    unsigned size = 0;

    for (const char *p = "CLIP-"; *p; p++)
        out[size++] = (wchar_t)*p;
    for (bool digits = false; *hashes && size < 207; hashes++) {
        if (digits && *hashes != ',')
            out[size++] = (wchar_t)*hashes;
        digits = *hashes == '=' || (digits && *hashes != ',');
    }
    out[size] = 0;
}

/* Only by name: how the text of Archived says it worked. */
static const char *archive(struct monitor *monitor, const struct seen *seen, const char *hashes)
{
    wchar_t name[208];
    DWORD error;

    file_name(name, hashes);
    error = clipboard_archive(seen->archive, name, seen->text, seen->text_size);
    if (error)
        monitor_error_code(monitor, clipboard_source.name, "The text cannot be archived", error);
    return error ? "false" : "true";
}

static struct match_text text_of(const char *text)
{
    return (struct match_text){ text, (uint32_t)strlen(text) };
}

static int make(struct monitor *monitor, struct pool *pool, void *data, size_t size, struct event *out)
{
    const struct seen *seen = data;
    struct byte_buffer buffer = { seen->text, seen->text_size };
    struct byte_source source = byte_source_buffer(&buffer);
    struct hash_values values;
    struct process_view view;
    struct match_text info = clipboard_client_info(pool, text_of(seen->user), seen->address, seen->address_size, text_of(seen->host));
    char hashes[HASH_TEXT_SIZE] = "";

    if (!hash_compute(&values, seen->hashes, &source))
        hash_format(hashes, &values, true);
    translate_process(monitor_translator(monitor), pool, seen->pid, seen->time, 0, &view);
    event_init(out, catalogue_find(EVENT_CLIPBOARD), CATALOGUE_WINDOWS);
    event_set_time(out, CLIPBOARD_UtcTime, seen->time);
    event_set_guid(out, CLIPBOARD_ProcessGuid, &view.guid);
    event_set_number(out, CLIPBOARD_ProcessId, seen->pid);
    event_set_text(out, CLIPBOARD_Image, view.image.data, view.image.size);
    event_set_number(out, CLIPBOARD_Session, seen->session);
    event_set_text(out, CLIPBOARD_ClientInfo, info.data, info.size);
    info = pool_copy(pool, text_of(hashes));
    event_set_text(out, CLIPBOARD_Hashes, info.data, info.size);
    event_set_string(out, CLIPBOARD_Archived, *hashes ? archive(monitor, seen, hashes) : "false");
    event_set_text(out, CLIPBOARD_User, view.user.data, view.user.size);
    return 0;
}

/* ---- a session ---- */

typedef BOOL(WINAPI *session_query)(HANDLE, DWORD, int, wchar_t **, DWORD *);

/* A text of the session as UTF-8, cut to fit. */
static void session_text(session_query query, DWORD session, int class, char *out, size_t size)
{
    void(WINAPI *release)(void *) = system_function("wtsapi32.dll", "WTSFreeMemory");
    wchar_t *wide = NULL;
    char *text = NULL;
    DWORD bytes;

    *out = 0;
    if (!query(NULL, session, class, &wide, &bytes) || !wide)
        return;
    if (bytes >= sizeof(*wide))
        text = wide_to_utf8_size(wide, wcsnlen(wide, bytes / sizeof(*wide)));
    snprintf(out, size, "%s", text ? text : "");
    free(text);
    if (release)
        release(wide);
}

static void describe_client(struct seen *seen)
{
    session_query query = (session_query)system_function("wtsapi32.dll", "WTSQuerySessionInformationW");
    void(WINAPI *release)(void *) = system_function("wtsapi32.dll", "WTSFreeMemory");
    char domain[128], user[128];
    wchar_t *address = NULL;
    DWORD bytes = 0;

    if (!query)
        return;
    session_text(query, seen->session, WTSDomainName, domain, sizeof(domain));
    session_text(query, seen->session, WTSUserName, user, sizeof(user));
    snprintf(seen->user, sizeof(seen->user), "%s%s%s", domain, *domain && *user ? "\\" : "", user);
    session_text(query, seen->session, WTSClientName, seen->host, sizeof(seen->host));
    if (query(NULL, seen->session, WTSClientAddress, &address, &bytes) && address) {
        seen->address_size = bytes < ADDRESS_SIZE ? bytes : ADDRESS_SIZE;
        memcpy(seen->address, address, seen->address_size);
        if (release)
            release(address);
    }
}

/* The helper names the owner: believed only when that process is in the same session. */
static uint32_t owner_of(const struct session *session, uint32_t pid)
{
    DWORD where;

    return pid && ProcessIdToSessionId(pid, &where) && where == session->id ? pid : 0;
}

static void post(struct session *session, const struct clipboard_stream *stream)
{
    struct source *source = session->source;
    struct seen *seen = calloc(1, sizeof(*seen) + stream->header.size);
    FILETIME now;

    if (!seen) {
        monitor_lost(source->monitor, EVENT_CLIPBOARD, LOSS_NO_MEMORY, 1);
        return;
    }
    GetSystemTimeAsFileTime(&now);
    seen->time = (uint64_t)now.dwHighDateTime << 32 | now.dwLowDateTime;
    seen->session = session->id;
    seen->pid = owner_of(session, stream->header.owner_pid);
    seen->text_size = stream->header.size;
    memcpy(seen->text, stream->text, seen->text_size);
    describe_client(seen);
    EnterCriticalSection(&source->lock);
    seen->hashes = source->hashes;
    wcsncpy(seen->archive, source->archive ? source->archive : SETTINGS_DEFAULT_ARCHIVE, 259);
    LeaveCriticalSection(&source->lock);
    monitor_post(source->monitor, EVENT_CLIPBOARD, make, seen, sizeof(*seen) + seen->text_size);
    free(seen);
}

/* Why it ended. */
static DWORD read_helper(struct session *session, struct clipboard_process *process)
{
    struct clipboard_stream stream = { 0 };
    uint8_t buffer[4096];
    DWORD error = ERROR_SUCCESS, got;
    int status = 0;

    while (!error && status >= 0) {
        const uint8_t *at = buffer;
        size_t size;

        error = clipboard_process_read(process, buffer, sizeof(buffer), &got, session->stop);
        size = error ? 0 : got;
        while (size && (status = clipboard_stream_take(&stream, &at, &size)) > 0) {
            post(session, &stream);
            clipboard_stream_next(&stream);
        }
    }
    if (status < 0)
        monitor_lost(session->source->monitor, EVENT_CLIPBOARD, status == -ENOMEM ? LOSS_NO_MEMORY : LOSS_BAD_RECORD, 1);
    clipboard_stream_next(&stream);
    return error ? error : ERROR_INVALID_DATA;
}

static DWORD WINAPI session_main(void *context)
{
    struct session *session = context;
    DWORD wait = RETRY_FIRST, told = ERROR_SUCCESS, began = 0;
    char what[96];

    while (WaitForSingleObject(session->stop, began ? wait : 0) == WAIT_TIMEOUT) {
        struct clipboard_process process;
        DWORD error = clipboard_process_start(&process, session->id, session->stop);

        began = GetTickCount() | 1;
        if (!error) {
            error = read_helper(session, &process);
            clipboard_process_stop(&process);
        }
        snprintf(what, sizeof(what), "The helper of session %lu has ended or cannot be started, it will be tried again", session->id);
        if (error != ERROR_CANCELLED && error != told)
            monitor_error_code(session->source->monitor, clipboard_source.name, what, error);
        told = error;
        wait = GetTickCount() - began > RETRY_LAST ? RETRY_FIRST : wait * 2 > RETRY_LAST ? RETRY_LAST : wait * 2;
    }
    return 0;
}

/* ---- all sessions ---- */

static struct session *find(struct source *source, DWORD id)
{
    for (unsigned i = 0; i < MAX_SESSIONS; i++)
        if (source->session[i].thread && source->session[i].id == id)
            return &source->session[i];
    return NULL;
}

/* One whose session ended, and whose thread has too, gives up its place. */
static void collect(struct session *session)
{
    if (!session->thread || WaitForSingleObject(session->thread, 0) != WAIT_OBJECT_0)
        return;
    CloseHandle(session->thread);
    CloseHandle(session->stop);
    session->thread = session->stop = NULL;
}

/* Lock held. */
static void begin(struct source *source, DWORD id)
{
    for (unsigned i = 0; i < MAX_SESSIONS; i++)
        collect(&source->session[i]);
    if (find(source, id) && WaitForSingleObject(find(source, id)->stop, 0) == WAIT_TIMEOUT)
        return;
    for (unsigned i = 0; i < MAX_SESSIONS; i++) {
        struct session *session = &source->session[i];

        if (session->thread)
            continue;
        *session = (struct session){ source, id, CreateEventW(NULL, TRUE, FALSE, NULL), NULL };
        session->thread = session->stop ? CreateThread(NULL, 0, session_main, session, 0, NULL) : NULL;
        if (!session->thread && session->stop)
            CloseHandle(session->stop);
        return;
    }
    monitor_error(source->monitor, clipboard_source.name, "Too many sessions: the clipboard of the newest is not watched");
}

static void session_changed(void *state, uint32_t id, bool active)
{
    struct source *source = state;
    struct session *session;

    EnterCriticalSection(&source->lock);
    if (active && id) {
        begin(source, id);
    } else if (!active) {
        session = find(source, id);
        if (session)
            SetEvent(session->stop);
    }
    LeaveCriticalSection(&source->lock);
}

/* Sessions with a user, or at the least the console's. */
static void begin_present(struct source *source)
{
    BOOL(WINAPI *enumerate)(HANDLE, DWORD, DWORD, WTS_SESSION_INFOW **, DWORD *) = system_function("wtsapi32.dll", "WTSEnumerateSessionsW");
    void(WINAPI *release)(void *) = system_function("wtsapi32.dll", "WTSFreeMemory");
    DWORD(WINAPI *console)(void) = system_function("kernel32.dll", "WTSGetActiveConsoleSessionId");
    WTS_SESSION_INFOW *sessions = NULL;
    DWORD count = 0, id = console ? console() : 0xFFFFFFFF;

    if (enumerate && enumerate(NULL, 0, 1, &sessions, &count))
        for (DWORD i = 0; i < count; i++)
            if (sessions[i].State == WTSActive || sessions[i].State == WTSDisconnected)
                session_changed(source, sessions[i].SessionId, true);
    if (sessions && release)
        release(sessions);
    if (!count && id != 0xFFFFFFFF)
        session_changed(source, id, true);
}

static void configure(void *state, const struct settings *settings)
{
    struct source *source = state;
    wchar_t *archive_path = settings->archive_directory ? _wcsdup(settings->archive_directory) : NULL;

    EnterCriticalSection(&source->lock);
    free(source->archive);
    source->archive = archive_path;
    source->hashes = hash_mask(settings->hash_algorithms);
    if (!source->hashes)
        source->hashes = HASH_DEFAULT;
    LeaveCriticalSection(&source->lock);
}

static DWORD start(struct monitor *monitor, const struct settings *settings, void **state)
{
    struct source *source = calloc(1, sizeof(*source));

    if (!source)
        return ERROR_OUTOFMEMORY;
    source->monitor = monitor;
    InitializeCriticalSection(&source->lock);
    configure(source, settings);
    begin_present(source);
    *state = source;
    return ERROR_SUCCESS;
}

static void stop(void *state)
{
    struct source *source = state;

    for (unsigned i = 0; i < MAX_SESSIONS; i++)
        if (source->session[i].thread)
            SetEvent(source->session[i].stop);
    for (unsigned i = 0; i < MAX_SESSIONS; i++) {
        struct session *session = &source->session[i];

        if (!session->thread)
            continue;
        WaitForSingleObject(session->thread, INFINITE); /* every wait of it ends with `stop` */
        CloseHandle(session->thread);
        CloseHandle(session->stop);
    }
    free(source->archive);
    DeleteCriticalSection(&source->lock);
    free(source);
}

static bool wanted(const struct settings *settings, const struct ruleset *rules)
{
    (void)rules;
    return settings->options & WIRE_OPTION_CLIPBOARD;
}

const struct monitor_source clipboard_source = { "Clipboard", EVENT_CLIPBOARD, wanted, start, stop, configure, NULL, session_changed };
