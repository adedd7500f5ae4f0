/* VGG (Simonyan & Zisserman, arXiv:1409.1556) with the names of keras applications/vgg16.py and
 * vgg19.py: five blocks of 3x3 convolutions. */
#ifndef THAW_NN_ARCHS_BUILD_VGG_H
#define THAW_NN_ARCHS_BUILD_VGG_H

#include "nn/arch.h"

/* `convs`: convolutions of each block. */
struct thaw_graph *thaw_build_vgg(const char *name, const int convs[5],
                                  const struct thaw_arch_options *options, struct thaw_error *err);
/* `deep`: VGG19, with a fourth convolution in the last three blocks. */
bool thaw_build_vgg_recognise(const struct thaw_keras_file *file, bool deep,
                              struct thaw_arch_options *options);
bool thaw_build_vgg_matches(const struct thaw_graph *graph, bool deep);

extern const char *const thaw_build_vgg_blocks[];

#endif
