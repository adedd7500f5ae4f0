/* thaw-bench-plant CHANGE IN OUT: a grey copy of a picture, changed as copies in data folders are:
 * resized, recompressed (JPEG, quality 60), brightened, cropped (3 % on each side), mirrored. What
 * is not recompressed is written as PNG. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datasets/write_image.h"
#include "vision/pixels.h"
#include "vision/resize.h"

static const char *const changes[] = {"resized", "recompressed", "brightened",
                                      "cropped", "mirrored",     NULL};
enum change { RESIZED, RECOMPRESSED, BRIGHTENED, CROPPED, MIRRORED };

/* 0..255, one channel; 16-bit samples hold 0..4095, as thaw-scans writes them. */
static int load(const char *path, struct thaw_image *grey, struct thaw_error *err)
{
    struct thaw_pixels pixels;
    struct thaw_image all;
    if (thaw_pixels_load(&pixels, path, NULL, err))
        return -1;
    int rc = thaw_image_from_pixels(&all, &pixels, err);
    float top = pixels.depth == 16 ? 4095 : 255;
    thaw_pixels_release(&pixels);
    if (rc)
        return -1;
    rc = thaw_image_init(grey, all.width, all.height, 1, err);
    for (size_t i = 0; rc == 0 && i < (size_t)all.width * (size_t)all.height; i++) {
        float sum = 0;
        for (int c = 0; c < all.channels; c++)
            sum += all.data[i * (size_t)all.channels + (size_t)c];
        grey->data[i] = sum / (float)all.channels / top;
    }
    thaw_image_release(&all);
    return rc;
}

static int apply(enum change change, struct thaw_image *grey, struct thaw_error *err)
{
    struct thaw_image out;
    int width = grey->width, height = grey->height;
    struct thaw_box box = {0, 0, (float)width, (float)height};
    size_t n = (size_t)width * (size_t)height;
    if (change == BRIGHTENED)
        for (size_t i = 0; i < n; i++)
            grey->data[i] *= 1.25F;
    for (int y = 0; change == MIRRORED && y < height; y++)
        for (int x = 0; x < width / 2; x++) {
            float *row = grey->data + (size_t)y * (size_t)width, kept = row[x];
            row[x] = row[width - 1 - x];
            row[width - 1 - x] = kept;
        }
    if (change == CROPPED) {
        int x = width * 3 / 100, y = height * 3 / 100;
        box =
            (struct thaw_box){(float)x, (float)y, (float)(width - 2 * x), (float)(height - 2 * y)};
        width -= 2 * x;
        height -= 2 * y;
    } else if (change == RESIZED) {
        width = width * 6 / 10;
        height = height * 6 / 10;
    }
    if (thaw_image_init(&out, width, height, 1, err) || thaw_resize(grey, &box, &out, err))
        return -1;
    thaw_image_release(grey);
    *grey = out;
    return 0;
}

int main(int argc, char **argv)
{
    struct thaw_error err = {0};
    struct thaw_image grey = {0};
    int change = 0, rc = -1;
    while (argc == 4 && changes[change] && strcmp(changes[change], argv[1]) != 0)
        change++;
    if (argc != 4 || !changes[change]) {
        fprintf(stderr, "usage: thaw-bench-plant resized|recompressed|brightened|cropped|mirrored "
                        "IN OUT\n");
        return 2;
    }
    if (load(argv[2], &grey, &err) == 0 && apply((enum change)change, &grey, &err) == 0) {
        struct picture picture = {grey.width, grey.height, grey.data};
        rc = change == RECOMPRESSED ? write_jpeg(argv[3], &picture, 60, &err)
                                    : write_png(argv[3], &picture, 8, &err);
    }
    if (rc)
        fprintf(stderr, "%s\n", err.text);
    thaw_image_release(&grey);
    return rc ? 1 : 0;
}
