/* SPDX-License-Identifier: MIT */
/* Nearest candidate by edit distance (optimal string alignment), ignoring ASCII case. */
#include "suggestion.h"

#include <string.h>

/* Longer words are not compared: no name of a configuration comes near. */
#define MAX_WORD 48

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
    unsigned m = a < b ? a : b;

    return m < c ? m : c;
}

unsigned suggestion_distance(const char *a, const char *b, unsigned limit)
{
    unsigned row[3][MAX_WORD + 1];
    size_t n = strlen(a), m = strlen(b);

    if (n > MAX_WORD || m > MAX_WORD || (n > m ? n - m : m - n) > limit)
        return limit + 1;
    for (size_t j = 0; j <= m; j++)
        row[0][j] = (unsigned)j;
    for (size_t i = 1; i <= n; i++) {
        unsigned *now = row[i % 3], *last = row[(i - 1) % 3], *older = row[(i + 1) % 3];

        now[0] = (unsigned)i;
        for (size_t j = 1; j <= m; j++) {
            char x = lower(a[i - 1]), y = lower(b[j - 1]);

            now[j] = min3(last[j] + 1, now[j - 1] + 1, last[j - 1] + (x != y));
            if (i > 1 && j > 1 && x == lower(b[j - 2]) && lower(a[i - 2]) == y && older[j - 2] + 1 < now[j])
                now[j] = older[j - 2] + 1;
        }
    }
    return row[n % 3][m] > limit ? limit + 1 : row[n % 3][m];
}

struct suggestion suggestion_start(const char *word)
{
    unsigned limit = (unsigned)strlen(word) / 3;

    return (struct suggestion){ .word = word, .distance = (limit > 4 ? 4 : limit < 1 ? 1 : limit) + 1 };
}

void suggestion_offer(struct suggestion *s, const char *candidate)
{
    unsigned distance = suggestion_distance(s->word, candidate, s->distance);

    if (distance < s->distance) {
        s->best = candidate;
        s->distance = distance;
    }
}
