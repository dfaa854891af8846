/* SPDX-License-Identifier: MIT */
/* Digests of known messages, fed in pieces, several messages with one object. Prints TAP. */
#include "port/digest.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *text;
    unsigned repeat;
    const char *expected[DIGEST_COUNT];
} vectors[] = {
    { "", 1, { "da39a3ee5e6b4b0d3255bfef95601890afd80709", "d41d8cd98f00b204e9800998ecf8427e",
               "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" } },
    { "abc", 1, { "a9993e364706816aba3e25717850c26c9cd0d89d", "900150983cd24fb0d6963f7d28e17f72",
                  "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" } },
    { "aaaaaaaaaa", 100000, { "34aa973cd4c4daa4f61eeb2bdbad27316534016f", "7707d6ae4e027c70eea2a935c2296f21",
                              "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0" } },
};

static int point(int good, const char *name, unsigned number)
{
    static int count;

    printf("%sok %d - %s %u\n", good ? "" : "not ", ++count, name, number);
    return good ? 0 : 1;
}

static int is_hex(const unsigned char *value, unsigned size, const char *expected)
{
    char text[2 * DIGEST_MAX_SIZE + 1];

    for (unsigned i = 0; i < size; i++)
        snprintf(text + 2 * i, 3, "%02x", value[i]);
    return !strcmp(text, expected);
}

static int check(struct digest *digest, unsigned v, uint32_t mask)
{
    struct digest_values values;
    int good = 1;

    for (unsigned i = 0; i < vectors[v].repeat; i++)
        good &= !digest_update(digest, vectors[v].text, strlen(vectors[v].text));
    good &= !digest_finish(digest, &values);
    for (int i = 0; i < DIGEST_COUNT; i++)
        if (mask & DIGEST_BIT(i))
            good &= is_hex(values.value[i], digest_size(i), vectors[v].expected[i]);
    return good;
}

int main(void)
{
    struct digest *digest;
    int failed = 0;

    for (uint32_t mask = 1; mask <= DIGEST_ALL; mask++) {
        if (digest_open(&digest, mask)) {
            failed |= point(0, "opening", mask);
            continue;
        }
        for (unsigned v = 0; v < sizeof vectors / sizeof *vectors; v++)
            failed |= point(check(digest, v, mask), "algorithms", mask);
        failed |= point(!digest_update(digest, "junk", 4) && !digest_restart(digest) && check(digest, 1, mask), "forgotten", mask);
        digest_close(digest);
    }
    failed |= point(digest_open(&digest, 0) == -EINVAL && digest_open(&digest, 8) == -EINVAL, "unknown algorithms are refused", 0);
    return failed;
}
