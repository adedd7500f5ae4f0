/* Samples as files hold them, before they are anybody's picture. */
#ifndef THAW_VISION_NUMBERS_H
#define THAW_VISION_NUMBERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vision/pixels.h"

enum thaw_number_kind { THAW_NUMBER_UNSIGNED, THAW_NUMBER_SIGNED, THAW_NUMBER_REAL };

struct thaw_number {
    enum thaw_number_kind kind;
    int bytes; /* 1, 2, 4 or 8; of a real 2, 4 or 8 (IEEE 754) */
    bool swap; /* the bytes stand in the order that is not the machine's */
};

double thaw_number_at(const struct thaw_number *type, const void *at);

/* out[i] = in[i] * scale + offset, computed in double; NaN stays. `in` need not be aligned. */
void thaw_numbers_to_float(const struct thaw_number *type, const void *in, size_t n, double scale,
                           double offset, float *out);
/* Unsigned numbers of one or two bytes as they are. */
void thaw_numbers_to_u16(const struct thaw_number *type, const void *in, size_t n, uint16_t *out);

/* Of a float picture: NaN, which files write where nothing was measured, becomes the smallest
 * finite sample (0 where there is none). */
void thaw_numbers_fill_gaps(struct thaw_pixels *pixels);

#endif
