#include "io/h5_where.h"

#include <hdf5.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "io/base/mem.h"

enum {
    SMALL = 64 << 20,      /* datasets up to here may be as sparse or compressed as they like */
    MOST_EXPANSION = 1000, /* above: declared bytes per stored byte; deflate ends at 1032 */
};

struct thaw_h5_where thaw_h5_where(thaw_h5 object)
{
    struct thaw_h5_where where = {"?"};
    if (H5Iget_name(object, where.text, sizeof where.text) <= 0)
        where.text[0] = '?', where.text[1] = 0;
    return where;
}

int thaw_h5_damaged(struct thaw_error *err, const char *what, thaw_h5 object)
{
    return thaw_fail(err, THAW_EINPUT, "damaged HDF5 file: cannot read %s of '%s'", what,
                     thaw_h5_where(object).text);
}

void thaw_h5_close(thaw_h5 object)
{
    if (object < 0)
        return;
    switch (H5Iget_type(object)) {
    case H5I_FILE:
        H5Fclose(object);
        break;
    case H5I_GROUP:
        H5Gclose(object);
        break;
    default:
        H5Oclose(object);
    }
}

/* A property list for opening, with libhdf5 quiet; negative on failure. */
static hid_t begin(struct thaw_error *err)
{
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    H5PLset_loading_state(0); /* no filter code from a folder named in the environment */
    hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    if (access < 0)
        thaw_fail(err, THAW_EMEMORY, "libhdf5 cannot start");
    return access;
}

static thaw_h5 finish(const char *path, hid_t access, struct thaw_error *err)
{
    hid_t file = H5Fopen(path, H5F_ACC_RDONLY, access);
    H5Pclose(access);
    if (file < 0)
        thaw_fail(err, THAW_EINPUT, "damaged HDF5 file: cannot be opened (cut short?)");
    return file;
}

thaw_h5 thaw_h5_open(const char *path, struct thaw_error *err)
{
    hid_t access = begin(err);
    if (access < 0)
        return -1;
    H5Pset_file_locking(access, 0, 1); /* read-only folders and network drives refuse locks */
    return finish(path, access, err);
}

thaw_h5 thaw_h5_open_image(void *data, size_t size, struct thaw_error *err)
{
    hid_t access = begin(err);
    if (access < 0)
        return -1;
    if (H5Pset_fapl_core(access, 1 << 20, 0) < 0 || H5Pset_file_image(access, data, size) < 0) {
        H5Pclose(access);
        return thaw_fail(err, THAW_EMEMORY, "libhdf5 takes no %zu bytes of memory", size);
    }
    return finish("image", access, err);
}

/* Does the object's file lie in memory only? */
static bool in_memory(hid_t object)
{
    hid_t file = H5Iget_file_id(object);
    hid_t access = file < 0 ? -1 : H5Fget_access_plist(file);
    bool core = access >= 0 && H5Pget_driver(access) == H5FD_CORE;
    if (access >= 0)
        H5Pclose(access);
    if (file >= 0)
        H5Fclose(file);
    return core;
}

bool thaw_h5_has(thaw_h5 group, const char *name)
{
    return H5Lexists(group, name, H5P_DEFAULT) > 0;
}

bool thaw_h5_has_attr(thaw_h5 object, const char *name)
{
    return H5Aexists(object, name) > 0;
}

/* Opens the member `name` of a group if a hard link leads there. `path` is for the error text. */
static hid_t step(hid_t group, const char *name, const char *path, struct thaw_error *err)
{
    H5L_info_t link;
    if (!*name || strcmp(name, ".") == 0 || strcmp(name, "..") == 0) {
        thaw_fail(err, THAW_EINPUT, "the path '%s' below '%s' has an empty part", path,
                  thaw_h5_where(group).text);
        return -1;
    }
    if (H5Lget_info(group, name, &link, H5P_DEFAULT) < 0) {
        if (thaw_h5_has(group, name))
            return thaw_h5_damaged(err, "a link", group), -1;
        thaw_fail(err, THAW_EINPUT, "'%s' does not exist in '%s'", name, thaw_h5_where(group).text);
        return -1;
    }
    if (link.type != H5L_TYPE_HARD) {
        thaw_fail(err, THAW_EINPUT, "'%s' in '%s' is %s link; only plain members are read", name,
                  thaw_h5_where(group).text, link.type == H5L_TYPE_SOFT ? "a soft" : "an external");
        return -1;
    }
    hid_t id = H5Oopen(group, name, H5P_DEFAULT);
    if (id < 0)
        thaw_fail(err, THAW_EINPUT, "damaged HDF5 file: cannot open '%s' in '%s'", name,
                  thaw_h5_where(group).text);
    return id;
}

