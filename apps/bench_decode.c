#include "apps/bench_decode.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "apps/inputs.h"
#include "apps/progress.h"
#include "io/base/mem.h"
#include "io/base/par.h"
#include "io/base/rng.h"
#include "nn/bench.h"
#include "vision/loader.h"
#include "vision/png_write.h"

enum { SIDE = 512, COPIES = 64, MOST = 256, BATCH = 32, AHEAD = 3 };

/* --- rounds --- */

static int run_round(struct thaw_loader *loader, const size_t *order, size_t n, double *seconds,
                     struct thaw_error *err)
{
    struct thaw_batch batch;
    int rc;
    double began = thaw_progress_clock();
    if (thaw_loader_start(loader, order, n, 0, err))
        return -1;
    while ((rc = thaw_loader_next(loader, &batch, err)) > 0)
        ;
    *seconds = thaw_progress_clock() - began;
    return rc;
}

/* At most MOST images, evenly over the data set. */
static int time_rounds(const struct thaw_model_file *m, const struct thaw_dataset *data,
                       int repeats, struct thaw_bench_decoding *d, struct thaw_error *err)
{
    size_t n = data->n < MOST ? data->n : MOST, rounds = (size_t)repeats;
    struct thaw_loader_options options = {.data = data,
                                          .preprocess = &m->preprocess,
                                          .batch = BATCH,
                                          .threads = thaw_par_threads(),
                                          .ahead = AHEAD};
    size_t *order = thaw_new(n, sizeof *order, err);
    double *seconds = thaw_new(rounds, sizeof *seconds, err);
    struct thaw_loader *loader = NULL;
    int rc = -1;
    if (!order || !seconds || !(loader = thaw_loader_create(&options, err)))
        goto done;
    for (size_t i = 0; i < n; i++)
        order[i] = i * data->n / n;
    rc = run_round(loader, order, n, seconds, err);
    for (size_t i = 0; rc == 0 && i < rounds; i++)
        rc = run_round(loader, order, n, seconds + i, err);
    if (rc)
        goto done;
    d->images = n;
    d->seconds = thaw_bench_median(seconds, rounds);
    d->fastest = seconds[0];
    d->slowest = seconds[rounds - 1];
done:
    thaw_loader_free(loader);
    free(seconds);
    free(order);
    return rc;
}

/* --- where the images come from --- */

/* Grey like a scan, smooth with some noise, so that it compresses as one. */
static int draw(const char *path, struct thaw_error *err)
{
    uint8_t *rgb = thaw_new((size_t)SIDE * SIDE, 3, err);
    struct thaw_rng rng = thaw_rng_at(0, 0, 0, 0);
    if (!rgb)
        return -1;
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++) {
            float wave = sinf(0.05f * (float)x) * cosf(0.03f * (float)y);
            float grey = 120 + 80 * wave + thaw_rng_uniform(&rng, 0, 16);
            for (int c = 0; c < 3; c++)
                rgb[((size_t)y * SIDE + (size_t)x) * 3 + (size_t)c] = (uint8_t)grey;
        }
    int rc = thaw_png_save(path, rgb, SIDE, SIDE, err);
    free(rgb);
    return rc;
}

static int decode_copies(const struct thaw_model_file *m, const char *path, int repeats,
                         struct thaw_bench_decoding *d, struct thaw_error *err)
{
    const char *paths[COPIES];
    struct thaw_dataset data = {0};
    for (int i = 0; i < COPIES; i++)
        paths[i] = path;
    if (draw(path, err) || thaw_dataset_from_files(&data, paths, COPIES, err))
        return -1;
    int rc = time_rounds(m, &data, repeats, d, err);
    thaw_dataset_release(&data);
    return rc;
}

static int decode_drawn(const struct thaw_model_file *m, int repeats, struct thaw_bench_decoding *d,
                        struct thaw_error *err)
{
    const char *tmp = getenv("TMPDIR");
    char *folder = thaw_format(err, "%s/thaw-bench-XXXXXX", tmp && *tmp ? tmp : "/tmp");
    char *path = NULL;
    int rc = -1;
    if (!folder || !mkdtemp(folder)) {
        rc = folder ? thaw_fail_errno(err, "%s: cannot be made", folder) : -1;
        free(folder);
        return rc;
    }
    if ((path = thaw_format(err, "%s/drawn.png", folder)))
        rc = decode_copies(m, path, repeats, d, err);
    if (path)
        unlink(path);
    rmdir(folder);
    free(path);
    free(folder);
    d->from = "a 512x512 PNG drawn here";
    return rc;
}

static int decode_folder(const struct thaw_model_file *m, const char *folder, int repeats,
                         struct thaw_bench_decoding *d, struct thaw_error *err)
{
    struct thaw_inputs in;
    char *args[] = {(char *)folder};
    if (thaw_inputs_open(&in, m, args, 1, NULL, err))
        return -1;
    int rc = in.n ? time_rounds(m, &in.data, repeats, d, err)
                  : thaw_fail(err, THAW_EINPUT, "%s: no image can be read", folder);
    thaw_inputs_release(&in);
    d->from = folder;
    return rc;
}

int thaw_bench_decode(const struct thaw_model_file *m, const char *folder, int repeats,
                      struct thaw_bench_decoding *d, struct thaw_error *err)
{
    *d = (struct thaw_bench_decoding){0};
    if (folder)
        return decode_folder(m, folder, repeats, d, err);
    if (m->preprocess_from)
        return decode_drawn(m, repeats, d, err);
    d->from = "the model does not say how scans become its input, and --preprocess is not given";
    return 0;
}
