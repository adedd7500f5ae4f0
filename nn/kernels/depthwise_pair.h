/* One (sample, block) of depthwise_weights.c, for blocks of LANES channels: included once for each
 * width, with LANES, VECTOR (a vector of so many floats) and NAME(x) defined. `kw` and `stride` are
 * constants where these functions are inlined, so that the sums live in registers. */

THAW_INLINE void NAME(border)(int kw, int stride, const struct thaw_depthwise *d, int x,
                              const float *in, const float *dout, VECTOR *sums)
{
    VECTOR g = *(const VECTOR *)(dout + (ptrdiff_t)x * LANES);
    int left = x * stride - d->pad_left;
#pragma GCC unroll 7
    for (int j = 0; j < kw; j++)
        if (left + j >= 0 && left + j < d->iw)
            sums[j] += g * *(const VECTOR *)(in + (ptrdiff_t)(left + j) * LANES);
}

/* A row of output gradients against a row of input. Columns at the border look at their places one
 * by one; inside, two columns at a time, with sums of their own, keep the multipliers busy. */
THAW_INLINE void NAME(row)(int kw, int stride, const struct thaw_depthwise *d, const float *in,
                           const float *dout, VECTOR *even, VECTOR *odd)
{
    int inside = (d->pad_left + stride - 1) / stride, room = d->iw + d->pad_left - kw;
    int end = room < 0 ? 0 : room / stride + 1, x = 0;
    end = end < d->ow ? end : d->ow;
    for (; x < inside && x < d->ow; x++)
        NAME(border)(kw, stride, d, x, in, dout, even);
    for (; x + 1 < end; x += 2) {
        const float *window = in + (ptrdiff_t)(x * stride - d->pad_left) * LANES;
        VECTOR g = *(const VECTOR *)(dout + (ptrdiff_t)x * LANES);
        VECTOR h = *(const VECTOR *)(dout + (ptrdiff_t)(x + 1) * LANES);
#pragma GCC unroll 7
        for (int j = 0; j < kw; j++) {
            even[j] += g * *(const VECTOR *)(window + (ptrdiff_t)j * LANES);
            odd[j] += h * *(const VECTOR *)(window + (ptrdiff_t)(j + stride) * LANES);
        }
    }
    for (; x < d->ow; x++)
        NAME(border)(kw, stride, d, x, in, dout, even);
}

THAW_INLINE void NAME(pair)(int kw, int stride, const struct thaw_depthwise *d, const float *in,
                            const float *dout, float *kernel)
{
    ptrdiff_t in_row = (ptrdiff_t)d->iw * LANES, out_row = (ptrdiff_t)d->ow * LANES;
    int group = GROUP_BYTES / (int)(out_row * (ptrdiff_t)sizeof(float));
    group = group > 0 ? group : 1;
    for (int y0 = 0; y0 < d->oh; y0 += group)
        for (int ky = 0; ky < d->kh; ky++) {
            VECTOR even[MOST_KW], odd[MOST_KW];
            VECTOR *total = (VECTOR *)(kernel + (ptrdiff_t)ky * kw * LANES);
#pragma GCC unroll 7
            for (int j = 0; j < kw; j++) {
                even[j] = total[j];
                odd[j] = (VECTOR){0};
            }
            for (int y = y0; y < y0 + group && y < d->oh; y++) {
                int iy = y * d->stride_h - d->pad_top + ky;
                if (iy >= 0 && iy < d->ih)
                    NAME(row)(kw, stride, d, in + iy * in_row, dout + y * out_row, even, odd);
            }
#pragma GCC unroll 7
            for (int j = 0; j < kw; j++)
                total[j] = even[j] + odd[j];
        }
}

THAW_INLINE void NAME(bias)(const struct thaw_depthwise *d, const float *dout, float *bias)
{
    const VECTOR *g = (const VECTOR *)dout;
    VECTOR even = {0}, odd = {0};
    ptrdiff_t cells = (ptrdiff_t)d->oh * d->ow, i = 0;
    for (; i + 1 < cells; i += 2) {
        even += g[i];
        odd += g[i + 1];
    }
    if (i < cells)
        even += g[i];
    *(VECTOR *)bias = even + odd;
}

/* The widths and strides that networks have; false when this is none of them. */
THAW_INLINE bool NAME(known)(const struct thaw_depthwise *d, const float *in, const float *dout,
                             float *kernel)
{
    if (d->kw == 3 && d->stride_w == 1)
        NAME(pair)(3, 1, d, in, dout, kernel);
    else if (d->kw == 3 && d->stride_w == 2)
        NAME(pair)(3, 2, d, in, dout, kernel);
    else if (d->kw == 5 && d->stride_w == 1)
        NAME(pair)(5, 1, d, in, dout, kernel);
    else if (d->kw == 5 && d->stride_w == 2)
        NAME(pair)(5, 2, d, in, dout, kernel);
    else if (d->kw == 7 && d->stride_w == 1)
        NAME(pair)(7, 1, d, in, dout, kernel);
    else if (d->kw == 7 && d->stride_w == 2)
        NAME(pair)(7, 2, d, in, dout, kernel);
    else
        return false;
    return true;
}
