/* SPDX-License-Identifier: MIT */
/* The installed service: configuration from the store, outputs from their file, events until it is stopped. */
#include "service.h"

#include "cli/exit_codes.h"
#include "control.h"
#include "daemon.h"
#include "port/file.h"
#include "service_manager.h"
#include "session.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_OUTPUTS 16
#define MAX_OUTPUTS_FILE (64u << 10)

struct service {
    struct daemon daemon;
    struct session *session;
    uint64_t *record_counter; /* mapped: record ids go on after a restart */
    char *text;               /* of the outputs' file */
    const char *output[MAX_OUTPUTS];
    unsigned outputs;
};

static int load(void *context, struct installed_config *config, char *error, size_t size)
{
    struct store store;
    int failed = store_open(&store, STORE_DIRECTORY, STORE_READ), code;

    if (failed) {
        snprintf(error, size, "not installed: " STORE_DIRECTORY ": %s", strerror(-failed));
        return EXIT_NOT_INSTALLED;
    }
    code = installed_config_load(config, &store, error, size);
    store_close(&store);
    return code;
}

/* Allocated for good: a hole would kill us on a full disk. */
static int prepare_counter(int fd)
{
    struct stat st;

    if (fstat(fd, &st))
        return -errno;
    if (!S_ISREG(st.st_mode))
        return -EINVAL;
    if (st.st_size != sizeof(uint64_t) && ftruncate(fd, sizeof(uint64_t)))
        return -errno;
    return -posix_fallocate(fd, 0, sizeof(uint64_t));
}

/* 8 bytes, the next EventRecordID (spec 07 section 1). */
static int map_record_counter(struct service *service)
{
    struct store store;
    void *mapped = MAP_FAILED;
    int fd, error = store_open(&store, STORE_DIRECTORY, STORE_READ);

    if (error)
        return error;
    fd = openat(store.directory, STORE_EVENT_ID, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
    error = fd < 0 ? -errno : prepare_counter(fd);
    if (!error) {
        mapped = mmap(NULL, sizeof(uint64_t), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        error = mapped == MAP_FAILED ? -errno : 0;
    }
    if (fd >= 0)
        close(fd);
    store_close(&store);
    if (error)
        return error;
    service->record_counter = mapped;
    if (!*service->record_counter)
        *service->record_counter = 1;
    return 0;
}

/* One specification a line. */
static int split_outputs(struct service *service, char *error, size_t size)
{
    char *line, *rest = service->text;

    while ((line = strsep(&rest, "\n"))) {
        line[strcspn(line, "#\r")] = '\0';
        line += strspn(line, " \t");
        for (size_t end = strlen(line); end && (line[end - 1] == ' ' || line[end - 1] == '\t'); end--)
            line[end - 1] = '\0';
        if (!*line)
            continue;
        if (service->outputs == MAX_OUTPUTS) {
            snprintf(error, size, SERVICE_OUTPUTS_FILE ": more than %d outputs", MAX_OUTPUTS);
            return EXIT_OUTPUT;
        }
        service->output[service->outputs++] = line;
    }
    return EXIT_OK;
}

static int read_outputs(struct service *service, char *error, size_t size)
{
    void *text = NULL;
    size_t length;
    int failed = file_read(SERVICE_OUTPUTS_FILE, MAX_OUTPUTS_FILE, &text, &length), code = EXIT_OK;

    if (failed && failed != -ENOENT) {
        snprintf(error, size, "cannot read " SERVICE_OUTPUTS_FILE ": %s", strerror(-failed));
        return EXIT_UNREADABLE;
    }
    service->text = text;
    if (text)
        code = split_outputs(service, error, size);
    if (!service->outputs)
        service->output[service->outputs++] = SERVICE_DEFAULT_OUTPUT;
    return code;
}

static int open_service(struct service *service, char *error, size_t size)
{
    struct session_options options = {
        .load = load,
        .runtime = CONTROL_DIRECTORY,
        .role = CONTROL_SERVICE,
    };
    int code = read_outputs(service, error, size), counter, failed;

    if (code)
        return code;
    counter = map_record_counter(service);
    options.record_counter = service->record_counter;
    options.outputs = service->output;
    options.output_count = service->outputs;
    code = session_open(&service->session, &options, error, size);
    if (code)
        return code;
    if (counter) { /* no reason not to watch */
        snprintf(error, size, "record ids begin at 1: cannot keep them in " STORE_DIRECTORY "/" STORE_EVENT_ID ": %s", strerror(-counter));
        session_report(service->session, "RecordCounter", error);
    }
    failed = pid_file_write(SERVICE_PID_FILE);
    if (failed) {
        snprintf(error, size, "cannot write " SERVICE_PID_FILE ": %s", strerror(-failed));
        return EXIT_INTERNAL;
    }
    return EXIT_OK;
}

static void close_service(struct service *service)
{
    bool mine = service->session != NULL;

    session_close(service->session);
    if (mine)
        pid_file_remove(SERVICE_PID_FILE);
    if (service->record_counter)
        munmap(service->record_counter, sizeof(uint64_t));
    free(service->text);
}

int service_main(void)
{
    struct service service = { .session = NULL };
    char error[8192] = "";
    int code;

    if (geteuid()) {
        fputs("You need to run Sysmon as root.\n", stderr);
        return EXIT_NOT_ROOT;
    }
    if (!daemon_begin(&service.daemon, &code))
        return code;
    umask(077);
    if (chdir("/"))
        return EXIT_INTERNAL;
    code = open_service(&service, error, sizeof error);
    if (code) {
        daemon_failed(&service.daemon, code, error);
    } else {
        daemon_ready(&service.daemon);
        code = session_run(service.session, 0);
    }
    close_service(&service);
    return code;
}
