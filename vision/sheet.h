/* A contact sheet: the pictures of a batch as the network will get them, with captions. */
#ifndef THAW_VISION_SHEET_H
#define THAW_VISION_SHEET_H

#include <stddef.h>

#include "io/base/error.h"

/* Draws x [n,height,width,channels] (0..255, 1 or 3 channels: a loader's `pictures`) as PNG, in
 * rows that make the sheet about square, in order. Under each stand titles[n] (the class) and
 * names[n] (the file's stem); either array may be NULL. Too long texts are cut, what is not ASCII
 * becomes a box. */
int thaw_sheet_save(const char *path, const float *x, size_t n, int height, int width, int channels,
                    const char *const *titles, const char *const *names, struct thaw_error *err);

#endif
