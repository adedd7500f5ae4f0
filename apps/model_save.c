/* Writing a model file, with a vector that shows later whether it still computes the same. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "apps/calibration.h"
#include "apps/model_file.h"
#include "apps/run_model.h"
#include "apps/seen.h"
#include "io/base/mem.h"
#include "io/base/rng.h"

enum { RECORD_FORMAT = 1 };
static const double SELFTEST_TOLERANCE = 1e-4;
static const char input_name[] = "selftest_input", output_name[] = "selftest_output";

/* --- the vector --- */

/* A picture of its own that no data set is needed for: a coarse random grid, interpolated, so that
 * it has edges and areas as scans have, in 0..255. */
static void draw_picture(struct thaw_shape shape, float *picture)
{
    enum { GRID = 8 };
    float grid[GRID + 1][GRID + 1][4];
    struct thaw_rng rng = thaw_rng_at(1, 0, 0, THAW_RNG_INIT);
    for (int y = 0; y <= GRID; y++)
        for (int x = 0; x <= GRID; x++)
            for (int c = 0; c < 4; c++)
                grid[y][x][c] = thaw_rng_uniform(&rng, 0, 255);
    for (int y = 0; y < shape.h; y++)
        for (int x = 0; x < shape.w; x++) {
            float fy = (float)(y * GRID) / (float)shape.h, fx = (float)(x * GRID) / (float)shape.w;
            int gy = (int)fy, gx = (int)fx;
            float ty = fy - (float)gy, tx = fx - (float)gx;
            for (int c = 0; c < shape.c; c++) {
                int k = c % 4;
                float above = grid[gy][gx][k] * (1 - tx) + grid[gy][gx + 1][k] * tx;
                float below = grid[gy + 1][gx][k] * (1 - tx) + grid[gy + 1][gx + 1][k] * tx;
                *picture++ = above * (1 - ty) + below * ty;
            }
        }
}

static float *make_input(const struct thaw_model_file *m, struct thaw_error *err)
{
    struct thaw_shape in = m->graph->nodes[0].shape;
    size_t n = thaw_shape_count(in);
    float *x = thaw_new_aligned(n, sizeof *x, err);
    if (!x)
        return NULL;
    draw_picture(in, x);
    if (m->preprocess_from) {
        struct thaw_image image = {in.w, in.h, in.c, x};
        thaw_preprocess_normalise(&m->preprocess, &image, x);
    } else
        for (size_t i = 0; i < n; i++)
            x[i] = x[i] / 127.5f - 1;
    return x;
}

/* The network's answer to one input; the caller frees. */
static float *answer(const struct thaw_model_file *m, const float *x, struct thaw_error *err)
{
    struct thaw_runner r;
    if (thaw_runner_init(&r, m, THAW_ANSWER_RAW, -1, err))
        return NULL;
    float *y = thaw_new_aligned(thaw_runner_width(&r), sizeof *y, err);
    if (y && thaw_runner_apply(&r, x, 1, y, err)) {
        free(y);
        y = NULL;
    }
    thaw_runner_release(&r);
    return y;
}

/* Keras' shape of a batch of one. */
static int batch_dims(struct thaw_shape s, long dims[4])
{
    const long full[4] = {1, s.h, s.w, s.c};
    int rank = 0;
    for (int i = 0; i < 4; i++)
        if (i == 0 || i > 3 - s.rank)
            dims[rank++] = full[i];
    return rank;
}

static int add_selftest(const struct thaw_model_file *m, struct thaw_keras_file *file,
                        struct thaw_error *err)
{
    long dims[4];
    int rc = -1;
    float *x = make_input(m, err), *y = x ? answer(m, x, err) : NULL;
    if (!y)
        goto done;
    int rank = batch_dims(m->graph->nodes[0].shape, dims);
    if (thaw_keras_add_tensor(file, NULL, input_name, dims, rank, x, err))
        goto done;
    rank = batch_dims(m->graph->nodes[m->graph->output].shape, dims);
    rc = thaw_keras_add_tensor(file, NULL, output_name, dims, rank, y, err);
done:
    free(x);
    free(y);
    return rc;
}

static double difference_of(const float *a, const float *b, size_t n)
{
    double worst = 0, largest = 0;
    for (size_t i = 0; i < n; i++) {
        double d = fabs((double)a[i] - (double)b[i]);
        if (!(d <= worst))
            worst = d; /* NAN, too */
        largest = fmax(largest, fabs((double)b[i]));
    }
    return largest > 0 ? worst / largest : worst;
}

