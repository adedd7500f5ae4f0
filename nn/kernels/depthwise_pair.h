/* (sample, block)s of depthwise.c, for blocks of LANES channels: included once for each width,
 * with LANES, ROWS(kw) (kernel rows whose weights and sums fit in the registers), VECTOR and MASK
 * (so many floats, so many integers), TARGET (the instruction set) and NAME(x) defined. `rows`,
 * `kw` and `stride` are constants where these functions are inlined. */

#include "nn/kernels/depthwise_line.h"

/* Row iy of the input. */
TARGET THAW_INLINE void NAME(row)(int kw, int stride, const struct place *p, int iy)
{
    const int most = ROWS(kw);
    struct line l = line_of(p, iy);
    if (!l.left)
        memset(l.din, 0, (size_t)p->d->iw * LANES * sizeof *l.din);
    while (l.left) {
        int rows = line_next(p, &l, most);
        if (rows == 3)
            NAME(line)(most < 3 ? 1 : 3, kw, stride, p, &l);
        else if (rows == 2)
            NAME(line)(most < 2 ? 1 : 2, kw, stride, p, &l);
        else
            NAME(line)(1, kw, stride, p, &l);
    }
    line_close(p, &l);
}

TARGET THAW_INLINE void NAME(rows)(int kw, int stride, const struct thaw_depthwise *d,
                                   const struct place *places, int n)
{
    int filled = 0;
    for (int iy = 0; iy < d->ih; iy++) {
        for (; filled < d->oh && filled * d->stride_h <= iy + d->pad_top; filled++)
            for (int k = 0; k < n; k++)
                NAME(fill)(&places[k], filled);
        for (int k = 0; k < n; k++)
            NAME(row)(kw, stride, &places[k], iy);
    }
    for (; filled < d->oh; filled++)
        for (int k = 0; k < n; k++)
            NAME(fill)(&places[k], filled);
}

/* Neighbours, row by row together. Widths and strides that networks have: is_known(). */
TARGET static void NAME(places_of)(const struct thaw_depthwise *d, const struct place *places,
                                   int n)
{
    int kw = d->kw, stride = d->stride_w;
    if (kw == 3)
        stride == 1 ? NAME(rows)(3, 1, d, places, n) : NAME(rows)(3, 2, d, places, n);
    else if (kw == 5)
        stride == 1 ? NAME(rows)(5, 1, d, places, n) : NAME(rows)(5, 2, d, places, n);
    else
        stride == 1 ? NAME(rows)(7, 1, d, places, n) : NAME(rows)(7, 2, d, places, n);
}