static hid_t walk(hid_t from, const char *path, H5I_type_t want, struct thaw_error *err)
{
    char *copy = thaw_strdup(path, err), *next = copy;
    hid_t here = from;
    while (copy && next) {
        char *name = next;
        if ((next = strchr(name, '/')))
            *next++ = 0;
        hid_t below = step(here, name, path, err);
        if (here != from)
            H5Oclose(here);
        here = below;
        if (here < 0)
            break;
        H5I_type_t type = H5Iget_type(here);
        if (type != (next ? H5I_GROUP : want)) {
            thaw_fail(err, THAW_EINPUT, "'%s' is not a %s", thaw_h5_where(here).text,
                      next || want == H5I_GROUP ? "group" : "dataset");
            H5Oclose(here);
            here = -1;
            break;
        }
    }
    free(copy);
    return copy ? here : -1;
}

thaw_h5 thaw_h5_group(thaw_h5 group, const char *path, struct thaw_error *err)
{
    return walk(group, path, H5I_GROUP, err);
}

int thaw_h5_members(thaw_h5 group, size_t *n, struct thaw_error *err)
{
    H5G_info_t info;
    if (H5Gget_info(group, &info) < 0)
        return thaw_h5_damaged(err, "the members", group);
    *n = info.nlinks;
    return 0;
}

char *thaw_h5_member(thaw_h5 group, size_t i, bool *is_group, struct thaw_error *err)
{
    ssize_t length =
        H5Lget_name_by_idx(group, ".", H5_INDEX_NAME, H5_ITER_INC, i, NULL, 0, H5P_DEFAULT);
    char *name = length > 0 ? thaw_new((size_t)length + 1, 1, err) : NULL;
    if (length > 0 && !name)
        return NULL;
    if (!name || H5Lget_name_by_idx(group, ".", H5_INDEX_NAME, H5_ITER_INC, i, name,
                                    (size_t)length + 1, H5P_DEFAULT) != length) {
        thaw_h5_damaged(err, "a member's name", group);
        free(name);
        return NULL;
    }
    hid_t id = step(group, name, name, err);
    if (id < 0) {
        free(name);
        return NULL;
    }
    *is_group = H5Iget_type(id) == H5I_GROUP;
    H5Oclose(id);
    return name;
}

/* --- datasets --- */

static int check_type(hid_t set, hid_t type, struct thaw_error *err)
{
    static const char *const names[] = {[H5T_TIME] = "times",
                                        [H5T_STRING] = "strings",
                                        [H5T_BITFIELD] = "bit fields",
                                        [H5T_OPAQUE] = "opaque bytes",
                                        [H5T_COMPOUND] = "records",
                                        [H5T_REFERENCE] = "references",
                                        [H5T_ENUM] = "enumerated values",
                                        [H5T_VLEN] = "lists",
                                        [H5T_ARRAY] = "arrays"};
    H5T_class_t class = H5Tget_class(type);
    if (class == H5T_FLOAT || class == H5T_INTEGER)
        return 0;
    if (class == H5T_OPAQUE && H5Tget_size(type) == 2)
        return thaw_fail(
            err, THAW_EINPUT,
            "'%s' is stored as 2-byte opaque data, as Keras stores bfloat16 (and cannot "
            "load it back): save the model with dtype float32",
            thaw_h5_where(set).text);
    const char *name = class > H5T_NO_CLASS && class < H5T_NCLASSES ? names[class] : NULL;
    return thaw_fail(err, THAW_EINPUT, "'%s' holds %s, not numbers", thaw_h5_where(set).text,
                     name ? name : "values of an unknown type");
}

