#include "io/base/file.h"

#include <nettle/md5.h>
#include <nettle/nettle-meta.h>
#include <nettle/sha2.h>
#include <stdio.h>

union context {
    struct sha256_ctx sha256;
    struct md5_ctx md5;
};

static void finish(const struct nettle_hash *hash, union context *ctx, char text[THAW_HASH_TEXT])
{
    uint8_t digest[SHA256_DIGEST_SIZE];
    hash->digest(ctx, hash->digest_size, digest);
    for (size_t i = 0; i < hash->digest_size; i++)
        snprintf(text + 2 * i, 3, "%02x", digest[i]);
}

void thaw_hash_bytes(const void *data, size_t size, char text[THAW_HASH_TEXT])
{
    union context ctx;
    nettle_sha256.init(&ctx);
    nettle_sha256.update(&ctx, size, data);
    finish(&nettle_sha256, &ctx, text);
}

static int hash_file(const struct nettle_hash *hash, const char *path, char text[THAW_HASH_TEXT],
                     struct thaw_error *err)
{
    union context ctx;
    uint8_t block[1 << 16];
    FILE *f = fopen(path, "rb");
    if (!f)
        return thaw_fail_errno(err, "%s", path);
    hash->init(&ctx);
    for (size_t n; (n = fread(block, 1, sizeof block, f)) > 0;)
        hash->update(&ctx, n, block);
    int failed = ferror(f);
    if (failed)
        thaw_fail_errno(err, "%s", path);
    fclose(f);
    if (failed)
        return -1;
    finish(hash, &ctx, text);
    return 0;
}

int thaw_hash_file(const char *path, char text[THAW_HASH_TEXT], struct thaw_error *err)
{
    return hash_file(&nettle_sha256, path, text, err);
}

int thaw_hash_file_md5(const char *path, char text[THAW_HASH_TEXT], struct thaw_error *err)
{
    return hash_file(&nettle_md5, path, text, err);
}
