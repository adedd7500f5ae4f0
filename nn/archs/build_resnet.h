/* ResNet (He et al., arXiv:1512.03385), the stride on the first 1x1 convolution, in the two
 * generations of names and epsilons that Keras has given the same file name; and as PyTorch has it:
 * the stride on the 3x3 convolution, no biases, and the relatives ResNeXt (arXiv:1611.05431), Wide
 * ResNet (arXiv:1605.07146) and ResNet-D (arXiv:1812.01187). */
#ifndef THAW_NN_ARCHS_BUILD_RESNET_H
#define THAW_NN_ARCHS_BUILD_RESNET_H

#include "nn/archs/build.h"

struct thaw_resnet_style {
    double epsilon;
    const char *stem_norm, *stem_relu, *classifier;
    /* Writes the name of a layer of block `block` (0 ..) of stage `stage` (2 .. 5). part 0 is the
     * shortcut, 1 .. 3 the convolutions, 4 the sum, 5 the activation after it. */
    void (*layer)(char name[48], int stage, int block, int part, const char *kind);
};

struct thaw_resnet { /* the variant */
    const struct thaw_resnet_style *style;
    int blocks[4]; /* of stages 2 .. 5 */
    /* The rest is for relatives; 0 is Keras' ResNet. */
    bool basic;        /* blocks of two 3x3 convolutions, for 18 and 34 layers */
    int width, groups; /* of the 3x3 convolution in stage 2; 0: 64 and 1 */
    int stem[2];       /* two more 3x3 convolutions in front, their filters; 0: none */
    int first;         /* filters of the one behind them, or of the 7x7 one; 0: 64 */
    bool averages;     /* strided shortcuts average, then convolve */
};

/* Names since 2019: keras applications/resnet.py. */
extern const struct thaw_resnet_style thaw_resnet_style;

struct thaw_graph *thaw_resnet_build(const struct thaw_arch *arch,
                                     const struct thaw_arch_options *options,
                                     struct thaw_error *err);

/* For the names since 2019. */
bool thaw_resnet_matches(const struct thaw_arch *arch, const struct thaw_arch_layers *layers);
extern const char *const thaw_resnet_blocks[];

/* Does every stage have just so many blocks, told by this layer of a block ("3_bn")? */
bool thaw_resnet_depth(const struct thaw_arch_layers *layers, const int blocks[4],
                       const char *layer);

#endif
