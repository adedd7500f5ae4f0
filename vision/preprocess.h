/* How a decoded scan becomes the tensor a network reads. One record, stored in the model file,
 * executed here and nowhere else: training, evaluation and prediction see the same numbers. */
#ifndef THAW_VISION_PREPROCESS_H
#define THAW_VISION_PREPROCESS_H

#include <stdbool.h>

#include "io/base/error.h"
#include "io/base/json.h"
#include "vision/image.h"
#include "vision/pixels.h"

enum thaw_fit {
    THAW_FIT_STRETCH,  /* the whole scan, its proportions given up */
    THAW_FIT_CROP,     /* the largest centred part that has the target's proportions */
    THAW_FIT_LETTERBOX /* the whole scan in its proportions, centred on `fill` */
};
extern const char *const thaw_fit_names[]; /* "stretch", "crop", "letterbox", NULL */

/* Which samples of a scan become 0 and 255. */
enum thaw_intensity {
    THAW_INTENSITY_RANGE,      /* `range`; 8-bit scans are 0..255 always */
    THAW_INTENSITY_PERCENTILE, /* `percentiles` of each scan by itself, of any depth */
    THAW_INTENSITY_WINDOW      /* the window each file states; as RANGE where it states none */
};
extern const char *const thaw_intensity_names[]; /* "range", "percentile", "window", NULL */

/* Every mode is (x - mean) / std per channel of the result, x in 0..255. */
struct thaw_preprocess_mode {
    const char *name;
    float mean[3], std[3];
    const char *formula; /* for people */
    bool bgr;            /* channels reversed first; mean and std are in the reversed order */
};
/* "tf", "caffe", "torch", "lite", "01", "none", "custom" (mean and std of the record); a NULL name
 * ends. */
extern const struct thaw_preprocess_mode thaw_preprocess_modes[];

struct thaw_preprocess {
    int height, width; /* of the tensor */
    int channels;      /* of the network: 1 or 3. Grey is replicated to 3, RGB becomes luma for 1 */
    int fit;           /* enum thaw_fit */
    int mode;          /* index into thaw_preprocess_modes */
    float mean[3], std[3]; /* mode custom only; units of 0..255; std > 0 */
    int intensity;         /* enum thaw_intensity */
    float range[2];        /* lo, hi of samples of more than 8 bits, mapped to 0..255 */
    float percentiles[2];  /* lo, hi in 0..100, for that intensity */
    int frame;             /* of files with several pictures: from 1, 0 = the middle one of each */
    bool scaled_decode; /* JPEG may be decoded at 1/2, 1/4 or 1/8 while twice the target is kept */
    float fill;         /* letterbox border, 0..255 */
};

/* Presets: 3 channels, stretch, range 0..65535, percentiles 1 and 99, the middle frame, scaled
 * decoding, fill 0. */
int thaw_preprocess_init(struct thaw_preprocess *p, const char *mode, int height, int width,
                         struct thaw_error *err);

/* Index into thaw_preprocess_modes, or -1 with an error that lists them. */
int thaw_preprocess_find_mode(const char *name, struct thaw_error *err);
/* Index into thaw_fit_names, likewise. */
int thaw_preprocess_find_fit(const char *name, struct thaw_error *err);

/* For whoever sets fields by hand: -1 where the record contradicts itself or leaves its ranges. */
int thaw_preprocess_check(const struct thaw_preprocess *p, struct thaw_error *err);

/* The JSON object of the model file. read() checks; write() returns a new reference or NULL. */
int thaw_preprocess_read(struct thaw_preprocess *p, const json_t *object, struct thaw_error *err);
json_t *thaw_preprocess_write(const struct thaw_preprocess *p, struct thaw_error *err);

/* One line for people, e.g. "224x224 RGB, stretch, x/127.5-1 (tf), 16-bit samples 0..4095 as
 * 0..255". The caller frees. */
char *thaw_preprocess_text(const struct thaw_preprocess *p, struct thaw_error *err);

/* Sets `range` for 16-bit scans whose largest sample is `max`: 0 .. the smallest 2^k-1 >= max, and
 * not under 255. */
void thaw_preprocess_fit_range(struct thaw_preprocess *p, int max);
/* Sets `range` to these samples, moved apart where they do not rise. */
void thaw_preprocess_set_range(struct thaw_preprocess *p, float lo, float hi);

/* Sets the intensity for looking at this one scan: the window its file states, else, where it is
 * deep, its percentiles 0.5 and 99.5, else its samples as they are. */
void thaw_preprocess_show(struct thaw_preprocess *p, const struct thaw_pixels *pixels);

/* The samples that become 0 and 255 for this scan; limits[0] > limits[1] where small samples are
 * bright, never equal. */
int thaw_preprocess_limits(const struct thaw_preprocess *p, const struct thaw_pixels *pixels,
                           float limits[2], struct thaw_error *err);

/* What a decoder may do for this record. */
struct thaw_decode_hint thaw_preprocess_hint(const struct thaw_preprocess *p);

/* First half: intensity, fit and channels. Initialises `image` ([height,width,channels], 0..255),
 * which the caller releases; augmentation works on it. Its values are steps of vision/compact.h,
 * whoever asks: training keeps pictures in that form, and evaluation and prediction see the same
 * bits. */
int thaw_preprocess_geometry(const struct thaw_preprocess *p, const struct thaw_pixels *pixels,
                             struct thaw_image *image, struct thaw_error *err);

/* Second half: the mode. `image` as geometry() makes it, or of one channel where three would be
 * equal; `out` is [height,width,channels] and may be the data of an image of as many. */
void thaw_preprocess_normalise(const struct thaw_preprocess *p, const struct thaw_image *image,
                               float *out);

/* The second half as numbers: out[c] = x[bgr ? 2 - c : c] * scale[c] + offset[c]. With 1 channel
 * only the first of each counts and bgr is false. */
void thaw_preprocess_affine(const struct thaw_preprocess *p, float scale[3], float offset[3],
                            bool *bgr);

/* Both halves; `out` is [height,width,channels]. */
int thaw_preprocess_apply(const struct thaw_preprocess *p, const struct thaw_pixels *pixels,
                          float *out, struct thaw_error *err);
/* From a file, decoded with the record's hint. */
int thaw_preprocess_file(const struct thaw_preprocess *p, const char *path, float *out,
                         struct thaw_error *err);

#endif
