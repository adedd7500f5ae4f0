#include "tests/check.h"

#include <ftw.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/run.h"

enum { MOST_STRINGS = 4096 };
static char *strings[MOST_STRINGS]; /* kept reachable until the end */
static size_t n_strings;
static const char *skipped[MOST_STRINGS];
static size_t n_skipped;
static char *folder;

static const char *keep(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static const char *keep(const char *fmt, ...)
{
    char *text;
    va_list args;
    va_start(args, fmt);
    int n = vasprintf(&text, fmt, args);
    va_end(args);
    if (n < 0 || n_strings == MOST_STRINGS) {
        fprintf(stderr, "tests: no room for another string\n");
        exit(1);
    }
    return strings[n_strings++] = text;
}

CU_pSuite thaw_suite(const char *name)
{
    CU_pSuite suite = CU_add_suite(name, NULL, NULL);
    if (!suite) {
        fprintf(stderr, "tests: suite %s: %s\n", name, CU_get_error_msg());
        exit(1);
    }
    return suite;
}

void thaw_skip(const char *what)
{
    if (n_skipped < MOST_STRINGS)
        skipped[n_skipped++] = keep("%s", what);
}

size_t thaw_skips_print(void)
{
    for (size_t i = 0; i < n_skipped; i++)
        printf("skipped: %s\n", skipped[i]);
    return n_skipped;
}

const char *thaw_shared(const char *relative)
{
    const char *root = getenv("THAW_SHARED");
    if (!root || !*root)
        root = THAW_SOURCE_DIR "/../shared";
    const char *path = keep("%s/%s", root, relative);
    return access(path, R_OK) == 0 ? path : NULL;
}

const char *thaw_tmp(const char *name)
{
    if (!folder) {
        const char *root = getenv("TMPDIR");
        folder = strdup(keep("%s/thaw-tests-XXXXXX", root && *root ? root : "/tmp"));
        if (!folder || !mkdtemp(folder)) {
            perror("tests: temporary folder");
            exit(1);
        }
    }
    return keep("%s/%s", folder, name);
}

const char *thaw_ref(const char *name)
{
    return keep("%s/tests/refs/%s", THAW_SOURCE_DIR, name);
}

double thaw_distance(const float *a, const float *b, size_t n)
{
    double most = 0, scale = 0;
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(a[i]))
            return INFINITY;
        most = fmax(most, fabs((double)a[i] - (double)b[i]));
        scale = fmax(scale, fabs((double)b[i]));
    }
    return scale > 0 ? most / scale : most;
}

bool thaw_near(const float *a, const float *b, size_t n, double limit)
{
    double d = thaw_distance(a, b, n);
    if (d <= limit)
        return true;
    size_t worst = 0;
    for (size_t i = 1; i < n; i++)
        if (!(fabs((double)a[i] - (double)b[i]) <= fabs((double)a[worst] - (double)b[worst])))
            worst = i;
    printf("\n    distance %g > %g; largest at %zu of %zu: %.9g, wanted %.9g\n", d, limit, worst, n,
           (double)a[worst], (double)b[worst]);
    return false;
}

bool thaw_says(const struct thaw_error *err, ...)
{
    va_list args;
    bool all = true;
    va_start(args, err);
    for (const char *part; (part = va_arg(args, const char *));)
        all = all && strstr(err->text, part);
    va_end(args);
    if (!all)
        printf("\n    the error says: %s\n", err->text);
    return all;
}

int thaw_told(int rc, const struct thaw_error *err)
{
    if (rc)
        printf("\n    %s\n", err->text);
    return rc;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *where)
{
    (void)st, (void)type, (void)where;
    return remove(path);
}

void thaw_check_release(void)
{
    if (folder)
        nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    free(folder);
    folder = NULL;
    while (n_strings > 0)
        free(strings[--n_strings]);
    n_skipped = 0;
}
