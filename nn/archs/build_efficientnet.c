#include "nn/archs/build_efficientnet.h"

#include <math.h>
#include <stdio.h>

enum { STAGES = THAW_EFFICIENTNET_STAGES };

const struct thaw_efficientnet_stage thaw_efficientnet_stages[STAGES] = {
    {3, 1, 1, 1, 16},  {3, 2, 2, 6, 24},  {5, 2, 2, 6, 40}, {3, 3, 2, 6, 80},
    {5, 3, 1, 6, 112}, {5, 4, 2, 6, 192}, {3, 1, 1, 6, 320}};

int thaw_efficientnet_repeats(const struct thaw_efficientnet *net, int stage)
{
    return (int)ceil(thaw_efficientnet_stages[stage].repeats * net->depth);
}

static int width_of(const struct thaw_efficientnet *net, int stage)
{
    return thaw_round_width(thaw_efficientnet_stages[stage].channels * net->width);
}

/* --- the graph --- */

static void norm_swish(struct thaw_build *b, const char *norm, const char *activation)
{
    thaw_build_norm(b, norm, 1e-3, 0.99);
    thaw_build_act(b, activation, "swish");
}

static int gate_conv(struct thaw_build *b, const char *name, int filters, const char *activation)
{
    return thaw_build_layer(b, "Conv2D", name,
                            json_pack("{s:i, s:[ii], s:s, s:s}", "filters", filters, "kernel_size",
                                      1, 1, "padding", "same", "activation", activation));
}

void thaw_efficientnet_squeeze(struct thaw_build *b, int middle, int width)
{
    int from = b->last;
    thaw_build_layer(b, "GlobalAveragePooling2D", "se_squeeze", NULL);
    thaw_build_layer(b, "Reshape", "se_reshape",
                     json_pack("{s:[iii]}", "target_shape", 1, 1, width));
    gate_conv(b, "se_reduce", middle, "swish");
    gate_conv(b, "se_expand", width, "sigmoid");
    thaw_build_merge(b, "Multiply", "se_excite", (int[]){from, b->last}, 2);
}

/* `in` channels become `out`; `drop`: how often training leaves the block out. */
static void block(struct thaw_build *b, const struct thaw_efficientnet_stage *s, int in, int out,
                  int stride, double drop)
{
    int shortcut = b->last, middle = in / 4 > 1 ? in / 4 : 1;
    if (s->expansion > 1) {
        thaw_build_conv(b, "expand_conv", in * s->expansion, 1, 1, THAW_SAME);
        norm_swish(b, "expand_bn", "expand_activation");
    }
    if (stride == 2)
        thaw_build_correct_pad(b, "dwconv_pad", s->kernel);
    thaw_build_depthwise(b, "dwconv", s->kernel, stride, stride == 1 ? THAW_SAME : 0);
    norm_swish(b, "bn", "activation");
    thaw_efficientnet_squeeze(b, middle, in * s->expansion);
    thaw_build_conv(b, "project_conv", out, 1, 1, THAW_SAME);
    thaw_build_norm(b, "project_bn", 1e-3, 0.99);
    if (stride > 1 || in != out)
        return;
    if (drop > 0)
        thaw_build_dropout(b, "drop", drop, true);
    thaw_build_merge(b, "Add", "add", (int[]){b->last, shortcut}, 2);
}

/* Keras trained with (x - mean) / deviation but divides by the root of what its files call the
 * variance; for them it adds the other root. */
static void front(struct thaw_build *b, bool imagenet)
{
    thaw_build_layer(b, "Rescaling", NULL, json_pack("{s:f}", "scale", 1 / 255.0));
    thaw_build_layer(b, "Normalization", NULL, json_pack("{s:[i]}", "axis", 3));
    if (imagenet)
        thaw_build_layer(
            b, "Rescaling", NULL,
            json_pack("{s:[fff]}", "scale", 1 / sqrt(0.229), 1 / sqrt(0.224), 1 / sqrt(0.225)));
}

