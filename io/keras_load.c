#include "io/keras_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/base/mem.h"
#include "io/keras_wire.h"

/* Room beside the file's own size: compressed files unpack to about 1.1 times, half floats to 2
 * times. */
enum {
    EXPANSION = 8,
    SPARE_RESULT = 256 << 20,
    SPARE_MEMORY = 512 << 20,
    SECONDS = 5,                /* of processor time, enough for any model on slow machines... */
    BYTES_PER_SECOND = 20 << 20 /* ...and this much more per byte */
};

/* --- is it an HDF5 file at all? --- */

static bool is_zip(const unsigned char head[8])
{
    return memcmp(head, "PK\3\4", 4) == 0;
}

/* The signature stands at 0, 512, 1024, 2048, ... */
static int sniff(const char *path, int fd, struct thaw_walk *walk, struct thaw_error *err)
{
    static const unsigned char signature[8] = "\211HDF\r\n\032\n";
    unsigned char head[8] = {0};
    struct stat st;
    if (fstat(fd, &st))
        return thaw_fail_errno(err, "%s", path);
    if (S_ISDIR(st.st_mode))
        return thaw_fail(
            err, THAW_EINPUT,
            "%s: a folder; a model is one file (a TensorFlow SavedModel must be saved again in "
            "Keras: model.save('model.h5'))",
            path);
    if (!S_ISREG(st.st_mode))
        return thaw_fail(err, THAW_EINPUT, "%s: not a regular file", path);
    walk->size = (size_t)st.st_size;
    for (off_t at = 0; at < st.st_size; at = at ? 2 * at : 512) {
        unsigned char found[8];
        ssize_t got = pread(fd, found, sizeof found, at);
        if (got < 0)
            return thaw_fail_errno(err, "%s", path);
        if (at == 0)
            memcpy(head, found, (size_t)got);
        if ((walk->zipped = is_zip(head)))
            return 0;
        if (got == sizeof found && memcmp(found, signature, sizeof signature) == 0)
            return 0;
    }
    return thaw_fail(err, THAW_EINPUT, walk->size ? "%s: not an HDF5 file" : "%s: empty file",
                     path);
}

/* --- the child's records; nothing in them is believed unchecked --- */

struct cursor {
    const char *path;
    int fd;
    size_t file_size;
    char *data;
    size_t size, at;
};

struct item {
    int kind;
    char *text; /* in place, ends with a zero; "" if there is none */
    struct thaw_tensor tensor;
};

static int broken(const struct cursor *c, const char *what, struct thaw_error *err)
{
    return thaw_fail(err, THAW_EINPUT, "%s: damaged HDF5 file: its reader handed over %s", c->path,
                     what);
}

static bool align(struct cursor *c)
{
    size_t gap = (THAW_WIRE_ALIGN - c->at % THAW_WIRE_ALIGN) % THAW_WIRE_ALIGN;
    if (gap > c->size - c->at)
        return false;
    c->at += gap;
    return true;
}

static bool is_clean(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || *text == 127)
            return false;
    return true;
}

/* In the file or behind the record. */
static int find_numbers(struct cursor *c, const struct thaw_wire *w, struct thaw_tensor *t,
                        struct thaw_error *err)
{
    *t = (struct thaw_tensor){.rank = w->rank};
    if (w->rank < 0 || w->rank > THAW_TENSOR_RANK)
        return broken(c, "a wrong rank", err);
    for (int i = 0; i < w->rank; i++)
        t->dims[i] = (long)w->dims[i];
    if (!thaw_count(t->dims, w->rank, &t->count) || t->count != w->count)
        return broken(c, "a wrong shape", err);
    if (w->at) {
        if (w->at > c->file_size || t->count > (c->file_size - w->at) / sizeof(float))
            return broken(c, "a place outside the file", err);
        t->place = (struct thaw_place){c->fd, w->at};
        return 0;
    }
    if (!t->count)
        return 0;
    if (!align(c) || t->count > (c->size - c->at) / sizeof(float))
        return broken(c, "too few numbers", err);
    t->data = (float *)(void *)(c->data + c->at);
    c->at += t->count * sizeof(float);
    return 0;
}

static int next(struct cursor *c, struct item *item, struct thaw_error *err)
{
    struct thaw_wire w;
    if (!align(c) || c->size - c->at < sizeof w)
        return broken(c, "too little", err);
    memcpy(&w, c->data + c->at, sizeof w);
    c->at += sizeof w;
    item->kind = w.kind;
    item->text = "";
    if (w.text > c->size - c->at)
        return broken(c, "too little text", err);
    if (w.text) {
        item->text = c->data + c->at;
        if (memchr(item->text, 0, w.text) != item->text + w.text - 1)
            return broken(c, "an open text", err);
        c->at += w.text;
    }
    bool tensor = w.kind == THAW_WIRE_TENSOR || w.kind == THAW_WIRE_EXTRA;
    return tensor ? find_numbers(c, &w, &item->tensor, err) : 0;
}

