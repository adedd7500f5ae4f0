#include "vision/augment.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/base/mem.h"

#define SPACES " \t\n"

static const struct thaw_augmentation *find_op(const char *name, struct thaw_error *err)
{
    char known[512] = "";
    size_t used = 0;
    for (const struct thaw_augmentation *const *a = thaw_augmentations; *a; a++) {
        if (strcmp((*a)->name, name) == 0)
            return *a;
        int wrote = snprintf(known + used, sizeof known - used, " %s", (*a)->name);
        used += wrote > 0 && (size_t)wrote < sizeof known - used ? (size_t)wrote : 0;
    }
    thaw_fail(err, THAW_EUSAGE,
              "augmentation: unknown operation '%.80s'; known are%s (or none, "
              "default)",
              name, known);
    return NULL;
}

/* Cuts spaces off both ends, in place. */
static char *trim(char *text)
{
    text += strspn(text, SPACES);
    size_t n = strlen(text);
    while (n && strchr(SPACES, text[n - 1]))
        text[--n] = 0;
    return text;
}

/* `item` is key=value. */
static int read_value(const char *op, char *item, json_t *object, struct thaw_error *err)
{
    char *equals = strchr(item, '='), *end;
    if (!equals)
        return thaw_fail(err, THAW_EUSAGE,
                         "augmentation %s: '%.80s' is no key=value, e.g. rotate:deg=10", op, item);
    *equals = 0;
    char *key = trim(item), *text = trim(equals + 1);
    double value = strtod(text, &end);
    /* NaN and infinity are refused with the texts that are no numbers. */
    if (end == text || *end || !(value - value == 0))
        return thaw_fail(err, THAW_EUSAGE, "augmentation %s: %.80s is '%.80s', no number", op, key,
                         text);
    if (json_object_get(object, key))
        return thaw_fail(err, THAW_EUSAGE, "augmentation %s: %.80s is given twice", op, key);
    if (json_object_set_new(object, key, json_real(value)))
        return thaw_fail(err, THAW_EUSAGE, "augmentation %s: '%.80s' is no name of a field", op,
                         key);
    return 0;
}

/* Reads the collected fields of one operation into a new step. */
static int add_step(struct thaw_augment *augment, const struct thaw_augmentation *op,
                    const json_t *object, struct thaw_error *err)
{
    char what[64];
    struct thaw_augment_step *grown =
        realloc(augment->steps, (augment->n + 1) * sizeof *augment->steps);
    if (!grown)
        return thaw_fail(err, THAW_EMEMORY, "out of memory");
    augment->steps = grown;
    struct thaw_augment_step *step = &augment->steps[augment->n];
    *step = (struct thaw_augment_step){op, thaw_new(1, op->conf_size, err)};
    if (!step->conf)
        return -1;
    augment->n++;
    snprintf(what, sizeof what, "augmentation %s", op->name);
    if (thaw_fields_read(op->fields, step->conf, object, NULL, what, err)) {
        if (err)
            err->code = THAW_EUSAGE;
        return -1;
    }
    return 0;
}

static int parse_items(struct thaw_augment *augment, char *text, struct thaw_error *err)
{
    const struct thaw_augmentation *op = NULL;
    json_t *object = NULL;
    int rc = -1;
    for (char *item, *rest = text; (item = strsep(&rest, ","));) {
        item = trim(item);
        char *colon = strchr(item, ':'), *fields = colon ? colon + 1 : item;
        if (!*item) {
            thaw_fail(err, THAW_EUSAGE, "augmentation: an empty item; wanted is e.g. %s, or none",
                      "flip,rotate:deg=10");
            goto done;
        }
        if (colon || !strchr(item, '=')) { /* another operation begins */
            if (op && add_step(augment, op, object, err))
                goto done;
            json_decref(object);
            if (!(object = json_object())) {
                thaw_fail(err, THAW_EMEMORY, "out of memory");
                goto done;
            }
            if (colon)
                *colon = 0;
            else
                fields = NULL;
            if (!(op = find_op(trim(item), err)))
                goto done;
        } else if (!op) {
            thaw_fail(err, THAW_EUSAGE,
                      "augmentation: '%.80s' has no operation before it, e.g. rotate:deg=10", item);
            goto done;
        }
        if (fields && read_value(op->name, fields, object, err))
            goto done;
    }
    rc = add_step(augment, op, object, err);
done:
    json_decref(object);
    return rc;
}

int thaw_augment_parse(struct thaw_augment *augment, const char *text, struct thaw_error *err)
{
    static const char preset[] = "default",
                      meant[] = "flip:h=0.5,brightness:amount=0.1,contrast:amount=0.1";
    size_t length = sizeof preset - 1;
    *augment = (struct thaw_augment){0};
    text += strspn(text, SPACES);
    bool begins = strncmp(text, preset, length) == 0 && strchr("," SPACES, text[length]);
    char *copy = begins ? thaw_format(err, "%s%s", meant, text + length) : thaw_strdup(text, err);
    if (!copy)
        return -1;
    char *items = trim(copy);
    int rc = strcmp(items, "none") == 0 ? 0 : parse_items(augment, items, err);
    free(copy);
    if (rc)
        thaw_augment_release(augment);
    return rc;
}

char *thaw_augment_text(const struct thaw_augment *augment, struct thaw_error *err)
{
    if (augment->n == 0)
        return thaw_strdup("none", err);
    char *text = thaw_strdup("", err);
    for (size_t i = 0; text && i < augment->n; i++) {
        const struct thaw_augment_step *step = &augment->steps[i];
        char *longer = thaw_format(err, "%s%s%s", text, i ? "," : "", step->op->name);
        free(text);
        text = longer;
        for (const struct thaw_field *f = step->op->fields; text && f->key; f++) {
            float value;
            memcpy(&value, (const char *)step->conf + f->offset, sizeof value);
            longer = thaw_format(err, "%s%c%s=%.*g", text, f == step->op->fields ? ':' : ',',
                                 f->key, thaw_float_digits(value), (double)value);
            free(text);
            text = longer;
        }
    }
    return text;
}

void thaw_augment_release(struct thaw_augment *augment)
{
    for (size_t i = 0; i < augment->n; i++)
        free(augment->steps[i].conf);
    free(augment->steps);
    *augment = (struct thaw_augment){0};
}

static void warp(struct thaw_image *image, struct thaw_image *scratch, const struct thaw_warp *map)
{
    const struct thaw_warp identity = thaw_warp_identity();
    if (memcmp(map, &identity, sizeof identity) == 0)
        return;
    thaw_warp(image, map, scratch);
    float *kept = image->data;
    image->data = scratch->data;
    scratch->data = kept;
}

void thaw_augment_apply(const struct thaw_augment *augment, struct thaw_image *image,
                        struct thaw_image *scratch, uint64_t seed, uint32_t epoch, uint32_t index)
{
    struct thaw_warp map = thaw_warp_identity();
    bool pending = false;
    scratch->channels = image->channels;
    for (size_t i = 0; i < augment->n; i++) {
        const struct thaw_augment_step *step = &augment->steps[i];
        struct thaw_rng rng = thaw_rng_at(seed, epoch, index, (uint32_t)(THAW_RNG_AUGMENT + i));
        if (step->op->map) {
            map = thaw_warp_join(map, step->op->map(step->conf, image->width, image->height, &rng));
            pending = true;
            continue;
        }
        if (pending)
            warp(image, scratch, &map);
        map = thaw_warp_identity();
        pending = false;
        step->op->apply(step->conf, image, scratch, &rng);
    }
    if (pending)
        warp(image, scratch, &map);
}
