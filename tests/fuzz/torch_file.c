/* Mutated PyTorch files must never end the reader with a signal.
 *
 *   fuzz_torch_file COPIES FILE...   reads so many mutated copies of each file, the same in every
 * run fuzz_torch_file -1 FILE...       reads the files as they are, e.g. one that was found
 *
 * Built with -DTHAW_LIBFUZZER it is a libFuzzer target instead. Always with sanitizers. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "io/base/file.h"
#include "io/base/rng.h"
#include "io/torch_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool was_read; /* by the last call */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    struct thaw_error err = {0};
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    struct thaw_torch_file *file = thaw_torch_load(path, &err);
    was_read = file != NULL;
    if (!file && (err.code == THAW_OK || strncmp(err.text, path, strlen(path)) != 0))
        abort(); /* every refusal says which file and why */
    thaw_torch_free(file);
    close(fd);
    return 0;
}

#ifndef THAW_LIBFUZZER

enum { HEAD = 4096, MOST_EDITS = 4 };

/* Where an edit goes: half of them to the start, where the pickle of a large file stands. */
static size_t place(struct thaw_rng *rng, size_t size)
{
    size_t span = size > HEAD && thaw_rng_below(rng, 2) ? HEAD : size;
    return thaw_rng_below(rng, (uint32_t)span);
}

/* One edit in place; `room` bytes are allocated. Returns the new size. */
static size_t edit(struct thaw_rng *rng, unsigned char *data, size_t size, size_t room)
{
    static const unsigned char code[] =
        "()0123.NKMJXUTCBl]ae}dsuthjqrRbQcioG\x80\x81\x85\x86\x87\x88"
        "\x89\x8a\x8b\x8c\x8d\x8e\x93\x94\x95";
    static const int64_t odd[] = {0, -1, 1, 0x7fffffff, INT64_MAX, INT64_MIN, 1 << 20, 255};
    if (size < 16)
        return size;
    size_t at = place(rng, size), from = place(rng, size), n = 1 + thaw_rng_below(rng, 64);
    switch (thaw_rng_below(rng, 7)) {
    case 0:
        data[at] ^= (unsigned char)(1u << thaw_rng_below(rng, 8));
        return size;
    case 1:
        data[at] = code[thaw_rng_below(rng, sizeof code - 1)];
        return size;
    case 2: /* a number */
        n = 1u << thaw_rng_below(rng, 4);
        if (n <= size - at)
            memcpy(data + at, &odd[thaw_rng_below(rng, 8)], n);
        return size;
    case 3: /* out */
        n = n < size - at ? n : size - at;
        memmove(data + at, data + at + n, size - at - n);
        return size - n;
    case 4: /* in, from elsewhere */
        if (n > room - size || n > size - from)
            return size;
        memmove(data + at + n, data + at, size - at);
        memmove(data + at, data + from, n);
        return size + n;
    case 5: /* over, from elsewhere */
        n = n < size - at ? n : size - at;
        memmove(data + at, data + from, n < size - from ? n : size - from);
        return size;
    default:
        return thaw_rng_below(rng, 8) ? size : at; /* cut off, now and then */
    }
}

static size_t fuzz(const char *path, long copies, uint32_t seed)
{
    struct thaw_error err = {0};
    unsigned char *data, *copy;
    size_t size, n_read = 0;
    if (thaw_file_read(path, 1 << 28, &data, &size, &err)) {
        fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
    size_t room = size + 64 * MOST_EDITS;
    for (long i = 0; i < copies || i == 0; i++) {
        struct thaw_rng rng = thaw_rng_at(seed, 0, (uint32_t)i, 0);
        size_t now = size;
        if (!(copy = malloc(room)))
            abort();
        memcpy(copy, data, size);
        for (uint32_t edits = copies < 0 ? 0 : 1 + thaw_rng_below(&rng, MOST_EDITS); edits > 0;
             edits--)
            now = edit(&rng, copy, now, room);
        LLVMFuzzerTestOneInput(copy, now);
        n_read += was_read;
        free(copy);
    }
    free(data);
    return n_read;
}

int main(int argc, char **argv)
{
    long copies = argc > 2 ? strtol(argv[1], NULL, 10) : 0;
    if (copies == 0) {
        fprintf(stderr, "usage: fuzz_torch_file COPIES FILE...\n");
        return 2;
    }
    for (int i = 2; i < argc; i++)
        printf("%s: %zu read, the others refused\n", argv[i], fuzz(argv[i], copies, (uint32_t)i));
    return 0;
}

#endif