static int check_shape(hid_t set, struct thaw_h5_dataset *out, struct thaw_error *err)
{
    hsize_t dims[H5S_MAX_RANK];
    hid_t space = H5Dget_space(set);
    H5S_class_t kind = space < 0 ? H5S_NO_CLASS : H5Sget_simple_extent_type(space);
    int rank = kind == H5S_SIMPLE ? H5Sget_simple_extent_dims(space, dims, NULL) : 0;
    if (space >= 0)
        H5Sclose(space);
    if ((kind != H5S_SIMPLE && kind != H5S_SCALAR) || rank < 0)
        return thaw_fail(err, THAW_EINPUT, "'%s' has no shape", thaw_h5_where(set).text);
    if (rank > THAW_H5_RANK)
        return thaw_fail(err, THAW_EINPUT, "'%s' has %d dimensions; the most here is %d",
                         thaw_h5_where(set).text, rank, THAW_H5_RANK);
    out->rank = rank;
    for (int i = 0; i < rank; i++) {
        if (dims[i] > LONG_MAX)
            return thaw_fail(err, THAW_EINPUT, "'%s': absurd size %llu", thaw_h5_where(set).text,
                             (unsigned long long)dims[i]);
        out->dims[i] = (long)dims[i];
    }
    if (!thaw_count(out->dims, rank, &out->count) || out->count > SIZE_MAX / sizeof(double))
        return thaw_fail(err, THAW_EINPUT, "'%s': its dimensions multiply to an absurd size",
                         thaw_h5_where(set).text);
    return 0;
}

/* A few bytes can declare a tensor of terabytes: what is declared must be there. */
static int check_storage(hid_t type, struct thaw_h5_dataset *out, struct thaw_error *err)
{
    hid_t set = out->id;
    int rc = -1;
    hid_t plist = H5Dget_create_plist(set);
    if (plist < 0)
        return thaw_h5_damaged(err, "the storage", set);
    H5D_layout_t layout = H5Pget_layout(plist);
    size_t declared = 0, stored = (size_t)H5Dget_storage_size(set);
    if (layout != H5D_COMPACT && layout != H5D_CONTIGUOUS && layout != H5D_CHUNKED) {
        thaw_fail(err, THAW_EINPUT, "'%s' is a virtual dataset; only data in the file is read",
                  thaw_h5_where(set).text);
        goto done;
    }
    if (H5Pget_external_count(plist) != 0) {
        thaw_fail(err, THAW_EINPUT, "'%s' keeps its data in other files, which are not read",
                  thaw_h5_where(set).text);
        goto done;
    }
    if (!thaw_mul(out->count, H5Tget_size(type), &declared) ||
        (layout != H5D_CHUNKED && stored < declared) ||
        (declared > SMALL && stored < declared / MOST_EXPANSION)) {
        thaw_fail(err, THAW_EINPUT, "'%s' declares %zu bytes, but the file stores %zu of them",
                  thaw_h5_where(set).text, declared, stored);
        goto done;
    }
    int filters = H5Pget_nfilters(plist);
    for (int i = 0; i < filters; i++) {
        char name[64] = "?";
        unsigned flags, config;
        size_t values = 0;
        H5Z_filter_t id =
            H5Pget_filter2(plist, (unsigned)i, &flags, &values, NULL, sizeof name, name, &config);
        if (id < 0 || H5Zfilter_avail(id) <= 0) {
            thaw_fail(err, THAW_EINPUT,
                      "'%s' is compressed with filter %d (%.60s), which is not built in; gzip is",
                      thaw_h5_where(set).text, (int)id, name);
            goto done;
        }
    }
    rc = filters < 0 ? thaw_h5_damaged(err, "the filters", set) : 0;
    /* Only one piece that nothing has to be done to has a place. */
    haddr_t at = HADDR_UNDEF;
    if (layout == H5D_CONTIGUOUS && H5Tequal(type, H5T_NATIVE_FLOAT) > 0 && !in_memory(set))
        at = H5Dget_offset(set);
    out->at = at == HADDR_UNDEF ? 0 : at;
done:
    H5Pclose(plist);
    return rc;
}

int thaw_h5_dataset(thaw_h5 group, const char *path, struct thaw_h5_dataset *set,
                    struct thaw_error *err)
{
    *set = (struct thaw_h5_dataset){.id = walk(group, path, H5I_DATASET, err)};
    if (set->id < 0)
        return -1;
    hid_t type = H5Dget_type(set->id);
    int rc = type < 0 ? thaw_h5_damaged(err, "the type", set->id) : check_type(set->id, type, err);
    if (rc == 0)
        rc = check_shape(set->id, set, err);
    if (rc == 0)
        rc = check_storage(type, set, err);
    if (type >= 0)
        H5Tclose(type);
    if (rc) {
        H5Oclose(set->id);
        set->id = -1;
    }
    return rc;
}

int thaw_h5_read(const struct thaw_h5_dataset *set, float *out, struct thaw_error *err)
{
    if (set->count && H5Dread(set->id, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, out) < 0)
        return thaw_h5_damaged(err, "the data", set->id);
    return 0;
}
