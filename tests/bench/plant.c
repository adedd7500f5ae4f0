/* thaw-bench-plant CHANGE IN OUT [FACTOR]: a grey copy of a picture, changed as copies in data
 * folders are: resized (by FACTOR, 0.6), recompressed (JPEG, quality 60), brightened (by FACTOR,
 * 1.25), cropped (3 % on each side), mirrored, or everything of it. What is not recompressed is
 * written as PNG. */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datasets/write_image.h"
#include "vision/pixels.h"
#include "vision/resize.h"

static const char *const changes[] = {"resized",  "recompressed", "brightened", "cropped",
                                      "mirrored", "everything",   NULL};
enum change { RESIZED, RECOMPRESSED, BRIGHTENED, CROPPED, MIRRORED, EVERYTHING };

/* 0..255, one channel; 16-bit samples hold 0..4095, as thaw-scans writes them. */
static int load(const char *path, struct thaw_image *grey, struct thaw_error *err)
{
    struct thaw_pixels pixels;
    if (thaw_pixels_load(&pixels, path, NULL, err))
        return -1;
    size_t channels = (size_t)pixels.channels;
    float top = pixels.depth == 16 ? 4095 : 255;
    int rc = thaw_image_init(grey, pixels.width, pixels.height, 1, err);
    for (size_t i = 0; rc == 0 && i < (size_t)pixels.width * (size_t)pixels.height; i++) {
        float sum = 0;
        for (size_t c = 0; c < channels; c++)
            sum += thaw_pixels_sample(&pixels, i * channels + c);
        grey->data[i] = sum / (float)channels / top;
    }
    thaw_pixels_release(&pixels);
    return rc;
}

static void brighten(struct thaw_image *grey, float factor)
{
    for (size_t i = 0; i < (size_t)grey->width * (size_t)grey->height; i++)
        grey->data[i] = fminf(grey->data[i] * factor, 1);
}

static void mirror(struct thaw_image *grey)
{
    for (int y = 0; y < grey->height; y++)
        for (int x = 0; x < grey->width / 2; x++) {
            float *row = grey->data + (size_t)y * (size_t)grey->width, kept = row[x];
            row[x] = row[grey->width - 1 - x];
            row[grey->width - 1 - x] = kept;
        }
}

/* The picture without `margin` of each side, its own size times `factor`. */
static int resize(struct thaw_image *grey, float margin, float factor, struct thaw_error *err)
{
    struct thaw_image out;
    int x = (int)((float)grey->width * margin), y = (int)((float)grey->height * margin);
    int width = grey->width - 2 * x, height = grey->height - 2 * y;
    struct thaw_box box = {(float)x, (float)y, (float)width, (float)height};
    if (thaw_image_init(&out, (int)((float)width * factor), (int)((float)height * factor), 1, err))
        return -1;
    int rc = thaw_resize(grey, &box, &out, err);
    thaw_image_release(grey);
    *grey = out;
    return rc;
}

/* factor: 0 = the usual one */
static int apply(enum change change, float factor, struct thaw_image *grey, struct thaw_error *err)
{
    bool all = change == EVERYTHING, resized = all || change == RESIZED;
    float margin = all || change == CROPPED ? 0.03F : 0;
    if (all || change == MIRRORED)
        mirror(grey);
    if (all || change == BRIGHTENED)
        brighten(grey, factor > 1 && !resized ? factor : 1.25F);
    return resize(grey, margin, !resized ? 1 : factor > 0 ? factor : 0.6F, err);
}

int main(int argc, char **argv)
{
    struct thaw_error err = {0};
    struct thaw_image grey = {0};
    float factor = argc == 5 ? strtof(argv[4], NULL) : 0;
    int change = 0, rc = -1;
    bool complete = argc == 4 || argc == 5;
    while (complete && changes[change] && strcmp(changes[change], argv[1]) != 0)
        change++;
    if (!complete || !changes[change]) {
        fprintf(stderr, "usage: thaw-bench-plant resized|recompressed|brightened|cropped|mirrored|"
                        "everything IN OUT [FACTOR]\n");
        return 2;
    }
    if (load(argv[2], &grey, &err) == 0 && apply((enum change)change, factor, &grey, &err) == 0) {
        struct picture picture = {grey.width, grey.height, grey.data};
        rc = change == RECOMPRESSED || change == EVERYTHING
                 ? write_jpeg(argv[3], &picture, 60, &err)
                 : write_png(argv[3], &picture, 8, &err);
    }
    if (rc)
        fprintf(stderr, "%s\n", err.text);
    thaw_image_release(&grey);
    return rc ? 1 : 0;
}
