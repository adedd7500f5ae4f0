#include "io/base/file.h"

#include <nettle/sha2.h>
#include <stdio.h>

static void finish(struct sha256_ctx *ctx, char text[THAW_HASH_TEXT])
{
    uint8_t digest[SHA256_DIGEST_SIZE];
    sha256_digest(ctx, sizeof digest, digest);
    for (size_t i = 0; i < sizeof digest; i++)
        snprintf(text + 2 * i, 3, "%02x", digest[i]);
}

void thaw_hash_bytes(const void *data, size_t size, char text[THAW_HASH_TEXT])
{
    struct sha256_ctx ctx;
    sha256_init(&ctx);
    sha256_update(&ctx, size, data);
    finish(&ctx, text);
}

int thaw_hash_file(const char *path, char text[THAW_HASH_TEXT], struct thaw_error *err)
{
    struct sha256_ctx ctx;
    uint8_t block[1 << 16];
    FILE *f = fopen(path, "rb");
    if (!f)
        return thaw_fail_errno(err, "%s", path);
    sha256_init(&ctx);
    for (size_t n; (n = fread(block, 1, sizeof block, f)) > 0;)
        sha256_update(&ctx, n, block);
    int failed = ferror(f);
    if (failed)
        thaw_fail_errno(err, "%s", path);
    fclose(f);
    if (failed)
        return -1;
    finish(&ctx, text);
    return 0;
}
