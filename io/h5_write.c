#include "io/h5.h"

#include <hdf5.h>
#include <stdlib.h>
#include <string.h>

#include "io/base/file.h"
#include "io/base/mem.h"

enum {
    GROWTH = 4 << 20,  /* of the memory that holds the file */
    MOST_LIST = 64512, /* bytes of a list in one attribute: object headers end at 64 KiB */
};

static int refused(struct thaw_error *err, const char *what, const char *name)
{
    return thaw_fail(err, THAW_EMEMORY, "libhdf5 cannot make the %s '%s' (out of memory?)", what,
                     name);
}

thaw_h5 thaw_h5_create(struct thaw_error *err)
{
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    hid_t file = -1, access = H5Pcreate(H5P_FILE_ACCESS), create = H5Pcreate(H5P_FILE_CREATE);
    if (access >= 0 && create >= 0 && H5Pset_fapl_core(access, GROWTH, 0) >= 0 &&
        H5Pset_obj_track_times(create, 0) >= 0)
        file = H5Fcreate("thaw.h5", H5F_ACC_TRUNC, create, access);
    if (file < 0)
        thaw_fail(err, THAW_EMEMORY, "libhdf5 cannot make a file in memory");
    if (create >= 0)
        H5Pclose(create);
    if (access >= 0)
        H5Pclose(access);
    return file;
}

/* Makes the groups of a path but the last part, which *last points to; the caller closes what comes
 * back unless it is `group` itself. Group by group because groups that libhdf5 adds on its own
 * cannot be told to keep no times. */
static hid_t make_above(hid_t group, char *path, char **last, struct thaw_error *err)
{
    hid_t here = group, plain = H5Pcreate(H5P_GROUP_CREATE);
    char *name = path, *slash;
    if (plain < 0 || H5Pset_obj_track_times(plain, 0) < 0) {
        refused(err, "group", path);
        here = -1;
    }
    while (here >= 0 && (slash = strchr(name, '/'))) {
        *slash = 0;
        hid_t below = H5Lexists(here, name, H5P_DEFAULT) > 0
                          ? H5Gopen2(here, name, H5P_DEFAULT)
                          : H5Gcreate2(here, name, H5P_DEFAULT, plain, H5P_DEFAULT);
        if (below < 0)
            thaw_fail(err, THAW_EUSAGE, "'%s' cannot be a group: is there a tensor of that name?",
                      name);
        if (here != group)
            H5Gclose(here);
        here = below;
        name = slash + 1;
    }
    if (plain >= 0)
        H5Pclose(plain);
    *last = name;
    return here;
}

thaw_h5 thaw_h5_make(thaw_h5 group, const char *path, struct thaw_error *err)
{
    char *last, *whole = thaw_format(err, "%s/", path);
    hid_t made = whole ? make_above(group, whole, &last, err) : -1;
    free(whole);
    return made;
}

static int put_attr(hid_t object, const char *attr, hid_t type, hid_t space, const void *value,
                    struct thaw_error *err)
{
    hid_t id = H5Acreate2(object, attr, type, space, H5P_DEFAULT, H5P_DEFAULT);
    int rc =
        id < 0 || (value && H5Awrite(id, type, value) < 0) ? refused(err, "attribute", attr) : 0;
    if (id >= 0)
        H5Aclose(id);
    return rc;
}

/* size = H5T_VARIABLE or bytes. */
static int put_strings(hid_t object, const char *attr, size_t size, H5T_str_t padding, hid_t space,
                       const void *value, struct thaw_error *err)
{
    int rc = -1;
    hid_t type = H5Tcopy(H5T_C_S1); /* ASCII */
    if (type < 0 || space < 0 || H5Tset_size(type, size) < 0 || H5Tset_strpad(type, padding) < 0)
        refused(err, "attribute", attr);
    else
        rc = put_attr(object, attr, type, space, value, err);
    if (type >= 0)
        H5Tclose(type);
    if (space >= 0)
        H5Sclose(space);
    return rc;
}

int thaw_h5_put_text(thaw_h5 object, const char *attr, const char *text, struct thaw_error *err)
{
    return put_strings(object, attr, H5T_VARIABLE, H5T_STR_NULLTERM, H5Screate(H5S_SCALAR), &text,
                       err);
}

int thaw_h5_put_word(thaw_h5 object, const char *attr, const char *text, struct thaw_error *err)
{
    return put_strings(object, attr, strlen(text), H5T_STR_NULLPAD, H5Screate(H5S_SCALAR), text,
                       err);
}

