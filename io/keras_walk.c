#include "io/keras_wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "io/base/mem.h"
#include "io/h5.h"
#include "io/zip.h"

_Static_assert((int)THAW_H5_RANK == (int)THAW_TENSOR_RANK, "tensors of any rank that is read");

/* Of names with '/' below the group thaw; a damaged file may hold a circle. */
enum { DEEPEST = 8 };

static int put_record(struct thaw_child_out *out, struct thaw_wire *record, const char *text,
                      struct thaw_error *err)
{
    record->text = text ? strlen(text) + 1 : 0;
    if (thaw_child_align(out, THAW_WIRE_ALIGN, err) ||
        thaw_child_put(out, record, sizeof *record, err))
        return -1;
    return text ? thaw_child_put(out, text, record->text, err) : 0;
}

static int put_text(struct thaw_child_out *out, enum thaw_wire_kind kind, const char *text,
                    struct thaw_error *err)
{
    struct thaw_wire record = {.kind = (int32_t)kind};
    return put_record(out, &record, text, err);
}

static int put_numbers(struct thaw_child_out *out, const struct thaw_h5_dataset *set,
                       struct thaw_error *err)
{
    size_t bytes = set->count * sizeof(float);
    if (thaw_child_align(out, THAW_WIRE_ALIGN, err))
        return -1;
    float *numbers = thaw_child_map(out, bytes, err);
    if (!numbers)
        return -1;
    int rc = thaw_h5_read(set, numbers, err);
    thaw_child_unmap(numbers, bytes);
    return rc;
}

static int put_tensor(struct thaw_child_out *out, enum thaw_wire_kind kind, thaw_h5 group,
                      const char *path, const char *name, struct thaw_error *err)
{
    struct thaw_h5_dataset set;
    if (thaw_h5_dataset(group, path, &set, err))
        return -1;
    if (thaw_h5_has_attr(set.id, "dtype")) { /* only bfloat16 is marked so */
        thaw_h5_close(set.id);
        return thaw_fail(err, THAW_EINPUT, "'%s' is bfloat16; float32, half and double are read",
                         path);
    }
    struct thaw_wire record = {
        .kind = (int32_t)kind, .rank = set.rank, .count = set.count, .at = set.at};
    for (int i = 0; i < set.rank; i++)
        record.dims[i] = set.dims[i];
    int rc = put_record(out, &record, name, err);
    if (rc == 0 && !set.at && set.count)
        rc = put_numbers(out, &set, err) ? thaw_error_prefix(err, "'%s'", name) : 0;
    thaw_h5_close(set.id);
    return rc;
}

/* A scalar string attribute. */
static int put_attr(struct thaw_child_out *out, enum thaw_wire_kind kind, thaw_h5 object,
                    const char *attr, struct thaw_error *err)
{
    struct thaw_h5_texts texts = {0};
    int rc = thaw_h5_texts(object, attr, &texts, err);
    if (rc == 0 && texts.n != 1)
        rc = thaw_fail(err, THAW_EINPUT, "attribute '%s' holds %zu strings instead of one", attr,
                       texts.n);
    if (rc == 0)
        rc = put_text(out, kind, texts.items[0], err);
    thaw_h5_texts_release(&texts);
    return rc;
}

/* The tensors that weight_names lists, in that order. */
static int put_weights(struct thaw_child_out *out, thaw_h5 group, const char *layer,
                       struct thaw_error *err)
{
    struct thaw_h5_texts names = {0};
    bool listed;
    size_t members;
    int rc = thaw_h5_list(group, "weight_names", &names, &listed, err);
    for (size_t i = 0; rc == 0 && i < names.n; i++)
        rc = put_tensor(out, THAW_WIRE_TENSOR, group, names.items[i], names.items[i], err);
    if (rc == 0 && !listed && (rc = thaw_h5_members(group, &members, err)) == 0 && members)
        rc = thaw_fail(err, THAW_EINPUT,
                       "the group of layer '%s' has %zu members, but no attribute weight_names to "
                       "tell their order",
                       layer, members);
    thaw_h5_texts_release(&names);
    return rc;
}

