/* SPDX-License-Identifier: MIT */
/* systemd, init scripts, or a daemon alone. */
#include "service_manager.h"

#include "cli/exit_codes.h"
#include "control.h"
#include "store.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define STOP_SECONDS 30 /* to drain; then it is killed */

/* packaging/linux/sysmon.service.in and sysmon.init.in, built in; terminated. */
extern const unsigned char unit_text[], script_text[];

static char *const environment[] = { (char[]){ "PATH=/usr/sbin:/usr/bin:/sbin:/bin" }, (char[]){ "LC_ALL=C" }, NULL };

enum service_manager service_manager_here(void)
{
    struct stat st;

    if (!lstat("/run/systemd/system", &st) && S_ISDIR(st.st_mode))
        return SERVICE_SYSTEMD;
    return !stat("/etc/init.d", &st) && S_ISDIR(st.st_mode) ? SERVICE_INIT : SERVICE_ALONE;
}

static int fail(char *error, size_t size, int code, const char *what, const char *detail)
{
    snprintf(error, size, detail ? "%s: %s" : "%s", what, detail);
    return code;
}

/* Runs a program; its standard error goes to `text` when that is not NULL. Exit status, or -1. */
static int run(const char *const *argv, char *text, size_t size)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, pipe_only;
    int ends[2], status = -1, null = open("/dev/null", O_RDWR | O_CLOEXEC);
    size_t used = 0;
    ssize_t got;
    pid_t pid;

    if (null < 0 || pipe2(ends, O_CLOEXEC))
        return -1;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, null, 0);
    posix_spawn_file_actions_adddup2(&actions, null, 1);
    posix_spawn_file_actions_adddup2(&actions, text ? ends[1] : null, 2);
    /* A process group of its own: what is typed at us is not meant for it. And signals as everybody expects them. */
    sigemptyset(&none);
    sigemptyset(&pipe_only);
    sigaddset(&pipe_only, SIGPIPE);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &pipe_only);
    if (posix_spawnp(&pid, argv[0], &actions, &attributes, (char *const *)(uintptr_t)argv, environment))
        pid = 0;
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    close(ends[1]);
    close(null);
    while (pid && text && (got = read(ends[0], text + used, size - 1 - used)) > 0)
        used += (size_t)got;
    close(ends[0]);
    if (text)
        text[used] = '\0';
    if (pid && waitpid(pid, &status, 0) == pid)
        status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return pid ? status : -1;
}

int service_command(const char *const *argv)
{
    return run(argv, NULL, 0);
}

#define COMMAND(...) service_command((const char *const[]){ __VA_ARGS__, NULL })

/* --- files ---------------------------------------------------------------------------------------------------------- */

/* The text with @PROGRAM@ and @STORE@ replaced; allocated. */
static char *expand(const char *text, const char *program)
{
    static const struct {
        const char *mark;
        size_t size;
    } marks[] = { { "@PROGRAM@", 9 }, { "@STORE@", 7 } };
    const char *values[] = { program, STORE_DIRECTORY };
    size_t capacity = strlen(text) + 8 * strlen(program) + 8 * sizeof STORE_DIRECTORY, used = 0;
    char *out = malloc(capacity);

    while (out && *text) {
        size_t taken = 0;

        for (int i = 0; i < 2 && !taken; i++)
            if (!strncmp(text, marks[i].mark, marks[i].size) && used + strlen(values[i]) < capacity - 1) {
                memcpy(out + used, values[i], strlen(values[i]));
                used += strlen(values[i]);
                taken = marks[i].size;
            }
        if (!taken && used < capacity - 1) {
            out[used++] = *text;
            taken = 1;
        }
        text += taken ? taken : 1;
    }
    if (out)
        out[used] = '\0';
    return out;
}

