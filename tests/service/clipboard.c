/* SPDX-License-Identifier: MIT */
/* Messages of the clipboard helper: whole and in pieces, damaged ones, text without an end, and what is said of a remote client. */
#include "clipboard_message.h"
#include "trace_vectors.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void pieces(void **state)
{
    uint8_t data[64];
    size_t whole = from_hex(data, "434c4950 07000000 06000000 00000000 610062006300 434c4950 08000000 02000000 00000000 7a00");

    assert_int_equal(whole, 40);
    for (size_t step = 1; step <= whole; step++) {
        struct clipboard_stream stream = { 0 };
        unsigned messages = 0;

        for (size_t at = 0; at < whole; at += step) {
            const uint8_t *piece = data + at;
            size_t size = whole - at < step ? whole - at : step;
            int status;

            while ((status = clipboard_stream_take(&stream, &piece, &size)) == 1) {
                assert_int_equal(stream.header.owner_pid, 7 + messages);
                assert_memory_equal(stream.text, messages ? "z\0" : "a\0b\0c\0", stream.header.size);
                messages++;
                clipboard_stream_next(&stream);
            }
            assert_int_equal(status, 0);
            assert_int_equal(size, 0);
        }
        assert_int_equal(messages, 2);
        clipboard_stream_next(&stream);
    }
}

static void damaged(void **state)
{
    static const char *const heads[] = {
        "444c4950 07000000 06000000 00000000", "434c4950 07000000 00000000 00000000", "434c4950 07000000 05000000 00000000",
        "434c4950 07000000 02004000 00000000", "434c4950 07000000 feffffff 00000000", "434c4950 07000000 06000000 00000001",
    };

    for (unsigned i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
        struct clipboard_stream stream = { 0 };
        uint8_t data[16];
        const uint8_t *at = data;
        size_t size = from_hex(data, heads[i]);

        assert_int_equal(clipboard_stream_take(&stream, &at, &size), -EBADMSG);
        clipboard_stream_next(&stream);
    }
}

static void blocks(void **state)
{
    static uint8_t large[CLIPBOARD_TEXT_LIMIT + 100];

    assert_int_equal(clipboard_text_size("a\0b\0c", 6), 6);
    assert_int_equal(clipboard_text_size("a\0b", 3), 2);
    assert_int_equal(clipboard_text_size("a\0\0\0b\0", 6), 2);
    assert_int_equal(clipboard_text_size("", 0), 0);
    memset(large, 'a', sizeof(large));
    assert_int_equal(clipboard_text_size(large, sizeof(large)), CLIPBOARD_TEXT_LIMIT);
}

static void clients(void **state)
{
    static const struct {
        const char *address, *user, *host, *want;
    } cases[] = {
        { "02000000 0000c0a80001 0000000000000000000000000000", "L\\u", "", "user: L\\u ip: 192.168.0.1" },
        { "17000000 fe80000000000000013e52b80c833de3 00000000", "acmelabs\\Admin", "DESKTOP-LH0AJLB",
          "user: acmelabs\\Admin ip: FE80:0000:0000:0000:013E:52B8:0C83:3DE3 hostname: DESKTOP-LH0AJLB" },
        { "00000000 0000000000000000000000000000000000000000", "L\\u", "", "user: L\\u" },
        { "02000000 0000c0a8", "L\\u", "", "user: L\\u" },
        { "02000001 0000c0a80001 0000000000000000000000000000", "", "H", "hostname: H" },
        { "", "", "", "" },
    };
    struct pool pool = { 0 };

    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint8_t address[32];
        size_t size = from_hex(address, cases[i].address);
        struct match_text user = { cases[i].user, (uint32_t)strlen(cases[i].user) }, host = { cases[i].host, (uint32_t)strlen(cases[i].host) };
        struct match_text text = clipboard_client_info(&pool, user, address, size, host);

        assert_int_equal(text.size, strlen(cases[i].want));
        assert_memory_equal(text.data, cases[i].want, text.size);
    }
    pool_free(&pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(pieces), cmocka_unit_test(damaged), cmocka_unit_test(blocks), cmocka_unit_test(clients) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
