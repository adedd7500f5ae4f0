/* MobileNet (Howard et al., arXiv:1704.04861) with the names of keras applications/mobilenet.py. */
#include <stdio.h>

#include "nn/archs/build.h"

static const struct {
    int filters, stride;
} blocks_of[13] = {{64, 1},  {128, 2}, {128, 1}, {256, 2}, {256, 1},  {512, 2}, {512, 1},
                   {512, 1}, {512, 1}, {512, 1}, {512, 1}, {1024, 2}, {1024, 1}};

static void norm_relu(struct thaw_build *b, const char *name)
{
    thaw_build_prefix(b, "%s_", name);
    thaw_build_norm(b, "bn", 1e-3, 0.99);
    thaw_build_relu6(b, "relu");
    thaw_build_prefix(b, "%s", "");
}

static void block(struct thaw_build *b, int i, int filters, int stride)
{
    char name[40];
    if (stride == 2) {
        snprintf(name, sizeof name, "conv_pad_%d", i);
        thaw_build_pad(b, name, 0, 1, 0, 1);
    }
    snprintf(name, sizeof name, "conv_dw_%d", i);
    thaw_build_depthwise(b, name, 3, stride, stride == 1 ? THAW_SAME : 0);
    norm_relu(b, name);
    snprintf(name, sizeof name, "conv_pw_%d", i);
    thaw_build_conv(b, name, filters, 1, 1, THAW_SAME);
    norm_relu(b, name);
}

static void top(struct thaw_build *b, int classes)
{
    json_t *keep = json_pack("{s:b}", "keepdims", 1);
    thaw_build_layer(b, "GlobalAveragePooling2D", "global_average_pooling2d", keep);
    thaw_build_dropout(b, "dropout", 0.001, false);
    thaw_build_conv(b, "conv_preds", classes, 1, 1, THAW_SAME | THAW_BIAS);
    thaw_build_layer(b, "Reshape", "reshape_2", json_pack("{s:[i]}", "target_shape", classes));
    thaw_build_act(b, "predictions", "softmax");
}

static struct thaw_graph *build(const struct thaw_arch *arch,
                                const struct thaw_arch_options *options, struct thaw_error *err)
{
    float alpha = options->alpha > 0 ? options->alpha : 1;
    struct thaw_build b = thaw_build_start(arch->name, options, arch->size, err);
    thaw_build_conv(&b, "conv1", (int)(32 * alpha), 3, 2, THAW_SAME);
    norm_relu(&b, "conv1");
    for (int i = 0; i < 13; i++)
        block(&b, i + 1, (int)((float)blocks_of[i].filters * alpha), blocks_of[i].stride);
    if (options->classes)
        top(&b, options->classes);
    return thaw_build_finish(&b);
}

static bool matches(const struct thaw_arch *arch, const struct thaw_arch_layers *layers)
{
    (void)arch;
    return thaw_arch_has(layers, "conv_dw_13") && thaw_arch_width(layers, "conv_pw_13") &&
           thaw_arch_has(layers, "conv1_bn");
}

static void read(const struct thaw_keras_file *file, struct thaw_arch_options *options)
{
    const struct thaw_arch_layers layers = {.file = file};
    options->alpha = (float)thaw_arch_width(&layers, "conv_pw_13") / 1024;
}

static const char *const blocks[] = {"conv1", "conv_dw_*", NULL};

const struct thaw_arch thaw_arch_mobilenet = {
    .name = "mobilenet",
    .preprocess = "tf",
    .size = 224,
    .has_alpha = true,
    .build = build,
    .matches = matches,
    .read = read,
    .blocks = blocks,
};
