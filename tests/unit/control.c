/* SPDX-License-Identifier: MIT */
/* The control socket: requests, second instance, leftovers of a killed one, hostile directories and peers. */
#include "linux/control.h"

#include "cli/exit_codes.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

static char folder[] = "/tmp/control-test-XXXXXX", directory[64];
static atomic_bool ended;
static int reload_code;

static int on_reload(void *context, char *message, size_t size)
{
    if (reload_code)
        snprintf(message, size, "config.xml:3: no");
    return reload_code;
}

static void on_stats(void *context, struct stats *stats)
{
    stats_family(stats, "numbers", STATS_GAUGE, "Many.", "n", NULL, NULL);
    for (int i = 0; i < 100000; i++) { /* larger than a socket's buffer */
        char name[16];

        snprintf(name, sizeof name, "%d", i);
        stats_value(stats, (uint64_t)i, name, NULL, NULL);
    }
}

static void on_stop(void *context)
{
    ended = true;
}

static const struct control_handlers handlers = { NULL, CONTROL_SERVICE, on_reload, on_stats, on_stop };

static void *serve(void *argument)
{
    struct control *control = argument;

    while (!ended) {
        struct pollfd pollfd = { .fd = control_descriptor(control), .events = POLLIN };

        poll(&pollfd, 1, -1);
        control_serve(control);
    }
    for (int i = 0; i < 3; i++) /* the answer to `stop` may still be on its way */
        control_serve(control);
    return NULL;
}

static void assert_answer(const char *request, int code, const char *expected)
{
    size_t size;
    char *text;

    assert_int_equal(control_call(directory, request, 30, &text, &size), code);
    assert_non_null(text);
    if (expected)
        assert_string_equal(text, expected);
    free(text);
}

static int raw_connection(void)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    snprintf(address.sun_path, sizeof address.sun_path, "%s/control", directory);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static void requests(void **state)
{
    struct control *control, *second;
    char error[256], junk[4096];
    pthread_t thread;
    char *text;
    size_t size;
    int fd;

    assert_answer("ping", EXIT_NOT_RUNNING, "the monitor is not running");
    assert_int_equal(control_open(&control, directory, &handlers, error, sizeof error), EXIT_OK);
    assert_int_equal(control_open(&second, directory, &handlers, error, sizeof error), EXIT_SECOND_INSTANCE);
    assert_non_null(strstr(error, "another instance is running"));
    ended = false;
    assert_int_equal(pthread_create(&thread, NULL, serve, control), 0);
    assert_int_equal(control_peer(directory), getpid());
    assert_answer("ping", EXIT_OK, "service");
    assert_answer("reload", EXIT_OK, "");
    reload_code = EXIT_CONFIG;
    assert_answer("reload", EXIT_CONFIG, "config.xml:3: no");
    assert_answer("nonsense", EXIT_USAGE, "unknown request");
    assert_answer("stats yaml", EXIT_USAGE, "unknown request");
    assert_int_equal(control_call(directory, "stats json", 30, &text, &size), EXIT_OK);
    assert_true(size > 1000000);
    assert_string_equal(text + size - 17, "\"99999\":99999}\n}\n");
    free(text);
    memset(junk, 'x', sizeof junk);
    fd = raw_connection(); /* a line without end */
    (void)!send(fd, junk, sizeof junk, MSG_NOSIGNAL);
    assert_true(recv(fd, junk, sizeof junk, 0) <= 0);
    close(fd);
    fd = raw_connection(); /* connects, asks for much, reads nothing */
    assert_int_equal(send(fd, "stats text\n", 11, MSG_NOSIGNAL), 11);
    assert_answer("ping", EXIT_OK, "service");
    close(fd);
    assert_answer("stop", EXIT_OK, "");
    pthread_join(thread, NULL);
    control_close(control);
    assert_answer("ping", EXIT_NOT_RUNNING, NULL);
}

/* What a killed instance leaves (a socket, a lock file) does not stop the next one. */
static void leftovers(void **state)
{
    struct control *control;
    char error[256];
    pid_t child = fork();

    if (!child) {
        if (control_open(&control, directory, &handlers, error, sizeof error))
            _exit(1);
        raise(SIGKILL);
    }
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_answer("ping", EXIT_NOT_RUNNING, NULL);
    assert_int_equal(control_open(&control, directory, &handlers, error, sizeof error), EXIT_OK);
    control_close(control);
}

static void hostile_directories(void **state)
{
    struct control *control;
    char error[256], path[128];
    struct stat st;

    snprintf(path, sizeof path, "%s/link", folder);
    assert_int_equal(symlink(directory, path), 0);
    assert_int_equal(control_open(&control, path, &handlers, error, sizeof error), EXIT_INTERNAL);
    snprintf(path, sizeof path, "%s/open", folder);
    assert_int_equal(mkdir(path, 0777), 0);
    assert_int_equal(chmod(path, 0777), 0);
    assert_int_equal(control_open(&control, path, &handlers, error, sizeof error), EXIT_OK);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    control_close(control);
    if (geteuid())
        return;
    assert_int_equal(chown(path, 12345, 0), 0);
    assert_int_equal(control_open(&control, path, &handlers, error, sizeof error), EXIT_INTERNAL);
    assert_non_null(strstr(error, "belongs to user 12345"));
}

/* Even when the directory's mode would let others in, the socket asks who they are. */
static void other_users(void **state)
{
    struct control *control;
    char error[256], path[128];
    pid_t child;
    int status;

    if (geteuid()) {
        skip();
        return;
    }
    assert_int_equal(control_open(&control, directory, &handlers, error, sizeof error), EXIT_OK);
    ended = false;
    chmod(folder, 0755);
    chmod(directory, 0755);
    snprintf(path, sizeof path, "%s/control", directory);
    chmod(path, 0666);
    child = fork();
    if (!child) {
        char byte;
        int fd;

        if (setgid(12345) || setuid(12345))
            _exit(2);
        fd = raw_connection();
        (void)!send(fd, "stop\n", 5, MSG_NOSIGNAL);
        _exit(recv(fd, &byte, 1, 0) <= 0 ? 0 : 1);
    }
    do {
        struct pollfd pollfd = { .fd = control_descriptor(control), .events = POLLIN };

        poll(&pollfd, 1, 10);
        control_serve(control);
    } while (!waitpid(child, &status, WNOHANG));
    assert_int_equal(status, 0);
    assert_false(ended);
    control_close(control);
}

static int set_up(void **state)
{
    if (!mkdtemp(folder))
        return -1;
    snprintf(directory, sizeof directory, "%s/run", folder);
    return 0;
}

static int tear_down(void **state)
{
    char command[64];

    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests),
        cmocka_unit_test(leftovers),
        cmocka_unit_test(hostile_directories),
        cmocka_unit_test(other_users),
    };
    return cmocka_run_group_tests_name("control", tests, set_up, tear_down);
}
