#include "vision/preprocess.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/base/mem.h"
#include "vision/compact.h"
#include "vision/intensity.h"
#include "vision/resize.h"

enum { MAX_SIDE = 8192, SAMPLE_MAX = 65535 };

const char *const thaw_fit_names[] = {[THAW_FIT_STRETCH] = "stretch",
                                      [THAW_FIT_CROP] = "crop",
                                      [THAW_FIT_LETTERBOX] = "letterbox",
                                      NULL};

const char *const thaw_intensity_names[] = {[THAW_INTENSITY_RANGE] = "range",
                                            [THAW_INTENSITY_PERCENTILE] = "percentile",
                                            [THAW_INTENSITY_WINDOW] = "window",
                                            NULL};

/* tf, caffe, torch: keras.applications.imagenet_utils.preprocess_input; torch's figures are for
 * 0..1 there. lite: the input of the EfficientNet-Lite networks. */
const struct thaw_preprocess_mode thaw_preprocess_modes[] = {
    {"tf", {127.5f, 127.5f, 127.5f}, {127.5f, 127.5f, 127.5f}, "x/127.5-1", false},
    {"caffe", {103.939f, 116.779f, 123.68f}, {1, 1, 1}, "BGR, x-(103.939,116.779,123.68)", true},
    {"torch",
     {0.485f * 255, 0.456f * 255, 0.406f * 255},
     {0.229f * 255, 0.224f * 255, 0.225f * 255},
     "(x/255-(.485,.456,.406))/(.229,.224,.225)",
     false},
    {"lite", {127, 127, 127}, {128, 128, 128}, "(x-127)/128", false},
    {"01", {0, 0, 0}, {255, 255, 255}, "x/255", false},
    {"none", {0, 0, 0}, {1, 1, 1}, "x", false},
    {"custom", {0, 0, 0}, {0, 0, 0}, NULL, false},
    {NULL, {0, 0, 0}, {0, 0, 0}, NULL, false}};

static bool is_custom(const struct thaw_preprocess *p)
{
    return !thaw_preprocess_modes[p->mode].formula;
}

/* --- names --- */

static int fail_name(const char *what, const char *name, const char *const *known,
                     struct thaw_error *err)
{
    char list[256] = "";
    size_t used = 0;
    for (; *known && used < sizeof list; known++)
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", used ? ", " : "", *known);
    return thaw_fail(err, THAW_EUSAGE, "unknown %s '%s'; known: %s", what, name, list);
}

int thaw_preprocess_find_mode(const char *name, struct thaw_error *err)
{
    const char *names[16] = {NULL};
    for (int i = 0; thaw_preprocess_modes[i].name; i++) {
        names[i] = thaw_preprocess_modes[i].name;
        if (strcmp(name, names[i]) == 0)
            return i;
    }
    return fail_name("preprocessing mode", name, names, err);
}

int thaw_preprocess_find_fit(const char *name, struct thaw_error *err)
{
    for (int i = 0; thaw_fit_names[i]; i++)
        if (strcmp(name, thaw_fit_names[i]) == 0)
            return i;
    return fail_name("way to fit a scan", name, thaw_fit_names, err);
}

/* --- the record --- */

int thaw_preprocess_init(struct thaw_preprocess *p, const char *mode, int height, int width,
                         struct thaw_error *err)
{
    memset(p, 0, sizeof *p);
    int index = thaw_preprocess_find_mode(mode, err);
    if (index < 0)
        return -1;
    *p = (struct thaw_preprocess){.height = height,
                                  .width = width,
                                  .channels = 3,
                                  .fit = THAW_FIT_STRETCH,
                                  .mode = index,
                                  .range = {0, SAMPLE_MAX},
                                  .percentiles = {1, 99},
                                  .scaled_decode = true};
    if (is_custom(p))
        for (int c = 0; c < 3; c++)
            p->std[c] = 1;
    return thaw_preprocess_check(p, err);
}

static int check_custom(const struct thaw_preprocess *p, struct thaw_error *err)
{
    for (int c = 0; c < 3; c++)
        if (!isfinite(p->mean[c]) || !(p->std[c] > 0) || !isfinite(p->std[c]))
            return thaw_fail(err, THAW_EINPUT,
                             "preprocessing: channel %d has mean %g and std %g; mode custom needs "
                             "finite numbers, std above 0, in units of 0..255",
                             c, (double)p->mean[c], (double)p->std[c]);
    return 0;
}