int thaw_model_file_verify(const struct thaw_model_file *m, double *difference,
                           struct thaw_error *err)
{
    const struct thaw_tensor *x = m->file ? thaw_keras_extra(m->file, input_name) : NULL;
    const struct thaw_tensor *y = m->file ? thaw_keras_extra(m->file, output_name) : NULL;
    if (!x || !y)
        return thaw_fail(err, THAW_EINPUT,
                         "%s holds no self-test vector; models that Thaw saved have one", m->path);
    if (x->count != thaw_shape_count(m->graph->nodes[0].shape) ||
        y->count != thaw_shape_count(m->graph->nodes[m->graph->output].shape))
        return thaw_fail(err, THAW_EINPUT,
                         "%s: its self-test vector has %zu inputs and %zu outputs, the network "
                         "built at this size %zu and %zu",
                         m->path, x->count, y->count, thaw_shape_count(m->graph->nodes[0].shape),
                         thaw_shape_count(m->graph->nodes[m->graph->output].shape));
    int rc = -1;
    float *input = thaw_new_aligned(x->count, sizeof *input, err), *got = NULL;
    float *wanted = thaw_new_aligned(y->count, sizeof *wanted, err);
    if (input && wanted && thaw_tensor_read(x, input, err) == 0 &&
        thaw_tensor_read(y, wanted, err) == 0 && (got = answer(m, input, err))) {
        *difference = difference_of(got, wanted, y->count);
        rc = 0;
    }
    free(input);
    free(wanted);
    free(got);
    return rc;
}

/* --- the file --- */

static int add_classes(const struct thaw_model_file *m, json_t *record)
{
    json_t *names = json_array();
    for (int i = 0; i < m->n_classes; i++)
        json_array_append_new(names, json_string(m->classes[i]));
    return json_object_set_new(record, "classes", names);
}

static json_t *make_record(const struct thaw_model_file *m, json_t *extra, struct thaw_error *err)
{
    json_t *record = json_pack("{s:i, s:s}", "format", RECORD_FORMAT, "thaw", THAW_VERSION);
    json_t *p = NULL;
    int failed = !record;
    if (!failed && extra)
        failed = json_object_update_missing(record, extra);
    if (!failed && m->preprocess_from) {
        if (!(p = thaw_preprocess_write(&m->preprocess, err)))
            goto fail;
        failed = json_object_set_new(record, "preprocess", p);
    }
    if (!failed && m->classes)
        failed = add_classes(m, record);
    if (!failed)
        return record;
    thaw_fail(err, THAW_EMEMORY, "out of memory while writing the thaw record");
fail:
    json_decref(record);
    return NULL;
}

/* What was written is read by the same way as any model and asked the same question. */
static int check_saved(const char *path, struct thaw_error *err)
{
    struct thaw_model_file m;
    struct thaw_model_request request = {.name = path, .lean = true};
    double difference = 0;
    if (thaw_model_file_open(&m, &request, err))
        return -1;
    int rc = thaw_model_file_verify(&m, &difference, err);
    if (rc == 0 && !(difference <= SELFTEST_TOLERANCE))
        rc = thaw_fail(err, THAW_EINPUT,
                       "what was read back computes something else: relative difference %g, "
                       "allowed %g",
                       difference, SELFTEST_TOLERANCE);
    thaw_model_file_release(&m);
    return rc;
}

int thaw_model_file_save(const struct thaw_model_file *m, const char *path, json_t *extra,
                         struct thaw_error *err)
{
    struct thaw_replace replace = {0};
    int rc = -1;
    struct thaw_keras_file *file = thaw_keras_create(err);
    if (!file || thaw_model_to_keras(m->graph, file, err))
        goto done;
    if (!(file->thaw = make_record(m, extra, err)) ||
        thaw_calibration_write(m, file->thaw, file, err) || add_selftest(m, file, err) ||
        (m->trained_on && thaw_seen_add_looks(m->trained_on, file, err)))
        goto done;
    /* The path may be a bare name, which would be looked up elsewhere if it were no file. */
    if (thaw_replace_begin(&replace, path, err) || thaw_keras_save(replace.temporary, file, err))
        goto done;
    if (check_saved(replace.temporary, err)) {
        thaw_error_prefix(err, "%s: not saved", path);
        goto done;
    }
    rc = thaw_replace_commit(&replace, err);
done:
    thaw_replace_abort(&replace);
    thaw_keras_free(file);
    return rc;
}
