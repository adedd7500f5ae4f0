#include "apps/suggest.h"

#include <stdbool.h>
#include <string.h>

enum { LONGEST = 63 };

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Three rows of the usual table; row i holds the distances of the first i letters of a. */
static size_t distance(const char *a, const char *b)
{
    size_t rows[3][LONGEST + 1] = {{0}}, n = strlen(a), m = strlen(b);
    if (n > LONGEST || m > LONGEST)
        return LONGEST;
    for (size_t j = 0; j <= m; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= n; i++) {
        size_t *row = rows[i % 3];
        const size_t *before = rows[(i - 1) % 3], *two_before = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= m; j++) {
            row[j] =
                least(least(before[j], row[j - 1]) + 1, before[j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = least(row[j], two_before[j - 2] + 1);
        }
    }
    return rows[n % 3][m];
}

void thaw_suggest_try(struct thaw_suggest *s, const char *candidate)
{
    size_t length = strlen(s->word);
    bool begins = length > 2 && strncmp(candidate, s->word, length) == 0;
    size_t d = begins ? 1 : distance(s->word, candidate);
    if (d > (length + 2) / 3 || (s->best && d >= s->distance))
        return;
    s->best = candidate;
    s->distance = d;
}
