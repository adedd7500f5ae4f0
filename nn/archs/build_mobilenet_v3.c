#include "nn/archs/build_mobilenet_v3.h"

#include <stdio.h>

const struct thaw_mobilenet_v3_block thaw_mobilenet_v3_large[15] = {
    {1, 16, 3, 1, false, false},  {4, 24, 3, 2, false, false},  {3, 24, 3, 1, false, false},
    {3, 40, 5, 2, true, false},   {3, 40, 5, 1, true, false},   {3, 40, 5, 1, true, false},
    {6, 80, 3, 2, false, true},   {2.5, 80, 3, 1, false, true}, {2.3, 80, 3, 1, false, true},
    {2.3, 80, 3, 1, false, true}, {6, 112, 3, 1, true, true},   {6, 112, 3, 1, true, true},
    {6, 160, 5, 2, true, true},   {6, 160, 5, 1, true, true},   {6, 160, 5, 1, true, true}};

const struct thaw_mobilenet_v3_block thaw_mobilenet_v3_small[11] = {
    {1, 16, 3, 2, true, false},
    {72.0 / 16, 24, 3, 2, false, false},
    {88.0 / 24, 24, 3, 1, false, false},
    {4, 40, 5, 2, true, true},
    {6, 40, 5, 1, true, true},
    {6, 40, 5, 1, true, true},
    {3, 48, 5, 1, true, true},
    {3, 48, 5, 1, true, true},
    {6, 96, 5, 2, true, true},
    {6, 96, 5, 1, true, true},
    {6, 96, 5, 1, true, true}};

static void activation(struct thaw_build *b, bool hard_swish)
{
    if (hard_swish)
        thaw_build_act(b, NULL, "hard_swish");
    else
        thaw_build_layer(b, "ReLU", NULL, NULL);
}

static void norm(struct thaw_build *b, const char *name)
{
    thaw_build_norm(b, name, 1e-3, 0.999);
}

static void squeeze(struct thaw_build *b, int channels)
{
    int from = b->last;
    thaw_build_layer(b, "GlobalAveragePooling2D", "squeeze_excite_avg_pool",
                     json_pack("{s:b}", "keepdims", 1));
    thaw_build_conv(b, "squeeze_excite_conv", thaw_round_width(channels * 0.25), 1, 1,
                    THAW_SAME | THAW_BIAS);
    thaw_build_layer(b, "ReLU", "squeeze_excite_relu", NULL);
    thaw_build_conv(b, "squeeze_excite_conv_1", channels, 1, 1, THAW_SAME | THAW_BIAS);
    thaw_build_act(b, NULL, "hard_sigmoid_3");
    thaw_build_merge(b, "Multiply", "squeeze_excite_mul", (int[]){from, b->last}, 2);
}

/* `in` channels become `out`. */
static void block(struct thaw_build *b, const struct thaw_mobilenet_v3_block *s, bool minimalistic,
                  bool expand, int in, int out)
{
    int shortcut = b->last, middle = expand ? thaw_round_width(in * s->expansion) : in;
    int kernel = minimalistic ? 3 : s->kernel;
    bool hard_swish = s->hard_swish && !minimalistic;
    if (expand) {
        thaw_build_conv(b, "expand", middle, 1, 1, THAW_SAME);
        norm(b, "expand_bn");
        activation(b, hard_swish);
    }
    if (s->stride == 2)
        thaw_build_correct_pad(b, "depthwise_pad", kernel);
    thaw_build_depthwise(b, "depthwise", kernel, s->stride, s->stride == 1 ? THAW_SAME : 0);
    norm(b, "depthwise_bn");
    activation(b, hard_swish);
    if (s->squeezes && !minimalistic)
        squeeze(b, middle);
    thaw_build_conv(b, "project", out, 1, 1, THAW_SAME);
    norm(b, "project_bn");
    if (s->stride == 1 && in == out)
        thaw_build_merge(b, "Add", "add", (int[]){shortcut, b->last}, 2);
}

