#include "nn/archs/build_vgg.h"

#include <stdio.h>

#include "nn/archs/build.h"

struct thaw_graph *thaw_build_vgg(const char *name, const int convs[5],
                                  const struct thaw_arch_options *options, struct thaw_error *err)
{
    static const int filters[5] = {64, 128, 256, 512, 512};
    struct thaw_build b = thaw_build_start(name, options, 224, err);
    for (int i = 0; i < 5; i++) {
        thaw_build_prefix(&b, "block%d_", i + 1);
        for (int j = 0; j < convs[i]; j++) {
            char conv[16];
            snprintf(conv, sizeof conv, "conv%d", j + 1);
            thaw_build_conv(&b, conv, filters[i], 3, 1, THAW_SAME | THAW_BIAS | THAW_RELU);
        }
        thaw_build_max_pool(&b, "pool", 2, 2, 0);
    }
    thaw_build_prefix(&b, "%s", "");
    if (options->classes) {
        thaw_build_layer(&b, "Flatten", "flatten", NULL);
        thaw_build_dense(&b, "fc1", 4096, "relu");
        thaw_build_dense(&b, "fc2", 4096, "relu");
        thaw_build_dense(&b, "predictions", options->classes, "softmax");
    }
    return thaw_build_finish(&b);
}

bool thaw_build_vgg_recognise(const struct thaw_keras_file *file, bool deep,
                              struct thaw_arch_options *options)
{
    if (thaw_build_group_width(file, "block1_conv1") != 64 ||
        thaw_build_group_width(file, "block5_conv3") != 512 ||
        (thaw_build_group(file, "block5_conv4") != NULL) != deep)
        return false;
    options->classes = thaw_build_group_width(file, "predictions");
    return true;
}

bool thaw_build_vgg_matches(const struct thaw_graph *graph, bool deep)
{
    return thaw_build_has(graph, "block1_conv1") && thaw_build_has(graph, "block5_conv3") &&
           thaw_build_has(graph, "block5_pool") && thaw_build_has(graph, "block5_conv4") == deep;
}

const char *const thaw_build_vgg_blocks[] = {"block1_conv1", "block2_conv1", "block3_conv1",
                                             "block4_conv1", "block5_conv1", NULL};
