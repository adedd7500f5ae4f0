#include "vision/survey.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/base/file.h"
#include "io/base/mem.h"
#include "io/base/par.h"
#include "vision/codec.h"
#include "vision/watch.h"

struct work {
    struct thaw_survey *survey;
    const char *const *paths;
    const struct thaw_survey_options *options;
    struct thaw_watch watch;
};

/* Largest difference between the channels of a point, and between any two samples. */
static void find_tint(const struct thaw_pixels *p, float *tint, float *span)
{
    size_t n = (size_t)p->width * (size_t)p->height;
    float lo = thaw_pixels_sample(p, 0), hi = lo;
    *tint = 0;
    for (size_t i = 0; i < 3 * n; i += 3) {
        float a = thaw_pixels_sample(p, i), b = thaw_pixels_sample(p, i + 1);
        float c = thaw_pixels_sample(p, i + 2);
        *tint = fmaxf(*tint, fmaxf(fabsf(a - b), fabsf(b - c)));
        lo = fminf(lo, fminf(a, fminf(b, c)));
        hi = fmaxf(hi, fmaxf(a, fmaxf(b, c)));
    }
    *span = hi - lo;
}

/* Three equal channels become one, in place. */
static void make_grey(struct thaw_pixels *p)
{
    size_t n = (size_t)p->width * (size_t)p->height, bytes = (size_t)p->depth / 8;
    unsigned char *data = p->data;
    for (size_t i = 1; i < n; i++)
        memcpy(data + i * bytes, data + 3 * i * bytes, bytes);
    p->channels = 1;
}

static enum thaw_colour find_colour(struct thaw_pixels *p)
{
    float tint, span;
    if (p->channels == 1)
        return THAW_COLOUR_GREY;
    find_tint(p, &tint, &span);
    if (tint == 0)
        make_grey(p);
    float rounding = (p->depth == 8 ? 255 : span) * 8 / 255;
    return tint > rounding ? THAW_COLOUR_RGB : THAW_COLOUR_GREY_AS_RGB;
}

static void hash_pixels(const struct thaw_pixels *p, char hash[THAW_SIGHT_HASH])
{
    char text[THAW_HASH_TEXT], all[THAW_HASH_TEXT + 80];
    size_t n = (size_t)p->width * (size_t)p->height * (size_t)p->channels;
    thaw_hash_bytes(p->data, n * (size_t)p->depth / 8, text);
    snprintf(all, sizeof all, "%d %d %d %d %d %s", p->width, p->height, p->channels, p->depth,
             p->inverted, text);
    thaw_hash_bytes(all, strlen(all), text);
    memcpy(hash, text, THAW_SIGHT_HASH);
}

static int see(const struct work *w, size_t i, struct thaw_error *err)
{
    struct thaw_sight *s = &w->survey->sights[i];
    struct thaw_decode_hint hint = {0};
    struct thaw_pixels pixels = {0};
    unsigned char *data = NULL;
    int rc = -1;
    if (w->options->quick)
        hint = thaw_likeness_hint();
    hint.frame = w->options->frame;
    if (thaw_file_read(w->paths[i], THAW_MAX_FILE, &data, &s->bytes, err) ||
        thaw_pixels_decode(&pixels, data, s->bytes, &hint, w->paths[i], err))
        goto done;
    for (const struct thaw_codec *const *c = thaw_codecs; *c && !s->kind; c++)
        if ((*c)->sniff(data, s->bytes))
            s->kind = (*c)->name;
    s->width = pixels.width;
    s->height = pixels.height;
    s->depth = pixels.depth;
    s->colour = find_colour(&pixels);
    hash_pixels(&pixels, s->hash);
    if (thaw_likeness_of(&pixels, w->survey->grey[i], &s->blank, err) ||
        (!w->options->quick && thaw_marks_find(&pixels, &s->marks, err)))
        goto done;
    rc = 0;
done:
    free(data);
    thaw_pixels_release(&pixels);
    return rc;
}

static int see_one(void *ctx, size_t i, struct thaw_error *err)
{
    struct work *w = ctx;
    struct thaw_error why = {0};
    if (thaw_watch_go_on(&w->watch, err))
        return -1;
    if (see(w, i, &why) &&
        !(w->survey->sights[i].reason = thaw_watch_reason(&why, w->paths[i], err)))
        return -1;
    return thaw_watch_done(&w->watch, err);
}

int thaw_survey_look(struct thaw_survey *survey, const char *const *paths, size_t n,
                     const struct thaw_survey_options *options, struct thaw_error *err)
{
    struct work w = {.survey = survey, .paths = paths, .options = options};
    thaw_watch_init(&w.watch, options->progress, options->ctx, n);
    *survey = (struct thaw_survey){.n = n};
    survey->sights = thaw_new(n, sizeof *survey->sights, err);
    survey->grey = thaw_new(n, sizeof *survey->grey, err);
    int rc = survey->sights && survey->grey ? thaw_par_each(n, see_one, &w, err) : -1;
    thaw_watch_release(&w.watch);
    if (rc)
        thaw_survey_release(survey);
    return rc;
}

void thaw_survey_release(struct thaw_survey *survey)
{
    for (size_t i = 0; survey->sights && i < survey->n; i++)
        free(survey->sights[i].reason);
    free(survey->sights);
    free(survey->grey);
    *survey = (struct thaw_survey){0};
}
