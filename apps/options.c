#include "apps/options.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apps/suggest.h"

enum { PAGE = 80, HELP_AT = 26 };

/* --- tables --- */

static bool is_end(const struct thaw_option *o)
{
    return !o->name && o->type < THAW_OPTION_HEADING;
}

/* One or two tables, gone through as one. */
struct tables {
    const struct thaw_option *first, *end, *more; /* the end of the first */
};

static struct tables join(const struct thaw_option *options, const struct thaw_option *more)
{
    struct tables t = {.first = options, .end = options, .more = more};
    while (!is_end(t.end))
        t.end++;
    return t;
}

static const struct thaw_option *after(const struct tables *t, const struct thaw_option *o)
{
    return o + 1 == t->end && t->more ? t->more : o + 1;
}

/* --- values --- */

static int fail_range(const struct thaw_option *o, const char *text, const char *what,
                      struct thaw_error *err)
{
    if (o->max > o->min)
        return thaw_fail(err, THAW_EUSAGE, "%s %s: needs %s, %g to %g", o->name, text, what, o->min,
                         o->max);
    return thaw_fail(err, THAW_EUSAGE, "%s %s: needs %s", o->name, text, what);
}

static bool in_range(const struct thaw_option *o, double value)
{
    return !(o->max > o->min) || (value >= o->min && value <= o->max);
}

static int set_int(const struct thaw_option *o, char *place, const char *text,
                   struct thaw_error *err)
{
    char *end;
    errno = 0;
    long value = strtol(text, &end, 10);
    if (errno || end == text || *end || !in_range(o, (double)value))
        return fail_range(o, text, "a whole number", err);
    memcpy(place, &value, sizeof value);
    return 0;
}

static int set_number(const struct thaw_option *o, char *place, const char *text,
                      struct thaw_error *err)
{
    char *end;
    double value = strtod(text, &end);
    if (end == text || *end || !isfinite(value) || !in_range(o, value))
        return fail_range(o, text, "a number", err);
    memcpy(place, &value, sizeof value);
    return 0;
}

/* K, M, G, T count in 1024s; a B or iB may follow. */
static int set_size(const struct thaw_option *o, char *place, const char *text,
                    struct thaw_error *err)
{
    static const char units[] = "KMGT";
    char *end;
    double value = strtod(text, &end);
    bool bad = end == text || !isfinite(value) || value < 0;
    const char *unit = *end ? strchr(units, toupper((unsigned char)*end)) : NULL;
    for (const char *u = units; unit && u <= unit; u++)
        value *= 1024;
    end += unit != NULL;
    bad |= *end && strcmp(end, "B") && strcmp(end, "iB");
    if (bad || value >= (double)SIZE_MAX || !in_range(o, value))
        return fail_range(o, text, "a size in bytes such as 65536, 512M or 2G", err);
    size_t size = (size_t)value;
    memcpy(place, &size, sizeof size);
    return 0;
}

static int set_value(const struct thaw_option *o, void *values, const char *text,
                     struct thaw_error *err)
{
    char *place = (char *)values + o->offset;
    bool yes = true;
    switch (o->type) {
    case THAW_OPTION_FLAG:
        memcpy(place, &yes, sizeof yes);
        return 0;
    case THAW_OPTION_TEXT:
        memcpy(place, &text, sizeof text);
        return 0;
    case THAW_OPTION_INT:
        return set_int(o, place, text, err);
    case THAW_OPTION_NUMBER:
        return set_number(o, place, text, err);
    case THAW_OPTION_SIZE:
        return set_size(o, place, text, err);
    case THAW_OPTION_HEADING:
    case THAW_OPTION_GIVEN:
        break;
    }
    return 0;
}

/* --- words --- */

static void note_given(const struct tables *t, const struct thaw_option *given, void *values)
{
    const struct thaw_option *table = t->first;
    for (const struct thaw_option *o = t->first; o != given; o = after(t, o))
        if (o + 1 == t->end)
            table = t->more;
    for (const struct thaw_option *o = table; !is_end(o); o++)
        if (o->type == THAW_OPTION_GIVEN) {
            struct thaw_given *all = (void *)((char *)values + o->offset);
            size_t entry = (size_t)(given - table);
            all->bits[entry / 64] |= UINT64_C(1) << entry % 64;
        }
}

