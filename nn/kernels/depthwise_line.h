/* Rows of depthwise.c, for blocks of LANES channels: the part of depthwise_pair.h that works on
 * numbers. */
TARGET THAW_INLINE VECTOR NAME(gate)(const struct thaw_gate *gate, VECTOR value, VECTOR gradient)
{
    return gate->on ? (VECTOR)((MASK)gradient & ((value > gate->low) & (value < gate->high)))
                    : gradient;
}

/* Row y of the gradient before the activation, into the ring; the bias's gradient on the way. */
TARGET THAW_INLINE void NAME(fill)(const struct place *p, int y)
{
    const struct thaw_depthwise *d = p->d;
    const struct thaw_gate gate = p->pass->out_gate;
    ptrdiff_t first = (ptrdiff_t)y * d->ow;
    size_t cells = (size_t)d->ow;
    float *row = ring_row(p, y);
    const float *dout = floats_of(p, p->dout, first, cells, row);
    const float *out = gate.on ? floats_of(p, p->out, first, cells, room(p, ROOM_OUT)) : dout;
    VECTOR sum = *(VECTOR *)p->bias;
    for (ptrdiff_t x = 0; x < (ptrdiff_t)cells * LANES; x += LANES) {
        VECTOR g = *(const VECTOR *)(dout + x);
        g = NAME(gate)(&gate, *(const VECTOR *)(out + x), g);
        *(VECTOR *)(row + x) = g;
        sum += g;
    }
    *(VECTOR *)p->bias = sum;
}

/* What an input cell, or with stride 2 a pair of them, meets: output gradients at g and left of it.
 * Each is loaded once, for its share of the input's gradient and for the kernel's. */
TARGET THAW_INLINE void NAME(cells)(int rows, int kw, int stride, bool even, bool odd,
                                    const float *const *g, ptrdiff_t at, const VECTOR *w,
                                    VECTOR *sums, const VECTOR *value, VECTOR *grad)
{
#pragma GCC unroll 3
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 7
        for (int j = 0; j * stride < kw; j++) {
            VECTOR v = *(const VECTOR *)(g[r] + at - (ptrdiff_t)j * LANES);
            int tap = r * kw + j * stride;
            if (even) {
                grad[0] += w[tap] * v;
                sums[tap] += v * value[0];
            }
            if (odd && j * stride + 1 < kw) {
                grad[1] += w[tap + 1] * v;
                sums[tap + 1] += v * value[1];
            }
        }
}

/* Loads the input cells at x and x + 1, works on them, stores their gradients. */
TARGET THAW_INLINE void NAME(step)(int rows, int kw, int stride, bool even, bool odd,
                                   const struct line *l, const struct thaw_gate *gate,
                                   const float *const *g, int t, int x, const VECTOR *w,
                                   VECTOR *sums)
{
    VECTOR value[2] = {{0}, {0}}, grad[2] = {{0}, {0}};
#pragma GCC unroll 2
    for (int i = !even; i <= odd; i++) {
        value[i] = *(const VECTOR *)(l->in + (ptrdiff_t)(x + i) * LANES);
        if (!l->begins)
            grad[i] = *(const VECTOR *)(l->din + (ptrdiff_t)(x + i) * LANES);
    }
    NAME(cells)(rows, kw, stride, even, odd, g, (ptrdiff_t)t * LANES, w, sums, value, grad);
#pragma GCC unroll 2
    for (int i = !even; i <= odd; i++) {
        if (l->ends)
            grad[i] = NAME(gate)(gate, value[i], grad[i]);
        *(VECTOR *)(l->din + (ptrdiff_t)(x + i) * LANES) = grad[i];
    }
}

/* A row of input against `rows` rows of the kernel. */
TARGET THAW_INLINE void NAME(line)(int rows, int kw, int stride, const struct place *p,
                                   const struct line *line)
{
    const struct line l = *line;
    const struct thaw_gate gate = p->pass->in_gate;
    const float *g[MOST_ROWS];
    VECTOR w[MOST_TAPS], sums[MOST_TAPS];
    int pad = p->d->pad_left, iw = p->d->iw, x = 0;
#pragma GCC unroll 3
    for (int r = 0; r < rows; r++) {
        g[r] = l.g[r];
#pragma GCC unroll 7
        for (int k = 0; k < kw; k++) {
            ptrdiff_t at = ((ptrdiff_t)l.ky[r] * kw + k) * LANES;
            w[r * kw + k] = *(const VECTOR *)(p->kernel + at);
            sums[r * kw + k] = *(const VECTOR *)(p->sums + at);
        }
    }
    if (stride == 1) {
        for (; x < iw; x++)
            NAME(step)(rows, kw, 1, true, false, &l, &gate, g, x + pad, x, w, sums);
    } else {
        if (pad % 2)
            NAME(step)(rows, kw, 2, false, true, &l, &gate, g, pad / 2, x++ - 1, w, sums);
        for (; x + 1 < iw; x += 2)
            NAME(step)(rows, kw, 2, true, true, &l, &gate, g, (x + pad) / 2, x, w, sums);
        if (x < iw)
            NAME(step)(rows, kw, 2, true, false, &l, &gate, g, (x + pad) / 2, x, w, sums);
    }
#pragma GCC unroll 3
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 7
        for (int k = 0; k < kw; k++)
            *(VECTOR *)(p->sums + ((ptrdiff_t)l.ky[r] * kw + k) * LANES) = sums[r * kw + k];
}
