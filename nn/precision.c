#include "nn/precision.h"

#include <stdlib.h>
#include <string.h>

#include "io/base/mem.h"
#include "nn/dnnl/prim.h"
#include "nn/exec.h"

static const char *const names[THAW_PRECISIONS] = {"f32", "bf16", "int8"};

const char *thaw_precision_name(enum thaw_precision precision)
{
    return names[precision];
}

int thaw_precision_find(const char *name, struct thaw_error *err)
{
    for (int i = 0; i < THAW_PRECISIONS; i++)
        if (strcmp(name, names[i]) == 0)
            return i;
    return thaw_fail(err, THAW_EUSAGE, "precision '%s': known are f32, bf16, int8", name);
}

const char *thaw_precision_lacks(enum thaw_precision precision)
{
    if (precision == THAW_BF16 && !thaw_dnnl_has_bf16())
        return "AVX-512 with bf16 products";
    if (precision == THAW_INT8 && !thaw_dnnl_has_int8())
        return "VNNI, without which sums of 8-bit products overflow";
    return NULL;
}

enum thaw_precision thaw_precision_for(enum thaw_precision precision)
{
    return precision == THAW_BF16 && !thaw_dnnl_has_fast_bf16() ? THAW_F32 : precision;
}

/* --- calibration --- */

struct watching {
    struct thaw_ranges *ranges;
    size_t capacity, samples; /* samples seen before this pass */
    struct thaw_error *err;
    int rc;
};

static struct thaw_range *range_of(struct watching *w, const struct thaw_value *v)
{
    struct thaw_ranges *r = w->ranges;
    for (size_t i = 0; i < r->n; i++)
        if (r->list[i].node == v->node && r->list[i].part == v->part)
            return &r->list[i];
    float *mean = thaw_new((size_t)v->shape.c, sizeof *mean, w->err);
    if (!mean || thaw_grow(&r->list, &w->capacity, r->n + 1, sizeof *r->list, w->err)) {
        free(mean);
        return NULL;
    }
    r->list[r->n] =
        (struct thaw_range){.node = v->node, .part = v->part, .channels = v->shape.c, .mean = mean};
    return &r->list[r->n++];
}

enum { LANES = 16 };
struct lanes { /* channels side by side, in one pass over memory */
    double sum[LANES];
    float low[LANES], high[LANES];
};

/* Zero is among the values of every tensor: padding is zero. */
static void see_lanes(struct lanes *l, const float *x, size_t area, size_t stride, size_t lanes)
{
    *l = (struct lanes){0};
    for (size_t i = 0; i < area; i++)
        for (size_t k = 0; k < lanes; k++) {
            float v = x[i * stride + k];
            l->sum[k] += (double)v;
            l->low[k] = v < l->low[k] ? v : l->low[k];
            l->high[k] = v > l->high[k] ? v : l->high[k];
        }
}

static void note_lanes(struct thaw_range *r, const struct lanes *l, size_t area, size_t lanes,
                       float *means, size_t samples)
{
    for (size_t k = 0; k < lanes; k++) {
        double mean = l->sum[k] / (double)area, before = (double)means[k];
        means[k] = (float)(before + (mean - before) / (double)(samples + 1));
        r->low = l->low[k] < r->low ? l->low[k] : r->low;
        r->high = l->high[k] > r->high ? l->high[k] : r->high;
    }
}

/* One sample at a time. */
static void watch(void *ctx, const struct thaw_value *value, int n, const void *data)
{
    struct watching *w = ctx;
    const float *x = data;
    size_t area = (size_t)value->shape.h * (size_t)value->shape.w;
    size_t block = (size_t)value->layout.block, channels = (size_t)value->shape.c;
    (void)n;
    if (value->shape.rank != 3 || w->rc)
        return;
    struct thaw_range *r = range_of(w, value);
    if (!r) {
        w->rc = -1;
        return;
    }
    for (size_t c = 0, lanes; c < channels; c += lanes) {
        struct lanes seen;
        size_t left = channels - c, of_block = block - c % block;
        lanes = of_block < LANES ? of_block : LANES;
        lanes = lanes < left ? lanes : left;
        see_lanes(&seen, x + c / block * area * block + c % block, area, block, lanes);
        note_lanes(r, &seen, area, lanes, r->mean + c, w->samples);
    }
}

static int run(struct thaw_exec *exec, const struct thaw_plan *plan, const float *x, size_t count,
               struct watching *w)
{
    size_t sample = thaw_shape_count(plan->values[plan->input].shape);
    struct thaw_value input = plan->values[plan->input];
    input.layout = thaw_layout_channels_last(input.shape);
    for (; w->samples < count; w->samples++) {
        struct thaw_pass pass = {.x = x + w->samples * sample,
                                 .form = THAW_NHWC,
                                 .count = 1,
                                 .watch = watch,
                                 .watch_ctx = w};
        watch(w, &input, 1, pass.x);
        if (thaw_exec_forward(exec, &pass, w->err) || w->rc)
            return -1;
    }
    return 0;
}

int thaw_calibrate(struct thaw_graph *graph, int last, const float *x, size_t count,
                   struct thaw_ranges *ranges, struct thaw_error *err)
{
    struct thaw_plan_options options = {.last = last, .apart = true};
    struct watching w = {.ranges = ranges, .err = err};
    *ranges = (struct thaw_ranges){0};
    struct thaw_plan *plan = thaw_plan_create(graph, &options, err);
    struct thaw_exec *exec = plan ? thaw_exec_create(plan, 1, err) : NULL;
    int rc = exec ? run(exec, plan, x, count, &w) : -1;
    thaw_exec_free(exec);
    thaw_plan_free(plan);
    if (rc)
        thaw_ranges_release(ranges);
    return rc;
}

void thaw_ranges_release(struct thaw_ranges *ranges)
{
    for (size_t i = 0; i < ranges->n; i++)
        free(ranges->list[i].mean);
    free(ranges->list);
    thaw_ranges_keep_none(ranges);
    *ranges = (struct thaw_ranges){0};
}

void thaw_ranges_keep_none(struct thaw_ranges *ranges)
{
    free(ranges->higher);
    ranges->higher = NULL;
    ranges->n_higher = 0;
}

const struct thaw_range *thaw_ranges_find(const struct thaw_ranges *ranges, int node, int part)
{
    for (size_t i = 0; ranges && i < ranges->n; i++)
        if (ranges->list[i].node == node && ranges->list[i].part == part)
            return &ranges->list[i];
    return NULL;
}
