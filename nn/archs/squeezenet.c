/* SqueezeNet 1.1 (Iandola et al., arXiv:1602.07360) with the names of the Keras files that go
 * about,
 * '/' replaced by '_', which Keras 3 takes. */
#include "nn/archs/build.h"

/* The file lists both expansions level by level; so does the graph. */
static void fire(struct thaw_build *b, int i, int squeeze, int expand)
{
    thaw_build_prefix(b, "fire%d_", i);
    thaw_build_conv(b, "squeeze1x1", squeeze, 1, 1, THAW_BIAS);
    int from = thaw_build_relu(b, "relu_squeeze1x1");
    int one = thaw_build_conv(b, "expand1x1", expand, 1, 1, THAW_BIAS);
    b->last = from;
    int three = thaw_build_conv(b, "expand3x3", expand, 3, 1, THAW_BIAS | THAW_SAME);
    b->last = one;
    one = thaw_build_relu(b, "relu_expand1x1");
    b->last = three;
    three = thaw_build_relu(b, "relu_expand3x3");
    thaw_build_merge(b, "Concatenate", "concat", (int[]){one, three}, 2);
    thaw_build_prefix(b, "%s", "");
}

static struct thaw_graph *build(const struct thaw_arch *arch,
                                const struct thaw_arch_options *options, struct thaw_error *err)
{
    struct thaw_build b = thaw_build_start(arch->name, options, arch->size, err);
    thaw_build_conv(&b, "conv1", 64, 3, 2, THAW_BIAS);
    thaw_build_relu(&b, "relu_conv1");
    thaw_build_max_pool(&b, "pool1", 3, 2, 0);
    fire(&b, 2, 16, 64);
    fire(&b, 3, 16, 64);
    thaw_build_max_pool(&b, "pool3", 3, 2, 0);
    fire(&b, 4, 32, 128);
    fire(&b, 5, 32, 128);
    thaw_build_max_pool(&b, "pool5", 3, 2, 0);
    fire(&b, 6, 48, 192);
    fire(&b, 7, 48, 192);
    fire(&b, 8, 64, 256);
    fire(&b, 9, 64, 256);
    thaw_build_dropout(&b, "drop9", 0.5, false);
    if (options->classes) {
        thaw_build_conv(&b, "conv10", options->classes, 1, 1, THAW_BIAS);
        thaw_build_relu(&b, "relu_conv10");
        thaw_build_layer(&b, "GlobalAveragePooling2D", "global_average_pooling2d", NULL);
        thaw_build_act(&b, "loss", "softmax");
    }
    return thaw_build_finish(&b);
}

/* 1.0 has 96 filters of 7x7 at the front. */
static bool matches(const struct thaw_arch *arch, const struct thaw_arch_layers *layers)
{
    (void)arch;
    return thaw_arch_width(layers, "conv1") == 64 &&
           thaw_arch_width(layers, "fire2_squeeze1x1") == 16 &&
           thaw_arch_width(layers, "fire9_expand3x3") == 256;
}

static const char *const blocks[] = {"conv1", "fire*_squeeze1x1", NULL};

const struct thaw_arch thaw_arch_squeezenet = {
    .name = "squeezenet",
    .preprocess = "caffe",
    .size = 224,
    .build = build,
    .matches = matches,
    .blocks = blocks,
};
