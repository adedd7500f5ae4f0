/* Fuzz target: the JPEG decoder, at full size and scaled. With driver.c, or with libFuzzer. */
#include <assert.h>
#include <stdint.h>

#include "vision/codec.h"

extern const struct thaw_codec thaw_codec_jpeg;
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct thaw_decode_hint hints[] = {{.min_width = 0},
                                                    {.min_width = 9, .min_height = 7}};
    if (!thaw_codec_jpeg.sniff(data, size))
        return 0;
    for (int i = 0; i < 2; i++) {
        struct thaw_pixels pixels;
        struct thaw_error err = {0};
        int rc = thaw_codec_jpeg.decode(&pixels, data, size, &hints[i], "input", &err);
        assert(rc == 0 ? pixels.data && pixels.depth == 8 : !pixels.data && err.text[0]);
        thaw_pixels_release(&pixels);
    }
    return 0;
}
