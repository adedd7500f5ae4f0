#include "nn/archs/build_nasnet.h"

#include <stdio.h>

/* One cell while it is built. */
struct cell {
    struct thaw_build *b;
    const char *kind; /* "normal" or "reduction" */
    char id[16];
    int filters;
};

static void norm(struct thaw_build *b, const char *name)
{
    thaw_build_norm(b, name, 1e-3, 0.9997);
}

/* "FRONT_ID" */
static const char *named(const struct cell *c, const char *front, char name[64])
{
    snprintf(name, 64, "%s_%s", front, c->id);
    return name;
}

/* --- parts --- */

/* Twice ReLU, separable convolution and norm; `place` is "left1", "right2", ... */
static int separable(const struct cell *c, int from, int kernel, int stride, const char *place)
{
    struct thaw_build *b = c->b;
    char name[80];
    b->last = from;
    thaw_build_relu(b, NULL);
    if (stride == 2) {
        snprintf(name, sizeof name, "separable_conv_1_pad_%s_%s_%s", c->kind, place, c->id);
        thaw_build_correct_pad(b, name, kernel);
    }
    for (int i = 1; i <= 2; i++) {
        if (i == 2)
            thaw_build_relu(b, NULL);
        snprintf(name, sizeof name, "separable_conv_%d_%s_%s_%s", i, c->kind, place, c->id);
        thaw_build_separable(b, name, c->filters, kernel, i == 1 ? stride : 1,
                             i == 1 && stride == 2 ? 0 : THAW_SAME);
        snprintf(name, sizeof name, "separable_conv_%d_bn_%s_%s_%s", i, c->kind, place, c->id);
        norm(b, name);
    }
    return b->last;
}

static int pool(const struct cell *c, int from, bool max, int stride, const char *place)
{
    char name[64];
    snprintf(name, sizeof name, "%s_%s_%s", c->kind, place, c->id);
    c->b->last = from;
    return max ? thaw_build_max_pool(c->b, name, 3, stride, stride == 1 ? THAW_SAME : 0)
               : thaw_build_average_pool(c->b, name, 3, stride, stride == 1 ? THAW_SAME : 0);
}

/* `place` NULL: under Keras' automatic name. */
static int sum(const struct cell *c, int left, int right, const char *place)
{
    char name[64];
    snprintf(name, sizeof name, "%s_%s_%s", c->kind, place ? place : "", c->id);
    return thaw_build_merge(c->b, "Add", place ? name : NULL, (int[]){left, right}, 2);
}

/* Every second pixel from `from`, starting at 0 or 1, on half the channels. */
static int half(const struct cell *c, int from, int which)
{
    static const char *const pools[] = {"adjust_avg_pool_1", "adjust_avg_pool_2"},
                             *const convs[] = {"adjust_conv_1", "adjust_conv_2"};
    struct thaw_build *b = c->b;
    char name[64];
    b->last = from;
    if (which) {
        thaw_build_pad(b, NULL, 0, 1, 0, 1);
        thaw_build_layer(b, "Cropping2D", NULL,
                         json_pack("{s:[[ii][ii]]}", "cropping", 1, 0, 1, 0));
    }
    thaw_build_average_pool(b, named(c, pools[which], name), 1, 2, 0);
    return thaw_build_conv(b, named(c, convs[which], name), c->filters / 2, 1, 1, THAW_SAME);
}

/* What the cell before last made, in the shape of what the last one made. */
static int adjust(const struct cell *c, int before, int last)
{
    struct thaw_build *b = c->b;
    char name[64];
    if (!b->graph || before < 0)
        return last;
    struct thaw_shape had = b->graph->nodes[before].shape, wanted = b->graph->nodes[last].shape;
    if (had.w == wanted.w && had.c == c->filters)
        return before;
    b->last = before;
    if (had.w != wanted.w) {
        int from = thaw_build_relu(b, named(c, "adjust_relu_1", name));
        int halves[2] = {half(c, from, 0), half(c, from, 1)};
        thaw_build_merge(b, "Concatenate", NULL, halves, 2);
    } else {
        thaw_build_relu(b, NULL);
        thaw_build_conv(b, named(c, "adjust_conv_projection", name), c->filters, 1, 1, THAW_SAME);
    }
    norm(b, named(c, "adjust_bn", name));
    return b->last;
}

/* ReLU, 1x1 convolution and norm of what the last cell made. */
static int squeeze(const struct cell *c, int from)
{
    char front[32], name[64];
    c->b->last = from;
    thaw_build_relu(c->b, NULL);
    snprintf(front, sizeof front, "%s_conv_1", c->kind);
    thaw_build_conv(c->b, named(c, front, name), c->filters, 1, 1, THAW_SAME);
    snprintf(front, sizeof front, "%s_bn_1", c->kind);
    norm(c->b, named(c, front, name));
    return c->b->last;
}

