#include "nn/archs/build_efficientnet_lite.h"

#include <math.h>

#include "nn/archs/build_efficientnet.h"

enum { STAGES = THAW_EFFICIENTNET_STAGES, HEAD = 1280 };

int thaw_lite_repeats(const struct thaw_lite *lite, int stage)
{
    int repeats = thaw_efficientnet_stages[stage].repeats;
    bool scaled = stage > 0 && stage < STAGES - 1;
    return scaled ? (int)ceil(repeats * lite->depth) : repeats;
}

static int channels(const struct thaw_lite *lite, int stage)
{
    return thaw_round_width(thaw_efficientnet_stages[stage].channels * lite->width);
}

/* --- the graph --- */

static void norm(struct thaw_build *b, const char *name)
{
    thaw_build_norm(b, name, 1e-3, 0.99);
}

static void block(struct thaw_build *b, const struct thaw_efficientnet_stage *s, int in, int out,
                  int stride)
{
    int shortcut = b->last;
    if (s->expansion > 1) {
        thaw_build_conv(b, "expand_conv", in * s->expansion, 1, 1, THAW_SAME);
        norm(b, "expand_bn");
        thaw_build_relu6(b, "expand_relu");
    }
    thaw_build_depthwise(b, "dwconv", s->kernel, stride, THAW_SAME);
    norm(b, "bn");
    thaw_build_relu6(b, "relu");
    thaw_build_conv(b, "project_conv", out, 1, 1, THAW_SAME);
    norm(b, "project_bn");
    if (stride == 1 && in == out)
        thaw_build_merge(b, "Add", "add", (int[]){b->last, shortcut}, 2);
}

struct thaw_graph *thaw_lite_build(const struct thaw_arch *arch,
                                   const struct thaw_arch_options *options, struct thaw_error *err)
{
    const struct thaw_lite *lite = arch->variant;
    struct thaw_build b = thaw_build_start(arch->name, options, arch->size, err);
    thaw_build_conv(&b, "stem_conv", 32, 3, 2, THAW_SAME);
    norm(&b, "stem_bn");
    thaw_build_relu6(&b, "stem_relu");
    for (int i = 0, in = 32; i < STAGES; i++) {
        for (int k = 0; k < thaw_lite_repeats(lite, i); k++) {
            thaw_build_prefix(&b, "block%d%c_", i + 1, 'a' + k);
            const struct thaw_efficientnet_stage *s = &thaw_efficientnet_stages[i];
            block(&b, s, in, channels(lite, i), k ? 1 : s->stride);
            in = channels(lite, i);
        }
    }
    thaw_build_prefix(&b, "%s", "");
    thaw_build_conv(&b, "top_conv", HEAD, 1, 1, THAW_SAME);
    norm(&b, "top_bn");
    thaw_build_relu6(&b, "top_relu");
    thaw_build_classifier(&b, "predictions", 0.2, options->classes);
    return thaw_build_finish(&b);
}

const char *const thaw_lite_blocks[] = {"stem_conv", "block1*_dwconv", "block*_expand_conv",
                                        "top_conv", NULL};

/* --- recognising --- */

bool thaw_lite_matches(const struct thaw_arch *arch, const struct thaw_arch_layers *layers)
{
    const struct thaw_lite *lite = arch->variant;
    return thaw_efficientnet_stage_is(layers, 5, thaw_lite_repeats(lite, 5), channels(lite, 5)) &&
           thaw_arch_has(layers, "block1a_dwconv") && !thaw_arch_has(layers, "block1a_se_reduce") &&
           thaw_arch_width(layers, "top_conv") == HEAD;
}
