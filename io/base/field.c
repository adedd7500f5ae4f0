#include "io/base/field.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool bounded(const struct thaw_field *f)
{
    return f->max > f->min;
}

static bool inside(const struct thaw_field *f, double v)
{
    return !bounded(f) || (v >= f->min && v <= f->max);
}

/* What would be right, for error texts; unbounded sides are left out. */
static void wanted_text(const struct thaw_field *f, const char *noun, char *text, size_t size)
{
    if (bounded(f) && isfinite(f->min) && isfinite(f->max))
        snprintf(text, size, "%s from %g to %g", noun, f->min, f->max);
    else if (bounded(f) && isfinite(f->min))
        snprintf(text, size, "%s of at least %g", noun, f->min);
    else if (bounded(f))
        snprintf(text, size, "%s of at most %g", noun, f->max);
    else
        snprintf(text, size, "%s", noun);
}

/* The value as JSON text, cut to what fits an error line. */
static int fail_value(const struct thaw_field *f, const json_t *value, const char *what,
                      const char *wanted, struct thaw_error *err)
{
    char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(9));
    thaw_fail(err, THAW_EINPUT, "%s: %s is %.200s; wanted %s", what, f->key,
              text ? text : "not a JSON value", wanted);
    free(text);
    return -1;
}

static void put_number(const struct thaw_field *f, char *place, double v)
{
    int i = (int)(isfinite(v) ? v : 0), pair[2] = {i, i};
    float x = (float)v;
    bool b = v != 0;
    switch (f->type) {
    case THAW_FIELD_INT:
    case THAW_FIELD_CHOICE:
        memcpy(place, &i, sizeof i);
        break;
    case THAW_FIELD_FLOAT:
        memcpy(place, &x, sizeof x);
        break;
    case THAW_FIELD_BOOL:
        memcpy(place, &b, sizeof b);
        break;
    case THAW_FIELD_PAIR:
        memcpy(place, pair, sizeof pair);
        break;
    default:
        break;
    }
}

/* Whole numbers are also taken as 2.0: some writers turn every number into a real. */
static bool whole(const json_t *value, double *v)
{
    *v = json_number_value(value);
    return json_is_number(value) && *v == floor(*v) && *v >= INT_MIN && *v <= INT_MAX;
}

static int read_choice(const struct thaw_field *f, char *place, const json_t *value,
                       const char *what, struct thaw_error *err)
{
    char known[512] = "one of";
    for (int i = 0; f->choices[i]; i++) {
        if (json_is_string(value) && strcmp(json_string_value(value), f->choices[i]) == 0) {
            put_number(f, place, i);
            return 0;
        }
        size_t used = strlen(known);
        snprintf(known + used, sizeof known - used, "%s %s", i ? "," : "", f->choices[i]);
    }
    return fail_value(f, value, what, known, err);
}

static int read_pair(const struct thaw_field *f, char *place, const json_t *value, const char *what,
                     struct thaw_error *err)
{
    double a, b;
    bool good = json_is_array(value)
                    ? json_array_size(value) == 2 && whole(json_array_get(value, 0), &a) &&
                          whole(json_array_get(value, 1), &b)
                    : whole(value, &a);
    if (good && !json_is_array(value))
        b = a;
    if (good && inside(f, a) && inside(f, b)) {
        int pair[2] = {(int)a, (int)b};
        memcpy(place, pair, sizeof pair);
        return 0;
    }
    char wanted[160];
    wanted_text(f, "a whole number, or two in a list,", wanted, sizeof wanted);
    return fail_value(f, value, what, wanted, err);
}

static int read_number(const struct thaw_field *f, char *place, const json_t *value,
                       const char *what, struct thaw_error *err)
{
    double v;
    bool is_whole = whole(value, &v);
    bool good = f->type == THAW_FIELD_INT ? is_whole : json_is_number(value) && isfinite((float)v);
    if (good && inside(f, v)) {
        put_number(f, place, v);
        return 0;
    }
    char wanted[160];
    wanted_text(f, f->type == THAW_FIELD_INT ? "a whole number" : "a number", wanted,
                sizeof wanted);
    return fail_value(f, value, what, wanted, err);
}

static int read_bool(const struct thaw_field *f, char *place, const json_t *value, const char *what,
                     struct thaw_error *err)
{
    double v = json_is_boolean(value) ? json_is_true(value) : json_number_value(value);
    if (!json_is_boolean(value) && !(json_is_number(value) && (v == 0 || v == 1)))
        return fail_value(f, value, what, "true or false", err);
    put_number(f, place, v);
    return 0;
}

static int read_only(const struct thaw_field *f, const json_t *value, const char *what,
                     struct thaw_error *err)
{
    json_t *only = thaw_json_parse(f->only, strlen(f->only), f->key, err);
    if (!only)
        return -1;
    bool same = json_is_null(value) || json_equal(value, only);
    json_decref(only);
    return same ? 0 : fail_value(f, value, what, f->only, err);
}

