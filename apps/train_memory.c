#include "apps/train_memory.h"

#include <malloc.h>

#include "io/base/par.h"

/* What the program takes without any network, measured; the graph, and a copy of its weights as
 * they were at the start; an image's names, hash, looks and findings. */
static const size_t program = 26 << 20;
enum { WEIGHT_COPIES = 2, IMAGE_BYTES = 3400, MEGA = 1 << 20 };
/* Freed blocks from this size on go back to the system. */
enum { BLOCK = 128 << 10 };
enum { MARGIN_PART = 32, LEAST_AHEAD = 2, LEAST_SAMPLE = 16 };

void thaw_train_memory_begin(void)
{
    mallopt(M_MMAP_THRESHOLD, BLOCK);
    mallopt(M_TRIM_THRESHOLD, BLOCK);
}

/* Of a loader's thread: an image being decoded, and the picture fitted, augmented, and at hand. */
static size_t thread_bytes(const struct thaw_train_data *d, size_t picture)
{
    size_t train = d->train.probe.work, val = d->val.probe.work;
    return (train > val ? train : val) + 3 * picture;
}

static int measure(struct thaw_graph *graph, const struct thaw_stages *stages,
                   const struct thaw_train_data *d, const struct thaw_train_options *o,
                   const struct thaw_preprocess *p, size_t *bytes, struct thaw_error *err)
{
    size_t picture = (size_t)p->height * (size_t)p->width * (size_t)p->channels * sizeof(float);
    size_t weights = thaw_graph_param_count(graph, false) * sizeof(float), trainer;
    size_t threads = (size_t)thaw_par_threads();
    if (thaw_trainer_measure(graph, stages, o, d->train.data.n, &trainer, err))
        return -1;
    *bytes = program + WEIGHT_COPIES * weights + trainer +
             (d->train.data.n + d->val.data.n) * IMAGE_BYTES +
             (size_t)d->ahead * (size_t)o->batch * picture + threads * thread_bytes(d, picture);
    /* Before the network is prepared: */
    size_t looking = program + d->looking + threads * thread_bytes(d, picture);
    *bytes = *bytes > looking ? *bytes : looking;
    *bytes += *bytes / MARGIN_PART;
    return 0;
}

/* The next smaller way to run; false when there is none. */
static bool shrink(struct thaw_train_data *d, struct thaw_train_options *o)
{
    bool settles = o->frozen_auto || o->frozen != THAW_F32;
    if (d->ahead > LEAST_AHEAD) {
        d->ahead--;
    } else if (settles && (!o->sample || o->sample > LEAST_SAMPLE)) {
        o->sample = (o->sample ? o->sample : THAW_SAMPLE) / 2;
    } else if (!o->micro_batch && !o->batch_statistics && o->most_at_once > 1) {
        o->most_at_once /= 2;
    } else {
        return false;
    }
    return true;
}

int thaw_train_memory_plan(const struct thaw_train_values *v, struct thaw_graph *graph,
                           const struct thaw_stages *stages, struct thaw_train_data *data,
                           const struct thaw_preprocess *preprocess, struct thaw_train_options *o,
                           struct thaw_say *say, struct thaw_error *err)
{
    size_t need;
    o->most_at_once = o->batch;
    do
        if (measure(graph, stages, data, o, preprocess, &need, err))
            return -1;
    while (need > v->mem && shrink(data, o));
    if (need > v->mem)
        return thaw_fail(err, THAW_EUSAGE,
                         "--mem %zuM: this run needs %zuM at least; a smaller --batch or --size, a "
                         "smaller backbone or fewer thawed blocks need less",
                         v->mem >> 20, (need + MEGA - 1) >> 20);
    size_t rest = v->mem - need;
    o->cache.memory = v->cache_mem < rest ? v->cache_mem : rest;
    data->room = o->cache.memory -
                 thaw_trainer_cache_bytes(graph, stages, o, data->train.data.n, data->val.data.n);
    thaw_say(
        say,
        "memory: at most %zuM; about %zuM for the run itself, %zuM for caches; %d batches read "
        "ahead",
        v->mem >> 20, (need + MEGA - 1) >> 20, o->cache.memory >> 20, data->ahead);
    return thaw_train_data_cache(data, err);
}