static int take_version(struct thaw_keras_file *file, const struct cursor *c, const char *text,
                        struct thaw_error *err)
{
    free(file->keras_version);
    if (!(file->keras_version = thaw_strdup(text, err)))
        return -1;
    file->keras_major = atoi(text); /* "2.2.4-tf" */
    if (file->keras_major < 1 || file->keras_major > 3)
        return thaw_fail(err, THAW_EINPUT, "%s: keras_version '%.40s'; known are 1, 2 and 3",
                         c->path, text);
    return 0;
}

static int take_json(json_t **value, const struct cursor *c, const char *what, const char *text,
                     struct thaw_error *err)
{
    json_decref(*value);
    if (!(*value = thaw_json_parse(text, strlen(text), what, err)))
        return thaw_error_prefix(err, "%s", c->path);
    if (!json_is_object(*value))
        return thaw_fail(err, THAW_EINPUT, "%s: %s is not a JSON object", c->path, what);
    return 0;
}

static int take_metadata(struct thaw_keras_file *file, const struct cursor *c, const char *text,
                         struct thaw_error *err)
{
    json_t *metadata = NULL;
    int rc = take_json(&metadata, c, "metadata.json", text, err);
    const char *version = json_string_value(json_object_get(metadata, "keras_version"));
    if (rc == 0)
        rc = take_version(file, c, version ? version : "3", err);
    json_decref(metadata);
    return rc;
}

static int take(struct thaw_keras_file *file, struct thaw_keras_group **group,
                const struct cursor *c, const struct item *item, struct thaw_error *err)
{
    bool named = item->kind == THAW_WIRE_GROUP || item->kind == THAW_WIRE_TENSOR ||
                 item->kind == THAW_WIRE_EXTRA;
    if (named && (!*item->text || !is_clean(item->text)))
        return broken(c, "an empty name or one with control characters", err);
    switch (item->kind) {
    case THAW_WIRE_VERSION:
        return take_version(file, c, item->text, err);
    case THAW_WIRE_METADATA:
        return take_metadata(file, c, item->text, err);
    case THAW_WIRE_PATHS:
        file->by_path = true;
        return 0;
    case THAW_WIRE_CONFIG:
        return take_json(&file->config, c, "model_config", item->text, err);
    case THAW_WIRE_THAW:
        return take_json(&file->thaw, c, "the record in the group thaw", item->text, err);
    case THAW_WIRE_GROUP:
        *group = thaw_keras_add_group(file, item->text, err);
        return *group ? 0 : thaw_error_prefix(err, "%s", c->path);
    case THAW_WIRE_TENSOR:
        if (!*group)
            return broken(c, "a tensor without a layer", err);
        return thaw_keras_place(file, *group, item->text, &item->tensor, err)
                   ? thaw_error_prefix(err, "%s", c->path)
                   : 0;
    case THAW_WIRE_EXTRA:
        return thaw_keras_place(file, NULL, item->text, &item->tensor, err)
                   ? thaw_error_prefix(err, "%s", c->path)
                   : 0;
    default:
        return broken(c, "a record of an unknown kind", err);
    }
}

/* What the child's records say; the numbers stay where they are. */
static int unpack(struct thaw_keras_file *file, struct cursor *c, struct thaw_error *err)
{
    struct item item = {0};
    struct thaw_keras_group *group = NULL;
    file->keras_major = 1; /* what a file without keras_version means to Keras */
    for (;;) {
        if (next(c, &item, err))
            return -1;
        if (item.kind == THAW_WIRE_END)
            return 0;
        if (take(file, &group, c, &item, err))
            return -1;
    }
}

static int load(struct thaw_keras_file *file, const char *path, struct thaw_error *err)
{
    struct cursor c = {.path = path, .fd = file->fd};
    struct thaw_walk walk = {.path = path, .fd = file->fd};
    if (sniff(path, file->fd, &walk, err))
        return -1;
    c.file_size = walk.size;
    size_t size = c.file_size,
           room = size < SIZE_MAX / 4 / EXPANSION ? EXPANSION * size : SIZE_MAX / 4;
    struct thaw_child_limits limits = {.memory = room + SPARE_RESULT + SPARE_MEMORY,
                                       .result = room + SPARE_RESULT,
                                       .cpu = SECONDS + (int)(size / BYTES_PER_SECOND)};
    limits.wall = 10 * limits.cpu; /* network drives are slow */
    switch (
        thaw_child_run(&limits, thaw_keras_walk, &walk, &file->storage, &file->storage_size, err)) {
    case THAW_CHILD_DONE:
        c.data = file->storage;
        c.size = file->storage_size;
        return unpack(file, &c, err);
    case THAW_CHILD_DIED:
        return thaw_error_prefix(err, walk.zipped ? "%s: damaged archive" : "%s: damaged HDF5 file",
                                 path);
    default:
        return thaw_error_prefix(err, "%s", path);
    }
}

struct thaw_keras_file *thaw_keras_load(const char *path, struct thaw_error *err)
{
    struct thaw_keras_file *file = thaw_keras_create(err);
    if (!file)
        return NULL;
    file->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file->fd < 0 ? thaw_fail_errno(err, "%s", path) : load(file, path, err)) {
        thaw_keras_free(file);
        return NULL;
    }
    return file;
}