static int fail_unknown(const struct tables *t, const char *word, size_t length,
                        struct thaw_error *err)
{
    char name[64];
    snprintf(name, sizeof name, "%.*s", (int)(length < 60 ? length : 60), word);
    struct thaw_suggest near = {.word = name};
    for (const struct thaw_option *o = t->first; !is_end(o); o = after(t, o))
        if (o->type < THAW_OPTION_HEADING)
            thaw_suggest_try(&near, o->name);
    if (near.best)
        return thaw_fail(err, THAW_EUSAGE, "unknown option %s; did you mean %s? (--help lists all)",
                         name, near.best);
    return thaw_fail(err, THAW_EUSAGE, "unknown option %s; --help lists those there are", name);
}

/* The option a word names; *value becomes what follows '=' or the letter, or NULL. */
static const struct thaw_option *find(const struct tables *t, const char *word, const char **value,
                                      struct thaw_error *err)
{
    bool is_long = word[1] == '-';
    size_t length = is_long ? strcspn(word, "=") : 2;
    *value = word[length] == '=' ? word + length + 1 : word[length] ? word + length : NULL;
    for (const struct thaw_option *o = t->first; !is_end(o); o = after(t, o)) {
        if (o->type >= THAW_OPTION_HEADING)
            continue;
        if (is_long ? strlen(o->name) == length && strncmp(word, o->name, length) == 0
                    : o->letter && o->letter == word[1])
            return o;
    }
    fail_unknown(t, word, is_long ? length : strlen(word), err);
    return NULL;
}

static int take(const struct tables *t, void *values, char **argv, int argc, int *i,
                struct thaw_error *err)
{
    const char *value;
    const struct thaw_option *o = find(t, argv[*i], &value, err);
    if (!o)
        return -1;
    if (o->type == THAW_OPTION_FLAG) {
        if (value)
            return thaw_fail(err, THAW_EUSAGE, "%s: %s takes no value", argv[*i], o->name);
    } else if (!value) {
        if (*i + 1 >= argc)
            return thaw_fail(err, THAW_EUSAGE, "%s needs a value: %s", o->name,
                             o->value ? o->value : "VALUE");
        value = argv[++*i];
    }
    note_given(t, o, values);
    return set_value(o, values, value, err);
}

int thaw_options_read(const struct thaw_option *options, const struct thaw_option *more,
                      void *values, int argc, char **argv, char **args, int *n_args, bool *help,
                      struct thaw_error *err)
{
    const struct tables tables = join(options, more), *t = &tables;
    bool words_only = false;
    *n_args = 0;
    *help = false;
    for (const struct thaw_option *o = t->first; !is_end(o); o = after(t, o))
        if (o->preset && set_value(o, values, o->preset, err))
            return -1;
    for (int i = 1; i < argc; i++) {
        if (words_only || argv[i][0] != '-' || !argv[i][1])
            args[(*n_args)++] = argv[i];
        else if (strcmp(argv[i], "--") == 0)
            words_only = true;
        else if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            *help = true;
            return 0; /* whatever else is there */
        } else if (take(t, values, argv, argc, &i, err))
            return -1;
    }
    args[*n_args] = NULL;
    return 0;
}

/* --- help --- */

/* Breaks the text at spaces; `column` is where the cursor stands. */
static void print_wrapped(const char *text, int column)
{
    for (const char *space = ""; *text; space = " ") {
        size_t word = strcspn(text, " ");
        if (column > HELP_AT && column + 1 + (int)word >= PAGE) {
            printf("\n%*s", HELP_AT, "");
            column = HELP_AT;
            space = "";
        }
        column += printf("%s%.*s", space, (int)word, text);
        text += word;
        while (*text == ' ')
            text++;
    }
    printf("\n");
}

void thaw_options_print(const struct thaw_option *options)
{
    for (const struct thaw_option *o = options; !is_end(o); o++) {
        char text[1200];
        if (o->type == THAW_OPTION_HEADING) {
            printf("\n%s\n", o->help);
            continue;
        }
        if (o->type == THAW_OPTION_GIVEN)
            continue;
        const char *value = o->type == THAW_OPTION_FLAG ? NULL : o->value ? o->value : "VALUE";
        int column = o->letter ? printf("  -%c, ", o->letter) : printf("      ");
        column += printf("%s%s%s", o->name, value ? " " : "", value ? value : "");
        if (column + 2 > HELP_AT) {
            printf("\n");
            column = 0;
        }
        printf("%*s", HELP_AT - column, "");
        if (o->preset)
            snprintf(text, sizeof text, "%s (default %s)", o->help, o->preset);
        else
            snprintf(text, sizeof text, "%s", o->help);
        print_wrapped(text, HELP_AT);
    }
}
