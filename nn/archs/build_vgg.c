#include "nn/archs/build_vgg.h"

#include <stdio.h>

static void unit(struct thaw_build *b, int number, int filters, bool norm)
{
    char name[16];
    snprintf(name, sizeof name, "conv%d", number);
    thaw_build_conv(b, name, filters, 3, 1, THAW_SAME | THAW_BIAS | (norm ? 0 : THAW_RELU));
    if (!norm)
        return;
    snprintf(name, sizeof name, "bn%d", number);
    thaw_build_norm(b, name, 1e-3, 0.99);
    snprintf(name, sizeof name, "relu%d", number);
    thaw_build_relu(b, name);
}

struct thaw_graph *thaw_vgg_build(const struct thaw_arch *arch,
                                  const struct thaw_arch_options *options, struct thaw_error *err)
{
    static const int filters[5] = {64, 128, 256, 512, 512};
    const struct thaw_vgg *vgg = arch->variant;
    struct thaw_build b = thaw_build_start(arch->name, options, arch->size, err);
    for (int i = 0; i < 5; i++) {
        thaw_build_prefix(&b, "block%d_", i + 1);
        for (int j = 0; j < vgg->convs[i]; j++)
            unit(&b, j + 1, filters[i], vgg->norms);
        thaw_build_max_pool(&b, "pool", 2, 2, 0);
    }
    thaw_build_prefix(&b, "%s", "");
    if (options->classes) {
        int units = vgg->dense ? vgg->dense : 4096;
        thaw_build_layer(&b, "Flatten", "flatten", NULL);
        thaw_build_dense(&b, "fc1", units, "relu");
        thaw_build_dense(&b, "fc2", units, "relu");
        thaw_build_dense(&b, "predictions", options->classes, "softmax");
    }
    return thaw_build_finish(&b);
}

/* VGG19 has a fourth convolution in the last three blocks. */
bool thaw_vgg_matches(const struct thaw_arch *arch, const struct thaw_arch_layers *layers)
{
    const struct thaw_vgg *vgg = arch->variant;
    return thaw_arch_width(layers, "block1_conv1") == 64 &&
           thaw_arch_width(layers, "block5_conv3") == 512 &&
           thaw_arch_has(layers, "block5_conv4") == (vgg->convs[4] == 4) &&
           thaw_arch_has(layers, "block1_bn1") == vgg->norms;
}

const char *const thaw_vgg_blocks[] = {"block*_conv1", NULL};
