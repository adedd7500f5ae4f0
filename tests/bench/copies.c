/* thaw-bench-copies [PICTURES...]: time and recall of the search for copies among generated
 * thumbnails that all look alike (one common picture and smooth differences), a tenth of them
 * copies of others: cropped by 3 % a side, brightened, noisy, half of them mirrored. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "io/base/par.h"
#include "io/base/rng.h"
#include "vision/pairs.h"

enum { SIDE = THAW_LIKENESS_SIDE, WAVES = 10, STREAM = 5000 };

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

struct waves {
    float amplitude[WAVES][WAVES];
};

static void draw_waves(struct waves *w, uint32_t index, float share)
{
    struct thaw_rng rng = thaw_rng_at(1, 0, index, STREAM);
    for (int v = 0; v < WAVES; v++)
        for (int u = 0; u < WAVES; u++)
            w->amplitude[v][u] +=
                share * thaw_rng_normal(&rng) / (1 + 0.15F * (float)(u * u + v * v));
}

/* The part of the picture from `margin` to 1 - margin of each side. */
static void paint(const struct waves *w, float margin, bool mirrored, float gain, uint32_t noise,
                  uint8_t *grey)
{
    static float wave[WAVES][SIDE];
    float plain[SIDE * SIDE], lo = INFINITY, hi = -INFINITY;
    struct thaw_rng rng = thaw_rng_at(1, 1, noise, STREAM);
    for (int u = 0; u < WAVES; u++)
        for (int x = 0; x < SIDE; x++) {
            float at = margin + (1 - 2 * margin) * ((float)x + 0.5F) / SIDE;
            wave[u][x] = cosf((float)M_PI * (float)u * at);
        }
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++) {
            float sum = 0, column[WAVES];
            for (int u = 0; u < WAVES; u++)
                column[u] = wave[u][mirrored ? SIDE - 1 - x : x];
            for (int v = 0; v < WAVES; v++)
                for (int u = 0; u < WAVES; u++)
                    sum += w->amplitude[v][u] * wave[v][y] * column[u];
            plain[y * SIDE + x] = sum;
            lo = fminf(lo, sum);
            hi = fmaxf(hi, sum);
        }
    for (int i = 0; i < SIDE * SIDE; i++) {
        float value = 230 * (plain[i] - lo) / (hi - lo) * gain;
        value += noise ? 2 * thaw_rng_normal(&rng) : 0;
        grey[i] = (uint8_t)fminf(fmaxf(value, 0), 255);
    }
}

static void fill(struct thaw_survey *survey)
{
    for (size_t i = 0; i < survey->n; i++) {
        bool copy = i % 10 == 9;
        size_t origin = copy ? i - 1 - i / 10 % 9 : i;
        struct waves w = {0};
        draw_waves(&w, 0, 1);
        draw_waves(&w, (uint32_t)origin + 1, 0.8F);
        paint(&w, copy ? 0.03F : 0, copy && i % 20 == 9, copy ? 1.1F : 1, copy ? (uint32_t)i : 0,
              survey->grey[i]);
        snprintf(survey->sights[i].hash, sizeof survey->sights[i].hash, "%zu", i);
    }
}

static int measure(size_t n)
{
    struct thaw_error err = {0};
    struct thaw_pairs pairs;
    struct thaw_survey survey = {.n = n};
    struct rusage before, after;
    survey.sights = calloc(n, sizeof *survey.sights);
    survey.grey = calloc(n, sizeof *survey.grey);
    if (!survey.sights || !survey.grey)
        return -1;
    fill(&survey);
    getrusage(RUSAGE_SELF, &before);
    double begun = seconds();
    if (thaw_pairs_find(&pairs, &survey, THAW_PAIRS_ALIKE, &err)) {
        fprintf(stderr, "%s\n", err.text);
        return -1;
    }
    double time = seconds() - begun;
    getrusage(RUSAGE_SELF, &after);
    size_t found = 0, copies = n / 10;
    for (size_t k = 0; k < pairs.n_near; k++) {
        size_t b = pairs.near[k].b;
        found += b % 10 == 9 && pairs.near[k].a == b - 1 - b / 10 % 9;
    }
    double cpu = (double)(after.ru_utime.tv_sec - before.ru_utime.tv_sec) +
                 1e-6 * (double)(after.ru_utime.tv_usec - before.ru_utime.tv_usec);
    printf("%8zu pictures: %zu of %zu copies found, %zu other pairs; %.1f s, %.1f s of CPU, %ld MB "
           "at most\n",
           n, found, copies, pairs.n_near - found, time, cpu, after.ru_maxrss >> 10);
    fflush(stdout);
    thaw_pairs_release(&pairs);
    thaw_survey_release(&survey);
    return 0;
}

int main(int argc, char **argv)
{
    static const size_t sizes[] = {5000, 10000, 20000, 40000};
    thaw_par_set_threads(thaw_par_available());
    for (int i = 1; i < argc; i++)
        if (measure((size_t)strtoul(argv[i], NULL, 10)))
            return 1;
    for (size_t i = 0; argc < 2 && i < sizeof sizes / sizeof *sizes; i++)
        if (measure(sizes[i]))
            return 1;
    return 0;
}
