#include "tests/scene.h"

#include <math.h>
#include <string.h>

#include "io/base/mem.h"
#include "io/base/rng.h"

enum { BLOBS = 24, STREAM = 6000 };

/* A soft-edged ellipse. */
struct blob {
    float x, y, a, b, level;
};

static void draw_scene(uint32_t scene, struct blob blobs[BLOBS])
{
    struct thaw_rng rng = thaw_rng_at(11, 0, scene, STREAM);
    for (int i = 0; i < BLOBS; i++)
        blobs[i] =
            (struct blob){thaw_rng_uniform(&rng, 0.1F, 0.9F), thaw_rng_uniform(&rng, 0.1F, 0.9F),
                          thaw_rng_uniform(&rng, 0.03F, 0.2F), thaw_rng_uniform(&rng, 0.03F, 0.2F),
                          thaw_rng_uniform(&rng, -60, 60)};
}

static float look(const struct blob blobs[BLOBS], float x, float y)
{
    float sum = 90;
    for (int i = 0; i < BLOBS; i++) {
        float u = (x - blobs[i].x) / blobs[i].a, v = (y - blobs[i].y) / blobs[i].b;
        float edge = 8 * (1 - sqrtf(u * u + v * v));
        sum += blobs[i].level / (1 + expf(-edge));
    }
    return sum;
}

int thaw_scene_paint(uint32_t scene, const struct thaw_scene_view *view, struct thaw_pixels *pixels,
                     struct thaw_error *err)
{
    struct blob blobs[BLOBS];
    int channels = view->colour ? 3 : 1;
    struct thaw_rng rng = thaw_rng_at(11, 1, scene, STREAM);
    size_t n = (size_t)view->width * (size_t)view->height;
    *pixels = (struct thaw_pixels){
        .width = view->width,
        .height = view->height,
        .channels = channels,
        .depth = view->deep ? 16 : 8,
        .data = thaw_new(n * (size_t)channels, view->deep ? 2 : 1, err),
    };
    if (!pixels->data)
        return -1;
    draw_scene(scene, blobs);
    for (size_t i = 0; i < n; i++) {
        float x = ((float)(i % (size_t)view->width) + 0.5F) / (float)view->width;
        float y = ((float)(i / (size_t)view->width) + 0.5F) / (float)view->height;
        float seen = 1 - 2 * view->margin;
        x = view->margin + seen * (view->mirrored ? 1 - x : x);
        float value = look(blobs, x, view->margin + seen * y) * (view->gain > 0 ? view->gain : 1);
        value += view->noise > 0 ? view->noise * thaw_rng_normal(&rng) : 0;
        value = fminf(fmaxf(value, 0), 255);
        for (int c = 0; c < channels; c++)
            if (view->deep)
                ((uint16_t *)pixels->data)[i * (size_t)channels + (size_t)c] =
                    (uint16_t)lrintf(value * 16);
            else
                ((uint8_t *)pixels->data)[i * (size_t)channels + (size_t)c] =
                    (uint8_t)lrintf(value);
    }
    return 0;
}
