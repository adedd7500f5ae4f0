#include "vision/likeness.h"

#include <math.h>
#include <string.h>

#include "vision/preprocess.h"

enum { SIDE = THAW_LIKENESS_SIDE, POINTS = THAW_LIKENESS_POINTS, WAVES = 8 };

static const float margin = THAW_LIKENESS_MARGIN / 100.0F;

/* --- the thumbnail --- */

struct thaw_decode_hint thaw_likeness_hint(void)
{
    return (struct thaw_decode_hint){.min_width = 2 * SIDE, .min_height = 2 * SIDE};
}

int thaw_likeness_of(const struct thaw_pixels *pixels, uint8_t grey[POINTS], bool *blank,
                     struct thaw_error *err)
{
    const float least = 1e-3F; /* of 0..255; a 16-bit scan may use few of its values */
    struct thaw_preprocess p;
    struct thaw_image image;
    if (thaw_preprocess_init(&p, "none", SIDE, SIDE, err))
        return -1;
    p.channels = 1;
    thaw_preprocess_show(&p, pixels);
    if (thaw_preprocess_geometry(&p, pixels, &image, err))
        return -1;
    float lo = image.data[0], hi = lo;
    for (int i = 1; i < POINTS; i++) {
        lo = fminf(lo, image.data[i]);
        hi = fmaxf(hi, image.data[i]);
    }
    *blank = hi - lo < least;
    for (int i = 0; i < POINTS; i++)
        grey[i] = *blank ? 0 : (uint8_t)lrintf((image.data[i] - lo) * 255 / (hi - lo));
    thaw_image_release(&image);
    return 0;
}

/* --- the middle band --- */

/* A Gaussian down the columns; `out` is transposed, so that doing it twice is both axes. At the
 * edges of the picture what lies outside does not count. */
static void blur_columns(const float *in, float *out, const float *weight, int reach)
{
    for (int y = 0; y < SIDE; y++) {
        int first = y < reach ? 0 : y - reach, last = y + reach < SIDE ? y + reach : SIDE - 1;
        float sum = 0, row[SIDE] = {0};
        for (int k = first; k <= last; k++)
            sum += weight[k - y + reach];
        for (int k = first; k <= last; k++) {
            float w = weight[k - y + reach] / sum;
            for (int x = 0; x < SIDE; x++)
                row[x] += w * in[k * SIDE + x];
        }
        for (int x = 0; x < SIDE; x++)
            out[x * SIDE + y] = row[x];
    }
}

static void blur(const float *in, float *out, float sigma)
{
    float weight[2 * SIDE], between[POINTS];
    int reach = (int)ceilf(3 * sigma);
    for (int k = -reach; k <= reach; k++)
        weight[k + reach] = expf(-(float)(k * k) / (2 * sigma * sigma));
    blur_columns(in, between, weight, reach);
    blur_columns(between, out, weight, reach);
}

/* Shading, borders and coils differ between scanners, noise between films: what is between them
 * tells pictures apart. */
static void middle_band(const float *in, float *out)
{
    float low[POINTS];
    blur(in, out, 0.7F);
    blur(in, low, SIDE / 12.0F);
    for (int i = 0; i < POINTS; i++)
        out[i] -= low[i];
}

void thaw_likeness_prepare(const uint8_t grey[POINTS], bool mirrored,
                           struct thaw_likeness_view *view)
{
    float plain[POINTS];
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++)
            plain[y * SIDE + x] = grey[y * SIDE + (mirrored ? SIDE - 1 - x : x)];
    blur(plain, view->smooth, 1);
    middle_band(plain, view->band);
}

/* --- the key --- */

static float sample(const uint8_t *grey, float x, float y)
{
    int i = (int)x, j = (int)y;
    float u = x - (float)i, v = y - (float)j;
    const uint8_t *p = grey + j * SIDE + i;
    float upper = (float)p[0] + u * (float)(p[1] - p[0]);
    float lower = (float)p[SIDE] + u * (float)(p[SIDE + 1] - p[SIDE]);
    return upper + v * (lower - upper);
}

static void take_part(const uint8_t *grey, enum thaw_likeness_part part, float *out)
{
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++) {
            float step = 1 - 2 * margin, start = margin * SIDE - 0.5F;
            out[y * SIDE + x] = part == THAW_LIKENESS_WHOLE
                                    ? (float)grey[y * SIDE + x]
                                    : sample(grey, start + ((float)x + 0.5F) * step,
                                             start + ((float)y + 0.5F) * step);
        }
}

void thaw_likeness_key(const uint8_t grey[POINTS], enum thaw_likeness_part part,
                       int8_t key[THAW_LIKENESS_KEY])
{
    float plain[POINTS], band[POINTS], wave[WAVES][SIDE], rows[SIDE][WAVES], all[WAVES * WAVES];
    double length = 0;
    const double rounding = 1;
    take_part(grey, part, plain);
    middle_band(plain, band);
    for (int u = 0; u < WAVES; u++)
        for (int x = 0; x < SIDE; x++)
            wave[u][x] = cosf((float)M_PI * (float)u * ((float)x + 0.5F) / SIDE) *
                         (u ? 1 : (float)M_SQRT1_2);
    memset(rows, 0, sizeof rows);
    memset(all, 0, sizeof all);
    for (int y = 0; y < SIDE; y++)
        for (int u = 0; u < WAVES; u++)
            for (int x = 0; x < SIDE; x++)
                rows[y][u] += wave[u][x] * band[y * SIDE + x];
    for (int y = 0; y < SIDE; y++)
        for (int v = 0; v < WAVES; v++)
            for (int u = 0; u < WAVES; u++)
                all[v * WAVES + u] += wave[v][y] * rows[y][u];
    all[0] = 0;
    for (int k = 0; k < WAVES * WAVES; k++)
        length += (double)all[k] * (double)all[k];
    for (int k = 0; k < WAVES * WAVES; k++)
        key[k] = (int8_t)(length > rounding ? lrint(127 * (double)all[k] / sqrt(length)) : 0);
}

/* Of a mirrored picture the waves with an odd number of halves change sign. */
void thaw_likeness_mirror(const int8_t key[THAW_LIKENESS_KEY], int8_t mirrored[THAW_LIKENESS_KEY])
{
    for (int k = 0; k < THAW_LIKENESS_KEY; k++)
        mirrored[k] = (int8_t)(k % 2 ? -key[k] : key[k]);
}
