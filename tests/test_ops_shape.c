/* Operations that change the shape: pooling, padding, combining, concatenating, reshaping. */
#include <math.h>
#include <string.h>

#include "tests/check.h"
#include "tests/op_case.h"

/* The layouts that pictures have. */
static void check_blocked(const struct op_case *c)
{
    op_check(c, 16);
    op_check(c, 8);
    op_check(c, 1);
}

static void check_all(const struct op_case *c)
{
    check_blocked(c);
    op_check(c, 0);
}

static size_t at(struct thaw_shape s, int n, int y, int x, int c)
{
    return (size_t)(((n * s.h + y) * s.w + x) * s.c + c);
}

/* Calls body for every element of the output. */
#define EACH_OUTPUT(c, n, y, x, k)                                                                 \
    for (int n = 0; n < (c)->n; n++)                                                               \
        for (int y = 0; y < (c)->out.h; y++)                                                       \
            for (int x = 0; x < (c)->out.w; x++)                                                   \
                for (int k = 0; k < (c)->out.c; k++)

static void pool_reference(const struct op_case *c, const double *const *in,
                           const double *const *params, double *out)
{
    const struct thaw_pool *p = c->conf;
    struct thaw_shape s = c->in[0];
    (void)params;
    EACH_OUTPUT(c, n, y, x, k)
    {
        double most = -INFINITY, sum = 0;
        int cells = 0;
        for (int ky = 0; ky < p->kh; ky++)
            for (int kx = 0; kx < p->kw; kx++) {
                int iy = y * p->stride_h - p->pad_top + ky;
                int ix = x * p->stride_w - p->pad_left + kx;
                if (iy < 0 || iy >= s.h || ix < 0 || ix >= s.w)
                    continue;
                double v = in[0][at(s, n, iy, ix, k)];
                most = fmax(most, v);
                sum += v;
                cells++;
            }
        out[at(c->out, n, y, x, k)] = p->max ? most : sum / cells;
    }
}

static void check_pool(struct thaw_pool conf, struct thaw_shape in, struct thaw_shape out)
{
    struct op_case c = {.kind = &thaw_op_pool,
                        .conf = &conf,
                        .in = {in},
                        .out = out,
                        .n_in = 1,
                        .n = 2,
                        .reference = pool_reference};
    for (int i = 0; i < 2; i++) {
        conf.max = i == 1;
        check_blocked(&c);
    }
}

static void test_pool(void)
{
    check_pool((struct thaw_pool){false, 2, 2, 2, 2, 0, 0, 0, 0}, op_picture(6, 4, 18),
               op_picture(3, 2, 18));
    /* `same` of an even picture: the extra row and column are at the end. */
    check_pool((struct thaw_pool){false, 3, 3, 2, 2, 0, 0, 1, 1}, op_picture(6, 6, 18),
               op_picture(3, 3, 18));
    check_pool((struct thaw_pool){false, 3, 3, 1, 1, 1, 1, 1, 1}, op_picture(4, 5, 3),
               op_picture(4, 5, 3));
    check_pool((struct thaw_pool){false, 2, 3, 1, 2, 0, 1, 1, 1}, op_picture(4, 5, 9),
               op_picture(4, 3, 9));
}

static void test_global_pool(void)
{
    struct thaw_pool all = {.kh = 4, .kw = 5, .stride_h = 4, .stride_w = 5};
    check_pool(all, op_picture(4, 5, 18), op_vector(18));
    check_pool(all, op_picture(4, 5, 18), op_picture(1, 1, 18));
    check_pool(all, op_picture(4, 5, 3), op_vector(3));
    check_pool(all, op_picture(4, 5, 3), op_picture(1, 1, 3));
    check_pool(all, op_picture(4, 5, 32), op_vector(32));
}

static void pad_reference(const struct op_case *c, const double *const *in,
                          const double *const *params, double *out)
{
    const struct thaw_pad *p = c->conf;
    struct thaw_shape s = c->in[0];
    (void)params;
    EACH_OUTPUT(c, n, y, x, k)
    {
        int iy = y - p->top, ix = x - p->left;
        bool inside = iy >= 0 && iy < s.h && ix >= 0 && ix < s.w;
        out[at(c->out, n, y, x, k)] = inside ? in[0][at(s, n, iy, ix, k)] : 0;
    }
}

static void check_pad(struct thaw_pad conf, struct thaw_shape in)
{
    struct thaw_shape out =
        op_picture(in.h + conf.top + conf.bottom, in.w + conf.left + conf.right, in.c);
    struct op_case c = {.kind = &thaw_op_pad,
                        .conf = &conf,
                        .in = {in},
                        .out = out,
                        .n_in = 1,
                        .n = 2,
                        .reference = pad_reference};
    check_all(&c);
}

static void test_pad(void)
{
    check_pad((struct thaw_pad){1, 2, 3, 0}, op_picture(3, 4, 17));
    check_pad((struct thaw_pad){-1, 0, 0, -2}, op_picture(3, 4, 17));
    check_pad((struct thaw_pad){1, -2, -1, 2}, op_picture(4, 3, 3));
}

