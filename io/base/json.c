#include "io/base/json.h"

#include <stdio.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "io/base/file.h"

enum { LARGEST_FILE = 256 << 20 };

json_t *thaw_json_parse(const char *text, size_t size, const char *where, struct thaw_error *err)
{
    json_error_t why;
    json_t *value = json_loadb(text, size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &why);
    if (!value)
        thaw_fail(err, THAW_EINPUT, "%s: not valid JSON at line %d, column %d: %s", where, why.line,
                  why.column, why.text);
    return value;
}

json_t *thaw_json_load(const char *path, struct thaw_error *err)
{
    unsigned char *data;
    size_t size;
    if (thaw_file_read(path, LARGEST_FILE, &data, &size, err))
        return NULL;
    json_t *value = thaw_json_parse((const char *)data, size, path, err);
    free(data);
    return value;
}

char *thaw_json_text(const json_t *value, struct thaw_error *err)
{
    char *text = json_dumps(value, JSON_ENSURE_ASCII | JSON_COMPACT | JSON_ENCODE_ANY);
    if (!text)
        thaw_fail(err, THAW_EINPUT, "a JSON value cannot be written (not a number in it?)");
    return text;
}

/* The decimal with so many digits, read again. */
static double rounded(float x, int digits)
{
    char text[32];
    snprintf(text, sizeof text, "%.*g", digits, (double)x);
    return strtod(text, NULL);
}

int thaw_float_digits(float x)
{
    int digits = 6;
    while (digits < 9 && (float)rounded(x, digits) != x)
        digits++;
    return digits;
}

json_t *thaw_json_float(float x)
{
    return json_real(rounded(x, thaw_float_digits(x)));
}

json_t *thaw_json_number(double x)
{
    return isfinite(x) ? json_real(x) : json_null();
}

int thaw_json_save(const char *path, const json_t *value, struct thaw_error *err)
{
    char *text = json_dumps(value, JSON_INDENT(2) | JSON_REAL_PRECISION(9) | JSON_ENCODE_ANY);
    if (!text)
        return thaw_fail(err, THAW_EINPUT, "%s: a value in it is not a number", path);
    size_t used = strlen(text);
    text[used] = '\n'; /* the terminating zero is not written */
    int rc = thaw_file_write(path, text, used + 1, err);
    free(text);
    return rc;
}
