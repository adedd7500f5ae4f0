#include "nn/window.h"

const char *const thaw_paddings[] = {"valid", "same", NULL};

/* Along one side. */
static int span(const struct thaw_window *w, int side, int in, int *out, int *before, int *after,
                struct thaw_error *err)
{
    long extent = (long)(w->kernel[side] - 1) * w->dilation[side] + 1, stride = w->strides[side];
    const char *name = side ? "width" : "height";
    *before = *after = 0;
    if (!w->same) {
        if (extent > in)
            return thaw_fail(err, THAW_EINPUT,
                             "a window of %s %ld does not fit into %d with padding valid", name,
                             extent, in);
        *out = (int)((in - extent) / stride) + 1;
        return 0;
    }
    *out = (int)((in + stride - 1) / stride);
    long total = (*out - 1) * stride + extent - in;
    if (total > 0) {
        *before = (int)(total / 2);
        *after = (int)(total - total / 2);
    }
    return 0;
}

int thaw_window_apply(const struct thaw_window *window, struct thaw_shape in,
                      struct thaw_shape *out, struct thaw_pads *pads, struct thaw_error *err)
{
    *out = (struct thaw_shape){.rank = 3, .h = 1, .w = 1, .c = in.c};
    if (in.rank != 3)
        return thaw_fail(err, THAW_EINPUT, "wants an input [H,W,C], has one of %d dimensions",
                         in.rank);
    if (span(window, 0, in.h, &out->h, &pads->top, &pads->bottom, err))
        return -1;
    return span(window, 1, in.w, &out->w, &pads->left, &pads->right, err);
}