/* --- cells --- */

/* The two newest results. */
struct pair {
    int last, before; /* before is -1 where there is none */
};

static struct pair normal(struct thaw_build *b, struct pair from, int filters, int number)
{
    struct cell c = {.b = b, .kind = "normal", .filters = filters};
    char name[64];
    snprintf(c.id, sizeof c.id, "%d", number);
    int p = adjust(&c, from.before, from.last), h = squeeze(&c, from.last), left, right, x[6] = {p};
    left = separable(&c, h, 5, 1, "left1");
    right = separable(&c, p, 3, 1, "right1");
    x[1] = sum(&c, left, right, "add_1");
    left = separable(&c, p, 5, 1, "left2");
    right = separable(&c, p, 3, 1, "right2");
    x[2] = sum(&c, left, right, "add_2");
    left = pool(&c, h, false, 1, "left3");
    x[3] = sum(&c, left, p, "add_3");
    left = pool(&c, p, false, 1, "left4");
    right = pool(&c, p, false, 1, "right4");
    x[4] = sum(&c, left, right, "add_4");
    left = separable(&c, h, 3, 1, "left5");
    x[5] = sum(&c, left, h, "add_5");
    int made = thaw_build_merge(b, "Concatenate", named(&c, "normal_concat", name), x, 6);
    return (struct pair){made, from.last};
}

static struct pair reduction(struct thaw_build *b, struct pair from, int filters, const char *id)
{
    struct cell c = {.b = b, .kind = "reduction", .filters = filters};
    char name[64];
    snprintf(c.id, sizeof c.id, "%s", id);
    int p = adjust(&c, from.before, from.last), h = squeeze(&c, from.last), left, right;
    thaw_build_correct_pad(b, named(&c, "reduction_pad_1", name), 3);
    int padded = b->last;
    left = separable(&c, h, 5, 2, "left1");
    right = separable(&c, p, 7, 2, "right1");
    int x1 = sum(&c, left, right, "add_1");
    left = pool(&c, padded, true, 2, "left2");
    right = separable(&c, p, 7, 2, "right2");
    int x2 = sum(&c, left, right, "add_2");
    left = pool(&c, padded, false, 2, "left3");
    right = separable(&c, p, 5, 2, "right3");
    int x3 = sum(&c, left, right, "add3");
    left = pool(&c, x1, false, 1, "left4");
    int x4 = sum(&c, x2, left, NULL);
    left = separable(&c, x1, 3, 1, "left4");
    right = pool(&c, padded, true, 2, "right5");
    int x5 = sum(&c, left, right, "add4");
    int made = thaw_build_merge(b, "Concatenate", named(&c, "reduction_concat", name),
                                (int[]){x2, x3, x4, x5}, 4);
    return (struct pair){made, from.last};
}

struct thaw_graph *thaw_nasnet_build(const struct thaw_arch *arch,
                                     const struct thaw_arch_options *options,
                                     struct thaw_error *err)
{
    const struct thaw_nasnet *net = arch->variant;
    struct thaw_build b = thaw_build_start(arch->name, options, arch->size, err);
    char id[16];
    int filters = net->filters;
    thaw_build_conv(&b, "stem_conv1", net->stem, 3, 2, 0);
    norm(&b, "stem_bn1");
    struct pair x = {b.last, -1};
    x = reduction(&b, x, filters / 4, "stem_1");
    x = reduction(&b, x, filters / 2, "stem_2");
    for (int stage = 0; stage < 3; stage++, filters *= 2) {
        int before = x.before;
        if (stage) {
            snprintf(id, sizeof id, "reduce_%d", stage * net->cells);
            x = reduction(&b, x, filters, id);
        }
        if (stage && net->skips)
            x.before = before;
        for (int i = 0; i < net->cells; i++)
            x = normal(&b, x, filters, stage * net->cells + i + (stage > 0));
    }
    b.last = x.last;
    thaw_build_relu(&b, NULL);
    if (options->classes) {
        thaw_build_layer(&b, "GlobalAveragePooling2D", NULL, NULL);
        thaw_build_dense(&b, "predictions", options->classes, "softmax");
    }
    return thaw_build_finish(&b);
}

bool thaw_nasnet_matches(const struct thaw_arch *arch, const struct thaw_arch_layers *layers)
{
    const struct thaw_nasnet *net = arch->variant;
    char last[32], more[32];
    snprintf(last, sizeof last, "normal_conv_1_%d", 3 * net->cells);
    snprintf(more, sizeof more, "normal_conv_1_%d", 3 * net->cells + 1);
    return thaw_arch_width(layers, "stem_conv1") == net->stem &&
           thaw_arch_width(layers, last) == 4 * net->filters && !thaw_arch_has(layers, more);
}

const char *const thaw_nasnet_blocks[] = {"stem_conv1", NULL};
