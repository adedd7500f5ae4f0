/* Grey pictures to files. */
#ifndef THAW_DATASETS_WRITE_IMAGE_H
#define THAW_DATASETS_WRITE_IMAGE_H

#include "datasets/phantom.h"

/* bits 8: 0..255. bits 16: 0..4095, the range of most scanners, in 16-bit samples. */
int write_png(const char *path, const struct picture *picture, int bits, struct thaw_error *err);
int write_jpeg(const char *path, const struct picture *picture, int quality,
               struct thaw_error *err);

#endif
