#include "datasets/phantom.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "io/base/mem.h"
#include "io/base/rng.h"

const char *const phantom_names[PHANTOM_CLASSES] = {"no_lesion", "ring_lesion", "solid_mass",
                                                    "infarct"};

/* Streams of random numbers; the generator is a program of its own, so they are its own list. */
enum { STREAM_HEAD = 1, STREAM_LESION, STREAM_SLICE, STREAM_NOISE };

enum { GRID = 32, SPOTS = 10 };

/* A periodic lattice of random values; noise() reads it with smooth interpolation. */
struct grid {
    float values[GRID][GRID]; /* -1..1 */
};

struct spot {
    float x, y, radius, value;
};

/* Lengths are in units of the head's half height; brightness is 0..1. */
struct head {
    struct grid grid;
    bool bone_bright;              /* as in computed tomography */
    float width;                   /* half width */
    float bumps[3], bump_phase[3]; /* deviation of the outline from an ellipse */
    float bone, gap;               /* inner edges of skin and bone, as a part of the radius */
    float skin_value, bone_value, fluid_value, white_value, grey_value;
    float cortex; /* depth of the grey rim */
    float ventricle_w, ventricle_h, ventricle_gap, ventricle_tilt, ventricle_lean;
    float nucleus_contrast;
    struct spot spots[SPOTS]; /* vessels, lime, small holes: what every class may have */
    int n_spots;
};

struct lesion {
    enum phantom_class class;
    float x, y, radius, flat, turn;
    float wave[4], wave_phase[4]; /* its outline */
    float contrast, core, wall;   /* brightness against the tissue; wall as a part of the radius */
    float oedema, oedema_reach;
    float push;                 /* displacement of what is around it */
    float angle, spread, depth; /* the wedge of an infarct */
};

/* What differs between slices of one patient. */
struct view {
    float height; /* -1..1 along the head's axis */
    float turn, scale, x, y, squeeze;
    float bias_x, bias_y, bias_xy, bias_rr;
    float gamma, low, high, noise, blur;
    int marker; /* corner of a burned-in letter, or -1 */
};

static float smooth(float edge, float width, float v)
{
    float t = fminf(fmaxf((v - edge) / width + 0.5f, 0), 1);
    return t * t * (3 - 2 * t);
}

static float mix(float a, float b, float t)
{
    return a + (b - a) * t;
}

static float noise(const struct grid *g, float x, float y)
{
    float fx = floorf(x), fy = floorf(y);
    float tx = smooth(0.5f, 1, x - fx), ty = smooth(0.5f, 1, y - fy);
    unsigned x0 = (unsigned)(int)fx % GRID, y0 = (unsigned)(int)fy % GRID;
    unsigned x1 = (x0 + 1) % GRID, y1 = (y0 + 1) % GRID;
    return mix(mix(g->values[y0][x0], g->values[y0][x1], tx),
               mix(g->values[y1][x0], g->values[y1][x1], tx), ty);
}

static void draw_spots(struct head *h, struct thaw_rng *r)
{
    h->n_spots = 3 + (int)thaw_rng_below(r, SPOTS - 2);
    for (int i = 0; i < h->n_spots; i++) {
        float angle = thaw_rng_uniform(r, 0, 2 * (float)M_PI);
        float reach = thaw_rng_uniform(r, 0.1f, 0.75f);
        bool dark = thaw_rng_below(r, 3) == 0;
        h->spots[i] = (struct spot){.x = cosf(angle) * reach * h->width,
                                    .y = sinf(angle) * reach,
                                    .radius = thaw_rng_uniform(r, 0.012f, 0.045f),
                                    .value = dark ? -thaw_rng_uniform(r, 0.1f, 0.25f)
                                                  : thaw_rng_uniform(r, 0.15f, 0.45f)};
    }
}

