#include "apps/seen.h"

#include <stdlib.h>
#include <string.h>

#include "io/base/mem.h"
#include "io/base/par.h"

enum { DIGITS = 12, IN_ONE = 4, NUMBERS = THAW_LIKENESS_POINTS / IN_ONE };

static const char looks_name[] = "train_looks";

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

/* --- by their looks --- */

int thaw_seen_add_looks(const struct thaw_dataset *data, struct thaw_keras_file *file,
                        struct thaw_error *err)
{
    size_t n = 0;
    for (size_t i = 0; i < data->n; i++)
        n += data->images[i].look != NULL;
    if (n == 0 || n > THAW_SEEN_MOST)
        return 0;
    float *packed = thaw_new(n, NUMBERS * sizeof *packed, err), *to = packed;
    if (!packed)
        return -1;
    for (size_t i = 0; i < data->n; i++) {
        const uint8_t *from = data->images[i].look;
        for (int k = 0; from && k < NUMBERS; k++, from += IN_ONE)
            *to++ =
                (float)(from[0] >> 2 << 18 | from[1] >> 2 << 12 | from[2] >> 2 << 6 | from[3] >> 2);
    }
    int rc =
        thaw_keras_add_tensor(file, NULL, looks_name, (long[]){(long)n, NUMBERS}, 2, packed, err);
    free(packed);
    return rc;
}

int thaw_seen_read_looks(const struct thaw_keras_file *file, const char *path,
                         uint8_t (**looks)[THAW_LIKENESS_POINTS], size_t *n, struct thaw_error *err)
{
    const struct thaw_tensor *tensor = file ? thaw_keras_extra(file, looks_name) : NULL;
    *looks = NULL;
    *n = 0;
    if (!tensor)
        return 0;
    if (tensor->rank != 2 || tensor->dims[1] != NUMBERS)
        return thaw_fail(err, THAW_EINPUT, "%s: its %s do not have %d numbers an image", path,
                         looks_name, NUMBERS);
    float *packed = thaw_new(tensor->count, sizeof *packed, err);
    int rc = packed && (*looks = thaw_new(tensor->count / NUMBERS, sizeof **looks, err))
                 ? thaw_tensor_read(tensor, packed, err)
                 : -1;
    for (size_t i = 0; rc == 0 && i < tensor->count; i++) {
        uint8_t *to = (*looks)[i / NUMBERS] + IN_ONE * (i % NUMBERS);
        if (!(packed[i] >= 0 && packed[i] < 1 << 24)) {
            rc = thaw_fail(err, THAW_EINPUT, "%s: its %s hold %g", path, looks_name,
                           (double)packed[i]);
            break;
        }
        for (int k = 0; k < IN_ONE; k++) /* each in the middle of its step */
            to[k] = (uint8_t)(((uint32_t)packed[i] >> (18 - 6 * k) & 63) << 2 | 2);
    }
    free(packed);
    if (rc) {
        free(*looks);
        *looks = NULL;
        return -1;
    }
    *n = tensor->count / NUMBERS;
    return 0;
}