static int check_intensity(const struct thaw_preprocess *p, struct thaw_error *err)
{
    const float *range = p->range, *percent = p->percentiles;
    if (!(range[1] > range[0] && isfinite(range[1] - range[0])))
        return thaw_fail(err, THAW_EINPUT,
                         "preprocessing: range %g..%g of samples; it must rise and be finite",
                         (double)range[0], (double)range[1]);
    if (!(percent[0] >= 0 && percent[1] > percent[0] && percent[1] <= 100))
        return thaw_fail(err, THAW_EINPUT,
                         "preprocessing: percentiles %g and %g; they must rise and lie in 0..100",
                         (double)percent[0], (double)percent[1]);
    if (p->frame < 0)
        return thaw_fail(err, THAW_EINPUT,
                         "preprocessing: frame %d; frames count from 1, and 0 is the middle one",
                         p->frame);
    return 0;
}

int thaw_preprocess_check(const struct thaw_preprocess *p, struct thaw_error *err)
{
    if (p->height < 1 || p->height > MAX_SIDE || p->width < 1 || p->width > MAX_SIDE)
        return thaw_fail(err, THAW_EINPUT, "preprocessing: size %d x %d; each side must be 1 to %d",
                         p->height, p->width, MAX_SIDE);
    if (p->channels != 1 && p->channels != 3)
        return thaw_fail(err, THAW_EINPUT, "preprocessing: %d channels; 1 and 3 are possible",
                         p->channels);
    const struct thaw_preprocess_mode *mode = &thaw_preprocess_modes[p->mode];
    if (p->channels == 1 && !is_custom(p) &&
        (mode->mean[0] != mode->mean[1] || mode->std[0] != mode->std[1]))
        return thaw_fail(err, THAW_EINPUT,
                         "preprocessing: mode %s has a constant for each of 3 channels, the "
                         "network has 1; tf, lite, 01, none and custom are possible",
                         mode->name);
    if (is_custom(p) && check_custom(p, err))
        return -1;
    if (check_intensity(p, err))
        return -1;
    if (!(p->fill >= 0 && p->fill <= 255))
        return thaw_fail(err, THAW_EINPUT, "preprocessing: fill %g; it must lie in 0..255",
                         (double)p->fill);
    return 0;
}

void thaw_preprocess_fit_range(struct thaw_preprocess *p, int max)
{
    int top = 255;
    while (top < max && top < SAMPLE_MAX)
        top = 2 * top + 1;
    p->range[0] = 0;
    p->range[1] = (float)top;
}

/* Room above `lo` for an even picture, which becomes black. */
static float above(float lo, float hi)
{
    return hi > lo ? hi : lo + fmaxf(1, fabsf(lo));
}

void thaw_preprocess_set_range(struct thaw_preprocess *p, float lo, float hi)
{
    p->range[0] = lo;
    p->range[1] = above(lo, hi);
}

static void intensity_text(const struct thaw_preprocess *p, char *text, size_t size)
{
    double lo = (double)p->range[0], hi = (double)p->range[1];
    if (p->intensity == THAW_INTENSITY_PERCENTILE)
        snprintf(text, size, "percentiles %g..%g of each scan as 0..255", (double)p->percentiles[0],
                 (double)p->percentiles[1]);
    else if (p->intensity == THAW_INTENSITY_WINDOW)
        snprintf(text, size, "each file's window, else samples %g..%g, as 0..255", lo, hi);
    else
        snprintf(text, size, "%s samples %g..%g as 0..255", lo < 0 ? "deep" : "16-bit", lo, hi);
}

char *thaw_preprocess_text(const struct thaw_preprocess *p, struct thaw_error *err)
{
    const struct thaw_preprocess_mode *mode = &thaw_preprocess_modes[p->mode];
    char formula[192], fill[32] = "", intensity[96], frame[32] = "";
    snprintf(formula, sizeof formula, "%s", mode->formula ? mode->formula : "");
    if (is_custom(p) && p->channels == 1)
        snprintf(formula, sizeof formula, "(x-%g)/%g", (double)p->mean[0], (double)p->std[0]);
    else if (is_custom(p))
        snprintf(formula, sizeof formula, "(x-(%g,%g,%g))/(%g,%g,%g)", (double)p->mean[0],
                 (double)p->mean[1], (double)p->mean[2], (double)p->std[0], (double)p->std[1],
                 (double)p->std[2]);
    if (p->fit == THAW_FIT_LETTERBOX)
        snprintf(fill, sizeof fill, " on %g", (double)p->fill);
    if (p->frame)
        snprintf(frame, sizeof frame, ", frame %d", p->frame);
    intensity_text(p, intensity, sizeof intensity);
    return thaw_format(err, "%dx%d %s, %s%s, %s (%s), %s%s%s", p->height, p->width,
                       p->channels == 1 ? "grey" : "RGB", thaw_fit_names[p->fit], fill, formula,
                       mode->name, intensity, frame,
                       p->scaled_decode ? "" : ", JPEG decoded in full");
}

