#include "vision/probe.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "io/base/mem.h"
#include "io/base/par.h"
#include "vision/intensity.h"
#include "vision/watch.h"

/* What one file showed. */
struct finding {
    char *reason; /* NULL: it can be read */
    int width, height, channels;
    struct thaw_probe_samples samples;
    size_t work;
};

struct work {
    const struct thaw_dataset *data;
    const struct thaw_preprocess *preprocess;
    const struct thaw_probe_options *options;
    struct finding *found;
    struct thaw_watch watch;
};

static int look_at_samples(const struct thaw_preprocess *p, const struct thaw_pixels *pixels,
                           struct thaw_probe_samples *s, struct thaw_error *err)
{
    static const float whole[2] = {0, 100};
    *s = (struct thaw_probe_samples){.deep = pixels->depth > 8,
                                     .real = pixels->depth == 32,
                                     .window = pixels->window[1] > pixels->window[0]};
    if (!s->deep)
        return 0;
    if (thaw_intensity_percentiles(pixels, whole, s->ends, err))
        return -1;
    return thaw_intensity_percentiles(pixels, p->percentiles, s->inner, err);
}

static int look(const struct work *w, size_t i, struct finding *f, struct thaw_error *err)
{
    struct thaw_pixels pixels = {0};
    struct thaw_image image = {0};
    struct thaw_decode_hint hint = thaw_preprocess_hint(w->preprocess);
    if (thaw_pixels_load(&pixels, w->data->images[i].path, &hint, err))
        return -1;
    f->width = pixels.width;
    f->height = pixels.height;
    f->channels = pixels.channels;
    f->work = pixels.work;
    int rc = look_at_samples(w->preprocess, &pixels, &f->samples, err);
    if (rc == 0)
        rc = thaw_preprocess_geometry(w->preprocess, &pixels, &image, err);
    if (rc == 0 && w->options->cache && !f->samples.deep && !f->samples.window)
        thaw_cache_offer(w->options->cache, i, &image);
    thaw_image_release(&image);
    thaw_pixels_release(&pixels);
    return rc;
}

static int look_at(void *ctx, size_t i, struct thaw_error *err)
{
    struct work *w = ctx;
    struct thaw_error why = {0};
    if (thaw_watch_go_on(&w->watch, err))
        return -1;
    if (look(w, i, &w->found[i], &why) &&
        !(w->found[i].reason = thaw_watch_reason(&why, w->data->images[i].path, err)))
        return -1;
    return thaw_watch_done(&w->watch, err);
}

static void widen(int *min, int *max, int value)
{
    if (*min == 0 || value < *min)
        *min = value;
    if (value > *max)
        *max = value;
}

/* Rows of a table that gave no image count as files that cannot be read. */
static int collect_lost(struct thaw_probe *probe, const struct thaw_dataset *data,
                        struct thaw_error *err)
{
    for (size_t i = 0; i < data->n_lost; i++) {
        struct thaw_bad_file *bad = &probe->bad[probe->n_bad++];
        bad->path = thaw_strdup(data->lost[i].place, err);
        bad->reason = thaw_strdup(data->lost[i].reason, err);
        if (!bad->path || !bad->reason)
            return -1;
    }
    return 0;
}

static int collect(struct thaw_probe *probe, struct work *w, bool *drop, struct thaw_error *err)
{
    const struct thaw_dataset *data = w->data;
    size_t kept = 0, n_bad = 0;
    for (size_t i = 0; i < data->n; i++)
        n_bad += w->found[i].reason != NULL;
    if (!(probe->bad = thaw_new(n_bad + data->n_lost, sizeof *probe->bad, err)) ||
        !(probe->samples = thaw_new(data->n - n_bad, sizeof *probe->samples, err)) ||
        collect_lost(probe, data, err))
        return -1;
    for (size_t i = 0; i < data->n; i++) {
        struct finding *f = &w->found[i];
        drop[i] = f->reason != NULL;
        if (drop[i]) {
            struct thaw_bad_file *bad = &probe->bad[probe->n_bad];
            if (!(bad->path = thaw_strdup(data->images[i].path, err)))
                return -1;
            bad->reason = f->reason;
            f->reason = NULL;
            probe->n_bad++;
            continue;
        }
        probe->samples[kept++] = f->samples;
        probe->n_deep += f->samples.deep;
        probe->n_grey += f->channels == 1;
        probe->work = f->work > probe->work ? f->work : probe->work;
        widen(&probe->min_width, &probe->max_width, f->width);
        widen(&probe->min_height, &probe->max_height, f->height);
    }
    return 0;
}