static int put_layers(struct thaw_child_out *out, thaw_h5 weights, struct thaw_error *err)
{
    struct thaw_h5_texts layers = {0};
    bool listed;
    int rc = thaw_h5_list(weights, "layer_names", &layers, &listed, err);
    if (rc == 0 && !listed)
        rc = thaw_fail(err, THAW_EINPUT, "model_weights has no attribute layer_names");
    for (size_t i = 0; rc == 0 && i < layers.n; i++) {
        thaw_h5 group = thaw_h5_group(weights, layers.items[i], err);
        if (group < 0)
            rc = thaw_error_prefix(err, "layer_names lists '%s'", layers.items[i]);
        if (rc == 0)
            rc = put_text(out, THAW_WIRE_GROUP, layers.items[i], err);
        if (rc == 0)
            rc = put_weights(out, group, layers.items[i], err);
        thaw_h5_close(group);
    }
    thaw_h5_texts_release(&layers);
    return rc;
}

/* --- '.weights.h5': layers by class and number --- */

/* The group with the layers of a model; negative: it has none. Keras 2.12 has another name for it.
 */
static thaw_h5 open_layers(thaw_h5 model, struct thaw_error *err)
{
    static const char *const names[] = {"layers", "_layer_checkpoint_dependencies"};
    for (int i = 0; i < 2; i++)
        if (thaw_h5_has(model, names[i]))
            return thaw_h5_group(model, names[i], err);
    return -1;
}

/* Members "0", "1", ... of a layer's group "vars". */
static int put_vars(struct thaw_child_out *out, thaw_h5 layer, const char *path,
                    struct thaw_error *err)
{
    size_t n = 0;
    thaw_h5 vars = thaw_h5_group(layer, "vars", err);
    int rc = vars < 0 ? -1 : thaw_h5_members(vars, &n, err);
    if (rc == 0 && n)
        rc = put_text(out, THAW_WIRE_GROUP, path, err);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        char name[24];
        snprintf(name, sizeof name, "%zu", i);
        rc = put_tensor(out, THAW_WIRE_TENSOR, vars, name, name, err);
    }
    thaw_h5_close(vars);
    return rc;
}

static int put_paths(struct thaw_child_out *out, thaw_h5 model, const char *above, int depth,
                     struct thaw_error *err)
{
    size_t n;
    thaw_h5 layers = open_layers(model, err);
    if (layers < 0)
        return thaw_fail(err, THAW_EINPUT, "model '%s' has no group of layers", above);
    int rc = thaw_h5_members(layers, &n, err);
    if (rc == 0 && depth > DEEPEST)
        rc = thaw_fail(err, THAW_EINPUT, "models are nested deeper than %d", DEEPEST);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        bool is_group;
        char *name = thaw_h5_member(layers, i, &is_group, err);
        char *path = name ? thaw_format(err, "%s%s%s", above, *above ? "/" : "", name) : NULL;
        thaw_h5 layer = path ? thaw_h5_group(layers, name, err) : -1;
        rc = layer < 0 ? -1 : 0;
        if (rc == 0 && thaw_h5_has(layer, "vars"))
            rc = put_vars(out, layer, path, err);
        if (rc == 0 &&
            (thaw_h5_has(layer, "layers") || thaw_h5_has(layer, "_layer_checkpoint_dependencies")))
            rc = put_paths(out, layer, path, depth + 1, err);
        thaw_h5_close(layer);
        free(path);
        free(name);
    }
    thaw_h5_close(layers);
    return rc;
}

static bool has_paths(thaw_h5 root)
{
    return !thaw_h5_has_attr(root, "layer_names") && !thaw_h5_has_attr(root, "layer_names0") &&
           (thaw_h5_has(root, "layers") || thaw_h5_has(root, "_layer_checkpoint_dependencies"));
}

/* --- legacy files --- */