/* --- at work --- */

struct thaw_decode_hint thaw_preprocess_hint(const struct thaw_preprocess *p)
{
    struct thaw_decode_hint hint = {.frame = p->frame,
                                    .shown = p->intensity == THAW_INTENSITY_WINDOW};
    if (p->scaled_decode) {
        hint.min_width = 2 * p->width;
        hint.min_height = 2 * p->height;
    }
    return hint;
}

void thaw_preprocess_show(struct thaw_preprocess *p, const struct thaw_pixels *pixels)
{
    bool window = pixels->window[1] > pixels->window[0];
    p->percentiles[0] = 0.5f;
    p->percentiles[1] = 99.5f;
    p->intensity = window               ? THAW_INTENSITY_WINDOW
                   : pixels->depth == 8 ? THAW_INTENSITY_RANGE
                                        : THAW_INTENSITY_PERCENTILE;
}

int thaw_preprocess_limits(const struct thaw_preprocess *p, const struct thaw_pixels *pixels,
                           float limits[2], struct thaw_error *err)
{
    float lo = pixels->depth == 8 ? 0 : p->range[0], hi = pixels->depth == 8 ? 255 : p->range[1];
    if (p->intensity == THAW_INTENSITY_WINDOW && pixels->window[1] > pixels->window[0]) {
        lo = pixels->window[0];
        hi = pixels->window[1];
    } else if (p->intensity == THAW_INTENSITY_PERCENTILE) {
        float ends[2];
        if (thaw_intensity_percentiles(pixels, p->percentiles, ends, err))
            return -1;
        lo = ends[0];
        hi = above(lo, ends[1]);
    }
    limits[0] = pixels->inverted ? hi : lo;
    limits[1] = pixels->inverted ? lo : hi;
    return 0;
}

/* The largest centred part of the scan with the target's proportions. */
static struct thaw_box centre_box(const struct thaw_preprocess *p, int width, int height)
{
    double scale = fmin((double)width / p->width, (double)height / p->height);
    double w = p->width * scale, h = p->height * scale;
    return (struct thaw_box){(float)((width - w) / 2), (float)((height - h) / 2), (float)w,
                             (float)h};
}

/* Size of the whole scan within the target, in its proportions. */
static void inner_size(const struct thaw_preprocess *p, int width, int height, int *inner_width,
                       int *inner_height)
{
    double scale = fmin((double)p->width / width, (double)p->height / height);
    *inner_width = (int)fmax(1, round(width * scale));
    *inner_height = (int)fmax(1, round(height * scale));
}

/* Grey to three equal channels, colours to luma (ITU-R BT.601), or as they are. */
static void convert_channels(const struct thaw_image *row, int channels, float *out)
{
    const float *in = row->data;
    if (row->channels <= channels)
        thaw_image_spread(row, channels, out);
    else
        for (int i = 0; i < row->width; i++, in += 3)
            out[i] = 0.299f * in[0] + 0.587f * in[1] + 0.114f * in[2];
}

/* Lays `inner` in the middle of a new image of the target's size and channels. */
static int place(const struct thaw_preprocess *p, const struct thaw_image *inner,
                 struct thaw_image *image, struct thaw_error *err)
{
    if (thaw_image_init(image, p->width, p->height, p->channels, err))
        return -1;
    size_t all = (size_t)p->width * (size_t)p->height * (size_t)p->channels;
    if (inner->width != p->width || inner->height != p->height)
        for (size_t i = 0; i < all; i++)
            image->data[i] = p->fill;
    int left = (p->width - inner->width) / 2, top = (p->height - inner->height) / 2;
    for (int y = 0; y < inner->height; y++) {
        size_t to = (size_t)(top + y) * (size_t)p->width + (size_t)left;
        size_t from = (size_t)y * (size_t)inner->width;
        struct thaw_image row = {inner->width, 1, inner->channels,
                                 inner->data + from * (size_t)inner->channels};
        convert_channels(&row, p->channels, image->data + to * (size_t)p->channels);
    }
    return 0;
}

