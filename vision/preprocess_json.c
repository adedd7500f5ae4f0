/* The preprocessing record as JSON. */
#include <string.h>

#include "io/base/field.h"
#include "vision/preprocess.h"

static const float whole_range[2] = {0, 65535}, usual_percentiles[2] = {1, 99};

static int read_numbers(float *out, size_t n, const json_t *value, const char *what,
                        struct thaw_error *err)
{
    bool good = json_is_array(value) && json_array_size(value) == n;
    for (size_t i = 0; good && i < n; i++) {
        good = json_is_number(json_array_get(value, i));
        out[i] = (float)json_number_value(json_array_get(value, i));
    }
    return good ? 0 : thaw_fail(err, THAW_EINPUT, "%s must be a list of %zu numbers", what, n);
}

static json_t *write_numbers(const float *in, size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++)
        if (json_array_append_new(list, json_real((double)in[i]))) {
            json_decref(list);
            return NULL;
        }
    return list;
}

static int read_range(void *place, const json_t *value, struct thaw_error *err)
{
    memcpy(place, whole_range, sizeof whole_range);
    return value ? read_numbers(place, 2, value, "range", err) : 0;
}

static json_t *write_range(const void *place)
{
    return write_numbers(place, 2);
}

static int read_percentiles(void *place, const json_t *value, struct thaw_error *err)
{
    memcpy(place, usual_percentiles, sizeof usual_percentiles);
    return value ? read_numbers(place, 2, value, "percentiles", err) : 0;
}

/* What older files lack is written only where it says something. */
static json_t *write_percentiles(const void *place)
{
    return memcmp(place, usual_percentiles, sizeof usual_percentiles) ? write_numbers(place, 2)
                                                                      : NULL;
}

static int read_three(void *place, const json_t *value, struct thaw_error *err)
{
    memset(place, 0, 3 * sizeof(float));
    return value ? read_numbers(place, 3, value, "mean and std each", err) : 0;
}

/* Zeros mean not given, and read as such. */
static json_t *write_three(const void *place)
{
    const float *three = place;
    return three[0] == 0 && three[1] == 0 && three[2] == 0 ? NULL : write_numbers(three, 3);
}

static int read_mode(void *place, const json_t *value, struct thaw_error *err)
{
    if (!json_is_string(value))
        return thaw_fail(err, THAW_EINPUT, "mode must be there and a name");
    int index = thaw_preprocess_find_mode(json_string_value(value), err);
    memcpy(place, &index, sizeof index);
    return index < 0 ? -1 : 0;
}

static json_t *write_mode(const void *place)
{
    int index;
    memcpy(&index, place, sizeof index);
    return json_string(thaw_preprocess_modes[index].name);
}

#define AT(member) offsetof(struct thaw_preprocess, member)
static const struct thaw_field fields[] = {
    {.key = "height", .type = THAW_FIELD_INT, .offset = AT(height), .required = true},
    {.key = "width", .type = THAW_FIELD_INT, .offset = AT(width), .required = true},
    {.key = "channels", .type = THAW_FIELD_INT, .offset = AT(channels), .preset = 3},
    {.key = "fit", .type = THAW_FIELD_CHOICE, .offset = AT(fit), .choices = thaw_fit_names},
    {.key = "mode",
     .type = THAW_FIELD_CUSTOM,
     .offset = AT(mode),
     .read = read_mode,
     .write = write_mode},
    {.key = "mean",
     .type = THAW_FIELD_CUSTOM,
     .offset = AT(mean),
     .read = read_three,
     .write = write_three},
    {.key = "std",
     .type = THAW_FIELD_CUSTOM,
     .offset = AT(std),
     .read = read_three,
     .write = write_three},
    {.key = "range",
     .type = THAW_FIELD_CUSTOM,
     .offset = AT(range),
     .read = read_range,
     .write = write_range},
    {.key = "intensity",
     .type = THAW_FIELD_CHOICE,
     .offset = AT(intensity),
     .choices = thaw_intensity_names},
    {.key = "percentiles",
     .type = THAW_FIELD_CUSTOM,
     .offset = AT(percentiles),
     .read = read_percentiles,
     .write = write_percentiles},
    {.key = "frame", .type = THAW_FIELD_INT, .offset = AT(frame)},
    {.key = "scaled_decode", .type = THAW_FIELD_BOOL, .offset = AT(scaled_decode), .preset = 1},
    {.key = "fill", .type = THAW_FIELD_FLOAT, .offset = AT(fill)},
    {.type = THAW_FIELD_END}};

int thaw_preprocess_read(struct thaw_preprocess *p, const json_t *object, struct thaw_error *err)
{
    memset(p, 0, sizeof *p);
    if (thaw_fields_read(fields, p, object, NULL, "preprocessing", err))
        return -1;
    return thaw_preprocess_check(p, err);
}

json_t *thaw_preprocess_write(const struct thaw_preprocess *p, struct thaw_error *err)
{
    json_t *object = json_object();
    if (!object) {
        thaw_fail(err, THAW_EMEMORY, "out of memory for the preprocessing record");
        return NULL;
    }
    if (thaw_fields_write(fields, p, object, err)) {
        json_decref(object);
        return NULL;
    }
    return object;
}
