/* What was found, for programs and for the eye. */
#include <stdlib.h>
#include <string.h>

#include "apps/check.h"
#include "apps/text.h"
#include "io/base/file.h"
#include "io/base/mem.h"
#include "vision/preprocess.h"
#include "vision/sheet.h"

static const char *path_of(const struct thaw_check *c, size_t i)
{
    return c->images[i].image->path;
}

static const char *part_of(const struct thaw_check *c, size_t i)
{
    return c->divided ? thaw_part_names[c->images[i].part] : "";
}

/* --- JSON --- */

static json_t *classes_json(const struct thaw_dataset *data)
{
    json_t *list = json_array();
    for (int k = 0; k < data->n_classes; k++) {
        json_int_t n = 0;
        for (size_t i = 0; i < data->n; i++)
            n += thaw_dataset_has(data, i, k);
        json_array_append_new(
            list, json_pack("{s:o, s:I}", "name", thaw_text_json(data->classes[k]), "images", n));
    }
    return list;
}

static json_t *parts_json(const struct thaw_check *c)
{
    json_t *parts = json_array();
    for (int p = 0; p < THAW_CHECK_PARTS; p++) {
        const struct thaw_dataset *data = &c->sets[p];
        if (!data->n)
            continue;
        json_t *part = json_pack(
            "{s:s, s:o, s:I, s:o, s:I, s:I}", "name", c->divided ? thaw_part_names[p] : "all",
            "folder", thaw_text_json(data->root), "images", (json_int_t)data->n,
            c->by_label ? "labels" : "classes", classes_json(data), "copies_of_earlier_parts",
            (json_int_t)c->leaks[p], "patients_of_earlier_parts", (json_int_t)c->patients[p]);
        json_array_append_new(parts, part);
    }
    return parts;
}

static json_t *unreadable_json(const struct thaw_check *c)
{
    json_t *list = json_array();
    for (int p = 0; p < THAW_CHECK_PARTS; p++)
        for (size_t i = 0; i < c->sets[p].n_lost; i++)
            json_array_append_new(
                list, json_pack("{s:o, s:o}", "file", thaw_text_json(c->sets[p].lost[i].place),
                                "reason", thaw_text_json(c->sets[p].lost[i].reason)));
    for (size_t i = 0; i < c->n; i++)
        if (c->survey.sights[i].reason)
            json_array_append_new(list,
                                  json_pack("{s:o, s:o}", "file", thaw_text_json(path_of(c, i)),
                                            "reason", thaw_text_json(c->survey.sights[i].reason)));
    return list;
}

static json_t *pairs_json(const struct thaw_check *c)
{
    json_t *list = json_array();
    for (size_t i = 0; i < c->n_pairs; i++) {
        const struct thaw_check_pair *p = &c->pairs[i];
        json_array_append_new(
            list, json_pack("{s:o, s:o, s:f, s:b, s:b, s:b, s:b}", "a",
                            thaw_text_json(path_of(c, p->a)), "b", thaw_text_json(path_of(c, p->b)),
                            "correlation", (double)p->alike, "same_pixels", p->equal, "mirrored",
                            p->mirrored, "leak", p->leak, "conflict", p->conflict));
    }
    return list;
}

/* {"images", "right", "right_by_guessing", "telling", "rule"}: each range of the rule names a
 * class, or by label tells whether it holds. */
static json_t *giveaway_json(const struct thaw_check *c, enum thaw_check_property property,
                             const struct thaw_check_giveaway *g)
{
    json_t *rule = json_array();
    for (size_t k = 0; k < g->rule.n_cells; k++) {
        const struct thaw_giveaway_cell *cell = &g->rule.cells[k];
        char lo[64], hi[64];
        thaw_check_property_text(property, cell->lo, lo, sizeof lo);
        thaw_check_property_text(property, cell->hi, hi, sizeof hi);
        json_array_append_new(
            rule, json_pack("{s:s, s:s, s:o, s:I, s:I}", "from", lo, "to", hi,
                            c->by_label ? "holds" : "class",
                            c->by_label ? json_boolean(cell->label)
                                        : thaw_text_json(c->sets[0].classes[cell->label]),
                            "images", (json_int_t)cell->n, "right", (json_int_t)cell->right));
    }
    return json_pack("{s:I, s:I, s:I, s:b, s:o}", "images", (json_int_t)g->rule.n, "right",
                     (json_int_t)g->rule.right, "right_by_guessing", (json_int_t)g->rule.guessed,
                     "telling", g->telling, "rule", rule);
}

/* Of classes with the giveaway itself; by label with one for each of "labels". */
static json_t *property_json(const struct thaw_check *c, enum thaw_check_property property)
{
    const struct thaw_check_values *v = &c->values[property];
    json_t *one = json_pack("{s:s}", "property", thaw_check_property_name(property));
    json_t *values = json_array(), *labels = json_array();
    char text[64];
    for (size_t k = 0; k < v->n && property <= THAW_CHECK_COLOUR; k++) {
        thaw_check_property_text(property, v->list[k].value, text, sizeof text);
        json_array_append_new(
            values, json_pack("{s:s, s:I}", "value", text, "images", (json_int_t)v->list[k].n));
    }
    for (int q = 0; q < c->n_asked; q++) {
        json_t *giveaway = giveaway_json(c, property, &c->giveaways[q][property]);
        if (c->by_label) {
            json_object_set_new(giveaway, "name", thaw_text_json(c->sets[0].classes[q]));
            json_array_append(labels, giveaway);
        } else {
            json_object_update(one, giveaway);
        }
        json_decref(giveaway);
    }
    if (c->by_label)
        json_object_set(one, "labels", labels);
    json_decref(labels);
    json_object_set_new(one, "values", values);
    return one;
}

