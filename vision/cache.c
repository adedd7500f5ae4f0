#include "vision/cache.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "io/base/mem.h"

struct thaw_cache {
    size_t n, limit;
    atomic_size_t bytes;
    _Atomic(struct thaw_compact *) *pictures;
    size_t *sizes; /* bytes of each picture; written by whoever stored it */
};

struct thaw_cache *thaw_cache_create(size_t n, size_t limit, struct thaw_error *err)
{
    struct thaw_cache *cache = thaw_new(1, sizeof *cache, err);
    if (!cache)
        return NULL;
    cache->n = n;
    cache->limit = limit;
    if (!(cache->pictures = thaw_new(n, sizeof *cache->pictures, err)) ||
        !(cache->sizes = thaw_new(n, sizeof *cache->sizes, err))) {
        thaw_cache_free(cache);
        return NULL;
    }
    return cache;
}

void thaw_cache_free(struct thaw_cache *cache)
{
    if (!cache)
        return;
    for (size_t i = 0; cache->pictures && i < cache->n; i++)
        free(atomic_load(&cache->pictures[i]));
    free(cache->pictures);
    free(cache->sizes);
    free(cache);
}

const struct thaw_compact *thaw_cache_find(const struct thaw_cache *cache, size_t i)
{
    return atomic_load_explicit(&cache->pictures[i], memory_order_acquire);
}

void thaw_cache_offer(struct thaw_cache *cache, size_t i, const struct thaw_image *image)
{
    if (thaw_cache_find(cache, i))
        return;
    size_t bytes = thaw_compact_bytes(image), before = atomic_fetch_add(&cache->bytes, bytes);
    bool fits = before <= cache->limit && bytes <= cache->limit - before;
    struct thaw_compact *copy = fits ? thaw_compact_create(image, NULL) : NULL, *none = NULL;
    /* An image may stand in an epoch twice: of two threads that bring it, one keeps it. */
    if (copy && atomic_compare_exchange_strong(&cache->pictures[i], &none, copy)) {
        cache->sizes[i] = bytes;
        return;
    }
    free(copy);
    atomic_fetch_sub(&cache->bytes, bytes);
}

void thaw_cache_drop(struct thaw_cache *cache, const bool *drop)
{
    size_t kept = 0;
    for (size_t i = 0; i < cache->n; i++) {
        struct thaw_compact *picture = atomic_load(&cache->pictures[i]);
        if (drop[i]) {
            free(picture);
            if (picture)
                atomic_fetch_sub(&cache->bytes, cache->sizes[i]);
        } else {
            cache->sizes[kept] = cache->sizes[i];
            atomic_store(&cache->pictures[kept++], picture);
        }
    }
    for (size_t i = kept; i < cache->n; i++)
        atomic_store(&cache->pictures[i], NULL);
    cache->n = kept;
}

size_t thaw_cache_bytes(const struct thaw_cache *cache)
{
    return atomic_load(&cache->bytes);
}
