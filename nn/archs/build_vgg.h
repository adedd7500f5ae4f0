/* VGG (Simonyan & Zisserman, arXiv:1409.1556) with the names of keras applications/vgg16.py and
 * vgg19.py: five blocks of 3x3 convolutions. */
#ifndef THAW_NN_ARCHS_BUILD_VGG_H
#define THAW_NN_ARCHS_BUILD_VGG_H

#include "nn/archs/build.h"

struct thaw_vgg { /* the variant */
    int convs[5]; /* convolutions of each block */
    bool norms;   /* a batch norm after each; none in Keras */
    int dense;    /* units of the two dense layers; 0: 4096 */
};

struct thaw_graph *thaw_vgg_build(const struct thaw_arch *arch,
                                  const struct thaw_arch_options *options, struct thaw_error *err);
bool thaw_vgg_matches(const struct thaw_arch *arch, const struct thaw_arch_layers *layers);

extern const char *const thaw_vgg_blocks[];

#endif
