/* MobileNetV2 (Sandler et al., arXiv:1801.04381) with the names of keras
 * applications/mobilenet_v2.py. */
#include "nn/archs/build.h"

static const struct {
    int filters, stride;
} blocks_of[16] = {{24, 2}, {24, 1}, {32, 2}, {32, 1}, {32, 1},  {64, 2},  {64, 1},  {64, 1},
                   {64, 1}, {96, 1}, {96, 1}, {96, 1}, {160, 2}, {160, 1}, {160, 1}, {320, 1}};

static void norm(struct thaw_build *b, const char *name)
{
    thaw_build_norm(b, name, 1e-3, 0.999);
}

/* Returns the channels that the block passes on. */
static int block(struct thaw_build *b, int in, int filters, int stride, bool expand)
{
    int shortcut = b->last;
    if (expand) {
        thaw_build_conv(b, "expand", 6 * in, 1, 1, THAW_SAME);
        norm(b, "expand_BN");
        thaw_build_relu6(b, "expand_relu");
    }
    if (stride == 2)
        thaw_build_correct_pad(b, "pad", 3);
    thaw_build_depthwise(b, "depthwise", 3, stride, stride == 1 ? THAW_SAME : 0);
    norm(b, "depthwise_BN");
    thaw_build_relu6(b, "depthwise_relu");
    thaw_build_conv(b, "project", filters, 1, 1, THAW_SAME);
    norm(b, "project_BN");
    if (stride == 1 && in == filters)
        thaw_build_merge(b, "Add", "add", (int[]){shortcut, b->last}, 2);
    return filters;
}

static struct thaw_graph *build(const struct thaw_arch *arch,
                                const struct thaw_arch_options *options, struct thaw_error *err)
{
    double alpha = options->alpha > 0 ? (double)options->alpha : 1;
    struct thaw_build b = thaw_build_start(arch->name, options, arch->size, err);
    int width = thaw_round_width(32 * alpha);
    thaw_build_conv(&b, "Conv1", width, 3, 2, THAW_SAME);
    norm(&b, "bn_Conv1");
    thaw_build_relu6(&b, "Conv1_relu");
    thaw_build_prefix(&b, "expanded_conv_");
    width = block(&b, width, thaw_round_width(16 * alpha), 1, false);
    for (int i = 0; i < 16; i++) {
        thaw_build_prefix(&b, "block_%d_", i + 1);
        width = block(&b, width, thaw_round_width(blocks_of[i].filters * alpha),
                      blocks_of[i].stride, true);
    }
    thaw_build_prefix(&b, "%s", "");
    thaw_build_conv(&b, "Conv_1", alpha > 1 ? thaw_round_width(1280 * alpha) : 1280, 1, 1, 0);
    norm(&b, "Conv_1_bn");
    thaw_build_relu6(&b, "out_relu");
    if (options->classes) {
        thaw_build_layer(&b, "GlobalAveragePooling2D", "global_average_pooling2d", NULL);
        thaw_build_dense(&b, "predictions", options->classes, "softmax");
    }
    return thaw_build_finish(&b);
}

/* Rounding hides the multiplier: of the published ones, the one that gives all the widths seen. */
static float find_alpha(int stem, int last_block)
{
    static const float published[] = {0.35f, 0.5f, 0.75f, 1, 1.3f, 1.4f};
    for (size_t i = 0; i < sizeof published / sizeof *published; i++)
        if (thaw_round_width(320 * (double)published[i]) == last_block &&
            thaw_round_width(32 * (double)published[i]) == stem)
            return published[i];
    return (float)last_block / 320;
}

static bool matches(const struct thaw_arch *arch, const struct thaw_arch_layers *layers)
{
    (void)arch;
    return thaw_arch_width(layers, "block_16_project") && thaw_arch_has(layers, "Conv_1_bn") &&
           thaw_arch_has(layers, "expanded_conv_project");
}

static void read(const struct thaw_keras_file *file, struct thaw_arch_options *options)
{
    const struct thaw_arch_layers layers = {.file = file};
    options->alpha =
        find_alpha(thaw_arch_width(&layers, "Conv1"), thaw_arch_width(&layers, "block_16_project"));
}

static const char *const blocks[] = {"Conv1", "expanded_conv_depthwise", "block_*_expand", "Conv_1",
                                     NULL};

const struct thaw_arch thaw_arch_mobilenet_v2 = {
    .name = "mobilenet_v2",
    .preprocess = "tf",
    .size = 224,
    .has_alpha = true,
    .build = build,
    .matches = matches,
    .read = read,
    .blocks = blocks,
};
