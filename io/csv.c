#include "io/csv.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "io/base/file.h"
#include "io/base/mem.h"

enum { LARGEST = 1 << 30 };

static char find_separator(const char *text)
{
    bool quoted = false;
    for (; *text && (quoted || (*text != '\n' && *text != '\r')); text++)
        if (*text == '"')
            quoted = !quoted;
        else if (!quoted && strchr(",;\t", *text))
            return *text;
    return ',';
}

/* Takes `text` over; a zero byte follows it. */
static int begin(struct thaw_csv *csv, char *text, size_t size, const char *name,
                 struct thaw_error *err)
{
    static const char mark[] = "\xef\xbb\xbf";
    *csv = (struct thaw_csv){.text = text, .size = size, .next_line = 1};
    const char *zero = memchr(text, 0, size);
    bool wide = size >= 2 && (memcmp(text, "\xff\xfe", 2) == 0 || memcmp(text, "\xfe\xff", 2) == 0);
    size_t lines = 1;
    for (const char *c = text; zero && c < zero; c++)
        lines += *c == '\n';
    if (wide)
        thaw_fail(err, THAW_EINPUT, "%s: is written in UTF-16; save it as CSV in UTF-8", name);
    else if (zero)
        thaw_fail(err, THAW_EINPUT, "%s:%zu: holds a zero byte: this is no table of text", name,
                  lines);
    else if ((csv->name = thaw_strdup(name, err))) {
        csv->at = strncmp(text, mark, 3) == 0 ? 3 : 0;
        csv->separator = find_separator(text + csv->at);
        return 0;
    }
    thaw_csv_release(csv);
    return -1;
}

int thaw_csv_load(struct thaw_csv *csv, const char *path, struct thaw_error *err)
{
    unsigned char *data;
    size_t size;
    *csv = (struct thaw_csv){0};
    return thaw_file_read(path, LARGEST, &data, &size, err)
               ? -1
               : begin(csv, (char *)data, size, path, err);
}

int thaw_csv_open(struct thaw_csv *csv, const void *data, size_t size, const char *name,
                  struct thaw_error *err)
{
    *csv = (struct thaw_csv){0};
    char *text = thaw_new(size + 1, 1, err);
    if (!text)
        return -1;
    memcpy(text, data, size);
    return begin(csv, text, size, name, err);
}

void thaw_csv_release(struct thaw_csv *csv)
{
    free(csv->name);
    free(csv->text);
    free(csv->fields);
    *csv = (struct thaw_csv){0};
}

/* Past the end of the line that begins at `at`. */
static void end_line(struct thaw_csv *csv)
{
    csv->at += csv->text[csv->at] == '\r' && csv->text[csv->at + 1] == '\n';
    csv->at++;
    csv->next_line++;
}

/* The rest of a field whose opening quote is read, moved to `to` without its quotes. */
static int read_quoted(struct thaw_csv *csv, char *to, struct thaw_error *err)
{
    const char *text = csv->text;
    size_t begun = csv->next_line;
    for (;; csv->at++) {
        char c = text[csv->at];
        if (csv->at >= csv->size)
            return thaw_fail(err, THAW_EINPUT,
                             "%s:%zu: the quote that begins a field is not closed", csv->name,
                             begun);
        if (c == '"' && text[++csv->at] != '"')
            break;
        csv->next_line += c == '\n' || (c == '\r' && text[csv->at + 1] != '\n');
        *to++ = c;
    }
    char after = text[csv->at];
    if (after && after != csv->separator && after != '\n' && after != '\r')
        return thaw_fail(err, THAW_EINPUT,
                         "%s:%zu: '%.1s' follows a closing quote; a quote within a quoted field is "
                         "written twice",
                         csv->name, csv->next_line, text + csv->at);
    *to = 0;
    return 0;
}

/* One field, with the separator behind it. *more: another one follows. */
static int read_field(struct thaw_csv *csv, bool *more, struct thaw_error *err)
{
    char *start = csv->text + csv->at;
    if (thaw_grow(&csv->fields, &csv->cap, csv->n_fields + 1, sizeof *csv->fields, err))
        return -1;
    bool quoted = *start == '"';
    csv->at += quoted;
    if (quoted && read_quoted(csv, start, err))
        return -1;
    while (!quoted && csv->text[csv->at] && csv->text[csv->at] != csv->separator &&
           csv->text[csv->at] != '\n' && csv->text[csv->at] != '\r')
        csv->at++;
    csv->fields[csv->n_fields++] = start;
    char *end = csv->text + csv->at;
    *more = *end == csv->separator;
    if (*more)
        csv->at++;
    else if (*end)
        end_line(csv);
    *end = 0; /* only now: it was the separator */
    return 0;
}

int thaw_csv_next(struct thaw_csv *csv, struct thaw_error *err)
{
    bool more = true;
    while (csv->text[csv->at] == '\n' || csv->text[csv->at] == '\r')
        end_line(csv);
    csv->n_fields = 0;
    csv->line = csv->next_line;
    if (csv->at >= csv->size)
        return 0;
    while (more)
        if (read_field(csv, &more, err))
            return -1;
    return 1;
}
