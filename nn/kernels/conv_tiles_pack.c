#include <math.h>

#include "io/base/par.h"
#include "nn/kernels/bf16.h"
#include "nn/kernels/conv_tiles_panel.h"

size_t thaw_conv_tiles_kernel_bytes(const struct thaw_conv_tiles *t)
{
    return panels_of(t) * (panel_bytes(t) + PANEL * sizeof(float));
}

struct kernel_work {
    const struct thaw_conv_tiles *t;
    const float *keras, *scale;
    char *kernel;
};

static void pack_one(const struct kernel_work *k, float w, size_t output, char *to, size_t at)
{
    if (k->t->in == THAW_TYPE_BF16)
        ((uint16_t *)to)[at] = thaw_bf16_narrow(w);
    else
        ((int8_t *)to)[at] =
            (int8_t)fmaxf(-128, fminf(127, nearbyintf(w / (w == 0 ? 1 : k->scale[output]))));
}

/* A half of a step, a tile: in its rows the numbers of 2 or 4 inputs lie side by side for each of
 * 16 outputs. There are `inputs` more in this tap; what there is not is zero. */
static void pack_tile(const struct kernel_work *k, const float *keras, size_t inputs, size_t output,
                      char *to)
{
    size_t size = thaw_type_size(k->t->in), together = 4 / size, outs = (size_t)k->t->out_channels;
    for (size_t c = 0; c < LINE / size; c++)
        for (size_t i = 0; i < THAW_TILE_SIDE; i++) {
            float w = c < inputs && output + i < outs ? keras[c * outs + output + i] : 0;
            size_t at = c / together * LINE / size + i * together + c % together;
            pack_one(k, w, output + i, to, at);
        }
}

static void pack_steps(void *ctx, size_t first, size_t last)
{
    const struct kernel_work *k = ctx;
    const struct thaw_conv_tiles *t = k->t;
    size_t steps = steps_of(t), taps = (size_t)(t->side * t->side), ins = (size_t)t->in_channels;
    for (size_t i = first; i < last; i++) {
        size_t input = i % steps * LINE / thaw_type_size(t->in), tap = i / steps % taps;
        for (size_t half = 0; half < 2; half++)
            pack_tile(k, k->keras + (tap * ins + input) * (size_t)t->out_channels, ins - input,
                      i / steps / taps * PANEL + half * THAW_TILE_SIDE,
                      k->kernel + i * STEP_BYTES + half * THAW_TILE_BYTES);
    }
}

void thaw_conv_tiles_pack(const struct thaw_conv_tiles *t, const float *keras, const float *scale,
                          void *kernel)
{
    struct kernel_work work = {t, keras, scale, kernel};
    float *factors = factors_of(t, kernel);
    thaw_par_range(panels_of(t) * panel_bytes(t) / STEP_BYTES, pack_steps, &work);
    for (size_t o = 0; o < panels_of(t) * PANEL; o++)
        factors[o] =
            scale && o < (size_t)t->out_channels ? t->in_scale * scale[o] / t->out_scale : 1;
}
