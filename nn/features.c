#include "nn/features.h"

#include <stdlib.h>
#include <string.h>

#include "io/base/mem.h"
#include "nn/features_file.h"
#include "nn/kernels/bf16.h"

struct thaw_features {
    size_t rows, floats, row_bytes, missing;
    bool bf16;
    bool *has;                       /* [rows] */
    unsigned char *memory;           /* [rows][row_bytes], or NULL */
    struct thaw_features_file *file; /* or NULL */
    unsigned char *buffer;           /* [row_bytes]: a row as it stands in the file */
};

void thaw_bf16_round(float *values, size_t n)
{
    for (size_t i = 0; i < n; i++)
        values[i] = thaw_bf16_widen(thaw_bf16_narrow(values[i]));
}

static void write_row(const struct thaw_features *f, const float *values, unsigned char *to)
{
    if (f->bf16)
        thaw_bf16_narrow_array(values, (uint16_t *)(void *)to, f->floats);
    else
        memcpy(to, values, f->row_bytes);
}

static void read_row(const struct thaw_features *f, const unsigned char *from, float *values)
{
    if (f->bf16)
        thaw_bf16_widen_array((const uint16_t *)(const void *)from, values, f->floats);
    else
        memcpy(values, from, f->row_bytes);
}

/* --- the store --- */

static bool count_bytes(const struct thaw_features_options *o, size_t *row, size_t *all)
{
    return thaw_mul(o->floats, o->bf16 ? sizeof(uint16_t) : sizeof(float), row) &&
           thaw_mul(*row, o->rows, all);
}

size_t thaw_features_bytes(const struct thaw_features_options *o)
{
    size_t row, all;
    if (!count_bytes(o, &row, &all))
        return SIZE_MAX;
    return o->path ? thaw_features_file_bytes(o->rows, row) : all;
}

/* Rows of an older file; it ends here, unless it has all that is asked for. */
static int open_file(struct thaw_features *f, const struct thaw_features_options *o,
                     struct thaw_error *err)
{
    struct thaw_features_form form = {.rows = o->rows,
                                      .row_bytes = f->row_bytes,
                                      .path = o->path,
                                      .key = o->key,
                                      .names = o->names};
    struct thaw_features_file *old = thaw_features_file_open(&form, f->has);
    int rc = 0;
    for (size_t i = 0; i < f->rows; i++)
        f->missing -= f->has[i];
    if (old && f->missing == 0) {
        f->file = old;
        return 0;
    }
    if (!(f->file = thaw_features_file_create(&form, err)))
        rc = -1;
    for (size_t i = 0; rc == 0 && i < f->rows; i++)
        if (f->has[i] && ((rc = thaw_features_file_read(old, i, f->buffer, err)) == 0))
            rc = thaw_features_file_write(f->file, i, f->buffer, err);
    thaw_features_file_close(old);
    return rc;
}

struct thaw_features *thaw_features_create(const struct thaw_features_options *o,
                                           struct thaw_error *err)
{
    size_t all;
    struct thaw_features *f = thaw_new(1, sizeof *f, err);
    if (!f)
        return NULL;
    *f = (struct thaw_features){
        .rows = o->rows, .floats = o->floats, .missing = o->rows, .bf16 = o->bf16};
    if (!count_bytes(o, &f->row_bytes, &all)) {
        thaw_fail(err, THAW_EMEMORY, "%zu rows of %zu features are too many", o->rows, o->floats);
        goto fail;
    }
    f->has = thaw_new(o->rows, sizeof *f->has, err);
    f->buffer = thaw_new(f->row_bytes, 1, err);
    if (!f->has || !f->buffer)
        goto fail;
    if (o->path ? open_file(f, o, err) : !(f->memory = thaw_new(all, 1, err)))
        goto fail;
    return f;
fail:
    thaw_features_free(f);
    return NULL;
}

void thaw_features_free(struct thaw_features *f)
{
    if (!f)
        return;
    thaw_features_file_close(f->file);
    free(f->memory);
    free(f->buffer);
    free(f->has);
    free(f);
}

bool thaw_features_has(const struct thaw_features *f, size_t row)
{
    return f->has[row];
}

size_t thaw_features_missing(const struct thaw_features *f)
{
    return f->missing;
}

int thaw_features_put(struct thaw_features *f, size_t row, const float *values,
                      struct thaw_error *err)
{
    if (f->has[row])
        return 0;
    write_row(f, values, f->memory ? f->memory + row * f->row_bytes : f->buffer);
    if (f->file && thaw_features_file_write(f->file, row, f->buffer, err))
        return -1;
    f->has[row] = true;
    f->missing--;
    return 0;
}

int thaw_features_get(const struct thaw_features *f, size_t row, float *values,
                      struct thaw_error *err)
{
    if (f->file && thaw_features_file_read(f->file, row, f->buffer, err))
        return -1;
    read_row(f, f->memory ? f->memory + row * f->row_bytes : f->buffer, values);
    return 0;
}

int thaw_features_finish(struct thaw_features *f, struct thaw_error *err)
{
    return f->file ? thaw_features_file_finish(f->file, err) : 0;
}
