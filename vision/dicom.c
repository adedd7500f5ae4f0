/* From the stored values of a DICOM frame to a picture. */
#include "vision/dicom.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "io/base/mem.h"

/* The stored value of a sample, without the bits around it (C.7.6.3.1). */
static long stored_value(const struct thaw_dicom *d, size_t index)
{
    uint32_t word = 0;
    const unsigned char *at = d->raw + index * (size_t)d->bytes;
    uint16_t two;
    if (d->bytes == 1) {
        word = *at;
    } else if (d->bytes == 2) {
        memcpy(&two, at, sizeof two);
        word = two;
    } else {
        memcpy(&word, at, sizeof word);
    }
    uint64_t mask = ((uint64_t)1 << d->stored) - 1, sign = (uint64_t)1 << (d->stored - 1);
    uint64_t value = word >> (d->high + 1 - d->stored) & mask;
    return d->is_signed && value & sign ? (long)value - (long)(mask + 1) : (long)value;
}

static uint16_t look_up(const struct thaw_dicom_table *t, long value)
{
    long index = value - t->first;
    return t->value[index < 0 ? 0 : (size_t)index >= t->n ? t->n - 1 : (size_t)index];
}

/* Index of a colour of a pixel in `raw`. */
static size_t place(const struct thaw_dicom *d, size_t pixel, size_t colour)
{
    size_t n = (size_t)d->width * (size_t)d->height;
    return d->planes ? colour * n + pixel : 3 * pixel + colour;
}

/* --- colour --- */

static uint8_t byte(double x)
{
    return x <= 0 ? 0 : x >= 255 ? 255 : (uint8_t)(x + 0.5);
}

/* C.7.6.3.1.2: YBR_FULL */
static void ybr_to_rgb(const uint8_t in[3], uint8_t out[3])
{
    double y = in[0], b = in[1] - 128, r = in[2] - 128;
    out[0] = byte(y + 1.402 * r);
    out[1] = byte(y - 0.344136 * b - 0.714136 * r);
    out[2] = byte(y + 1.772 * b);
}

static int fill_colours(struct thaw_pixels *p, const struct thaw_dicom *d, const char *name,
                        struct thaw_error *err)
{
    size_t n = (size_t)d->width * (size_t)d->height;
    bool palette = d->colours == THAW_DICOM_PALETTE;
    int bits = palette ? 8 : d->stored; /* of a palette's 16 bits the upper ones count */
    p->channels = 3;
    p->depth = bits <= 8 ? 8 : 16;
    if (d->colours == THAW_DICOM_YBR && p->depth == 16)
        return thaw_fail(err, THAW_EINPUT, "%s: DICOM with YBR colours of %d bits; 8 can be read",
                         name, bits);
    if (bits > 16 || (d->is_signed && !palette))
        return thaw_fail(err, THAW_EINPUT, "%s: DICOM with %s colours of %d bits", name,
                         d->is_signed ? "signed" : "unsigned", bits);
    if (!(p->data = thaw_new(n, 3 * (size_t)p->depth / 8, err)))
        return -1;
    uint8_t *narrow = p->data;
    uint16_t *wide = p->data;
    for (size_t i = 0; i < n; i++)
        for (size_t c = 0; c < 3; c++) {
            long value =
                palette ? look_up(&d->palette[c], stored_value(d, i)) >> (d->palette[c].bits - 8)
                        : stored_value(d, place(d, i, c));
            if (p->depth == 16)
                wide[3 * i + c] = (uint16_t)value;
            else
                narrow[3 * i + c] = (uint8_t)(bits < 8 ? value * 255 / ((1 << bits) - 1) : value);
        }
    for (size_t i = 0; d->colours == THAW_DICOM_YBR && i < n; i++)
        ybr_to_rgb((uint8_t[]){narrow[3 * i], narrow[3 * i + 1], narrow[3 * i + 2]},
                   narrow + 3 * i);
    return 0;
}

/* --- grey --- */

static bool is_rescaled(const struct thaw_dicom *d)
{
    return d->modality.n || d->slope != 1 || d->intercept != 0;
}

static double rescaled(const struct thaw_dicom *d, size_t index)
{
    long value = stored_value(d, index);
    return d->modality.n ? look_up(&d->modality, value) : (double)value * d->slope + d->intercept;
}

/* C.11.2.1.2: the ends of the window; of a sigmoid, those of its middle slope. */
static void set_window(struct thaw_pixels *p, const struct thaw_dicom *d)
{
    double centre = d->centre, half = d->width_of_window / 2;
    if (d->curve == THAW_DICOM_LINEAR) {
        centre -= 0.5;
        half -= 0.5;
    }
    p->window[0] = (float)(centre - half);
    p->window[1] = (float)(centre + fmax(half, 0));
    if (!(p->window[1] > p->window[0])) /* a width of 1 is a step */
        p->window[1] = nextafterf(p->window[0], INFINITY);
}

/* The curve for showing, where it is no straight line: 0..1 for each rescaled sample. */
static double shown_value(const struct thaw_dicom *d, double value)
{
    if (d->voi.n)
        return look_up(&d->voi, lround(value)) / (double)((1 << d->voi.bits) - 1);
    return 1 / (1 + exp(-4 * (value - d->centre) / d->width_of_window));
}

static int fill_grey(struct thaw_pixels *p, const struct thaw_dicom *d, bool shown,
                     struct thaw_error *err)
{
    size_t n = (size_t)d->width * (size_t)d->height;
    bool curved = d->voi.n || (d->has_window && d->curve == THAW_DICOM_SIGMOID);
    bool plain = !d->is_signed && d->stored <= 16 && !is_rescaled(d) && !(curved && shown);
    p->channels = 1;
    p->depth = !plain ? 32 : d->stored <= 8 ? 8 : 16;
    p->inverted = d->colours == THAW_DICOM_INVERTED_GREY;
    if (!(p->data = thaw_new(n, (size_t)p->depth / 8, err)))
        return -1;
    uint8_t *narrow = p->data;
    uint16_t *wide = p->data;
    float *real = p->data;
    for (size_t i = 0; i < n; i++)
        if (p->depth == 32 && curved && shown)
            real[i] = (float)(255 * shown_value(d, rescaled(d, i)));
        else if (p->depth == 32)
            real[i] = (float)rescaled(d, i);
        else if (p->depth == 16)
            wide[i] = (uint16_t)stored_value(d, i);
        else /* fewer bits than 8 fill 0..255, as in other formats */
            narrow[i] = (uint8_t)(stored_value(d, i) * 255 / ((1 << d->stored) - 1));
    if (curved && shown) {
        p->window[1] = 255;
    } else if (d->voi.n) {
        p->window[0] = (float)d->voi.first;
        p->window[1] = (float)(d->voi.first + (long)d->voi.n - 1);
    } else if (d->has_window) {
        set_window(p, d);
    }
    return 0;
}

int thaw_dicom_pixels(struct thaw_pixels *pixels, const struct thaw_dicom *d, bool shown,
                      const char *name, struct thaw_error *err)
{
    bool grey = d->colours == THAW_DICOM_GREY || d->colours == THAW_DICOM_INVERTED_GREY;
    *pixels = (struct thaw_pixels){.width = d->width, .height = d->height};
    int rc = grey ? fill_grey(pixels, d, shown, err) : fill_colours(pixels, d, name, err);
    if (rc)
        thaw_pixels_release(pixels);
    return rc;
}
