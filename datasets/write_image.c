#include "datasets/write_image.h"

#include <errno.h>
#include <math.h>
#include <png.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <jpeglib.h>

#include "io/base/mem.h"

static unsigned level(float v, unsigned most)
{
    return (unsigned)lrintf(fminf(fmaxf(v, 0), 1) * (float)most);
}

static void fill_row(unsigned char *row, const struct picture *p, int y, int bits)
{
    const float *values = p->values + (size_t)y * (size_t)p->width;
    for (int x = 0; x < p->width; x++) {
        if (bits == 8) {
            row[x] = (unsigned char)level(values[x], 255);
        } else {
            unsigned v = level(values[x], 4095); /* PNG keeps the high byte first */
            row[2 * x] = (unsigned char)(v >> 8);
            row[2 * x + 1] = (unsigned char)v;
        }
    }
}

int write_png(const char *path, const struct picture *picture, int bits, struct thaw_error *err)
{
    volatile int rc = -1;
    png_infop info = NULL;
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    unsigned char *row = thaw_new((size_t)picture->width, 2, err);
    FILE *f = fopen(path, "wb");
    if (!png || !row || !f || !(info = png_create_info_struct(png))) {
        thaw_fail_errno(err, "%s: cannot be written", path);
        goto done;
    }
    if (setjmp(png_jmpbuf(png))) {
        thaw_fail(err, THAW_ESYSTEM, "%s: libpng could not write it", path);
        goto done;
    }
    png_init_io(png, f);
    png_set_IHDR(png, info, (png_uint_32)picture->width, (png_uint_32)picture->height, bits,
                 PNG_COLOR_TYPE_GRAY, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
                 PNG_FILTER_TYPE_DEFAULT);
    png_write_info(png, info);
    for (int y = 0; y < picture->height; y++) {
        fill_row(row, picture, y, bits);
        png_write_row(png, row);
    }
    png_write_end(png, info);
    rc = 0;
done:
    png_destroy_write_struct(&png, &info);
    free(row);
    if (f && fclose(f) && !rc)
        rc = thaw_fail_errno(err, "%s: cannot be written", path);
    return rc;
}

struct jpeg_failure {
    struct jpeg_error_mgr manager;
    jmp_buf back;
};

static void jpeg_failed(j_common_ptr jpeg)
{
    longjmp(((struct jpeg_failure *)jpeg->err)->back, 1);
}

int write_jpeg(const char *path, const struct picture *picture, int quality, struct thaw_error *err)
{
    volatile int rc = -1;
    struct jpeg_failure failure;
    struct jpeg_compress_struct jpeg = {.err = jpeg_std_error(&failure.manager)};
    unsigned char *row = thaw_new((size_t)picture->width, 1, err);
    FILE *f = fopen(path, "wb");
    if (!row || !f) {
        thaw_fail_errno(err, "%s: cannot be written", path);
        goto done;
    }
    failure.manager.error_exit = jpeg_failed;
    if (setjmp(failure.back)) {
        thaw_fail(err, THAW_ESYSTEM, "%s: libjpeg could not write it", path);
        goto done;
    }
    jpeg_create_compress(&jpeg);
    jpeg_stdio_dest(&jpeg, f);
    jpeg.image_width = (JDIMENSION)picture->width;
    jpeg.image_height = (JDIMENSION)picture->height;
    jpeg.input_components = 1;
    jpeg.in_color_space = JCS_GRAYSCALE;
    jpeg_set_defaults(&jpeg);
    jpeg_set_quality(&jpeg, quality, TRUE);
    jpeg_start_compress(&jpeg, TRUE);
    for (int y = 0; y < picture->height; y++) {
        fill_row(row, picture, y, 8);
        jpeg_write_scanlines(&jpeg, &row, 1);
    }
    jpeg_finish_compress(&jpeg);
    rc = 0;
done:
    jpeg_destroy_compress(&jpeg);
    free(row);
    if (f && fclose(f) && !rc)
        rc = thaw_fail_errno(err, "%s: cannot be written", path);
    return rc;
}
