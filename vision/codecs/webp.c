/* WebP through libwebp: lossy and lossless, alpha dropped, EXIF orientation honoured. WebP has no
 * grey: pictures come as RGB. */
#include <string.h>

#include "vision/codec.h"

static bool webp_sniff(const unsigned char *data, size_t size)
{
    return size >= 16 && memcmp(data, "RIFF", 4) == 0 && memcmp(data + 8, "WEBPVP8", 7) == 0;
}

#if THAW_WITH_WEBP
#include <stdint.h>

#include <webp/decode.h>
#include <webp/demux.h>

#include "io/base/bytes.h"
#include "io/base/mem.h"
#include "vision/exif.h"

static int fail_status(VP8StatusCode status, const char *name, struct thaw_error *err)
{
    static const char *const what[] = {
        [VP8_STATUS_OUT_OF_MEMORY] = "too large a WebP",
        [VP8_STATUS_BITSTREAM_ERROR] = "damaged WebP",
        [VP8_STATUS_UNSUPPORTED_FEATURE] = "unsupported WebP",
        [VP8_STATUS_SUSPENDED] = "truncated WebP",
        [VP8_STATUS_NOT_ENOUGH_DATA] = "truncated WebP",
    };
    bool known = (size_t)status < sizeof what / sizeof *what && what[status];
    return thaw_fail(err, THAW_EINPUT, "%s: %s", name, known ? what[status] : "damaged WebP");
}

static int orientation(const WebPData *file)
{
    WebPChunkIterator chunk;
    WebPDemuxer *demuxer = WebPDemux(file);
    int turn = 1;
    if (demuxer && WebPDemuxGetChunk(demuxer, "EXIF", 1, &chunk)) {
        turn = thaw_exif_orientation(chunk.chunk.bytes, chunk.chunk.size);
        WebPDemuxReleaseChunkIterator(&chunk);
    }
    WebPDemuxDelete(demuxer);
    return turn;
}

/* What the library takes for itself: of a lossless picture all of it as ARGB, of a lossy one its
 * alpha, filtered and not, and the rows that it predicts from. */
static size_t working_bytes(const WebPBitstreamFeatures *is)
{
    enum { LOSSLESS = 2, ROWS = 64 };
    size_t n = (size_t)is->width * (size_t)is->height;
    size_t whole = is->format == LOSSLESS ? 4 * n : is->has_alpha ? 2 * n : 0;
    return whole + ROWS * (size_t)is->width;
}

/* The library is content when the picture itself is whole, whatever the file was to hold. */
static bool is_whole(const unsigned char *data, size_t size)
{
    return thaw_little_endian(data + 4, 4) <= size - 8;
}

static int webp_decode(struct thaw_pixels *pixels, const unsigned char *data, size_t size,
                       const struct thaw_decode_hint *hint, const char *name,
                       struct thaw_error *err)
{
    (void)hint;
    WebPBitstreamFeatures is;
    WebPDecoderConfig config;
    memset(pixels, 0, sizeof *pixels);
    if (!is_whole(data, size))
        return fail_status(VP8_STATUS_NOT_ENOUGH_DATA, name, err);
    VP8StatusCode status = WebPGetFeatures(data, size, &is);
    if (status != VP8_STATUS_OK)
        return fail_status(status, name, err);
    if (is.has_animation)
        return thaw_fail(err, THAW_EINPUT, "%s: is an animated WebP; still ones can be read", name);
    if (thaw_codec_check_size(is.width, is.height, 0, size, name, err))
        return -1;
    if (!WebPInitDecoderConfig(&config))
        return thaw_fail(err, THAW_ESYSTEM, "%s: this libwebp is not the one of the build", name);
    pixels->width = is.width;
    pixels->height = is.height;
    pixels->channels = 3;
    pixels->depth = 8;
    size_t stride = 3 * (size_t)is.width;
    if (!(pixels->data = thaw_new((size_t)is.height, stride, err)))
        goto fail;
    pixels->work = working_bytes(&is);
    config.output.colorspace = MODE_RGB;
    config.output.is_external_memory = 1;
    config.output.u.RGBA.rgba = pixels->data;
    config.output.u.RGBA.stride = (int)stride;
    config.output.u.RGBA.size = stride * (size_t)is.height;
    status = WebPDecode(data, size, &config);
    WebPFreeDecBuffer(&config.output);
    if (status != VP8_STATUS_OK) {
        fail_status(status, name, err);
        goto fail;
    }
    if (thaw_exif_apply(pixels, orientation(&(WebPData){data, size}), err))
        goto fail;
    return 0;
fail:
    thaw_pixels_release(pixels);
    return -1;
}
#else
#define webp_decode NULL
#endif

const struct thaw_codec thaw_codec_webp = {
    .name = "WebP",
#if THAW_WITH_WEBP
    .library = "libwebp " THAW_WITH_WEBP_VERSION,
#endif
    .package = "libwebp-dev",
    .suffixes = ".webp",
    .sniff = webp_sniff,
    .decode = webp_decode,
};
