#include "apps/train_intensity.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* "LO,HI" and what follows them. */
static bool read_two(const char *text, float two[2], const char **rest)
{
    char *end, *last;
    two[0] = strtof(text, &end);
    if (end == text || *end != ',')
        return false;
    two[1] = strtof(end + 1, &last);
    *rest = last;
    return last != end + 1 && isfinite(two[0]) && isfinite(two[1]);
}

static int parse_range(const char *text, struct thaw_preprocess *p, struct thaw_error *err)
{
    const char *rest;
    p->intensity = THAW_INTENSITY_RANGE;
    if (read_two(text, p->range, &rest) && !*rest && p->range[0] < p->range[1])
        return 0;
    return thaw_fail(err, THAW_EUSAGE,
                     "--range %s: needs two numbers, the smaller first, e.g. 0,4095", text);
}

static bool is_pooled(const char *text)
{
    size_t length = strlen(text);
    return length > 4 && strcmp(text + length - 4, ",all") == 0;
}

static bool parse_percentile(const char *text, struct thaw_preprocess *p)
{
    const char *rest;
    float *two = p->percentiles;
    if (!read_two(text, two, &rest) || !(two[0] >= 0 && two[0] < two[1] && two[1] <= 100))
        return false;
    p->intensity = *rest ? THAW_INTENSITY_RANGE : THAW_INTENSITY_PERCENTILE;
    return !*rest || strcmp(rest, ",all") == 0;
}

static bool parse_window(const char *text, struct thaw_preprocess *p)
{
    const char *rest;
    float two[2];
    p->intensity = THAW_INTENSITY_RANGE;
    if (!read_two(text, two, &rest) || *rest || !(two[1] > 0))
        return false;
    p->range[0] = two[0] - two[1] / 2;
    p->range[1] = two[0] + two[1] / 2;
    return true;
}

int thaw_intensity_parse(const struct thaw_train_values *v, struct thaw_preprocess *p,
                         struct thaw_error *err)
{
    const char *how = v->intensity;
    if (v->range && how)
        return thaw_fail(err, THAW_EUSAGE, "--range %s and --intensity %s: one of them", v->range,
                         how);
    if (v->range)
        return parse_range(v->range, p, err);
    if (!how)
        return 0;
    bool good = true;
    if (strcmp(how, "full") == 0)
        p->intensity = THAW_INTENSITY_RANGE;
    else if (strcmp(how, "window") == 0)
        p->intensity = THAW_INTENSITY_WINDOW;
    else if (strncmp(how, "window:", 7) == 0)
        good = parse_window(how + 7, p);
    else if (strncmp(how, "percentile:", 11) == 0)
        good = parse_percentile(how + 11, p);
    else
        good = false;
    return good ? 0
                : thaw_fail(err, THAW_EUSAGE,
                            "--intensity %s: full, percentile:LO,HI, percentile:LO,HI,all (0 to "
                            "100, rising), window or window:CENTRE,WIDTH are possible",
                            how);
}

static void fit_range(const struct thaw_probe_summary *sum, bool pooled, struct thaw_preprocess *p)
{
    if (pooled)
        thaw_preprocess_set_range(p, sum->inner[0], sum->inner[1]);
    else if (sum->real)
        thaw_preprocess_set_range(p, sum->ends[0], sum->ends[1]);
    else
        thaw_preprocess_fit_range(p, (int)sum->ends[1]);
}

void thaw_intensity_choose(const struct thaw_train_values *v, const struct thaw_probe_summary *sum,
                           size_t images, struct thaw_preprocess *p, struct thaw_say *say)
{
    bool fixed = v->range || (v->intensity && strncmp(v->intensity, "window:", 7) == 0);
    bool pooled = v->intensity && is_pooled(v->intensity);
    if (!v->range && !v->intensity && p->intensity == THAW_INTENSITY_RANGE && images &&
        sum->windows == images)
        p->intensity = THAW_INTENSITY_WINDOW;
    if (sum->deep == 0 && (fixed || pooled))
        thaw_say(
            say,
            "note: all training images have 8 bits, which are 0..255 as they are; --%s changes "
            "nothing here (percentile:LO,HI would)",
            v->range ? "range" : "intensity");
    if (!fixed && sum->deep)
        fit_range(sum, pooled, p);
    if (p->intensity == THAW_INTENSITY_WINDOW)
        thaw_say(say,
                 "intensity: the window each file states (%zu of %zu training images do) becomes "
                 "0..255%s",
                 sum->windows, images, v->intensity ? "" : " (--intensity changes it)");
    else if (p->intensity == THAW_INTENSITY_PERCENTILE)
        thaw_say(say, "intensity: percentiles %g to %g of each scan become 0..255",
                 (double)p->percentiles[0], (double)p->percentiles[1]);
    else if (sum->deep && !fixed && !pooled && !sum->real)
        thaw_say(
            say,
            "16-bit scans (%zu of %zu): largest value %g, so 0..%g becomes 0..255 (--intensity "
            "changes it)",
            sum->deep, images, (double)sum->ends[1], (double)p->range[1]);
    else if (sum->deep)
        thaw_say(say, "intensity: %g..%g of deep scans (%zu of %zu) becomes 0..255%s",
                 (double)p->range[0], (double)p->range[1], sum->deep, images,
                 v->range || v->intensity ? "" : " (--intensity changes it)");
    if (p->intensity == THAW_INTENSITY_RANGE && sum->windows && !v->range && !v->intensity)
        thaw_say(say, "note: %zu of %zu training images state a window; --intensity window uses it",
                 sum->windows, images);
}
