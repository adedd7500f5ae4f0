/* NASNet-A (Zoph et al., arXiv:1707.07012) with the names of keras applications/nasnet.py. Every
 * cell reads the two before it, so that nothing but the whole network can be cut off. */
#ifndef THAW_NN_ARCHS_BUILD_NASNET_H
#define THAW_NN_ARCHS_BUILD_NASNET_H

#include "nn/archs/build.h"

struct thaw_nasnet {   /* the variant */
    int stem, filters; /* filters: of the first normal cells */
    int cells;         /* normal ones, each of three times */
    bool skips;        /* the cell after a reduction reads what the reduction read, not what stood
                          before it */
};

struct thaw_graph *thaw_nasnet_build(const struct thaw_arch *arch,
                                     const struct thaw_arch_options *options,
                                     struct thaw_error *err);
bool thaw_nasnet_matches(const struct thaw_arch *arch, const struct thaw_arch_layers *layers);
extern const char *const thaw_nasnet_blocks[];

#endif
