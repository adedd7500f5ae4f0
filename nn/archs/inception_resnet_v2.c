/* Inception-ResNet v2 (Szegedy et al., arXiv:1602.07261) as keras
 * applications/inception_resnet_v2.py builds it. */
#include <stdio.h>

#include "nn/archs/build_inception.h"

/* The branches, widened to `channels` by a convolution with bias, are added to where they began. */
static void residual(struct thaw_build *b, const char *name, int from, const int *branches, int n,
                     int channels, double scale, bool activation)
{
    char full[40];
    snprintf(full, sizeof full, "%s_mixed", name);
    thaw_build_merge(b, "Concatenate", full, branches, n);
    snprintf(full, sizeof full, "%s_conv", name);
    int up = thaw_build_conv(b, full, channels, 1, 1, THAW_SAME | THAW_BIAS);
    thaw_build_merge_with(b, "CustomScaleLayer", NULL, (int[]){from, up}, 2,
                          json_pack("{s:f}", "scale", scale));
    snprintf(full, sizeof full, "%s_ac", name);
    if (activation)
        thaw_build_relu(b, full);
}

static void block_35(struct thaw_build *b, const char *name)
{
    int from = b->last, at;
    int one = thaw_inception_branch(b, from, 32, 1, 1);
    at = thaw_inception_branch(b, from, 32, 1, 1);
    int three = thaw_inception_branch(b, at, 32, 3, 3);
    at = thaw_inception_branch(b, from, 32, 1, 1);
    at = thaw_inception_branch(b, at, 48, 3, 3);
    int twice = thaw_inception_branch(b, at, 64, 3, 3);
    residual(b, name, from, (int[]){one, three, twice}, 3, 320, 0.17, true);
}

static void reduce_35(struct thaw_build *b)
{
    int from = b->last, at;
    int three = thaw_inception_unit(b, NULL, 384, 3, 3, 2, 0);
    at = thaw_inception_branch(b, from, 256, 1, 1);
    thaw_inception_branch(b, at, 256, 3, 3);
    int twice = thaw_inception_unit(b, NULL, 384, 3, 3, 2, 0);
    int pool = thaw_inception_maximum(b, from);
    thaw_build_merge(b, "Concatenate", "mixed_6a", (int[]){three, twice, pool}, 3);
}

static void block_17(struct thaw_build *b, const char *name)
{
    int from = b->last, at;
    int one = thaw_inception_branch(b, from, 192, 1, 1);
    at = thaw_inception_branch(b, from, 128, 1, 1);
    at = thaw_inception_branch(b, at, 160, 1, 7);
    int seven = thaw_inception_branch(b, at, 192, 7, 1);
    residual(b, name, from, (int[]){one, seven}, 2, 1088, 0.1, true);
}

static void reduce_17(struct thaw_build *b)
{
    int from = b->last, at;
    thaw_inception_branch(b, from, 256, 1, 1);
    int wide = thaw_inception_unit(b, NULL, 384, 3, 3, 2, 0);
    thaw_inception_branch(b, from, 256, 1, 1);
    int narrow = thaw_inception_unit(b, NULL, 288, 3, 3, 2, 0);
    at = thaw_inception_branch(b, from, 256, 1, 1);
    thaw_inception_branch(b, at, 288, 3, 3);
    int twice = thaw_inception_unit(b, NULL, 320, 3, 3, 2, 0);
    int pool = thaw_inception_maximum(b, from);
    thaw_build_merge(b, "Concatenate", "mixed_7a", (int[]){wide, narrow, twice, pool}, 4);
}

static void block_8(struct thaw_build *b, const char *name, bool last)
{
    int from = b->last, at;
    int one = thaw_inception_branch(b, from, 192, 1, 1);
    at = thaw_inception_branch(b, from, 192, 1, 1);
    at = thaw_inception_branch(b, at, 224, 1, 3);
    int three = thaw_inception_branch(b, at, 256, 3, 1);
    residual(b, name, from, (int[]){one, three}, 2, 2080, last ? 1.0 : 0.2, !last);
}

static struct thaw_graph *build(const struct thaw_arch *arch,
                                const struct thaw_arch_options *options, struct thaw_error *err)
{
    struct thaw_build b = thaw_build_start(arch->name, options, arch->size, err);
    char name[24];
    thaw_inception_stem(&b);
    thaw_inception_module_35(&b, "mixed_5b", 96, 64);
    for (int i = 1; i <= 10; i++) {
        snprintf(name, sizeof name, "block35_%d", i);
        block_35(&b, name);
    }
    reduce_35(&b);
    for (int i = 1; i <= 20; i++) {
        snprintf(name, sizeof name, "block17_%d", i);
        block_17(&b, name);
    }
    reduce_17(&b);
    for (int i = 1; i <= 10; i++) {
        snprintf(name, sizeof name, "block8_%d", i);
        block_8(&b, name, i == 10);
    }
    thaw_inception_unit(&b, "conv_7b", 1536, 1, 1, 1, THAW_SAME);
    thaw_build_classifier(&b, "predictions", 0, options->classes);
    return thaw_build_finish(&b);
}

static bool matches(const struct thaw_arch *arch, const struct thaw_arch_layers *layers)
{
    (void)arch;
    return thaw_arch_width(layers, "block35_10_conv") == 320 &&
           thaw_arch_width(layers, "block17_20_conv") == 1088 &&
           thaw_arch_width(layers, "block8_10_conv") == 2080 &&
           thaw_arch_width(layers, "conv_7b") == 1536;
}

/* By the last convolution or join of each. */
static const char *const blocks[] = {"mixed_*", "block*_conv", "conv_7b", NULL};

const struct thaw_arch thaw_arch_inception_resnet_v2 = {
    .name = "inception_resnet_v2",
    .preprocess = "tf",
    .size = 299,
    .build = build,
    .matches = matches,
    .blocks = blocks,
};
