#include "tests/npz.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zip.h>

#include "io/base/file.h"

enum { PREAMBLE = 10, LARGEST = 1 << 30 };

static int complain(const char *name, const char *why)
{
    printf("\n    %s: %s\n", name, why);
    return -1;
}

static float from_half(const unsigned char *p)
{
    uint16_t h;
    memcpy(&h, p, sizeof h);
    int exponent = h >> 10 & 31, fraction = h & 1023;
    float v = exponent == 0    ? ldexpf((float)fraction, -24)
              : exponent == 31 ? (fraction ? NAN : INFINITY)
                               : ldexpf((float)(fraction + 1024), exponent - 25);
    return h & 0x8000 ? -v : v;
}

#define CONVERT(name, type)                                                                        \
    static float name(const unsigned char *p)                                                      \
    {                                                                                              \
        type v;                                                                                    \
        memcpy(&v, p, sizeof v);                                                                   \
        return (float)v;                                                                           \
    }
CONVERT(from_f4, float)
CONVERT(from_f8, double)
CONVERT(from_i4, int32_t)
CONVERT(from_i8, int64_t)
CONVERT(from_i2, int16_t)
CONVERT(from_u2, uint16_t)
CONVERT(from_u1, uint8_t)
CONVERT(from_i1, int8_t)

static const struct {
    const char *descr;
    size_t size;
    float (*convert)(const unsigned char *p);
} types[] = {
    {"'<f4'", 4, from_f4}, {"'<f8'", 8, from_f8}, {"'<f2'", 2, from_half}, {"'<i4'", 4, from_i4},
    {"'<i8'", 8, from_i8}, {"'<i2'", 2, from_i2}, {"'<u2'", 2, from_u2},   {"'|u1'", 1, from_u1},
    {"'|i1'", 1, from_i1}, {"'|b1'", 1, from_u1},
};

/* The header is a Python dict in text: {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }
 */
static int parse(const unsigned char *bytes, size_t size, const char *name, float **data,
                 long dims[THAW_NPY_RANK], int *rank)
{
    if (size < PREAMBLE + 2 || memcmp(bytes, "\x93NUMPY", 6) != 0)
        return complain(name, "not an .npy array");
    size_t start = bytes[6] == 1 ? PREAMBLE : PREAMBLE + 2;
    size_t length = (size_t)bytes[8] | (size_t)bytes[9] << 8;
    if (size < start + length || length > 4000)
        return complain(name, "cut short");
    char header[4001];
    memcpy(header, bytes + start, length);
    header[length] = 0;
    const char *descr = strstr(header, "'descr': "), *shape = strstr(header, "'shape': (");
    if (!descr || !shape || !strstr(header, "'fortran_order': False"))
        return complain(name, header);
    *rank = 0;
    for (int i = 0; i < THAW_NPY_RANK; i++)
        dims[i] = 1;
    char *p = (char *)shape + strlen("'shape': (");
    while (*p != ')' && *rank < THAW_NPY_RANK) {
        dims[(*rank)++] = strtol(p, &p, 10);
        p += strspn(p, ", ");
    }
    size_t n = thaw_npz_count(dims, *rank), kind = 0, kinds = sizeof types / sizeof *types;
    while (kind < kinds && strncmp(descr + 9, types[kind].descr, strlen(types[kind].descr)) != 0)
        kind++;
    if (kind == kinds || size < start + length + n * types[kind].size)
        return complain(name, header);
    if (!(*data = malloc(n ? n * sizeof **data : 1)))
        return complain(name, "out of memory");
    for (size_t i = 0; i < n; i++)
        (*data)[i] = types[kind].convert(bytes + start + length + i * types[kind].size);
    return 0;
}

size_t thaw_npz_count(const long *dims, int rank)
{
    size_t n = 1;
    for (int i = 0; i < rank; i++)
        n *= (size_t)dims[i];
    return n;
}

int thaw_npz_load_plain(const char *path, float **data, long dims[THAW_NPY_RANK], int *rank)
{
    unsigned char *bytes;
    size_t size;
    struct thaw_error err = {0};
    *data = NULL;
    if (thaw_file_read(path, LARGEST, &bytes, &size, &err))
        return complain(path, err.text);
    int rc = parse(bytes, size, path, data, dims, rank);
    free(bytes);
    return rc;
}

int thaw_npz_load(const char *path, const char *member, float **data, long dims[THAW_NPY_RANK],
                  int *rank)
{
    char name[256];
    struct zip_stat st;
    unsigned char *bytes = NULL;
    zip_file_t *file = NULL;
    int rc = -1;
    *data = NULL;
    snprintf(name, sizeof name, "%s.npy", member);
    zip_t *archive = zip_open(path, ZIP_RDONLY, NULL);
    if (!archive)
        return complain(path, "not a readable .npz archive");
    if (zip_stat(archive, name, 0, &st) || st.size > LARGEST ||
        !(file = zip_fopen(archive, name, 0)) || !(bytes = malloc((size_t)st.size + 1)) ||
        zip_fread(file, bytes, st.size) != (zip_int64_t)st.size)
        complain(path, name);
    else
        rc = parse(bytes, (size_t)st.size, name, data, dims, rank);
    free(bytes);
    if (file)
        zip_fclose(file);
    zip_discard(archive);
    return rc;
}
