/* Writes a picture as PNG. */
#ifndef THAW_VISION_PNG_WRITE_H
#define THAW_VISION_PNG_WRITE_H

#include <stdint.h>

#include "io/base/error.h"

/* rgb is [height,width,3]. The file appears whole or not at all. */
int thaw_png_save(const char *path, const uint8_t *rgb, int width, int height,
                  struct thaw_error *err);

#endif
