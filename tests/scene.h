/* Generated pictures for tests of copies: a scene is a fixed drawing that can be looked at in
 * several ways. */
#ifndef THAW_TESTS_SCENE_H
#define THAW_TESTS_SCENE_H

#include <stdbool.h>
#include <stdint.h>

#include "io/base/error.h"
#include "vision/pixels.h"

struct thaw_scene_view {
    int width, height;
    float margin;                /* part of each side that is cut off */
    float gain;                  /* of brightness; 0 means 1; what leaves 0..255 is cut */
    float noise;                 /* standard deviation, in steps of 0..255 */
    bool mirrored, deep, colour; /* deep: 16 bits; colour: three equal channels */
};

/* The caller releases the pixels. */
int thaw_scene_paint(uint32_t scene, const struct thaw_scene_view *view, struct thaw_pixels *pixels,
                     struct thaw_error *err);

#endif
