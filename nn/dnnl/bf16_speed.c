/* Whether bf16 products are worth having: a 1x1 convolution in bf16 beside the same in float32. An
 * AMD EPYC multiplies bf16 at about twice the rate of float32, an Intel Xeon whose AMX a virtual
 * machine hides at half of it: so far apart that some milliseconds tell. */
#include "nn/dnnl/prim.h"

#include <pthread.h>
#include <stdlib.h>

#include "io/base/clock.h"
#include "io/base/mem.h"
#include "io/base/par.h"

enum { SIDE = 14, CHANNELS = 256, RUNS = 8 };

struct trial {
    struct thaw_conv *conv;
    void *in, *out, *scratch;
    double least; /* seconds of the fastest run */
};

static int set_up(struct trial *t, enum thaw_type type)
{
    struct thaw_value value = {.shape = {3, SIDE, SIDE, CHANNELS}, .type = type};
    struct thaw_conv_spec spec = {.n = 1, .linear = {1, 1, 1, 1, 1, 1, .groups = 1}};
    value.channels_last = type == THAW_TYPE_BF16 && thaw_dnnl_has_tiles();
    value.layout = value.channels_last ? thaw_layout_channels_last(value.shape)
                                       : thaw_layout_of(value.shape, thaw_dnnl_block());
    spec.in = spec.out = value;
    if (thaw_act_find(&spec.act, "linear", NULL) || !(t->conv = thaw_conv_create(&spec, NULL)))
        return -1;
    t->in = thaw_new_aligned(value.layout.sample, sizeof(float), NULL);
    t->out = thaw_new_aligned(value.layout.sample, sizeof(float), NULL);
    t->scratch = thaw_new_aligned(thaw_conv_scratch(t->conv) + 1, 1, NULL);
    return t->in && t->out && t->scratch ? 0 : -1;
}

static int run(struct trial *t, bool counts)
{
    double began = thaw_clock();
    if (thaw_conv_forward(t->conv, t->in, NULL, t->out, t->scratch, NULL))
        return -1;
    double taken = thaw_clock() - began;
    if (counts && (t->least == 0 || taken < t->least))
        t->least = taken;
    return 0;
}

static void release(struct trial *t)
{
    thaw_conv_free(t->conv);
    free(t->in);
    free(t->out);
    free(t->scratch);
}

/* By turns, so that both meet what else the machine does; the first runs find cold caches. */
static bool measure(void)
{
    struct trial low = {0}, full = {0};
    int rc = set_up(&low, THAW_TYPE_BF16) || set_up(&full, THAW_TYPE_F32);
    for (int i = 0; rc == 0 && i <= RUNS; i++)
        rc = run(&low, i > 0) || run(&full, i > 0);
    release(&low);
    release(&full);
    return rc == 0 && low.least < full.least;
}

static bool fast;

static void measure_alone(void)
{
    int threads = thaw_par_threads();
    thaw_par_set_threads(1);
    fast = measure();
    thaw_par_set_threads(threads);
}

bool thaw_dnnl_has_fast_bf16(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    if (thaw_dnnl_has_bf16())
        pthread_once(&once, measure_alone);
    return fast;
}