static void top(struct thaw_build *b, int width, bool minimalistic, int classes)
{
    thaw_build_layer(b, "GlobalAveragePooling2D", NULL, json_pack("{s:b}", "keepdims", 1));
    thaw_build_conv(b, "conv_2", width, 1, 1, THAW_SAME | THAW_BIAS);
    activation(b, !minimalistic);
    thaw_build_dropout(b, NULL, 0.2, false);
    thaw_build_conv(b, "logits", classes, 1, 1, THAW_SAME | THAW_BIAS);
    thaw_build_layer(b, "Flatten", NULL, NULL);
    thaw_build_act(b, "predictions", "softmax");
}

struct thaw_graph *thaw_mobilenet_v3_build(const struct thaw_arch *arch,
                                           const struct thaw_arch_options *options,
                                           struct thaw_error *err)
{
    const struct thaw_mobilenet_v3 *net = arch->variant;
    double alpha = options->alpha > 0 ? (double)options->alpha : 1;
    struct thaw_build b = thaw_build_start(arch->name, options, arch->size, err);
    int in = 16;
    if (!b.torch)
        thaw_build_layer(&b, "Rescaling", NULL,
                         json_pack("{s:f, s:f}", "scale", 1 / 127.5, "offset", -1.0));
    thaw_build_conv(&b, "conv", in, 3, 2, THAW_SAME);
    norm(&b, "conv_bn");
    activation(&b, !net->minimalistic);
    for (int i = 0; i < net->n_blocks; i++) {
        int out = thaw_round_width(net->blocks[i].filters * alpha);
        if (i)
            thaw_build_prefix(&b, "expanded_conv_%d_", i);
        else
            thaw_build_prefix(&b, "expanded_conv_");
        block(&b, &net->blocks[i], net->minimalistic, i > 0, in, out);
        in = out;
    }
    thaw_build_prefix(&b, "%s", "");
    thaw_build_conv(&b, "conv_1", thaw_round_width(in * 6), 1, 1, THAW_SAME);
    norm(&b, "conv_1_bn");
    activation(&b, !net->minimalistic);
    if (options->classes)
        top(&b, alpha > 1 ? thaw_round_width(net->last * alpha) : net->last, net->minimalistic,
            options->classes);
    return thaw_build_finish(&b);
}

/* Keras 2 and 3 name layers alike but for capitals, strokes and the norms. */
bool thaw_mobilenet_v3_matches(const struct thaw_arch *arch, const struct thaw_arch_layers *layers)
{
    const struct thaw_mobilenet_v3 *net = arch->variant;
    char last[40], more[40];
    snprintf(last, sizeof last, "expanded_conv_%d_project", net->n_blocks - 1);
    snprintf(more, sizeof more, "expanded_conv_%d_project", net->n_blocks);
    return thaw_arch_width(layers, "expanded_conv_project") && thaw_arch_width(layers, last) &&
           !thaw_arch_has(layers, more) &&
           thaw_arch_has(layers, "expanded_conv_3_squeeze_excite_conv") == !net->minimalistic;
}

/* Rounding hides the multiplier: of the published ones, the one that gives the widths seen. */
float thaw_mobilenet_v3_alpha(const struct thaw_arch_layers *layers)
{
    static const float published[] = {1, 0.75f, 0.5f, 1.25f};
    bool large = thaw_arch_has(layers, "expanded_conv_14_project");
    int first = thaw_arch_width(layers, "expanded_conv_3_project"); /* 40 when alpha is 1 */
    int last =
        thaw_arch_width(layers, large ? "expanded_conv_14_project" : "expanded_conv_10_project");
    int full = large ? 160 : 96;
    for (size_t i = 0; i < sizeof published / sizeof *published; i++)
        if (thaw_round_width(full * (double)published[i]) == last &&
            thaw_round_width(40 * (double)published[i]) == first)
            return published[i];
    return (float)last / (float)full;
}

void thaw_mobilenet_v3_read(const struct thaw_keras_file *file, struct thaw_arch_options *options)
{
    options->alpha = thaw_mobilenet_v3_alpha(&(struct thaw_arch_layers){.file = file});
}

const char *const thaw_mobilenet_v3_blocks[] = {"conv", "expanded_conv_depthwise",
                                                "expanded_conv_*_expand", "conv_1", NULL};