static json_t *properties_json(const struct thaw_check *c)
{
    json_t *all = json_array();
    for (int p = 0; p < THAW_CHECK_PROPERTIES; p++)
        json_array_append_new(all, property_json(c, (enum thaw_check_property)p));
    return all;
}

json_t *thaw_check_json(const struct thaw_check *c)
{
    return json_pack(
        "{s:o, s:I, s:b, s:b, s:I, s:o, s:o, s:I, s:I, s:I, s:o, s:o, s:o}", "data",
        thaw_text_json(c->root), "images", (json_int_t)c->n, "divided", c->divided, "multi_label",
        c->by_label, "severe", (json_int_t)c->severe, "parts", parts_json(c), "unreadable",
        unreadable_json(c), "blank", (json_int_t)c->blank, "repeated", (json_int_t)c->repeated,
        "conflicts", (json_int_t)c->conflicts, "pairs", pairs_json(c), "patients",
        c->groups ? thaw_text_json(c->groups) : json_null(), "properties", properties_json(c));
}

/* --- CSV --- */

int thaw_check_csv(const char *path, const struct thaw_check *c, struct thaw_error *err)
{
    struct thaw_replace file;
    FILE *to = thaw_replace_open(&file, path, err);
    if (!to)
        return -1;
    fputs("a,b,correlation,same_pixels,mirrored,part_a,part_b,class_a,class_b\n", to);
    for (size_t i = 0; i < c->n_pairs; i++) {
        const struct thaw_check_pair *p = &c->pairs[i];
        thaw_csv_field(to, path_of(c, p->a));
        fputc(',', to);
        thaw_csv_field(to, path_of(c, p->b));
        fprintf(to, ",%.4f,%d,%d,%s,%s,", (double)p->alike, p->equal, p->mirrored, part_of(c, p->a),
                part_of(c, p->b));
        thaw_csv_field(to, thaw_check_kind(c, p->a));
        fputc(',', to);
        thaw_csv_field(to, thaw_check_kind(c, p->b));
        fputc('\n', to);
    }
    return thaw_replace_close(&file, to, 0, err);
}

/* --- contact sheet --- */

enum { TILE = 160, GAP = 4, WIDE = 2 * TILE + GAP, MOST_PAIRS = 160 };

/* One picture of a pair into its half of a tile. */
static int draw_half(const struct thaw_check *c, size_t image, float *tile, int left,
                     struct thaw_error *err)
{
    struct thaw_preprocess p;
    struct thaw_pixels pixels;
    struct thaw_image picture;
    const struct thaw_decode_hint hint = {.min_width = TILE, .min_height = TILE, .frame = c->frame};
    if (thaw_preprocess_init(&p, "none", TILE, TILE, err) ||
        thaw_pixels_load(&pixels, path_of(c, image), &hint, err))
        return -1;
    p.fit = THAW_FIT_LETTERBOX;
    thaw_preprocess_show(&p, &pixels);
    int rc = thaw_preprocess_geometry(&p, &pixels, &picture, err);
    for (int y = 0; rc == 0 && y < TILE; y++)
        memcpy(tile + (y * WIDE + left) * 3, picture.data + y * TILE * 3, TILE * 3 * sizeof *tile);
    thaw_pixels_release(&pixels);
    if (rc == 0)
        thaw_image_release(&picture);
    return rc;
}

static char *title_of(const struct thaw_check *c, const struct thaw_check_pair *p,
                      struct thaw_error *err)
{
    return thaw_format(err, "%s%.3f%s %s %s / %s %s", p->equal ? "same " : "", (double)p->alike,
                       p->mirrored ? " mirrored" : "", part_of(c, p->a), thaw_check_kind(c, p->a),
                       part_of(c, p->b), thaw_check_kind(c, p->b));
}

static const char *stem_of(const struct thaw_check *c, size_t i)
{
    const char *slash = strrchr(path_of(c, i), '/');
    return slash ? slash + 1 : path_of(c, i);
}

int thaw_check_sheet(const char *path, const struct thaw_check *c, struct thaw_error *err)
{
    size_t n = c->n_pairs < MOST_PAIRS ? c->n_pairs : MOST_PAIRS;
    float *tiles = thaw_new(n, (size_t)WIDE * TILE * 3 * sizeof *tiles, err);
    char **titles = thaw_new(n, sizeof *titles, err), **names = thaw_new(n, sizeof *names, err);
    int rc = -1;
    if (!tiles || !titles || !names)
        goto done;
    for (size_t i = 0; i < n; i++) {
        const struct thaw_check_pair *p = &c->pairs[i];
        float *tile = tiles + i * WIDE * TILE * 3;
        for (int k = 0; k < WIDE * TILE * 3; k++)
            tile[k] = 250;
        if (draw_half(c, p->a, tile, 0, err) || draw_half(c, p->b, tile, TILE + GAP, err) ||
            !(titles[i] = title_of(c, p, err)) ||
            !(names[i] = thaw_format(err, "%s = %s", stem_of(c, p->a), stem_of(c, p->b))))
            goto done;
    }
    rc = thaw_sheet_save(path, tiles, n, TILE, WIDE, 3, (const char *const *)titles,
                         (const char *const *)names, err);
done:
    for (size_t i = 0; titles && names && i < n; i++) {
        free(titles[i]);
        free(names[i]);
    }
    free(tiles);
    free(titles);
    free(names);
    return rc;
}
