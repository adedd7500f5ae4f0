#include "io/h5_where.h"

#include <hdf5.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/base/mem.h"

enum {
    MOST_TEXTS = 1 << 16,   /* in one list */
    LONGEST_TEXT = 1 << 20, /* of fixed length */
    LARGEST_LIST = 64 << 20 /* bytes, of fixed length */
};

const char *thaw_h5_version(void)
{
    static char text[24];
    unsigned major = 0, minor = 0, release = 0;
    H5get_libversion(&major, &minor, &release);
    snprintf(text, sizeof text, "%u.%u.%u", major, minor, release);
    return text;
}

static int add_text(struct thaw_h5_texts *texts, const char *text, size_t size,
                    struct thaw_error *err)
{
    if (thaw_grow(&texts->items, &texts->cap, texts->n + 1, sizeof *texts->items, err))
        return -1;
    char *copy = thaw_new(size + 1, 1, err);
    if (!copy)
        return -1;
    memcpy(copy, text, size);
    texts->items[texts->n++] = copy;
    return 0;
}

static int read_variable(hid_t attr, hid_t type, hid_t space, size_t n, struct thaw_h5_texts *texts,
                         struct thaw_error *err)
{
    char **items = thaw_new(n, sizeof *items, err);
    int rc = -1;
    if (!items)
        return -1;
    hid_t memory = H5Tcopy(type); /* same character set: libhdf5 does not convert between them */
    if (memory < 0 || H5Aread(attr, memory, items) < 0) {
        thaw_h5_damaged(err, "a list of strings", attr);
        goto done;
    }
    rc = 0;
    for (size_t i = 0; rc == 0 && i < n; i++) {
        const char *text = items[i] ? items[i] : "";
        rc = add_text(texts, text, strlen(text), err);
    }
    H5Dvlen_reclaim(memory, space, H5P_DEFAULT, items);
done:
    if (memory >= 0)
        H5Tclose(memory);
    free(items);
    return rc;
}

static int read_fixed(hid_t attr, hid_t type, size_t n, struct thaw_h5_texts *texts,
                      struct thaw_error *err)
{
    size_t size = H5Tget_size(type);
    if (size == 0 || size > LONGEST_TEXT || n > LARGEST_LIST / size)
        return thaw_fail(err, THAW_EINPUT, "damaged HDF5 file: %zu strings of %zu bytes in '%s'", n,
                         size, thaw_h5_where(attr).text);
    bool spaces = H5Tget_strpad(type) == H5T_STR_SPACEPAD;
    char *block = thaw_new(n, size, err);
    int rc = -1;
    if (!block)
        return -1;
    if (H5Aread(attr, type, block) < 0) {
        thaw_h5_damaged(err, "a list of strings", attr);
        goto done;
    }
    rc = 0;
    for (size_t i = 0; rc == 0 && i < n; i++) {
        size_t used = strnlen(block + i * size, size);
        while (spaces && used && block[i * size + used - 1] == ' ')
            used--;
        rc = add_text(texts, block + i * size, used, err);
    }
done:
    free(block);
    return rc;
}

int thaw_h5_texts(thaw_h5 object, const char *attr, struct thaw_h5_texts *texts,
                  struct thaw_error *err)
{
    int rc = -1;
    hid_t id = H5Aopen(object, attr, H5P_DEFAULT), type = -1, space = -1;
    if (id < 0 || (type = H5Aget_type(id)) < 0 || (space = H5Aget_space(id)) < 0) {
        thaw_fail(err, THAW_EINPUT, "damaged HDF5 file: cannot read attribute '%s' of '%s'", attr,
                  thaw_h5_where(object).text);
        goto done;
    }
    hssize_t n = H5Sget_simple_extent_npoints(space);
    bool scalar = H5Sget_simple_extent_type(space) == H5S_SCALAR;
    if (n == 0 || H5Sget_simple_extent_type(space) == H5S_NULL)
        rc = 0;
    else if (n < 0 || (size_t)n > MOST_TEXTS - texts->n ||
             (!scalar && H5Sget_simple_extent_ndims(space) != 1))
        thaw_fail(err, THAW_EINPUT, "attribute '%s' of '%s' is not a list of at most %d strings",
                  attr, thaw_h5_where(object).text, MOST_TEXTS);
    else if (H5Tget_class(type) != H5T_STRING)
        thaw_fail(err, THAW_EINPUT, "attribute '%s' of '%s' should hold strings", attr,
                  thaw_h5_where(object).text);
    else if (H5Tis_variable_str(type) > 0)
        rc = read_variable(id, type, space, (size_t)n, texts, err);
    else
        rc = read_fixed(id, type, (size_t)n, texts, err);
done:
    if (space >= 0)
        H5Sclose(space);
    if (type >= 0)
        H5Tclose(type);
    if (id >= 0)
        H5Aclose(id);
    return rc;
}

int thaw_h5_list(thaw_h5 object, const char *attr, struct thaw_h5_texts *texts, bool *found,
                 struct thaw_error *err)
{
    if ((*found = thaw_h5_has_attr(object, attr)))
        return thaw_h5_texts(object, attr, texts, err);
    for (int part = 0, rc = 0; rc == 0; part++) {
        char *name = thaw_format(err, "%s%d", attr, part);
        if (!name)
            return -1;
        bool there = thaw_h5_has_attr(object, name);
        if (there)
            rc = thaw_h5_texts(object, name, texts, err);
        free(name);
        if (!there)
            return 0;
        if (rc)
            return -1;
        *found = true;
    }
    return -1;
}

void thaw_h5_texts_release(struct thaw_h5_texts *texts)
{
    for (size_t i = 0; i < texts->n; i++)
        free(texts->items[i]);
    free(texts->items);
    *texts = (struct thaw_h5_texts){0};
}
