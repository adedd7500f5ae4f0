/* Pictures kept in memory between epochs, as they are after decoding and geometry (before
 * augmentation), in the compact form: later epochs cost only the augmentation, and the same bits
 * come out. */
#ifndef THAW_VISION_CACHE_H
#define THAW_VISION_CACHE_H

#include <stdbool.h>
#include <stddef.h>

#include "io/base/error.h"
#include "vision/compact.h"

struct thaw_cache;

/* For `n` images of one data set under one preprocessing record: both are the caller's to keep the
 * same. At most `limit` bytes of pictures; what comes later is not kept. */
struct thaw_cache *thaw_cache_create(size_t n, size_t limit, struct thaw_error *err);
void thaw_cache_free(struct thaw_cache *cache);

/* Image i, or NULL. Valid until thaw_cache_free or _drop. Any thread. */
const struct thaw_compact *thaw_cache_find(const struct thaw_cache *cache, size_t i);
/* Keeps a copy if there is room; not finding any is no error. Any thread. */
void thaw_cache_offer(struct thaw_cache *cache, size_t i, const struct thaw_image *image);

/* Follows thaw_dataset_drop. One thread. */
void thaw_cache_drop(struct thaw_cache *cache, const bool *drop);

size_t thaw_cache_bytes(const struct thaw_cache *cache);

#endif
