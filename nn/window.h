/* Sliding windows: output sides and padding as TensorFlow has them. */
#ifndef THAW_NN_WINDOW_H
#define THAW_NN_WINDOW_H

#include "io/base/error.h"
#include "nn/shape.h"

/* Of a convolution or pooling; [0] is the height's. */
struct thaw_window {
    int kernel[2], strides[2], dilation[2];
    int same; /* index into thaw_paddings: 0 valid, 1 same */
};

extern const char *const thaw_paddings[]; /* "valid", "same"; NULL-ended */

/* Bounds of what files may ask for, so that no product of them overflows a long. */
enum { THAW_MAX_KERNEL = 4096, THAW_MAX_CHANNELS = 1 << 20 };

struct thaw_pads {
    int top, left, bottom, right;
};

/* Sides of *out (rank 3, with the channels of `in`) and the padding. With ke = (k - 1) d + 1:
 * valid: floor((in - ke) / s) + 1; same: ceil(in / s), total = max((out - 1) s + ke - in, 0),
 * half of it before, rounded down, the rest after. Refuses windows that do not fit. */
int thaw_window_apply(const struct thaw_window *window, struct thaw_shape in,
                      struct thaw_shape *out, struct thaw_pads *pads, struct thaw_error *err);

#endif
