#include "io/keras_file.h"

#include <stdlib.h>
#include <string.h>

#include "io/base/mem.h"
#include "io/h5.h"

/* The dialect that Keras 2.2 to 3.15 all load; what is written here must not depend on where it
 * came from. */
static const char dialect[] = "2.15.0", backend[] = "tensorflow";

/* Parts of a path: not empty, not ".", which HDF5 skips, or "..", which readers refuse. */
static int check_name(const char *what, const char *name, struct thaw_error *err)
{
    const char *part = name;
    for (;;) {
        size_t n = strcspn(part, "/");
        if (n == 0 || (n <= 2 && strncmp(part, "..", n) == 0))
            return thaw_fail(err, THAW_EUSAGE, "%s '%s' cannot be a name in a file", what, name);
        if (!part[n])
            return 0;
        part += n + 1;
    }
}

static int check(const struct thaw_keras_file *file, struct thaw_error *err)
{
    if (!file->config && (file->n_groups || !file->thaw))
        return thaw_fail(err, THAW_EUSAGE, "a model without a configuration cannot be saved");
    for (size_t i = 0; i < file->n_groups; i++) {
        const struct thaw_keras_group *group = file->groups + i;
        if (check_name("layer", group->name, err))
            return -1;
        for (size_t j = 0; j < group->n_tensors; j++)
            if (check_name("tensor", group->tensors[j].name, err))
                return -1;
    }
    for (size_t i = 0; i < file->n_extras; i++)
        if (check_name("tensor", file->extras[i].name, err))
            return -1;
    return 0;
}

static int put_tensor(thaw_h5 place, const struct thaw_tensor *t, struct thaw_error *err)
{
    if (t->data || !t->count)
        return thaw_h5_put(place, t->name, t->dims, t->rank, t->data, err);
    float *numbers = thaw_new(t->count, sizeof *numbers, err);
    int rc = numbers ? thaw_tensor_read(t, numbers, err) : -1;
    if (rc == 0)
        rc = thaw_h5_put(place, t->name, t->dims, t->rank, numbers, err);
    free(numbers);
    return rc;
}

static int put_layer(thaw_h5 weights, const struct thaw_keras_group *group, struct thaw_error *err)
{
    const char **names = thaw_new(group->n_tensors, sizeof *names, err);
    thaw_h5 place = names ? thaw_h5_make(weights, group->name, err) : -1;
    int rc = place < 0 ? -1 : 0;
    for (size_t i = 0; rc == 0 && i < group->n_tensors; i++) {
        const struct thaw_tensor *t = group->tensors + i;
        names[i] = t->name;
        rc = put_tensor(place, t, err);
    }
    if (rc == 0)
        rc = thaw_h5_put_list(place, "weight_names", names, group->n_tensors, err);
    thaw_h5_close(place);
    free(names);
    return rc ? thaw_error_prefix(err, "layer '%s'", group->name) : 0;
}

static int put_weights(thaw_h5 root, const struct thaw_keras_file *file, struct thaw_error *err)
{
    const char **names = thaw_new(file->n_groups, sizeof *names, err);
    thaw_h5 weights = names ? thaw_h5_make(root, "model_weights", err) : -1;
    int rc = weights < 0 ? -1 : 0;
    for (size_t i = 0; rc == 0 && i < file->n_groups; i++)
        names[i] = file->groups[i].name;
    if (rc == 0 && (thaw_h5_put_list(weights, "layer_names", names, file->n_groups, err) ||
                    thaw_h5_put_word(weights, "backend", backend, err) ||
                    thaw_h5_put_word(weights, "keras_version", dialect, err)))
        rc = -1;
    for (size_t i = 0; rc == 0 && i < file->n_groups; i++)
        rc = put_layer(weights, file->groups + i, err);
    thaw_h5_close(weights);
    free(names);
    return rc;
}

static int put_json(thaw_h5 object, const char *attr, const json_t *value, struct thaw_error *err)
{
    char *text = thaw_json_text(value, err);
    int rc = text ? thaw_h5_put_text(object, attr, text, err) : -1;
    free(text);
    return rc;
}

static int put_thaw(thaw_h5 root, const struct thaw_keras_file *file, struct thaw_error *err)
{
    if (!file->thaw && !file->n_extras)
        return 0;
    thaw_h5 group = thaw_h5_make(root, "thaw", err);
    json_t *none = file->thaw ? NULL : json_object(); /* its attribute marks the group as Thaw's */
    int rc = group < 0 ? -1 : put_json(group, "record", none ? none : file->thaw, err);
    for (size_t i = 0; rc == 0 && i < file->n_extras; i++)
        rc = put_tensor(group, file->extras + i, err);
    json_decref(none);
    thaw_h5_close(group);
    return rc;
}

static int put_model(thaw_h5 root, const struct thaw_keras_file *file, struct thaw_error *err)
{
    if (put_json(root, "model_config", file->config, err) ||
        thaw_h5_put_word(root, "backend", backend, err) ||
        thaw_h5_put_word(root, "keras_version", dialect, err))
        return -1;
    return put_weights(root, file, err);
}

int thaw_keras_save(const char *path, const struct thaw_keras_file *file, struct thaw_error *err)
{
    thaw_h5 root = check(file, err) ? -1 : thaw_h5_create(err);
    if (root >= 0 && (!file->config || put_model(root, file, err) == 0) &&
        put_thaw(root, file, err) == 0)
        return thaw_h5_finish(root, path, err);
    thaw_h5_close(root);
    return thaw_error_prefix(err, "%s", path);
}