static int read_field(const struct thaw_field *f, char *place, const json_t *value,
                      const char *what, struct thaw_error *err)
{
    if (f->type == THAW_FIELD_ONLY)
        return value ? read_only(f, value, what, err) : 0;
    if (!value && f->required)
        return thaw_fail(err, THAW_EINPUT, "%s: %s is missing", what, f->key);
    if (json_is_null(value) && f->nullable)
        value = NULL;
    if (f->type == THAW_FIELD_CUSTOM)
        return f->read(place, value, err) ? thaw_error_prefix(err, "%s: %s", what, f->key) : 0;
    put_number(f, place, f->preset);
    if (!value)
        return 0;
    switch (f->type) {
    case THAW_FIELD_BOOL:
        return read_bool(f, place, value, what, err);
    case THAW_FIELD_CHOICE:
        return read_choice(f, place, value, what, err);
    case THAW_FIELD_PAIR:
        return read_pair(f, place, value, what, err);
    default:
        return read_number(f, place, value, what, err);
    }
}

static int fail_unknown(const struct thaw_field *fields, const char *key, const json_t *value,
                        const char *what, struct thaw_error *err)
{
    char known[600] = "";
    for (const struct thaw_field *f = fields; f->type != THAW_FIELD_END; f++) {
        size_t used = strlen(known);
        snprintf(known + used, sizeof known - used, "%s%s", used ? ", " : "", f->key);
    }
    char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(9));
    thaw_fail(err, THAW_EINPUT, "%s: unknown key %.100s (%.150s); known are: %s", what, key,
              text ? text : "?", *known ? known : "none");
    free(text);
    return -1;
}

static bool listed(const struct thaw_field *fields, const char *const *ignored, const char *key)
{
    for (const struct thaw_field *f = fields; f->type != THAW_FIELD_END; f++)
        if (strcmp(f->key, key) == 0)
            return true;
    for (; ignored && *ignored; ignored++)
        if (strcmp(*ignored, key) == 0)
            return true;
    return false;
}

int thaw_fields_read(const struct thaw_field *fields, void *target, const json_t *object,
                     const char *const *ignored, const char *what, struct thaw_error *err)
{
    const char *key;
    json_t *value;
    if (object && !json_is_object(object))
        return thaw_fail(err, THAW_EINPUT, "%s: an object with named values was expected", what);
    json_object_foreach((json_t *)object, key, value)
    {
        if (!listed(fields, ignored, key))
            return fail_unknown(fields, key, value, what, err);
    }
    for (const struct thaw_field *f = fields; f->type != THAW_FIELD_END; f++)
        if (read_field(f, (char *)target + f->offset, json_object_get(object, f->key), what, err))
            return -1;
    return 0;
}

/* Presets that no value of the file could have stand for null. */
static bool means_null(const struct thaw_field *f, double v)
{
    double preset = f->type == THAW_FIELD_FLOAT ? (float)f->preset : f->preset;
    return f->nullable && v == preset &&
           (!isfinite(v) || !inside(f, v) || (f->type == THAW_FIELD_CHOICE && v < 0));
}

static json_t *field_value(const struct thaw_field *f, const char *place)
{
    int pair[2] = {0, 0};
    float x = 0;
    bool b = false;
    switch (f->type) {
    case THAW_FIELD_INT:
        memcpy(pair, place, sizeof(int));
        return means_null(f, pair[0]) ? json_null() : json_integer(pair[0]);
    case THAW_FIELD_CHOICE:
        memcpy(pair, place, sizeof(int));
        return means_null(f, pair[0]) ? json_null() : json_string(f->choices[pair[0]]);
    case THAW_FIELD_FLOAT:
        memcpy(&x, place, sizeof x);
        return means_null(f, (double)x) ? json_null() : thaw_json_float(x);
    case THAW_FIELD_BOOL:
        memcpy(&b, place, sizeof b);
        return json_boolean(b);
    case THAW_FIELD_PAIR:
        memcpy(pair, place, sizeof pair);
        return means_null(f, pair[0]) ? json_null() : json_pack("[ii]", pair[0], pair[1]);
    case THAW_FIELD_ONLY:
        return json_loads(f->only, JSON_DECODE_ANY, NULL);
    default:
        return NULL;
    }
}

int thaw_fields_write(const struct thaw_field *fields, const void *source, json_t *object,
                      struct thaw_error *err)
{
    for (const struct thaw_field *f = fields; f->type != THAW_FIELD_END; f++) {
        const char *place = (const char *)source + f->offset;
        bool custom = f->type == THAW_FIELD_CUSTOM;
        json_t *value = custom ? f->write(place) : field_value(f, place);
        if (!value && custom)
            continue;
        if (!value)
            return thaw_fail(err, THAW_EINPUT, "%s cannot be written: not a finite number", f->key);
        if (json_object_set_new(object, f->key, value))
            return thaw_fail(err, THAW_EMEMORY, "%s cannot be written: out of memory", f->key);
    }
    return 0;
}
