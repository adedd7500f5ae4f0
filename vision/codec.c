#include "vision/codec.h"

int thaw_codec_check_size(long width, long height, size_t at_least, size_t size, const char *name,
                          struct thaw_error *err)
{
    if (width < 1 || height < 1 || width > THAW_MAX_SIDE || height > THAW_MAX_SIDE)
        return thaw_fail(err, THAW_EINPUT,
                         "%s: %ld x %ld pixels declared; each side must be 1 to %d", name, width,
                         height, THAW_MAX_SIDE);
    if (width * height > THAW_MAX_PIXELS)
        return thaw_fail(err, THAW_EINPUT, "%s: %ld x %ld pixels declared; at most %d in all", name,
                         width, height, THAW_MAX_PIXELS);
    if (at_least > size)
        return thaw_fail(err, THAW_EINPUT,
                         "%s: truncated: %ld x %ld pixels declared, which cannot stand in fewer "
                         "than %zu bytes; the file has %zu",
                         name, width, height, at_least, size);
    return 0;
}

long thaw_codec_choose(const struct thaw_decode_hint *hint, long pictures, const char *what,
                       const char *name, struct thaw_error *err)
{
    if (pictures <= 1)
        return 0;
    if (hint->frame > pictures)
        return thaw_fail(err, THAW_EINPUT, "%s: has %ld %s; number %d is wanted", name, pictures,
                         what, hint->frame);
    return hint->frame > 0 ? hint->frame - 1 : (pictures - 1) / 2;
}