int thaw_preprocess_geometry(const struct thaw_preprocess *p, const struct thaw_pixels *pixels,
                             struct thaw_image *image, struct thaw_error *err)
{
    struct thaw_image inner;
    struct thaw_box box = {0, 0, (float)pixels->width, (float)pixels->height};
    int width = p->width, height = p->height, rc = -1;
    float limits[2];
    memset(image, 0, sizeof *image);
    if (p->fit == THAW_FIT_CROP)
        box = centre_box(p, pixels->width, pixels->height);
    else if (p->fit == THAW_FIT_LETTERBOX)
        inner_size(p, pixels->width, pixels->height, &width, &height);
    if (thaw_preprocess_limits(p, pixels, limits, err) ||
        thaw_image_init(&inner, width, height, pixels->channels, err))
        return -1;
    if (thaw_resize_pixels(pixels, limits[0], limits[1], &box, &inner, err))
        goto done;
    if (width == p->width && height == p->height && inner.channels == p->channels) {
        *image = inner;
        inner = (struct thaw_image){0};
        rc = 0;
    } else {
        rc = place(p, &inner, image, err);
    }
    if (rc == 0)
        thaw_compact_round(image);
done:
    thaw_image_release(&inner);
    return rc;
}

void thaw_preprocess_affine(const struct thaw_preprocess *p, float scale[3], float offset[3],
                            bool *bgr)
{
    const struct thaw_preprocess_mode *mode = &thaw_preprocess_modes[p->mode];
    for (int c = 0; c < 3; c++) {
        double mean = (double)(is_custom(p) ? p->mean[c] : mode->mean[c]);
        double std = (double)(is_custom(p) ? p->std[c] : mode->std[c]);
        scale[c] = (float)(1 / std);
        offset[c] = (float)(-mean / std);
    }
    *bgr = mode->bgr && p->channels == 3;
}

void thaw_preprocess_normalise(const struct thaw_preprocess *p, const struct thaw_image *image,
                               float *out)
{
    assert(image->width == p->width && image->height == p->height &&
           (image->channels == p->channels || image->channels == 1));
    float scale[3], offset[3];
    bool bgr;
    thaw_preprocess_affine(p, scale, offset, &bgr);
    size_t n = (size_t)p->width * (size_t)p->height;
    const float *in = image->data;
    if (p->channels == 1) {
        for (size_t i = 0; i < n; i++)
            out[i] = in[i] * scale[0] + offset[0];
        return;
    }
    if (image->channels == 1) {
        for (size_t i = 0; i < n; i++, out += 3)
            for (int c = 0; c < 3; c++)
                out[c] = in[i] * scale[c] + offset[c];
        return;
    }
    size_t first = bgr ? 2 : 0, last = 2 - first;
    for (size_t i = 0; i < 3 * n; i += 3) {
        /* All read before any is written: `out` may be the image itself. */
        float a = in[i + first], b = in[i + 1], c = in[i + last];
        out[i] = a * scale[0] + offset[0];
        out[i + 1] = b * scale[1] + offset[1];
        out[i + 2] = c * scale[2] + offset[2];
    }
}

int thaw_preprocess_apply(const struct thaw_preprocess *p, const struct thaw_pixels *pixels,
                          float *out, struct thaw_error *err)
{
    struct thaw_image image;
    if (thaw_preprocess_geometry(p, pixels, &image, err))
        return -1;
    thaw_preprocess_normalise(p, &image, out);
    thaw_image_release(&image);
    return 0;
}

int thaw_preprocess_file(const struct thaw_preprocess *p, const char *path, float *out,
                         struct thaw_error *err)
{
    struct thaw_pixels pixels;
    struct thaw_decode_hint hint = thaw_preprocess_hint(p);
    if (thaw_pixels_load(&pixels, path, &hint, err))
        return -1;
    int rc = thaw_preprocess_apply(p, &pixels, out, err);
    thaw_pixels_release(&pixels);
    return rc ? thaw_error_prefix(err, "%s", path) : 0;
}
