/* Fuzz target: the reader of tables, and that what it read comes back when it is written again.
 * With driver.c, or with libFuzzer. */
#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/csv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_field(FILE *to, const char *text)
{
    putc('"', to);
    for (; *text; text++) {
        if (*text == '"')
            putc('"', to);
        putc(*text, to);
    }
    putc('"', to);
}

/* All records, quoted throughout, after one that tells the separator; NULL where they are refused.
 */
static char *rewrite(const void *data, size_t size, size_t *got, bool again)
{
    struct thaw_csv csv;
    struct thaw_error err = {0};
    char *text = NULL;
    int rc;
    if (thaw_csv_open(&csv, data, size, "input", &err)) {
        assert(err.text[0]);
        return NULL;
    }
    FILE *to = open_memstream(&text, got);
    assert(to);
    fputs("x,x\n", to);
    if (again)
        assert(thaw_csv_next(&csv, &err) == 1 && csv.n_fields == 2);
    while ((rc = thaw_csv_next(&csv, &err)) > 0)
        for (size_t i = 0; i < csv.n_fields; i++) {
            write_field(to, csv.fields[i]);
            putc(i + 1 < csv.n_fields ? ',' : '\n', to);
        }
    fclose(to);
    assert(rc == 0 || err.text[0]);
    assert(csv.n_fields <= size + 1 && csv.line <= size + 1);
    thaw_csv_release(&csv);
    if (rc) {
        free(text);
        return NULL;
    }
    return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t n, m;
    char *once = rewrite(data, size, &n, false);
    char *twice = once ? rewrite(once, n, &m, true) : NULL;
    if (once)
        assert(twice && n == m && memcmp(once, twice, n) == 0);
    free(once);
    free(twice);
    return 0;
}
