#include "apps/seen.h"

#include <stdlib.h>
#include <string.h>

#include "io/base/mem.h"
#include "io/base/par.h"

enum { DIGITS = 12 };

struct hashing {
    const struct thaw_dataset *data;
    char *digits; /* [n][DIGITS] */
};

static int hash_one(void *ctx, size_t i, struct thaw_error *err)
{
    struct hashing *h = ctx;
    char text[THAW_HASH_TEXT];
    if (thaw_hash_file(h->data->images[i].path, text, err))
        return -1;
    memcpy(h->digits + i * DIGITS, text, DIGITS);
    return 0;
}

static int by_digits(const void *a, const void *b)
{
    return memcmp(a, b, DIGITS);
}

/* In the order of the data set; the caller frees. */
static char *hash_all(const struct thaw_dataset *data, struct thaw_error *err)
{
    struct hashing h = {data, thaw_new(data->n + 1, DIGITS, err)};
    if (h.digits && thaw_par_each(data->n, hash_one, &h, err)) {
        free(h.digits);
        return NULL;
    }
    return h.digits;
}

json_t *thaw_seen_write(const struct thaw_dataset *data, struct thaw_error *err)
{
    char *digits = hash_all(data, err);
    if (!digits)
        return NULL;
    qsort(digits, data->n, DIGITS, by_digits);
    json_t *text = json_stringn(digits, data->n * DIGITS);
    free(digits);
    if (!text)
        thaw_fail(err, THAW_EMEMORY, "out of memory for the list of images");
    return text;
}

int thaw_seen_find(const json_t *seen, const struct thaw_dataset *data, bool *met, size_t *count,
                   struct thaw_error *err)
{
    const char *list = json_string_value(seen);
    size_t n = json_string_length(seen) / DIGITS;
    *count = 0;
    if (!list || !n)
        return 0;
    char *digits = hash_all(data, err);
    if (!digits)
        return -1;
    for (size_t i = 0; i < data->n; i++)
        if (bsearch(digits + i * DIGITS, list, n, DIGITS, by_digits)) {
            met[i] = true;
            ++*count;
        }
    free(digits);
    return 0;
}
