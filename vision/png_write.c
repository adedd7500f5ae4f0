#include "vision/png_write.h"

#include <png.h>

#include "io/base/file.h"

int thaw_png_save(const char *path, const uint8_t *rgb, int width, int height,
                  struct thaw_error *err)
{
    struct thaw_replace r;
    png_image image = {.version = PNG_IMAGE_VERSION,
                       .width = (png_uint_32)width,
                       .height = (png_uint_32)height,
                       .format = PNG_FORMAT_RGB};
    if (thaw_replace_begin(&r, path, err))
        return -1;
    if (!png_image_write_to_file(&image, r.temporary, 0, rgb, 0, NULL)) {
        thaw_replace_abort(&r);
        return thaw_fail(err, THAW_ESYSTEM, "%s: cannot be written: %s", path, image.message);
    }
    return thaw_replace_commit(&r, err);
}
