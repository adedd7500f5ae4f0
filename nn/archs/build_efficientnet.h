/* EfficientNet (Tan & Le, arXiv:1905.11946) with the names of keras applications/efficientnet.py,
 * and the layers in front that turn 0..255 into what the first convolution wants. */
#ifndef THAW_NN_ARCHS_BUILD_EFFICIENTNET_H
#define THAW_NN_ARCHS_BUILD_EFFICIENTNET_H

#include "nn/archs/build.h"

enum { THAW_EFFICIENTNET_STAGES = 7 };

struct thaw_efficientnet { /* the variant */
    double width, depth, dropout;
};

/* Of width and depth 1; -Lite begins with the same. */
struct thaw_efficientnet_stage {
    int kernel, repeats, stride, expansion, channels;
};
extern const struct thaw_efficientnet_stage thaw_efficientnet_stages[THAW_EFFICIENTNET_STAGES];

struct thaw_graph *thaw_efficientnet_build(const struct thaw_arch *arch,
                                           const struct thaw_arch_options *options,
                                           struct thaw_error *err);
bool thaw_efficientnet_matches(const struct thaw_arch *arch, const struct thaw_arch_layers *layers);
/* Blocks of a stage (0 .. 6). */
int thaw_efficientnet_repeats(const struct thaw_efficientnet *net, int stage);
void thaw_efficientnet_read(const struct thaw_keras_file *file, struct thaw_arch_options *options);

/* For matches(), in all versions: whether stage 0, 1, ... has so many blocks, the last of which
 * ends in so many channels. */
bool thaw_efficientnet_stage_is(const struct thaw_arch_layers *layers, int stage, int repeats,
                                int channels);

/* Squeeze and excitation, in both versions: what b->last holds is weighted by a gate that `middle`
 * channels decide. */
void thaw_efficientnet_squeeze(struct thaw_build *b, int middle, int channels);
extern const char *const thaw_efficientnet_blocks[];

#endif
