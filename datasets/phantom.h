/* Synthetic tomograms: a drawn head with or without a drawn lesion. Nothing here comes from a
 * person. */
#ifndef THAW_DATASETS_PHANTOM_H
#define THAW_DATASETS_PHANTOM_H

#include <stdint.h>

#include "io/base/error.h"

enum phantom_class { PHANTOM_NONE, PHANTOM_RING, PHANTOM_SOLID, PHANTOM_INFARCT, PHANTOM_CLASSES };

/* Folder names. */
extern const char *const phantom_names[PHANTOM_CLASSES];

struct picture {
    int width, height;
    float *values; /* [height, width], 0..1, owned */
};

/* Draws one slice. All slices of a patient show the same head and the same lesion at different
 * heights; everything else (position, turn, size, contrast, noise) is drawn anew. Equal arguments
 * give equal pictures. The caller frees picture->values. */
int phantom_draw(struct picture *picture, uint64_t seed, uint32_t patient, uint32_t slice,
                 uint32_t slices, enum phantom_class class, struct thaw_error *err);

#endif