static void draw_head(struct head *h, struct thaw_rng *r)
{
    for (int y = 0; y < GRID; y++)
        for (int x = 0; x < GRID; x++)
            h->grid.values[y][x] = thaw_rng_uniform(r, -1, 1);
    h->bone_bright = thaw_rng_below(r, 5) < 2;
    h->width = thaw_rng_uniform(r, 0.74f, 0.9f);
    for (int k = 0; k < 3; k++) {
        h->bumps[k] = thaw_rng_uniform(r, 0, 0.025f);
        h->bump_phase[k] = thaw_rng_uniform(r, 0, 2 * (float)M_PI);
    }
    h->bone = thaw_rng_uniform(r, 0.93f, 0.965f);
    h->gap = h->bone - thaw_rng_uniform(r, 0.05f, 0.1f);
    h->white_value = thaw_rng_uniform(r, 0.42f, 0.58f);
    float difference = thaw_rng_uniform(r, 0.04f, 0.14f);
    h->grey_value = h->white_value + (h->bone_bright ? difference * 0.5f : -difference);
    h->fluid_value = thaw_rng_uniform(r, 0.1f, 0.24f);
    h->skin_value = thaw_rng_uniform(r, 0.4f, 0.85f);
    h->bone_value =
        h->bone_bright ? thaw_rng_uniform(r, 0.85f, 1) : thaw_rng_uniform(r, 0.03f, 0.15f);
    h->cortex = thaw_rng_uniform(r, 0.07f, 0.14f);
    float size = thaw_rng_uniform(r, 0.6f, 1.5f); /* ventricles grow with age */
    h->ventricle_w = 0.065f * size * thaw_rng_uniform(r, 0.8f, 1.2f);
    h->ventricle_h = 0.27f * sqrtf(size) * thaw_rng_uniform(r, 0.8f, 1.2f);
    h->ventricle_gap = 0.06f + 0.06f * size;
    h->ventricle_tilt = thaw_rng_uniform(r, 0.1f, 0.4f);
    h->ventricle_lean = thaw_rng_uniform(r, -0.25f, 0.25f);
    h->nucleus_contrast = thaw_rng_uniform(r, 0.2f, 0.9f);
    draw_spots(h, r);
}

static void draw_lesion(struct lesion *l, const struct head *h, enum phantom_class class,
                        struct thaw_rng *r)
{
    float side = thaw_rng_below(r, 2) ? 1.0f : -1.0f;
    l->class = class;
    l->angle = thaw_rng_uniform(r, -1.25f, 1.25f) + (side < 0 ? (float)M_PI : 0);
    float reach = thaw_rng_uniform(r, 0.28f, 0.62f);
    l->x = cosf(l->angle) * reach * h->width;
    l->y = sinf(l->angle) * reach;
    l->radius = thaw_rng_uniform(r, 0.11f, 0.24f);
    l->flat = thaw_rng_uniform(r, 0.7f, 1.3f);
    l->turn = thaw_rng_uniform(r, 0, (float)M_PI);
    for (int k = 0; k < 4; k++) {
        l->wave[k] = thaw_rng_uniform(r, 0, 0.16f / (float)(k + 1));
        l->wave_phase[k] = thaw_rng_uniform(r, 0, 2 * (float)M_PI);
    }
    l->contrast = thaw_rng_uniform(r, 0.16f, 0.4f);
    l->core = thaw_rng_uniform(r, -0.05f, 0.22f);
    l->wall = thaw_rng_uniform(r, 0.18f, 0.36f);
    l->oedema = thaw_rng_below(r, 3) ? thaw_rng_uniform(r, 0.03f, 0.14f) : 0;
    l->oedema_reach = thaw_rng_uniform(r, 0.2f, 0.9f);
    l->push = thaw_rng_uniform(r, 0, 0.06f);
    l->spread = thaw_rng_uniform(r, 0.3f, 0.8f);
    l->depth = thaw_rng_uniform(r, 0.2f, 0.55f);
}

static void draw_view(struct view *v, uint32_t slice, uint32_t slices, struct thaw_rng *r)
{
    float step = slices > 1 ? (float)slice / (float)(slices - 1) * 2 - 1 : 0;
    v->height = step * 0.7f + thaw_rng_uniform(r, -0.1f, 0.1f);
    v->turn = thaw_rng_normal(r) * 0.22f;
    v->scale = thaw_rng_uniform(r, 0.72f, 0.95f);
    v->x = thaw_rng_uniform(r, -0.1f, 0.1f);
    v->y = thaw_rng_uniform(r, -0.08f, 0.08f);
    v->squeeze = thaw_rng_uniform(r, 0.94f, 1.06f);
    v->bias_x = thaw_rng_uniform(r, -0.22f, 0.22f);
    v->bias_y = thaw_rng_uniform(r, -0.22f, 0.22f);
    v->bias_xy = thaw_rng_uniform(r, -0.15f, 0.15f);
    v->bias_rr = thaw_rng_uniform(r, -0.2f, 0.2f);
    v->gamma = thaw_rng_uniform(r, 0.75f, 1.35f);
    v->low = thaw_rng_uniform(r, -0.06f, 0.04f);
    v->high = thaw_rng_uniform(r, 0.85f, 1.15f);
    v->noise = thaw_rng_uniform(r, 0.012f, 0.06f);
    v->blur = thaw_rng_below(r, 2) ? thaw_rng_uniform(r, 0, 0.25f) : 0;
    v->marker = (int)thaw_rng_below(r, 12) - 8;
}