static void body(struct thaw_build *b, const struct thaw_efficientnet *net)
{
    int total = 0, done = 0, in = thaw_round_width(32 * net->width);
    for (int i = 0; i < STAGES; i++)
        total += thaw_efficientnet_repeats(net, i);
    for (int i = 0; i < STAGES; i++)
        for (int k = 0; k < thaw_efficientnet_repeats(net, i); k++, done++) {
            thaw_build_prefix(b, "block%d%c_", i + 1, 'a' + k);
            const struct thaw_efficientnet_stage *s = &thaw_efficientnet_stages[i];
            block(b, s, in, width_of(net, i), k ? 1 : s->stride, 0.2 * done / total);
            in = width_of(net, i);
        }
    thaw_build_prefix(b, "%s", "");
}

struct thaw_graph *thaw_efficientnet_build(const struct thaw_arch *arch,
                                           const struct thaw_arch_options *options,
                                           struct thaw_error *err)
{
    const struct thaw_efficientnet *net = arch->variant;
    struct thaw_build b = thaw_build_start(arch->name, options, arch->size, err);
    if (!b.torch)
        front(&b, options->imagenet);
    thaw_build_correct_pad(&b, "stem_conv_pad", 3);
    thaw_build_conv(&b, "stem_conv", thaw_round_width(32 * net->width), 3, 2, 0);
    norm_swish(&b, "stem_bn", "stem_activation");
    body(&b, net);
    thaw_build_conv(&b, "top_conv", thaw_round_width(1280 * net->width), 1, 1, THAW_SAME);
    norm_swish(&b, "top_bn", "top_activation");
    thaw_build_classifier(&b, "predictions", net->dropout, options->classes);
    return thaw_build_finish(&b);
}

const char *const thaw_efficientnet_blocks[] = {"stem_conv", "block1*_dwconv", "block*_expand_conv",
                                                "top_conv", NULL};

/* --- recognising --- */

bool thaw_efficientnet_stage_is(const struct thaw_arch_layers *layers, int stage, int repeats,
                                int channels)
{
    char last[32], more[32];
    snprintf(last, sizeof last, "block%d%c_project_conv", stage + 1, 'a' + repeats - 1);
    snprintf(more, sizeof more, "block%d%c_project_conv", stage + 1, 'a' + repeats);
    return (!repeats || thaw_arch_width(layers, last) == channels) && !thaw_arch_has(layers, more);
}

/* All sizes differ in the width or the depth of their last stages. */
bool thaw_efficientnet_matches(const struct thaw_arch *arch, const struct thaw_arch_layers *layers)
{
    const struct thaw_efficientnet *net = arch->variant;
    if (!thaw_arch_has(layers, "block1a_se_reduce") || !thaw_arch_has(layers, "block1a_dwconv"))
        return false;
    for (int i = 0; i < STAGES; i++)
        if (!thaw_efficientnet_stage_is(layers, i, thaw_efficientnet_repeats(net, i),
                                        width_of(net, i)))
            return false;
    return true;
}

/* Published weights are known by the mean of their pictures. */
void thaw_efficientnet_read(const struct thaw_keras_file *file, struct thaw_arch_options *options)
{
    static const float published[3] = {0.485f, 0.456f, 0.406f};
    options->imagenet = false;
    for (size_t i = 0; i < file->n_groups; i++) {
        const struct thaw_keras_group *group = &file->groups[i];
        float mean[3];
        if (!thaw_arch_name_like(group->name, "normalization*") || group->n_tensors != 3 ||
            group->tensors[0].count != 3 || thaw_tensor_read(&group->tensors[0], mean, NULL))
            continue;
        options->imagenet = true;
        for (int k = 0; k < 3; k++)
            options->imagenet &= fabsf(mean[k] - published[k]) < 1e-3f;
    }
}
