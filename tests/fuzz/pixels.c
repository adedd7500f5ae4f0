/* Fuzz target: the decoder of whatever format the input looks like, for the first, the middle and
 * another of its pictures. With driver.c, or with libFuzzer. DICOM is decoded in child processes:
 * there a finding shows as an error that names a signal, which is what users of damaged files get.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "vision/intensity.h"
#include "vision/pixels.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct thaw_decode_hint hints[] = {
        {.frame = 0}, {.frame = 1}, {.frame = 3, .shown = true}};
    for (int i = 0; i < 3; i++) {
        struct thaw_pixels p;
        struct thaw_error err = {0};
        int rc = thaw_pixels_decode(&p, data, size, &hints[i], "input", &err);
        assert(rc == 0 ? p.data && p.width > 0 && (p.channels == 1 || p.channels == 3)
                       : !p.data && err.text[0]);
        float ends[2];
        if (rc == 0 && thaw_intensity_percentiles(&p, (float[]){1, 99}, ends, &err) == 0)
            assert(ends[0] <= ends[1]);
        thaw_pixels_release(&p);
    }
    return 0;
}