/* 1 inside, 0 outside an ellipse with a soft rim `soft` wide. */
static float ellipse(float x, float y, float w, float h, float soft)
{
    float d = (hypotf(x / w, y / h) - 1) * fminf(w, h);
    return smooth(0, soft, -d);
}

/* Distance from the lesion's centre in units of its radius; its outline is irregular. */
static float lesion_radius(const struct lesion *l, float x, float y)
{
    float dx = x - l->x, dy = y - l->y, c = cosf(l->turn), s = sinf(l->turn);
    float a = (dx * c + dy * s) / l->flat, b = (-dx * s + dy * c) * l->flat;
    float angle = atan2f(b, a), outline = 1;
    for (int k = 0; k < 4; k++)
        outline += l->wave[k] * cosf((float)(k + 2) * angle + l->wave_phase[k]);
    return hypotf(a, b) / (l->radius * outline);
}

static float draw_mass(const struct head *h, const struct lesion *l, float size, float x, float y,
                       float tissue, float soft)
{
    float d = lesion_radius(l, x, y) / size, rim = soft / (l->radius * size) + 0.06f;
    float fingers = 0.5f + 0.5f * noise(&h->grid, x * 7 + 5, y * 7 + 11);
    float swelling = 1 + l->oedema_reach * (0.4f + fingers);
    float v = tissue - l->oedema * smooth(0, 0.5f, swelling - d);
    tissue = h->white_value; /* a mass has its own brightness, whatever it grew into */
    if (l->class == PHANTOM_RING) {
        float wall = l->wall * (1 + 0.4f * noise(&h->grid, x * 9, y * 9 + 3));
        v = mix(v, tissue + l->contrast, smooth(0, rim, 1 - d));
        return mix(v, tissue - l->core, smooth(0, rim, 1 - wall - d));
    }
    float grain = 0.05f * noise(&h->grid, x * 14 + 2, y * 14);
    return mix(v, tissue + l->contrast + grain, smooth(0, rim, 1 - d));
}

/* A territory that lost its blood: a wedge, its tip inward, that reaches the brain's surface. */
static float draw_infarct(const struct head *h, const struct lesion *l, float size, float radius,
                          float x, float y, float tissue)
{
    float wobble = noise(&h->grid, x * 5 + 9, y * 5) * 0.12f;
    float angle = remainderf(atan2f(y, x / h->width) - l->angle, 2 * (float)M_PI);
    float side =
        smooth(0, 0.14f, l->spread * size * (0.7f + 0.5f * radius) + wobble - fabsf(angle));
    float tip = smooth(0, 0.12f, radius - (h->gap - l->depth * size) + wobble);
    float lost = side * tip;
    return mix(tissue, mix(tissue, h->white_value, 0.6f) - l->contrast * 0.75f, lost);
}

static float ventricles(const struct head *h, float height, float x, float y, float soft)
{
    float size = fmaxf(0.25f, 1 - 0.9f * height * height), most = 0;
    for (int side = -1; side <= 1; side += 2) {
        float u = x * (float)side - h->ventricle_gap + 0.9f * y * y;
        float v = y + 0.03f + u * h->ventricle_tilt * (y > 0 ? 1.0f : -1.0f);
        float w = h->ventricle_w * (1 + h->ventricle_lean * (float)side);
        most = fmaxf(most, ellipse(u, v, w * size, h->ventricle_h * size, soft));
    }
    return most;
}