/* Weights that a subclassed model owns outside its layers have no place in a graph. */
static int check_loose_weights(thaw_h5 weights, struct thaw_error *err)
{
    static const char name[] = "top_level_model_weights";
    struct thaw_h5_texts names = {0};
    bool listed;
    if (!thaw_h5_has(weights, name))
        return 0;
    thaw_h5 group = thaw_h5_group(weights, name, err);
    int rc = group < 0 ? -1 : thaw_h5_list(group, "weight_names", &names, &listed, err);
    if (rc == 0 && names.n)
        rc =
            thaw_fail(err, THAW_EINPUT,
                      "the model owns %zu weights outside its layers (%s: '%s'...), which no layer "
                      "here can use",
                      names.n, name, names.items[0]);
    thaw_h5_texts_release(&names);
    thaw_h5_close(group);
    return rc;
}

static int put_extras(struct thaw_child_out *out, thaw_h5 group, const char *above, int depth,
                      struct thaw_error *err)
{
    size_t n;
    int rc = thaw_h5_members(group, &n, err);
    if (rc == 0 && depth > DEEPEST)
        rc = thaw_fail(err, THAW_EINPUT, "the group thaw is nested deeper than %d", DEEPEST);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        bool is_group;
        char *name = thaw_h5_member(group, i, &is_group, err);
        char *full = name ? thaw_format(err, "%s%s%s", above, *above ? "/" : "", name) : NULL;
        rc = full ? 0 : -1;
        if (rc == 0 && is_group) {
            thaw_h5 below = thaw_h5_group(group, name, err);
            rc = below < 0 ? -1 : put_extras(out, below, full, depth + 1, err);
            thaw_h5_close(below);
        } else if (rc == 0) {
            rc = put_tensor(out, THAW_WIRE_EXTRA, group, name, full, err);
        }
        free(full);
        free(name);
    }
    return rc;
}

static int put_thaw(struct thaw_child_out *out, thaw_h5 root, struct thaw_error *err)
{
    if (!thaw_h5_has(root, "thaw"))
        return 0;
    thaw_h5 group = thaw_h5_group(root, "thaw", err);
    int rc = group < 0 ? -1 : 0;
    /* A layer of a weights-only file may have this name. */
    if (rc == 0 && thaw_h5_has_attr(group, "record")) {
        rc = put_attr(out, THAW_WIRE_THAW, group, "record", err);
        if (rc == 0)
            rc = put_extras(out, group, "", 0, err);
    }
    thaw_h5_close(group);
    return rc;
}

/* The group with the layers: the root itself in a weights-only file. */
static thaw_h5 open_weights(thaw_h5 root, bool whole, struct thaw_error *err)
{
    bool listed = thaw_h5_has_attr(root, "layer_names") || thaw_h5_has_attr(root, "layer_names0");
    if (!whole && listed)
        return root;
    if (thaw_h5_has(root, "model_weights"))
        return thaw_h5_group(root, "model_weights", err);
    if (whole)
        thaw_fail(err, THAW_EINPUT, "has a model_config, but no group model_weights");
    else
        thaw_fail(
            err, THAW_EINPUT,
            "an HDF5 file, but no Keras model: neither attribute model_config nor layer_names "
            "at its root");
    return -1;
}

/* A file of Thaw's own without a model: a checkpoint. */
static bool is_thaw_only(thaw_h5 root)
{
    if (thaw_h5_has_attr(root, "model_config") || thaw_h5_has_attr(root, "layer_names") ||
        thaw_h5_has(root, "model_weights") || !thaw_h5_has(root, "thaw"))
        return false;
    thaw_h5 group = thaw_h5_group(root, "thaw", NULL);
    bool is = group >= 0 && thaw_h5_has_attr(group, "record");
    thaw_h5_close(group);
    return is;
}

