#include "apps/text.h"

#include <stdlib.h>
#include <string.h>

#include "io/base/file.h"
#include "io/base/mem.h"

static char *next_line(char **rest)
{
    char *line = *rest, *end = strchr(line, '\n');
    *rest = end ? end + 1 : line + strlen(line);
    if (end)
        *end = 0;
    size_t length = strlen(line);
    if (length && line[length - 1] == '\r')
        line[length - 1] = 0;
    return line;
}

char **thaw_labels_load(const char *path, int n, struct thaw_error *err)
{
    enum { MOST = 16 << 20 };
    unsigned char *data = NULL;
    size_t size = 0;
    int found = 0;
    if (thaw_file_read(path, MOST, &data, &size, err))
        return NULL;
    char **labels = thaw_new((size_t)n + 1, sizeof *labels, err), *rest = (char *)data;
    while (size && (rest[strlen(rest) - 1] == '\n' || rest[strlen(rest) - 1] == '\r') && rest[1])
        rest[strlen(rest) - 1] = 0; /* empty lines at the end */
    while (labels && *rest) {
        char *line = next_line(&rest);
        if (found < n && !(labels[found] = thaw_strdup(line, err)))
            goto fail;
        found++;
    }
    if (labels && found != n) {
        thaw_fail(err, THAW_EINPUT, "%s: %d lines; the network has %d classes, one line for each",
                  path, found, n);
        goto fail;
    }
    free(data);
    return labels;
fail:
    thaw_labels_free(labels, n);
    free(data);
    return NULL;
}

void thaw_labels_free(char **labels, int n)
{
    for (int i = 0; labels && i < n; i++)
        free(labels[i]);
    free(labels);
}

void thaw_csv_field(FILE *to, const char *text)
{
    if (!strpbrk(text, ",\"\r\n")) {
        fputs(text, to);
        return;
    }
    putc('"', to);
    for (; *text; text++) {
        if (*text == '"')
            putc('"', to);
        putc(*text, to);
    }
    putc('"', to);
}

json_t *thaw_text_json(const char *text)
{
    json_t *value = json_string(text);
    if (value)
        return value;
    char *escaped = malloc(4 * strlen(text) + 1), *to = escaped;
    for (const char *c = text; escaped && *c; c++)
        if ((unsigned char)*c < 128)
            *to++ = *c;
        else
            to += sprintf(to, "\\x%02x", (unsigned char)*c);
    if (escaped)
        *to = 0;
    value = escaped ? json_string(escaped) : NULL;
    free(escaped);
    return value;
}
