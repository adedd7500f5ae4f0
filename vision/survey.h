/* What a whole set of images looks like: every file is decoded once, and little of it is kept. */
#ifndef THAW_VISION_SURVEY_H
#define THAW_VISION_SURVEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "io/base/error.h"
#include "vision/likeness.h"
#include "vision/marks.h"

enum thaw_colour {
    THAW_COLOUR_GREY,
    THAW_COLOUR_GREY_AS_RGB, /* three channels that are equal, but for rounding */
    THAW_COLOUR_RGB,
};

enum { THAW_SIGHT_HASH = 32 };

/* What one file showed. Nothing but the reason counts when there is one. */
struct thaw_sight {
    char *reason; /* why it cannot be read, without the path; NULL: it can */
    int width, height, depth;
    enum thaw_colour colour;
    const char *kind; /* of file: the codec's name */
    size_t bytes;     /* of the file */
    struct thaw_marks marks;
    bool blank; /* nothing to compare by */
    /* Of size, depth, decoded samples and which of them are bright: hexadecimal digits, without an
     * end. Three equal channels count as one. */
    char hash[THAW_SIGHT_HASH];
};

struct thaw_survey {
    struct thaw_sight *sights;             /* [n] */
    uint8_t (*grey)[THAW_LIKENESS_POINTS]; /* [n], thumbnails; 0 where a file cannot be read */
    size_t n;
};

struct thaw_survey_options {
    /* Only what comparing takes: JPEG is decoded smaller, so that size, marks and hash mean less
     * (equal files still have equal hashes). */
    bool quick;
    int frame; /* as in struct thaw_decode_hint */
    /* As in struct thaw_probe_options. */
    int (*progress)(void *ctx, size_t done, size_t files);
    void *ctx;
};

/* Looks at the files with all threads. Files that cannot be read are no error. The caller releases
 * after success. */
int thaw_survey_look(struct thaw_survey *survey, const char *const *paths, size_t n,
                     const struct thaw_survey_options *options, struct thaw_error *err);
void thaw_survey_release(struct thaw_survey *survey);

#endif