static float draw_brain(const struct head *h, const struct lesion *l, const struct view *view,
                        float radius, float x, float y, float soft)
{
    float depth = h->gap - radius; /* under the surface */
    float folds = noise(&h->grid, x * 8, y * 8), fine = noise(&h->grid, x * 17 + 3, y * 17 + 7);
    float grey = smooth(0, 0.05f, h->cortex + 0.06f * folds - depth);
    float v = mix(h->white_value, h->grey_value, grey) + 0.025f * fine +
              0.04f * noise(&h->grid, x * 2 + 13, y * 2);
    for (int side = -1; side <= 1; side += 2) {
        float core = ellipse(x * (float)side - 0.24f, y - 0.08f, 0.09f, 0.15f, 0.06f);
        v = mix(v, h->grey_value, core * h->nucleus_contrast);
    }
    /* Furrows: the zero lines of a noise, near the surface only. */
    float furrow = 1 - smooth(0.06f, 0.09f, fabsf(folds + 0.3f * fine));
    v = mix(v, h->fluid_value, 0.7f * furrow * (1 - smooth(0.13f, 0.08f, depth)));
    float falx = 1 - smooth(0.012f, soft + 0.01f, fabsf(x + 0.02f * folds));
    v = mix(v, h->bone_bright ? v + 0.1f : h->fluid_value,
            0.7f * falx * smooth(0.25f, 0.1f, fabsf(y)));
    v = mix(v, h->fluid_value, ventricles(h, view->height, x, y, soft + 0.01f));
    for (int i = 0; i < h->n_spots; i++) {
        const struct spot *s = &h->spots[i];
        float dx = x - s->x - 0.05f * view->height, dy = y - s->y + 0.07f * view->height;
        v += s->value * ellipse(dx, dy, s->radius, s->radius, soft + 0.01f);
    }
    /* The lesion is cut off-centre by slices above and below its middle. */
    float size = sqrtf(1 - 0.6f * view->height * view->height);
    if (l->class == PHANTOM_RING || l->class == PHANTOM_SOLID)
        v = draw_mass(h, l, size, x, y, v, soft);
    if (l->class == PHANTOM_INFARCT)
        v = draw_infarct(h, l, size, radius, x, y, v);
    return v;
}

/* What surrounds a mass is pushed outward. */
static void push_aside(const struct lesion *l, float *x, float *y)
{
    if (l->class != PHANTOM_RING && l->class != PHANTOM_SOLID)
        return;
    float dx = *x - l->x, dy = *y - l->y, d = hypotf(dx, dy) + 1e-6f;
    float reach = 2 * l->radius, amount = l->push * expf(-(d * d) / (2 * reach * reach));
    *x -= dx / d * amount;
    *y -= dy / d * amount;
}

static float draw_point(const struct head *h, const struct lesion *l, const struct view *view,
                        float x, float y, float soft)
{
    float radius = hypotf(x / h->width, y), angle = atan2f(y, x), outline = 1;
    for (int k = 0; k < 3; k++)
        outline += h->bumps[k] * cosf((float)(k + 2) * angle + h->bump_phase[k]);
    radius /= outline;
    if (radius > 1.1f)
        return 0.01f;
    float v = mix(0.01f, h->skin_value, smooth(0, soft, 1 - radius));
    v = mix(v, h->bone_value, smooth(0, soft, h->bone - radius));
    v = mix(v, h->fluid_value, smooth(0, soft, h->gap + 0.015f - radius));
    if (radius < h->gap + 0.02f) {
        float px = x, py = y;
        push_aside(l, &px, &py);
        v = mix(v, draw_brain(h, l, view, radius, px, py, soft), smooth(0, soft, h->gap - radius));
    }
    return v;
}

/* The magnitude of a complex signal with noise in both parts (Rice), after the field of the coil.
 */
static void measure(const struct view *v, struct picture *p, struct thaw_rng *r)
{
    for (int i = 0; i < p->height; i++)
        for (int j = 0; j < p->width; j++) {
            float *value = &p->values[(size_t)i * (size_t)p->width + (size_t)j];
            float x = 2 * (float)j / (float)p->width - 1, y = 2 * (float)i / (float)p->height - 1;
            float bias = 1 + v->bias_x * x + v->bias_y * y + v->bias_xy * x * y +
                         v->bias_rr * (x * x + y * y - 0.5f);
            float real = *value * bias + v->noise * thaw_rng_normal(r);
            float imaginary = v->noise * thaw_rng_normal(r);
            *value = hypotf(real, imaginary);
        }
}

