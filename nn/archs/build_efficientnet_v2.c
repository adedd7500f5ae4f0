#include "nn/archs/build_efficientnet_v2.h"

#include "nn/archs/build_efficientnet.h"

enum { STAGES = THAW_EFFICIENTNET_V2_STAGES, FUSED = 3 /* stages without depthwise layers */ };

static const int strides[STAGES] = {1, 2, 2, 2, 1, 2, 1},
                 expansions[STAGES] = {1, 4, 4, 4, 6, 6, 6};

static void norm(struct thaw_build *b, const char *name)
{
    thaw_build_norm(b, name, 1e-3, 0.9);
}

static void norm_swish(struct thaw_build *b, const char *name, const char *activation)
{
    norm(b, name);
    thaw_build_act(b, activation, "swish");
}

/* The widening convolution is the 3x3 one. */
static void fused(struct thaw_build *b, int in, int out, int expansion, int stride)
{
    if (expansion == 1) {
        thaw_build_conv(b, "project_conv", out, 3, stride, THAW_SAME);
        norm_swish(b, "project_bn", "project_activation");
        return;
    }
    thaw_build_conv(b, "expand_conv", in * expansion, 3, stride, THAW_SAME);
    norm_swish(b, "expand_bn", "expand_activation");
    thaw_build_conv(b, "project_conv", out, 1, 1, THAW_SAME);
    norm(b, "project_bn");
}

static void inverted(struct thaw_build *b, int in, int out, int expansion, int stride)
{
    thaw_build_conv(b, "expand_conv", in * expansion, 1, 1, THAW_SAME);
    norm_swish(b, "expand_bn", "expand_activation");
    thaw_build_depthwise(b, "dwconv2", 3, stride, THAW_SAME);
    norm_swish(b, "bn", "activation");
    thaw_efficientnet_squeeze(b, in / 4, in * expansion);
    thaw_build_conv(b, "project_conv", out, 1, 1, THAW_SAME);
    norm(b, "project_bn");
}

/* `drop`: how often training leaves the block out. */
static void block(struct thaw_build *b, int stage, int in, int out, int stride, double drop)
{
    int shortcut = b->last;
    if (stage < FUSED)
        fused(b, in, out, expansions[stage], stride);
    else
        inverted(b, in, out, expansions[stage], stride);
    if (stride > 1 || in != out)
        return;
    if (drop > 0)
        thaw_build_dropout(b, "drop", drop, true);
    thaw_build_merge(b, "Add", "add", (int[]){b->last, shortcut}, 2);
}

static void body(struct thaw_build *b, const struct thaw_efficientnet_v2 *net)
{
    int total = 0, done = 0, in = net->stem;
    for (int i = 0; i < STAGES; i++)
        total += net->repeats[i];
    for (int i = 0; i < STAGES; i++)
        for (int k = 0; k < net->repeats[i]; k++, done++) {
            thaw_build_prefix(b, "block%d%c_", i + 1, 'a' + k);
            block(b, i, in, net->channels[i], k ? 1 : strides[i], 0.2 * done / total);
            in = net->channels[i];
        }
    thaw_build_prefix(b, "%s", "");
}

static void front(struct thaw_build *b, bool standardises)
{
    if (!standardises) {
        thaw_build_layer(b, "Rescaling", NULL,
                         json_pack("{s:f, s:f}", "scale", 1 / 128.0, "offset", -1.0));
        return;
    }
    thaw_build_layer(b, "Rescaling", NULL, json_pack("{s:f}", "scale", 1 / 255.0));
    thaw_build_layer(b, "Normalization", NULL,
                     json_pack("{s:[i], s:[fff], s:[fff]}", "axis", 3, "mean", 0.485, 0.456, 0.406,
                               "variance", 0.229 * 0.229, 0.224 * 0.224, 0.225 * 0.225));
}

struct thaw_graph *thaw_efficientnet_v2_build(const struct thaw_arch *arch,
                                              const struct thaw_arch_options *options,
                                              struct thaw_error *err)
{
    const struct thaw_efficientnet_v2 *net = arch->variant;
    struct thaw_build b = thaw_build_start(arch->name, options, arch->size, err);
    if (!b.torch)
        front(&b, net->standardises);
    thaw_build_conv(&b, "stem_conv", net->stem, 3, 2, THAW_SAME);
    norm_swish(&b, "stem_bn", "stem_activation");
    body(&b, net);
    thaw_build_conv(&b, "top_conv", net->top, 1, 1, THAW_SAME);
    norm_swish(&b, "top_bn", "top_activation");
    thaw_build_classifier(&b, "predictions", 0.2, options->classes);
    return thaw_build_finish(&b);
}

bool thaw_efficientnet_v2_matches(const struct thaw_arch *arch,
                                  const struct thaw_arch_layers *layers)
{
    const struct thaw_efficientnet_v2 *net = arch->variant;
    if (!thaw_arch_has(layers, "block4a_dwconv2"))
        return false;
    for (int i = 0; i < STAGES; i++)
        if (!thaw_efficientnet_stage_is(layers, i, net->repeats[i], net->channels[i]))
            return false;
    return true;
}

const char *const thaw_efficientnet_v2_blocks[] = {"stem_conv", "block1*_project_conv",
                                                   "block*_expand_conv", "top_conv", NULL};
