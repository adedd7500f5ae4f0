#include <stdlib.h>
#include <string.h>

#include "io/base/mem.h"
#include "io/base/par.h"
#include "io/base/rng.h"
#include "nn/dnnl/prim.h"
#include "nn/kernels/bf16.h"
#include "nn/kernels/pointwise_tiles.h"
#include "tests/check.h"

enum { MOST_CELLS = 1000, MOST_CHANNELS = 300, GUARD = 16, LINE = 64 };

/* What stands before and after each array. As bfloat16 a NaN: a sum that took one in would show. */
static const uint16_t guard_bf16 = 0x7FC1;
static const float guard = 12345;

static void *room(size_t n, size_t size)
{
    void *p = thaw_new_aligned(n, size, NULL);
    if (!p)
        abort();
    return p;
}

/* The arrays start where no vector would, but a number may. */
static uint16_t *numbers(size_t n, uint32_t stream)
{
    struct thaw_rng rng = thaw_rng_at(13, 0, stream, 0);
    uint16_t *v = room(n + 2 * GUARD, sizeof *v);
    for (size_t i = 0; i < n + 2 * GUARD; i++)
        v[i] = guard_bf16;
    for (size_t i = 0; i < n; i++)
        v[GUARD + 1 + i] = thaw_bf16_narrow(thaw_rng_normal(&rng));
    return v;
}

static float *results(size_t n)
{
    float *v = room(n + 2 * GUARD, sizeof *v);
    for (size_t i = 0; i < n + 2 * GUARD; i++)
        v[i] = guard;
    return v;
}

static bool guarded(const float *v, size_t n)
{
    for (size_t i = 0; i < GUARD; i++)
        if (v[i] != guard || (i && v[GUARD + n + i] != guard))
            return false;
    return true;
}

/* Twice the gradients. */
static void define(const struct thaw_pointwise_tiles *p, const uint16_t *in, const uint16_t *dout,
                   float *dkernel, float *dbias)
{
    static double sums[MOST_CHANNELS * MOST_CHANNELS], bias[MOST_CHANNELS];
    size_t ins = p->in_channels, outs = p->out_channels;
    memset(sums, 0, ins * outs * sizeof *sums);
    memset(bias, 0, sizeof bias);
    for (size_t cell = 0; cell < p->cells; cell++) {
        double g[MOST_CHANNELS];
        for (size_t o = 0; o < outs; o++) {
            g[o] = (double)thaw_bf16_widen(dout[cell * outs + o]);
            bias[o] += g[o];
        }
        for (size_t i = 0; i < ins; i++) {
            double x = (double)thaw_bf16_widen(in[cell * ins + i]);
            for (size_t o = 0; o < outs; o++)
                sums[i * outs + o] += x * g[o];
        }
    }
    for (size_t i = 0; i < ins * outs; i++)
        dkernel[i] = (float)(2 * sums[i]);
    for (size_t o = 0; o < outs; o++)
        dbias[o] = (float)(2 * bias[o]);
}

/* Twice the gradients, with so many threads. */
static void run(const struct thaw_pointwise_tiles *p, int threads, const uint16_t *in,
                const uint16_t *dout, float *dkernel, float *dbias)
{
    void *scratch = room(thaw_pointwise_tiles_scratch(p, threads), 1);
    int before = thaw_par_threads();
    thaw_par_set_threads(threads);
    for (int i = 0; i < 2; i++)
        thaw_pointwise_tiles_weights(p, in, dout, i == 0, dkernel, dbias, scratch);
    thaw_par_set_threads(before);
    free(scratch);
}

static void check(struct thaw_pointwise_tiles p)
{
    size_t count = p.in_channels * p.out_channels, outs = p.out_channels;
    uint16_t *in = numbers(p.cells * p.in_channels, 1), *dout = numbers(p.cells * outs, 2);
    float *dk[2] = {results(count), results(count)}, *db[2] = {results(outs), results(outs)};
    float *kernel = room(count, sizeof *kernel), *bias = room(outs, sizeof *bias);
    for (int i = 0; i < 2; i++) {
        run(&p, i ? 3 : 1, in + GUARD + 1, dout + GUARD + 1, dk[i] + GUARD + 1, db[i] + GUARD + 1);
        CU_ASSERT(guarded(dk[i], count) && guarded(db[i], outs));
    }
    define(&p, in + GUARD + 1, dout + GUARD + 1, kernel, bias);
    CU_ASSERT(thaw_near(dk[0] + GUARD + 1, kernel, count, 5e-6));
    CU_ASSERT(thaw_near(db[0] + GUARD + 1, bias, outs, 5e-6));
    CU_ASSERT_EQUAL(memcmp(dk[0], dk[1], (count + 2 * GUARD) * sizeof(float)), 0);
    CU_ASSERT_EQUAL(memcmp(db[0], db[1], (outs + 2 * GUARD) * sizeof(float)), 0);
    void *all[] = {in, dout, dk[0], dk[1], db[0], db[1], kernel, bias};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        free(all[i]);
}

static void test_definition(void)
{
    static const size_t channels[] = {1, 8, 16, 24, 33, 48, 144};
    static const size_t cells[] = {1, 31, 32, 49, 196, MOST_CELLS};
    size_t kinds = sizeof channels / sizeof *channels;
    if (!thaw_dnnl_has_tiles()) {
        thaw_skip("gradients of 1x1 kernels by tiles: needs AMX");
        return;
    }
    for (size_t i = 0; i < kinds * kinds; i++)
        for (size_t s = 0; s < sizeof cells / sizeof *cells; s++)
            check(
                (struct thaw_pointwise_tiles){cells[s], channels[i / kinds], channels[i % kinds]});
    check((struct thaw_pointwise_tiles){196, 40, MOST_CHANNELS});
    check((struct thaw_pointwise_tiles){MOST_CELLS, MOST_CHANNELS, 290});
}

#if defined(__GNUC__) && defined(__x86_64__)
/* A caller's configuration of the tiles is found as it was; so is none. */
static void test_configuration(void)
{
    struct thaw_pointwise_tiles p = {40, 20, 20};
    struct {
        uint8_t bytes[LINE];
    } configurations[2] = {{{1}}, {{0}}}, now = {{0}};
    if (!thaw_dnnl_has_tiles()) {
        thaw_skip("tile configuration: needs AMX");
        return;
    }
    uint16_t *in = numbers(p.cells * 20, 1), *dout = numbers(p.cells * 20, 2);
    float *dkernel = results(20 * 20), *dbias = results(20);
    configurations[0].bytes[16] = 8; /* bytes of a row of tile 0 */
    configurations[0].bytes[48] = 3; /* its rows */
    for (size_t i = 0; i < 2; i++) {
        if (i == 0)
            __asm__ volatile("ldtilecfg %0" ::"m"(configurations[0]));
        run(&p, 1, in + GUARD + 1, dout + GUARD + 1, dkernel + GUARD + 1, dbias + GUARD + 1);
        __asm__ volatile("sttilecfg %0" : "=m"(now));
        CU_ASSERT_EQUAL(memcmp(&now, &configurations[i], LINE), 0);
        __asm__ volatile("tilerelease");
    }
    void *all[] = {in, dout, dkernel, dbias};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        free(all[i]);
}
#endif

void thaw_test_pointwise_tiles(void)
{
    CU_pSuite s = thaw_suite("pointwise tiles");
    CU_add_test(s, "as the definition", test_definition);
#if defined(__GNUC__) && defined(__x86_64__)
    CU_add_test(s, "tile configuration is kept", test_configuration);
#endif
}
