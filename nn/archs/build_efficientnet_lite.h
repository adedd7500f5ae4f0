/* EfficientNet-Lite (Liu, "Higher accuracy on vision models with EfficientNet-Lite", TensorFlow
 * blog 2020; EfficientNet: Tan & Le, arXiv:1905.11946): no squeeze-and-excitation, ReLU6, stem and
 * head of one width, first and last stage of one depth. Names after keras
 * applications/efficientnet.py. */
#ifndef THAW_NN_ARCHS_BUILD_EFFICIENTNET_LITE_H
#define THAW_NN_ARCHS_BUILD_EFFICIENTNET_LITE_H

#include "nn/archs/build.h"

struct thaw_lite {
    const char *name;
    double width, depth;
    int size;
};

struct thaw_graph *thaw_build_lite(const struct thaw_lite *lite,
                                   const struct thaw_arch_options *options, struct thaw_error *err);
bool thaw_build_lite_recognise(const struct thaw_lite *lite, const struct thaw_keras_file *file,
                               struct thaw_arch_options *options);
bool thaw_build_lite_matches(const struct thaw_lite *lite, const struct thaw_graph *graph);

/* The state dicts of efficientnet_lite_pytorch. */
bool thaw_build_lite_torch_recognise(const struct thaw_lite *lite,
                                     const struct thaw_torch_file *file,
                                     struct thaw_arch_options *options);
bool thaw_build_lite_torch_name(const struct thaw_lite *lite, const struct thaw_node *node,
                                const struct thaw_param *param, char *name, size_t size);

extern const char *const thaw_build_lite_blocks[];

#endif