static int write_file(const char *path, const char *text, mode_t mode)
{
    char staged[128];
    size_t size = strlen(text);
    int fd, error = 0;

    snprintf(staged, sizeof staged, "%s.new", path);
    unlink(staged);
    fd = open(staged, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    if (fd < 0)
        return -errno;
    if (write(fd, text, size) != (ssize_t)size || fchmod(fd, mode) || fsync(fd))
        error = errno ? -errno : -EIO;
    close(fd);
    if (!error && rename(staged, path))
        error = -errno;
    if (error)
        unlink(staged);
    return error;
}

static bool exists(const char *path)
{
    return !access(path, F_OK);
}

static int write_expanded(const char *path, const char *text, const char *program, mode_t mode, char *error, size_t size)
{
    char *expanded = expand(text, program);
    int failed = expanded ? write_file(path, expanded, mode) : -ENOMEM;

    free(expanded);
    if (failed) {
        snprintf(error, size, "cannot write %s: %s", path, strerror(-failed));
        return EXIT_INSTALL;
    }
    return EXIT_OK;
}

/* --- registration --------------------------------------------------------------------------------------------------- */

static int register_unit(const char *program, char *error, size_t size)
{
    int code = EXIT_OK;

    if (!exists(SERVICE_PACKAGED_UNIT))
        code = write_expanded(SERVICE_UNIT, (const char *)unit_text, program, 0644, error, size);
    if (!code && COMMAND("systemctl", "daemon-reload"))
        code = fail(error, size, EXIT_INSTALL, "systemctl daemon-reload failed", NULL);
    if (!code && COMMAND("systemctl", "enable", "sysmon.service"))
        code = fail(error, size, EXIT_INSTALL, "systemctl enable sysmon.service failed", NULL);
    return code;
}

static bool is_packaged_script(void)
{
    return exists("/var/lib/dpkg/info/opensysmon.list");
}

static int register_script(const char *program, char *error, size_t size)
{
    int code = EXIT_OK;

    if (!is_packaged_script())
        code = write_expanded(SERVICE_SCRIPT, (const char *)script_text, program, 0755, error, size);
    /* Without update-rc.d nothing starts at boot here; the script still serves by hand. */
    if (!code && exists("/usr/sbin/update-rc.d") && COMMAND("/usr/sbin/update-rc.d", "sysmon", "defaults"))
        code = fail(error, size, EXIT_INSTALL, "update-rc.d sysmon defaults failed", NULL);
    return code;
}

int service_register(enum service_manager manager, const char *program, char *error, size_t size)
{
    if (manager == SERVICE_SYSTEMD)
        return register_unit(program, error, size);
    return manager == SERVICE_INIT ? register_script(program, error, size) : EXIT_OK;
}

bool service_is_registered(enum service_manager manager)
{
    if (manager == SERVICE_SYSTEMD)
        return exists(SERVICE_UNIT) || exists(SERVICE_PACKAGED_UNIT);
    return manager == SERVICE_INIT && exists(SERVICE_SCRIPT);
}

static int unlink_file(const char *path, char *error, size_t size)
{
    if (!unlink(path) || errno == ENOENT)
        return EXIT_OK;
    snprintf(error, size, "cannot remove %s: %s", path, strerror(errno));
    return EXIT_INSTALL;
}

int service_unregister(enum service_manager manager, char *error, size_t size)
{
    int code = EXIT_OK;

    if (manager == SERVICE_SYSTEMD) {
        COMMAND("systemctl", "disable", "sysmon.service");
        code = unlink_file(SERVICE_UNIT, error, size);
        COMMAND("systemctl", "reset-failed", "sysmon.service");
        COMMAND("systemctl", "daemon-reload");
    } else if (manager == SERVICE_INIT && !is_packaged_script()) {
        code = unlink_file(SERVICE_SCRIPT, error, size);
        if (exists("/usr/sbin/update-rc.d"))
            COMMAND("/usr/sbin/update-rc.d", "sysmon", "remove");
    }
    return code;
}

/* --- running -------------------------------------------------------------------------------------------------------- */

/* An instance lives as long as the lock in its directory is held. */
static bool is_locked(void)
{
    int fd = open(CONTROL_DIRECTORY "/lock", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    bool locked = fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) && errno == EWOULDBLOCK;

    if (fd >= 0)
        close(fd);
    return locked;
}

int service_running(void)
{
    int pid = 0;
    FILE *file;

    if (!is_locked())
        return 0;
    pid = control_peer(CONTROL_DIRECTORY);
    if (pid)
        return pid;
    file = fopen(SERVICE_PID_FILE, "re"); /* it does not answer; the pid file is its own, since the lock is held */
    if (file) {
        if (fscanf(file, "%d", &pid) != 1)
            pid = 0;
        fclose(file);
    }
    return pid;
}

/* The service's own exit code, so that `-i` ends as a run in the foreground would. */
static int unit_exit_code(void)
{
    FILE *pipe = popen("systemctl show -p ExecMainStatus --value sysmon.service 2>/dev/null", "re");
    int code = EXIT_INSTALL;

    if (pipe) {
        if (fscanf(pipe, "%d", &code) != 1 || code <= 0)
            code = EXIT_INSTALL;
        pclose(pipe);
    }
    return code;
}

/* Banner and findings come before; the reason it ended is the last thing a program says. */
static void keep_last_line(char *text)
{
    size_t size = strlen(text), start;

    while (size && text[size - 1] == '\n')
        size--;
    for (start = size; start && text[start - 1] != '\n';)
        start--;
    memmove(text, text + start, size - start);
    text[size - start] = '\0';
}

int service_start(enum service_manager manager, const char *program, char *error, size_t size)
{
    int code;

    if (manager == SERVICE_SYSTEMD) {
        if (!COMMAND("systemctl", "start", "sysmon.service"))
            return EXIT_OK;
        return fail(error, size, unit_exit_code(), "systemctl could not start it", "journalctl -u sysmon says why");
    }
    code = run((const char *const[]){ program, "-i", STORE_DIRECTORY "/" STORE_CONFIG, "-service", NULL }, error, size);
    keep_last_line(error);
    if (code < 0)
        return fail(error, size, EXIT_INSTALL, "cannot run", program);
    if (code && !error[0])
        snprintf(error, size, "it ended with exit code %d", code);
    return code;
}

static bool gone(int pidfd, int seconds)
{
    struct pollfd pollfd = { .fd = pidfd, .events = POLLIN };
    int ready;

    do
        ready = poll(&pollfd, 1, seconds * 1000);
    while (ready < 0 && errno == EINTR);
    return ready > 0;
}

static int stop_process(int pid, char *error, size_t size)
{
    int pidfd = (int)syscall(SYS_pidfd_open, pid, 0), code = EXIT_OK;
    char *text = NULL;
    size_t text_size;

    if (pidfd < 0)
        return errno == ESRCH ? EXIT_OK : fail(error, size, EXIT_INSTALL, "cannot watch the monitor", strerror(errno));
    if (control_call(CONTROL_DIRECTORY, "stop", 5, &text, &text_size))
        syscall(SYS_pidfd_send_signal, pidfd, SIGTERM, NULL, 0);
    free(text);
    if (!gone(pidfd, STOP_SECONDS)) {
        syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
        if (!gone(pidfd, 5))
            code = fail(error, size, EXIT_INSTALL, "the monitor does not end", "not even when killed");
    }
    close(pidfd);
    return code;
}

int service_stop(enum service_manager manager, char *error, size_t size)
{
    int pid = service_running(), code;

    if (!pid) {
        if (manager == SERVICE_SYSTEMD)
            COMMAND("systemctl", "stop", "sysmon.service"); /* it may be about to start it again */
        return fail(error, size, EXIT_NOT_RUNNING, "not running", NULL);
    }
    if (manager == SERVICE_SYSTEMD && !COMMAND("systemctl", "stop", "sysmon.service") && !is_locked())
        return EXIT_OK;
    code = stop_process(pid, error, size);
    if (!code)
        unlink(SERVICE_PID_FILE); /* left when it had to be killed */
    return code;
}
