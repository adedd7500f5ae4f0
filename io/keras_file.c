#include "io/keras_file.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/base/mem.h"
#include "io/child.h"

struct thaw_keras_file *thaw_keras_create(struct thaw_error *err)
{
    struct thaw_keras_file *file = thaw_new(1, sizeof *file, err);
    if (!file || !(file->keras_version = thaw_strdup("", err))) {
        free(file);
        return NULL;
    }
    file->fd = -1;
    return file;
}

const struct thaw_keras_group *thaw_keras_find(const struct thaw_keras_file *file, const char *name)
{
    for (size_t i = 0; i < file->n_groups; i++)
        if (strcmp(file->groups[i].name, name) == 0)
            return file->groups + i;
    return NULL;
}

static const struct thaw_tensor *find_tensor(const struct thaw_tensor *tensors, size_t n,
                                             const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(tensors[i].name, name) == 0)
            return tensors + i;
    return NULL;
}

const struct thaw_tensor *thaw_keras_extra(const struct thaw_keras_file *file, const char *name)
{
    return find_tensor(file->extras, file->n_extras, name);
}

/* Room for one more element behind n; arrays of the struct keep no capacity, it follows from n. */
static int make_room(void *array, size_t n, size_t size, struct thaw_error *err)
{
    size_t cap = n ? 8 : 0;
    while (cap && cap < n)
        cap *= 2;
    return thaw_grow(array, &cap, n + 1, size, err);
}

struct thaw_keras_group *thaw_keras_add_group(struct thaw_keras_file *file, const char *name,
                                              struct thaw_error *err)
{
    if (thaw_keras_find(file, name)) {
        thaw_fail(err, THAW_EINPUT, "two layers are called '%s'", name);
        return NULL;
    }
    if (make_room(&file->groups, file->n_groups, sizeof *file->groups, err))
        return NULL;
    struct thaw_keras_group *group = file->groups + file->n_groups;
    *group = (struct thaw_keras_group){.name = thaw_strdup(name, err)};
    if (!group->name)
        return NULL;
    file->n_groups++;
    return group;
}

int thaw_keras_place(struct thaw_keras_file *file, struct thaw_keras_group *group, const char *name,
                     const struct thaw_tensor *what, struct thaw_error *err)
{
    struct thaw_tensor **tensors = group ? &group->tensors : &file->extras;
    size_t *n = group ? &group->n_tensors : &file->n_extras;
    struct thaw_tensor t = *what;
    if (t.rank < 0 || t.rank > THAW_TENSOR_RANK || !thaw_count(t.dims, t.rank, &t.count))
        return thaw_fail(err, THAW_EINPUT, "tensor '%s' has %d dimensions or an absurd size", name,
                         t.rank);
    if (find_tensor(*tensors, *n, name))
        return thaw_fail(err, THAW_EINPUT, "two tensors of '%s' are called '%s'",
                         group ? group->name : "thaw", name);
    if (make_room(tensors, *n, sizeof **tensors, err) || !(t.name = thaw_strdup(name, err)))
        return -1;
    size_t at = *n;
    while (!group && at && strcmp((*tensors)[at - 1].name, name) > 0)
        at--;
    memmove(*tensors + at + 1, *tensors + at, (*n - at) * sizeof **tensors);
    (*tensors)[at] = t;
    ++*n;
    return 0;
}

int thaw_keras_add_tensor(struct thaw_keras_file *file, struct thaw_keras_group *group,
                          const char *name, const long *dims, int rank, const float *data,
                          struct thaw_error *err)
{
    struct thaw_tensor t = {.rank = rank};
    size_t count;
    if (rank >= 0 && rank <= THAW_TENSOR_RANK && thaw_count(dims, rank, &count)) {
        if (!(t.data = thaw_new(count, sizeof *data, err)))
            return -1;
        if (count)
            memcpy(t.data, data, count * sizeof *data);
    }
    for (int i = 0; i < rank && i < THAW_TENSOR_RANK; i++)
        t.dims[i] = dims[i];
    if (thaw_keras_place(file, group, name, &t, err)) {
        free(t.data);
        return -1;
    }
    return 0;
}

int thaw_tensor_read(const struct thaw_tensor *t, float *to, struct thaw_error *err)
{
    size_t size = t->count * sizeof *to;
    if (!t->data)
        return thaw_place_read(&t->place, to, size, err)
                   ? thaw_error_prefix(err, "tensor '%s'", t->name)
                   : 0;
    memcpy(to, t->data, size);
    return 0;
}

static void free_tensors(const struct thaw_keras_file *file, struct thaw_tensor *tensors, size_t n)
{
    uintptr_t first = (uintptr_t)file->storage;
    for (size_t i = 0; i < n; i++) {
        uintptr_t data = (uintptr_t)tensors[i].data;
        if (data - first >= file->storage_size && !tensors[i].borrowed)
            free(tensors[i].data);
        free(tensors[i].name);
    }
    free(tensors);
}

void thaw_keras_free(struct thaw_keras_file *file)
{
    if (!file)
        return;
    for (size_t i = 0; i < file->n_groups; i++) {
        free_tensors(file, file->groups[i].tensors, file->groups[i].n_tensors);
        free(file->groups[i].name);
    }
    free(file->groups);
    free_tensors(file, file->extras, file->n_extras);
    json_decref(file->config);
    json_decref(file->thaw);
    free(file->keras_version);
    thaw_child_release(file->storage, file->storage_size);
    if (file->fd >= 0)
        close(file->fd);
    free(file);
}