/* The errors that follow from what was found. */
static int judge(const struct thaw_probe *probe, const struct thaw_dataset *data, const bool *drop,
                 double limit, struct thaw_error *err)
{
    size_t files = probe->files;
    double allowed = ceil(limit * (double)files);
    if (data->n == 0)
        return thaw_fail(err, THAW_EINPUT, "%s: no image", data->root);
    const struct thaw_bad_file *first = probe->bad;
    if (probe->n_bad == files && data->n_classes)
        return thaw_fail(err, THAW_EINPUT,
                         "%s: none of the %zu images can be read; the first is "
                         "%s: %s",
                         data->root, files, first->path, first->reason);
    if ((double)probe->n_bad > allowed)
        return thaw_fail(err, THAW_EINPUT,
                         "%s: %zu of %zu images cannot be read, more than the %.0f that "
                         "--max-bad allows; the first is %s: %s",
                         data->root, probe->n_bad, files, allowed, first->path, first->reason);
    for (int c = 0; c < data->n_classes; c++) {
        size_t all = 0, gone = 0;
        for (size_t i = 0; i < data->n; i++) {
            all += thaw_dataset_has(data, i, c);
            gone += thaw_dataset_has(data, i, c) && drop[i];
        }
        if (all && gone == all)
            return thaw_fail(err, THAW_EINPUT,
                             "%s: none of the %zu images of class %s can be read; mend them or "
                             "take the folder away",
                             data->root, all, data->classes[c]);
    }
    return 0;
}

int thaw_probe_dataset(struct thaw_probe *probe, struct thaw_dataset *data,
                       const struct thaw_preprocess *preprocess,
                       const struct thaw_probe_options *options, struct thaw_error *err)
{
    struct work w = {.data = data, .preprocess = preprocess, .options = options};
    size_t n = data->n;
    int rc = -1;
    *probe = (struct thaw_probe){.files = n + data->n_lost};
    thaw_watch_init(&w.watch, options->progress, options->ctx, n);
    bool *drop = thaw_new(n, sizeof *drop, err);
    w.found = thaw_new(n, sizeof *w.found, err);
    if (!drop || !w.found || thaw_par_each(n, look_at, &w, err) || collect(probe, &w, drop, err) ||
        judge(probe, data, drop, options->limit, err))
        goto done;
    if (probe->n_bad > data->n_lost) {
        thaw_dataset_drop(data, drop);
        if (options->cache)
            thaw_cache_drop(options->cache, drop);
    }
    rc = 0;
done:
    for (size_t i = 0; w.found && i < n; i++)
        free(w.found[i].reason);
    free(w.found);
    free(drop);
    thaw_watch_release(&w.watch);
    return rc;
}

void thaw_probe_release(struct thaw_probe *probe)
{
    for (size_t i = 0; i < probe->n_bad; i++) {
        free(probe->bad[i].path);
        free(probe->bad[i].reason);
    }
    free(probe->bad);
    free(probe->samples);
    *probe = (struct thaw_probe){0};
}

static int by_value(const void *a, const void *b)
{
    float x, y;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return (x > y) - (x < y);
}

int thaw_probe_sum_up(const struct thaw_probe *probe, const size_t *items, size_t n,
                      struct thaw_probe_summary *sum, struct thaw_error *err)
{
    *sum = (struct thaw_probe_summary){0};
    float *inner[2] = {thaw_new(n, sizeof *inner[0], err), thaw_new(n, sizeof *inner[1], err)};
    int rc = inner[0] && inner[1] ? 0 : -1;
    for (size_t i = 0; rc == 0 && i < n; i++) {
        const struct thaw_probe_samples *s = &probe->samples[items[i]];
        sum->windows += s->window;
        if (!s->deep)
            continue;
        sum->real |= s->real;
        if (sum->deep == 0 || s->ends[0] < sum->ends[0])
            sum->ends[0] = s->ends[0];
        if (sum->deep == 0 || s->ends[1] > sum->ends[1])
            sum->ends[1] = s->ends[1];
        inner[0][sum->deep] = s->inner[0];
        inner[1][sum->deep++] = s->inner[1];
    }
    for (int end = 0; rc == 0 && sum->deep && end < 2; end++) {
        qsort(inner[end], sum->deep, sizeof *inner[end], by_value);
        sum->inner[end] = inner[end][(sum->deep - 1) / 2];
    }
    free(inner[0]);
    free(inner[1]);
    return rc;
}
