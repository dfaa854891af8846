/* SPDX-License-Identifier: MIT */
/* Texts of the Linux sensor's records: paths, command lines, names; container ids. */
#include "linux/container.h"
#include "linux/decode.h"
#include "linux/name_path.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TEXT(literal) ((struct match_text){ (literal), sizeof(literal) - 1 })

static void check_path(struct match_text text, const char *want)
{
    char out[256];
    size_t size = decode_path(out, text);

    assert_string_equal(out, want);
    assert_int_equal(size, strlen(want));
}

static void paths(void **state)
{
    check_path(TEXT(""), "/");
    check_path(TEXT("ls\0bin\0usr\0"), "/usr/bin/ls");
    check_path(TEXT("memfd:x\0"), "/memfd:x");
    check_path(TEXT("unended"), "/unended");
}

static void check_line(struct match_text arguments, const char *want)
{
    char out[256];
    size_t size = decode_command_line(out, arguments);

    out[size] = 0;
    assert_string_equal(out, want);
    assert_int_equal(decode_command_line(NULL, arguments), size);
}

static void command_lines(void **state)
{
    check_line(TEXT(""), "");
    check_line(TEXT("ls\0-l\0"), "ls -l");
    check_line(TEXT("ls\0a b\0\0it's\0"), "ls 'a b' '' 'it'\\''s'");
    check_line(TEXT("x\0a\\b\0\n\0\"\0$HOME*\0"), "x 'a\\b' '\n' '\"' $HOME*");
    check_line(TEXT("cut\0in the mid"), "cut 'in the mid'");
}

static void check_tidy(struct match_text base, struct match_text argument, const char *want)
{
    char out[256];

    assert_int_equal(path_tidy(out, base, argument), strlen(want));
    assert_string_equal(out, want);
}

static void tidy_names(void **state)
{
    check_tidy(TEXT("/home/x"), TEXT("a"), "/home/x/a");
    check_tidy(TEXT("/home/x"), TEXT("/etc//passwd"), "/etc/passwd");
    check_tidy(TEXT("/home/x"), TEXT("../y/./z/"), "/home/y/z");
    check_tidy(TEXT("/"), TEXT("../../.."), "/");
    check_tidy(TEXT("/a"), TEXT(""), "/a");
}

static void check_container(struct match_text path, const char *want)
{
    struct match_text id = container_id(path);

    assert_int_equal(id.size, strlen(want));
    assert_memory_equal(id.data, want, id.size);
}

static void containers(void **state)
{
#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
    check_container(TEXT(ID "\0docker\0"), ID);
    check_container(TEXT("docker-" ID ".scope\0system.slice\0"), ID);
    check_container(TEXT("0::/kubepods.slice/cri-containerd-" ID ".scope\n"), ID);
    check_container(TEXT("lxc.payload.web\0"), "web");
    check_container(TEXT("machine-db.scope\0machine.slice\0"), "db");
    check_container(TEXT("user@1000.service\0user.slice\0"), "");
    check_container(TEXT("x" ID "\0"), "");
}

/* What is damaged is refused, whatever its sizes claim. */
static void damaged(void **state)
{
    struct wire_exec exec = { .header = { .size = sizeof exec, .type = WIRE_EXEC } };
    struct decoded_exec view;

    assert_int_equal(decode_exec(&view, &exec, sizeof exec), 0);
    exec.image_size = 1;
    assert_true(decode_exec(&view, &exec, sizeof exec) < 0);
    exec.image_size = UINT32_MAX;
    assert_true(decode_exec(&view, &exec, sizeof exec) < 0);
    exec.image_size = 0;
    exec.header.size++;
    assert_true(decode_exec(&view, &exec, sizeof exec) < 0);
    exec.header.size--;
    assert_true(decode_exec(&view, &exec, sizeof exec - 1) < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths), cmocka_unit_test(command_lines), cmocka_unit_test(tidy_names),
        cmocka_unit_test(containers), cmocka_unit_test(damaged),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
