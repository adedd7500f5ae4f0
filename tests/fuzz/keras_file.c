/* thaw-fuzz-keras_file [-n COPIES] [-s SEED] FILE...: loads damaged copies of the files, one after
 * the other and always the same ones for a seed. The copy that ends in a signal, hangs or leaves
 * something behind is a bug of the loader; exit 1 if a file descriptor is left open. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "io/base/file.h"
#include "io/base/mem.h"
#include "io/base/rng.h"
#include "io/keras_file.h"

enum { LARGEST = 64 << 20, OPERATION = 15, MOST_EDITS = 8, SAVE_EVERY = 8 };

struct tally {
    long loaded, refused, stopped, saved;
    double slowest;
    long slowest_copy;
};

static size_t below(struct thaw_rng *rng, size_t n)
{
    return n ? thaw_rng_below(rng, (uint32_t)n) : 0;
}

/* A place to damage: half of them in the first 4 KiB, where a file's structure begins. */
static size_t place(struct thaw_rng *rng, size_t size)
{
    size_t front = size < 4096 ? size : 4096;
    return below(rng, below(rng, 2) ? front : size);
}

static void edit(struct thaw_rng *rng, unsigned char *data, size_t *size)
{
    static const uint64_t odd[] = {0,          1,          0xff,       0xffff,
                                   0x7fffffff, 0x80000000, 0xffffffff, UINT64_MAX,
                                   INT64_MAX,  0x10000,    1ULL << 40, 64};
    size_t at = place(rng, *size), left = *size - at, n;
    switch (below(rng, 8)) {
    case 0:
        data[at] ^= (unsigned char)(1u << below(rng, 8));
        break;
    case 1:
        data[at] = (unsigned char)thaw_rng_u32(rng);
        break;
    case 2: /* numbers of 1, 2, 4 or 8 bytes stand at such multiples */
        n = (size_t)1 << below(rng, 4);
        at -= at % n;
        if (*size - at >= n)
            memcpy(data + at, odd + below(rng, sizeof odd / sizeof *odd), n);
        break;
    case 3: /* an address that leads elsewhere in the file */
        at -= at % 8;
        if (*size - at >= 8)
            memcpy(data + at, &(uint64_t){below(rng, *size) & ~(size_t)7}, 8);
        break;
    case 4:
        memset(data + at, 0, below(rng, left < 64 ? left : 64));
        break;
    case 5: /* one part over another */
        n = below(rng, left < 256 ? left : 256);
        memmove(data + at, data + below(rng, *size - n), n);
        break;
    case 6: /* letters of names and keys */
        for (n = 0; n < 4 && at + n < *size; n++)
            data[at + n] = (unsigned char)(' ' + below(rng, 95));
        break;
    default:
        if (below(rng, 4) == 0)
            *size = at;
    }
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int open_files(void)
{
    int n = 0;
    DIR *dir = opendir("/proc/self/fd");
    while (dir && readdir(dir))
        n++;
    if (dir)
        closedir(dir);
    return n;
}

static double sum_tensor(const struct thaw_tensor *t)
{
    double total = 0;
    float *numbers = thaw_new(t->count, sizeof *numbers, NULL);
    if (numbers && thaw_tensor_read(t, numbers, NULL) == 0)
        for (size_t k = 0; k < t->count; k++)
            total += (double)numbers[k];
    free(numbers);
    return total;
}

static double sum(const struct thaw_keras_file *file)
{
    double total = 0;
    for (size_t i = 0; i < file->n_groups; i++)
        for (size_t j = 0; j < file->groups[i].n_tensors; j++)
            total += sum_tensor(&file->groups[i].tensors[j]);
    return total;
}

static void try_copy(const char *copy, const char *again, long i, const char *name,
                     struct tally *tally)
{
    struct thaw_error err = {0};
    double start = seconds();
    struct thaw_keras_file *file = thaw_keras_load(copy, &err);
    double took = seconds() - start;
    if (took > tally->slowest) {
        tally->slowest = took;
        tally->slowest_copy = i;
    }
    if (!file) {
        bool stopped = strstr(err.text, "its reader ") != NULL;
        tally->refused++;
        tally->stopped += stopped;
        if (stopped)
            printf("copy %ld of %s: %s\n", i, name, err.text + strlen(copy) + 2);
        return;
    }
    tally->loaded++;
    volatile double touched = sum(file);
    (void)touched;
    if (file->config && i % SAVE_EVERY == 0 && thaw_keras_save(again, file, &err) == 0)
        tally->saved++;
    thaw_keras_free(file);
}

static int run(char **paths, long n_paths, long copies, uint64_t seed, const char *folder)
{
    struct thaw_error err = {0};
    struct tally tally = {0};
    char *copy = thaw_format(&err, "%s/copy.h5", folder);
    char *again = thaw_format(&err, "%s/again.h5", folder);
    int rc = copy && again ? 0 : 1, files = 0;
    for (long i = 0; rc == 0 && i < copies; i++) {
        unsigned char *data;
        size_t size;
        const char *path = paths[i % n_paths];
        struct thaw_rng rng = thaw_rng_at(seed, 0, (uint32_t)i, OPERATION);
        if ((rc = thaw_file_read(path, LARGEST, &data, &size, &err)))
            break;
        for (size_t edits = 1 + below(&rng, MOST_EDITS); edits && size; edits--)
            edit(&rng, data, &size);
        rc = thaw_file_write(copy, data, size, &err);
        free(data);
        if (rc == 0)
            try_copy(copy, again, i, path, &tally);
        if (i == 0)
            files = open_files();
    }
    if (rc)
        fprintf(stderr, "%s\n", err.text);
    else if (open_files() != files) {
        fprintf(stderr, "%d files are open, %d were after the first copy\n", open_files(), files);
        rc = 1;
    }
    printf(
        "%ld copies: %ld loaded (%ld of them saved again), %ld refused, of those %ld because the "
        "reader had to be stopped; slowest %.1f s (copy %ld)\n",
        copies, tally.loaded, tally.saved, tally.refused, tally.stopped, tally.slowest,
        tally.slowest_copy);
    if (copy)
        unlink(copy);
    if (again)
        unlink(again);
    free(copy);
    free(again);
    return rc;
}

int main(int argc, char **argv)
{
    long copies = 2000;
    uint64_t seed = 1;
    for (int c; (c = getopt(argc, argv, "n:s:")) != -1;) {
        if (c == 'n')
            copies = atol(optarg);
        else if (c == 's')
            seed = strtoull(optarg, NULL, 10);
        else
            return 2;
    }
    if (optind == argc) {
        fprintf(stderr, "usage: %s [-n COPIES] [-s SEED] FILE...\n", argv[0]);
        return 2;
    }
    char folder[] = "/tmp/thaw-fuzz-XXXXXX";
    if (!mkdtemp(folder)) {
        perror(folder);
        return 1;
    }
    int rc = run(argv + optind, argc - optind, copies, seed, folder);
    rmdir(folder);
    return rc != 0;
}
