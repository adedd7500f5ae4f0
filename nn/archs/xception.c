/* Xception (Chollet, arXiv:1610.02357) with the names of keras applications/xception.py. */
#include <stdio.h>

#include "nn/archs/build.h"

static void unit(struct thaw_build *b, const char *name, int filters)
{
    char norm[32];
    snprintf(norm, sizeof norm, "%s_bn", name);
    thaw_build_separable(b, name, filters, 3, 1, THAW_SAME);
    thaw_build_norm(b, norm, 1e-3, 0.99);
}

static void stem(struct thaw_build *b)
{
    thaw_build_conv(b, "block1_conv1", 32, 3, 2, 0);
    thaw_build_norm(b, "block1_conv1_bn", 1e-3, 0.99);
    thaw_build_relu(b, "block1_conv1_act");
    thaw_build_conv(b, "block1_conv2", 64, 3, 1, 0);
    thaw_build_norm(b, "block1_conv2_bn", 1e-3, 0.99);
    thaw_build_relu(b, "block1_conv2_act");
}

/* Two units and pooling beside a strided 1x1 convolution. */
static void reducing(struct thaw_build *b, int number, int first, int second)
{
    int from = b->last;
    thaw_build_conv(b, NULL, second, 1, 2, THAW_SAME);
    int shortcut = thaw_build_norm(b, NULL, 1e-3, 0.99);
    b->last = from;
    thaw_build_prefix(b, "block%d_", number);
    if (number > 2)
        thaw_build_relu(b, "sepconv1_act");
    unit(b, "sepconv1", first);
    thaw_build_relu(b, "sepconv2_act");
    unit(b, "sepconv2", second);
    int main = thaw_build_max_pool(b, "pool", 3, 2, THAW_SAME);
    thaw_build_prefix(b, "%s", "");
    thaw_build_merge(b, "Add", NULL, (int[]){main, shortcut}, 2);
}

static void plain(struct thaw_build *b, int number)
{
    int from = b->last;
    thaw_build_prefix(b, "block%d_", number);
    for (int i = 1; i <= 3; i++) {
        char name[16], activation[24];
        snprintf(name, sizeof name, "sepconv%d", i);
        snprintf(activation, sizeof activation, "sepconv%d_act", i);
        thaw_build_relu(b, activation);
        unit(b, name, 728);
    }
    thaw_build_prefix(b, "%s", "");
    thaw_build_merge(b, "Add", NULL, (int[]){b->last, from}, 2);
}

static struct thaw_graph *build(const struct thaw_arch *arch,
                                const struct thaw_arch_options *options, struct thaw_error *err)
{
    struct thaw_build b = thaw_build_start(arch->name, options, arch->size, err);
    stem(&b);
    reducing(&b, 2, 128, 128);
    reducing(&b, 3, 256, 256);
    reducing(&b, 4, 728, 728);
    for (int i = 5; i <= 12; i++)
        plain(&b, i);
    reducing(&b, 13, 728, 1024);
    unit(&b, "block14_sepconv1", 1536);
    thaw_build_relu(&b, "block14_sepconv1_act");
    unit(&b, "block14_sepconv2", 2048);
    thaw_build_relu(&b, "block14_sepconv2_act");
    thaw_build_classifier(&b, "predictions", 0, options->classes);
    return thaw_build_finish(&b);
}

static bool matches(const struct thaw_arch *arch, const struct thaw_arch_layers *layers)
{
    (void)arch;
    return thaw_arch_has(layers, "block13_sepconv2_bn") &&
           thaw_arch_has(layers, "block12_sepconv3") &&
           thaw_arch_width(layers, "block1_conv2") == 64 &&
           thaw_arch_has(layers, "block14_sepconv2");
}

static const char *const blocks[] = {"block1_conv1", "block*_sepconv1", NULL};

const struct thaw_arch thaw_arch_xception = {
    .name = "xception",
    .preprocess = "tf",
    .size = 299,
    .build = build,
    .matches = matches,
    .blocks = blocks,
};
