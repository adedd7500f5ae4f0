/* main() for a fuzz target where libFuzzer is not at hand: TARGET [-n COPIES] [-s SEED] FILE...
 * Feeds each file whole, then damaged copies of them, always the same ones for a seed. A file that
 * begins as a pack (tests/pack.h) stands for its entries. A finding ends the program by a signal or
 * sanitizer.
 *
 *   gcc -std=gnu11 -D_GNU_SOURCE -I. -g -O1 -fsanitize=address,undefined tests/fuzz/driver.c \
 *       tests/fuzz/png.c tests/pack.c build-asan/libthaw.a -ljansson -lnettle -lpng -ljpeg -lm
 *   ./a.out -n 20000 tests/refs/vision_pictures.bin tests/refs/vision_bad.bin
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/base/file.h"
#include "io/base/mem.h"
#include "io/base/rng.h"
#include "tests/pack.h"

enum { LARGEST = 16 << 20, OPERATION = 15, MOST_EDITS = 6, ROOM = 64 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seeds {
    struct {
        unsigned char *data;
        size_t size;
    } * all;
    size_t n, cap;
};

/* Takes the data over. */
static void keep(struct seeds *seeds, unsigned char *data, size_t size)
{
    struct thaw_error err = {0};
    if (thaw_grow(&seeds->all, &seeds->cap, seeds->n + 1, sizeof *seeds->all, &err)) {
        fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
    seeds->all[seeds->n].data = data;
    seeds->all[seeds->n++].size = size;
}

static void load(struct seeds *seeds, const char *path)
{
    struct thaw_pack_entry entry;
    struct thaw_error err = {0};
    unsigned char *data;
    size_t size, before = seeds->n;
    FILE *pack = fopen(path, "rb");
    for (; pack && thaw_pack_next(pack, &entry); free(entry.b))
        keep(seeds, entry.a, entry.a_size);
    if (pack)
        fclose(pack);
    if (seeds->n > before)
        return;
    if (thaw_file_read(path, LARGEST, &data, &size, &err)) {
        fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
    keep(seeds, data, size);
}

static size_t below(struct thaw_rng *rng, size_t n)
{
    return n ? thaw_rng_below(rng, (uint32_t)n) : 0;
}

/* One change; the block has ROOM bytes to spare. */
static void edit(struct thaw_rng *rng, unsigned char *data, size_t *size)
{
    static const unsigned char odd[] = {0, 1, 0x7f, 0x80, 0xfe, 0xff, 0xd8, 0xda, 0xc2};
    size_t front = *size < 64 ? *size : 64;
    size_t at = below(rng, below(rng, 3) == 0 ? front : *size), left = *size - at;
    size_t n = 1 + below(rng, left < 32 ? left : 32);
    switch (below(rng, 7)) {
    case 0:
        data[at] ^= (unsigned char)(1u << below(rng, 8));
        break;
    case 1:
        data[at] = odd[below(rng, sizeof odd)];
        break;
    case 2:
        memset(data + at, odd[below(rng, sizeof odd)], n < left ? n : left);
        break;
    case 3: /* one part over another */
        n = n < left ? n : left;
        memmove(data + at, data + below(rng, *size - n), n);
        break;
    case 4: /* a part taken out */
        n = n < left ? n : left;
        memmove(data + at, data + at + n, left - n);
        *size -= n;
        break;
    case 5: /* a part said twice */
        n = n < left ? n : left;
        memmove(data + at + n, data + at, left);
        *size += n;
        break;
    default:
        if (below(rng, 4) == 0)
            *size = at;
    }
}

/* A block of just the right size, so that a sanitizer sees the first byte read beyond it. */
static void feed(const unsigned char *data, size_t size)
{
    unsigned char *copy = malloc(size ? size : 1);
    if (!copy)
        exit(1);
    memcpy(copy, data, size);
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}

static void feed_damaged(const struct seeds *seeds, uint64_t seed, uint32_t i)
{
    struct thaw_rng rng = thaw_rng_at(seed, 0, i, OPERATION);
    size_t which = below(&rng, seeds->n), size = seeds->all[which].size;
    unsigned char *data = malloc(size + (size_t)ROOM * MOST_EDITS);
    if (!data)
        exit(1);
    memcpy(data, seeds->all[which].data, size);
    for (size_t edits = 1 + below(&rng, MOST_EDITS); edits && size; edits--)
        edit(&rng, data, &size);
    feed(data, size);
    free(data);
}

int main(int argc, char **argv)
{
    long copies = 2000;
    uint64_t seed = 1;
    struct seeds seeds = {0};
    for (int c; (c = getopt(argc, argv, "n:s:")) != -1;) {
        if (c == 'n')
            copies = atol(optarg);
        else if (c == 's')
            seed = strtoull(optarg, NULL, 10);
        else
            return 2;
    }
    for (int i = optind; i < argc; i++)
        load(&seeds, argv[i]);
    if (seeds.n == 0) {
        fprintf(stderr, "usage: %s [-n COPIES] [-s SEED] FILE...\n", argv[0]);
        return 2;
    }
    for (size_t i = 0; i < seeds.n; i++)
        feed(seeds.all[i].data, seeds.all[i].size);
    for (long i = 0; i < copies; i++)
        feed_damaged(&seeds, seed, (uint32_t)i);
    printf("%zu files and %ld damaged copies of them\n", seeds.n, copies);
    for (size_t i = 0; i < seeds.n; i++)
        free(seeds.all[i].data);
    free(seeds.all);
    return 0;
}