static size_t wrapped(struct thaw_shape s, int n, int y, int x, int k)
{
    return at(s, n, s.h == 1 ? 0 : y, s.w == 1 ? 0 : x, s.c == 1 ? 0 : k);
}

static void combine_reference(const struct op_case *c, const double *const *in,
                              const double *const *params, double *out)
{
    const struct thaw_combine *conf = c->conf;
    (void)params;
    EACH_OUTPUT(c, n, y, x, k)
    {
        double v = conf->product ? 1 : 0;
        for (int i = 0; i < c->n_in; i++) {
            double w = in[i][wrapped(c->in[i], n, y, x, k)];
            v = conf->product ? v * w : v + w;
        }
        out[at(c->out, n, y, x, k)] = v;
    }
}

static void check_combine(struct thaw_shape a, struct thaw_shape b, struct thaw_shape third,
                          struct thaw_shape out)
{
    struct thaw_combine conf;
    struct op_case c = {.kind = &thaw_op_combine,
                        .conf = &conf,
                        .in = {a, b, third},
                        .out = out,
                        .n_in = third.rank ? 3 : 2,
                        .n = 2,
                        .reference = combine_reference};
    for (int i = 0; i < 2; i++) {
        conf.product = i == 1;
        check_all(&c);
    }
}

static void test_combine(void)
{
    const struct thaw_shape none = {0}, full = op_picture(3, 4, 18), gate = op_picture(1, 1, 18);
    check_combine(full, full, none, full);
    check_combine(full, full, full, full);
    check_combine(full, gate, none, full);
    check_combine(gate, full, none, full);
    check_combine(gate, gate, full, full);
    check_combine(full, op_picture(3, 4, 1), none, full);
    check_combine(op_picture(3, 1, 18), op_picture(1, 4, 1), none, full);
    check_combine(op_picture(1, 1, 1), op_picture(3, 4, 3), none, op_picture(3, 4, 3));
    check_combine(op_vector(9), op_vector(9), none, op_vector(9));
    check_combine(op_vector(9), op_vector(1), none, op_vector(9));
}

static void concat_reference(const struct op_case *c, const double *const *in,
                             const double *const *params, double *out)
{
    (void)params;
    EACH_OUTPUT(c, n, y, x, k)
    {
        int i = 0, first = 0;
        while (k >= first + c->in[i].c)
            first += c->in[i++].c;
        out[at(c->out, n, y, x, k)] = in[i][at(c->in[i], n, y, x, k - first)];
    }
}

static void check_concat(int a, int b, int third)
{
    struct op_case c = {.kind = &thaw_op_concat,
                        .in = {op_picture(2, 3, a), op_picture(2, 3, b), op_picture(2, 3, third)},
                        .out = op_picture(2, 3, a + b + third),
                        .n_in = third ? 3 : 2,
                        .n = 2,
                        .reference = concat_reference};
    check_all(&c);
}

static void test_concat(void)
{
    check_concat(16, 32, 0);
    check_concat(16, 16, 5);
    check_concat(5, 16, 16);
    check_concat(3, 2, 7);
    check_concat(8, 24, 9);
    struct op_case c = {.kind = &thaw_op_concat,
                        .in = {op_vector(4), op_vector(7)},
                        .out = op_vector(11),
                        .n_in = 2,
                        .n = 3,
                        .reference = concat_reference};
    check_all(&c);
}

static void reshape_reference(const struct op_case *c, const double *const *in,
                              const double *const *params, double *out)
{
    (void)params;
    memcpy(out, in[0], (size_t)c->n * thaw_shape_count(c->out) * sizeof *out);
}

static void check_reshape(struct thaw_shape in, struct thaw_shape out)
{
    struct op_case c = {.kind = &thaw_op_reshape,
                        .in = {in},
                        .out = out,
                        .n_in = 1,
                        .n = 2,
                        .reference = reshape_reference};
    check_all(&c);
}

static void test_reshape(void)
{
    check_reshape(op_picture(2, 3, 17), op_vector(102));
    check_reshape(op_vector(102), op_picture(2, 3, 17));
    check_reshape(op_picture(1, 1, 32), op_vector(32));
    check_reshape(op_picture(1, 1, 17), op_vector(17));
    check_reshape(op_vector(32), op_picture(1, 1, 32));
    check_reshape(op_picture(2, 6, 5), op_picture(3, 2, 10));
    check_reshape(op_picture(2, 6, 5), (struct thaw_shape){2, 12, 1, 5});
    check_reshape(op_picture(2, 3, 17), op_picture(2, 3, 17));
}

void thaw_test_ops_shape(void)
{
    CU_pSuite s = thaw_suite("ops_shape");
    CU_add_test(s, "pooling with `same` padding leaves the border out", test_pool);
    CU_add_test(s, "global pooling to a vector and to one cell", test_global_pool);
    CU_add_test(s, "padding and cropping", test_pad);
    CU_add_test(s, "sum and product with broadcasting", test_combine);
    CU_add_test(s, "concatenation, whole blocks and not", test_concat);
    CU_add_test(s, "reshape keeps the order of Keras", test_reshape);
}
