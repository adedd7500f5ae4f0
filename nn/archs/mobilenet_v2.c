/* MobileNetV2 in the widths of keras applications/mobilenet_v2.py. */
#include "nn/archs/build_mobilenet_v2.h"

static struct thaw_graph *build(const struct thaw_arch *arch,
                                const struct thaw_arch_options *options, struct thaw_error *err)
{
    static const int filters[THAW_MOBILENET_V2_STAGES] = {16, 24, 32, 64, 96, 160, 320};
    double alpha = options->alpha > 0 ? (double)options->alpha : 1;
    struct thaw_mobilenet_v2 net = {.stem = thaw_round_width(32 * alpha),
                                    .top = alpha > 1 ? thaw_round_width(1280 * alpha) : 1280,
                                    .repeats = {1, 2, 3, 4, 3, 3, 1}};
    for (int i = 0; i < THAW_MOBILENET_V2_STAGES; i++)
        net.channels[i] = thaw_round_width(filters[i] * alpha);
    return thaw_mobilenet_v2_build(&net, arch, options, err);
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
           !thaw_arch_has(layers, "block_17_project") &&
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