/* The places of tensors are good for the file that the parent reads them from. */
static int check_same(const struct thaw_walk *walk, struct thaw_error *err)
{
    struct stat a, b;
    if (stat(walk->path, &a) || fstat(walk->fd, &b))
        return thaw_fail_errno(err, "cannot be read again");
    if (a.st_dev != b.st_dev || a.st_ino != b.st_ino)
        return thaw_fail(err, THAW_EINPUT, "was replaced while it was read; try again");
    return 0;
}

static int walk_legacy(struct thaw_child_out *out, thaw_h5 root, struct thaw_error *err)
{
    bool whole = thaw_h5_has_attr(root, "model_config");
    thaw_h5 weights = open_weights(root, whole, err);
    if (weights < 0)
        return -1;
    thaw_h5 versioned = thaw_h5_has_attr(root, "keras_version") ? root : weights;
    int rc = thaw_h5_has_attr(versioned, "keras_version")
                 ? put_attr(out, THAW_WIRE_VERSION, versioned, "keras_version", err)
                 : 0;
    if (rc == 0 && whole)
        rc = put_attr(out, THAW_WIRE_CONFIG, root, "model_config", err);
    if (rc == 0)
        rc = put_layers(out, weights, err);
    if (rc == 0)
        rc = check_loose_weights(weights, err);
    if (rc == 0)
        rc = put_thaw(out, root, err);
    if (weights != root)
        thaw_h5_close(weights);
    return rc;
}

static int walk_paths(struct thaw_child_out *out, thaw_h5 root, struct thaw_error *err)
{
    return put_text(out, THAW_WIRE_PATHS, NULL, err) || put_paths(out, root, "", 0, err) ? -1 : 0;
}

static int walk_file(const struct thaw_walk *walk, struct thaw_child_out *out,
                     struct thaw_error *err)
{
    thaw_h5 root = thaw_h5_open(walk->path, err);
    int rc = root < 0 ? -1 : check_same(walk, err);
    if (rc == 0 && is_thaw_only(root))
        rc = put_thaw(out, root, err);
    else if (rc == 0)
        rc = has_paths(root) ? walk_paths(out, root, err) : walk_legacy(out, root, err);
    thaw_h5_close(root);
    return rc;
}

/* --- '.keras' --- */

static int put_member(struct thaw_child_out *out, enum thaw_wire_kind kind, struct thaw_zip *zip,
                      const char *name, struct thaw_error *err)
{
    unsigned char *text = NULL;
    size_t size = 0;
    int rc = thaw_zip_read(zip, name, false, &text, &size, err);
    if (rc == 0 && strlen((char *)text) != size)
        rc = thaw_fail(err, THAW_EINPUT, "text with a zero byte");
    if (rc == 0)
        rc = put_text(out, kind, (char *)text, err);
    free(text);
    return rc ? thaw_error_prefix(err, "member %s", name) : 0;
}

static int walk_zip(const struct thaw_walk *walk, struct thaw_child_out *out,
                    struct thaw_error *err)
{
    static const char weights[] = "model.weights.h5";
    unsigned char *data = NULL;
    size_t size;
    thaw_h5 root = -1;
    int rc = -1;
    struct thaw_zip *zip = thaw_zip_open(walk->path, walk->size, err);
    if (!zip || check_same(walk, err) ||
        put_member(out, THAW_WIRE_METADATA, zip, "metadata.json", err) ||
        put_member(out, THAW_WIRE_CONFIG, zip, "config.json", err))
        goto done;
    if (thaw_zip_read(zip, weights, false, &data, &size, err) == 0 &&
        (root = thaw_h5_open_image(data, size, err)) >= 0)
        rc = walk_paths(out, root, err);
    if (rc)
        thaw_error_prefix(err, "member %s", weights);
done:
    thaw_h5_close(root);
    thaw_zip_close(zip);
    free(data);
    return rc;
}

int thaw_keras_walk(void *ctx, struct thaw_child_out *out, struct thaw_error *err)
{
    const struct thaw_walk *walk = ctx;
    if (walk->zipped ? walk_zip(walk, out, err) : walk_file(walk, out, err))
        return -1;
    return put_text(out, THAW_WIRE_END, NULL, err);
}