/* A list of `n` strings of at most `longest` bytes. */
static int put_part(hid_t object, const char *attr, const char *const *items, size_t n,
                    size_t longest, struct thaw_error *err)
{
    hsize_t dims = n;
    char *block = thaw_new(n, longest, err);
    if (!block)
        return -1;
    for (size_t i = 0; i < n; i++)
        memcpy(block + i * longest, items[i], strlen(items[i]));
    int rc = put_strings(object, attr, longest, H5T_STR_NULLPAD, H5Screate_simple(1, &dims, NULL),
                         block, err);
    free(block);
    return rc;
}

static int put_empty(hid_t object, const char *attr, struct thaw_error *err)
{
    hsize_t none = 0;
    hid_t space = H5Screate_simple(1, &none, NULL);
    int rc = put_attr(object, attr, H5T_IEEE_F64LE, space, NULL, err);
    if (space >= 0)
        H5Sclose(space);
    return rc;
}

int thaw_h5_put_list(thaw_h5 object, const char *attr, const char *const *items, size_t n,
                     struct thaw_error *err)
{
    size_t longest = 1;
    for (size_t i = 0; i < n; i++)
        longest = strlen(items[i]) > longest ? strlen(items[i]) : longest;
    if (longest > MOST_LIST)
        return thaw_fail(err, THAW_EUSAGE, "a name of %zu bytes in '%s'; the most is %d", longest,
                         attr, MOST_LIST);
    if (n == 0)
        return put_empty(object, attr, err);
    if (n <= MOST_LIST / longest)
        return put_part(object, attr, items, n, longest, err);
    /* As few parts as fit; the first ones are one longer when they cannot all be equal. */
    size_t parts = 2;
    while ((n + parts - 1) / parts > MOST_LIST / longest)
        parts++;
    for (size_t part = 0, first = 0; part < parts; part++) {
        size_t size = n / parts + (part < n % parts);
        char *name = thaw_format(err, "%s%zu", attr, part);
        int rc = name ? put_part(object, name, items + first, size, longest, err) : -1;
        free(name);
        if (rc)
            return -1;
        first += size;
    }
    return 0;
}

static int put_dataset(hid_t group, const char *name, const long *dims, int rank, const float *data,
                       struct thaw_error *err)
{
    hsize_t sizes[THAW_H5_RANK];
    size_t count = 1;
    int rc = -1;
    if (H5Lexists(group, name, H5P_DEFAULT) > 0)
        return thaw_fail(err, THAW_EUSAGE, "the name '%s' is used twice", name);
    for (int i = 0; i < rank; i++) {
        sizes[i] = (hsize_t)dims[i];
        count *= (size_t)dims[i];
    }
    hid_t space = rank ? H5Screate_simple(rank, sizes, NULL) : H5Screate(H5S_SCALAR);
    hid_t plain = H5Pcreate(H5P_DATASET_CREATE), set = -1;
    if (space >= 0 && plain >= 0 && H5Pset_obj_track_times(plain, 0) >= 0)
        set = H5Dcreate2(group, name, H5T_IEEE_F32LE, space, H5P_DEFAULT, plain, H5P_DEFAULT);
    if (set < 0 ||
        (count && H5Dwrite(set, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) < 0))
        refused(err, "dataset", name);
    else
        rc = 0;
    if (set >= 0)
        H5Dclose(set);
    if (plain >= 0)
        H5Pclose(plain);
    if (space >= 0)
        H5Sclose(space);
    return rc;
}

int thaw_h5_put(thaw_h5 group, const char *path, const long *dims, int rank, const float *data,
                struct thaw_error *err)
{
    char *name, *copy = thaw_strdup(path, err);
    if (!copy)
        return -1;
    int rc = -1;
    hid_t above = make_above(group, copy, &name, err);
    if (above >= 0)
        rc = put_dataset(above, name, dims, rank, data, err);
    if (above >= 0 && above != group)
        H5Gclose(above);
    free(copy);
    return rc;
}

int thaw_h5_finish(thaw_h5 file, const char *path, struct thaw_error *err)
{
    void **memory = NULL; /* of the core driver: a pointer to the pointer to the file's bytes */
    ssize_t size = -1;
    if (H5Fflush(file, H5F_SCOPE_GLOBAL) >= 0)
        size = H5Fget_file_image(file, NULL, 0);
    int rc;
    if (size < 0 || H5Fget_vfd_handle(file, H5P_DEFAULT, (void **)&memory) < 0)
        rc = thaw_fail(err, THAW_EMEMORY, "%s: libhdf5 cannot finish the file (out of memory?)",
                       path);
    else
        rc = thaw_file_write(path, *memory, (size_t)size, err);
    H5Fclose(file);
    return rc;
}