/* One pass of a (b, 1-2b, b) filter along rows or columns. */
static void blur(struct picture *p, float b, bool rows)
{
    size_t step = rows ? 1 : (size_t)p->width;
    int lines = rows ? p->height : p->width, length = rows ? p->width : p->height;
    for (int line = 0; line < lines; line++) {
        float *v = p->values + (rows ? (size_t)line * (size_t)p->width : (size_t)line);
        float before = v[0];
        for (int i = 1; i + 1 < length; i++) {
            float *at = v + (size_t)i * step, here = *at;
            *at = b * (before + at[step]) + (1 - 2 * b) * here;
            before = here;
        }
    }
}

static void burn_marker(struct picture *p, int corner, float value)
{
    static const char *const letter[7] = {"####.", "#...#", "#...#", "####.",
                                          "#.#..", "#..#.", "#...#"};
    int dot = 2, left = corner & 1 ? p->width - 8 * dot : 3 * dot;
    int top = corner & 2 ? p->height - 10 * dot : 3 * dot;
    for (int y = 0; y < 7 * dot; y++)
        for (int x = 0; x < 5 * dot; x++)
            if (letter[y / dot][x / dot] == '#')
                p->values[(size_t)(top + y) * (size_t)p->width + (size_t)(left + x)] = value;
}

static void window(const struct view *v, struct picture *p)
{
    size_t n = (size_t)p->width * (size_t)p->height;
    for (size_t i = 0; i < n; i++) {
        float t = fminf(fmaxf((p->values[i] - v->low) / (v->high - v->low), 0), 1);
        p->values[i] = powf(t, v->gamma);
    }
}

static void render(const struct head *h, const struct lesion *l, const struct view *view,
                   struct picture *p)
{
    float half = 0.5f * (float)(p->width < p->height ? p->width : p->height);
    float c = cosf(view->turn), s = sinf(view->turn), scale = view->scale;
    float cut = sqrtf(1 - 0.25f * view->height * view->height); /* the head narrows upward */
    float soft = 1.5f / (half * scale);
    for (int i = 0; i < p->height; i++)
        for (int j = 0; j < p->width; j++) {
            float x = ((float)j + 0.5f - 0.5f * (float)p->width) / half - view->x;
            float y = ((float)i + 0.5f - 0.5f * (float)p->height) / half - view->y;
            float u = (x * c + y * s) / (scale * cut) * view->squeeze;
            float v = (-x * s + y * c) / (scale * cut);
            p->values[(size_t)i * (size_t)p->width + (size_t)j] =
                draw_point(h, l, view, u, v, soft);
        }
}

int phantom_draw(struct picture *picture, uint64_t seed, uint32_t patient, uint32_t slice,
                 uint32_t slices, enum phantom_class class, struct thaw_error *err)
{
    struct head *h = thaw_new(1, sizeof *h, err);
    if (!h)
        return -1;
    struct lesion l = {0};
    struct view v;
    struct thaw_rng r = thaw_rng_at(seed, 0, patient, STREAM_HEAD);
    draw_head(h, &r);
    r = thaw_rng_at(seed, 0, patient, STREAM_LESION);
    draw_lesion(&l, h, class, &r);
    r = thaw_rng_at(seed, slice, patient, STREAM_SLICE);
    draw_view(&v, slice, slices, &r);
    picture->width = 180 + (int)thaw_rng_below(&r, 241);
    float ratio = thaw_rng_uniform(&r, 0.85f, 1.18f);
    picture->height = (int)lrintf(fminf(fmaxf((float)picture->width * ratio, 180), 420));
    size_t n = (size_t)picture->width * (size_t)picture->height;
    picture->values = thaw_new(n, sizeof *picture->values, err);
    if (picture->values) {
        render(h, &l, &v, picture);
        r = thaw_rng_at(seed, slice, patient, STREAM_NOISE);
        measure(&v, picture, &r);
        blur(picture, v.blur, true);
        blur(picture, v.blur, false);
        window(&v, picture);
        if (v.marker >= 0)
            burn_marker(picture, v.marker, 0.9f);
    }
    free(h);
    return picture->values ? 0 : -1;
}
