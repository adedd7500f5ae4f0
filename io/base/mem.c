#include "io/base/mem.h"

#include <malloc.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { ALIGNMENT = 64, HUGE_PAGE = 2 << 20 };

bool thaw_mul(size_t a, size_t b, size_t *out)
{
    return !__builtin_mul_overflow(a, b, out);
}

bool thaw_count(const long *dims, int rank, size_t *out)
{
    *out = 1;
    for (int i = 0; i < rank; i++)
        if (dims[i] < 0 || !thaw_mul(*out, (size_t)dims[i], out))
            return false;
    return true;
}

static void *no_room(size_t n, size_t size, struct thaw_error *err)
{
    thaw_fail(err, THAW_EMEMORY, "out of memory: %zu x %zu bytes", n, size);
    return NULL;
}

void *thaw_new(size_t n, size_t size, struct thaw_error *err)
{
    void *p = calloc(n ? n : 1, size ? size : 1);
    return p ? p : no_room(n, size, err);
}

void *thaw_new_aligned(size_t n, size_t size, struct thaw_error *err)
{
    size_t bytes;
    if (!thaw_mul(n, size, &bytes) || bytes > SIZE_MAX - ALIGNMENT)
        return no_room(n, size, err);
    bytes = (bytes + ALIGNMENT) / ALIGNMENT * ALIGNMENT;
    void *p = aligned_alloc(ALIGNMENT, bytes);
    if (!p)
        return no_room(n, size, err);
    memset(p, 0, bytes);
    return p;
}

void thaw_reserve(size_t bytes)
{
    uintptr_t page = HUGE_PAGE;
    mallopt(M_MMAP_THRESHOLD, (int)bytes);
    mallopt(M_TRIM_THRESHOLD, (int)bytes);
    mallopt(M_TOP_PAD, (int)bytes);
    void *volatile more = malloc(HUGE_PAGE); /* than is left: the heap grows */
    free(more);
    uintptr_t end = (uintptr_t)sbrk(0), first = (end - bytes + page - 1) / page * page;
    if (first < end)
        madvise((void *)first, end - first, MADV_HUGEPAGE);
}

int thaw_grow(void *p, size_t *cap, size_t need, size_t size, struct thaw_error *err)
{
    if (need <= *cap)
        return 0;
    size_t want = *cap ? *cap : 8, bytes;
    while (want < need)
        if (!thaw_mul(want, 2, &want))
            return no_room(need, size, err), -1;
    void *old;
    memcpy(&old, p, sizeof old);
    void *grown = thaw_mul(want, size, &bytes) ? realloc(old, bytes) : NULL;
    if (!grown)
        return no_room(need, size, err), -1;
    memset((char *)grown + *cap * size, 0, (want - *cap) * size);
    memcpy(p, &grown, sizeof grown);
    *cap = want;
    return 0;
}

char *thaw_strdup(const char *text, struct thaw_error *err)
{
    return thaw_format(err, "%s", text);
}

char *thaw_format(struct thaw_error *err, const char *fmt, ...)
{
    char *text = NULL;
    va_list args;
    va_start(args, fmt);
    int n = vasprintf(&text, fmt, args);
    va_end(args);
    return n < 0 ? no_room(1, strlen(fmt), err) : text;
}
