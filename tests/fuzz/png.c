/* Fuzz target: the PNG decoder, with the chunks' checksums as they are and put right, without which
 * hardly any damage would get past them. With driver.c, or with libFuzzer. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "vision/codec.h"

extern const struct thaw_codec thaw_codec_png;
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint32_t big_endian(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* CRC-32 of PNG (ISO/IEC 15948, annex D), bit by bit. */
static uint32_t checksum(const uint8_t *data, size_t size)
{
    uint32_t sum = UINT32_MAX;
    for (size_t i = 0; i < size; i++) {
        sum ^= data[i];
        for (int bit = 0; bit < 8; bit++)
            sum = sum >> 1 ^ (sum & 1 ? 0xedb88320u : 0);
    }
    return ~sum;
}

static void put_right(uint8_t *data, size_t size)
{
    for (size_t at = 8; size - at >= 12;) {
        size_t length = big_endian(data + at);
        if (length > size - at - 12)
            return;
        uint32_t sum = checksum(data + at + 4, length + 4);
        for (size_t i = 0; i < 4; i++)
            data[at + 8 + length + i] = (uint8_t)(sum >> (24 - 8 * i));
        at += length + 12;
    }
}

static void decode(const uint8_t *data, size_t size)
{
    static const struct thaw_decode_hint hint;
    struct thaw_pixels pixels;
    struct thaw_error err = {0};
    int rc = thaw_codec_png.decode(&pixels, data, size, &hint, "input", &err);
    assert(rc == 0 ? pixels.data && pixels.width > 0 : !pixels.data && err.text[0]);
    thaw_pixels_release(&pixels);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!thaw_codec_png.sniff(data, size))
        return 0;
    decode(data, size);
    uint8_t *copy = malloc(size);
    if (!copy)
        return 0;
    memcpy(copy, data, size);
    put_right(copy, size);
    decode(copy, size);
    free(copy);
    return 0;
}
