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

static int say_foreign(const char *path, const unsigned char *head, size_t got,
                       struct thaw_error *err)
{
    if (got == 0)
        return thaw_fail(err, THAW_EINPUT, "%s: empty file", path);
    if (got >= 4 && memcmp(head, "PK\3\4", 4) == 0)
        return thaw_fail(
            err, THAW_EINPUT,
            "%s: a zip archive (a '.keras' file?); open it in Keras and save it in the "
            "older format: model.save('model.h5')",
            path);
    return thaw_fail(err, THAW_EINPUT, "%s: not an HDF5 file", path);
}

/* The signature stands at 0, 512, 1024, 2048, ... */
static int sniff(const char *path, size_t *size, struct thaw_error *err)
{
    static const unsigned char signature[8] = "\211HDF\r\n\032\n";
    unsigned char head[8] = {0};
    struct stat st;
    int rc = -1;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return thaw_fail_errno(err, "%s", path);
    if (fstat(fd, &st)) {
        thaw_fail_errno(err, "%s", path);
        goto done;
    }
    if (S_ISDIR(st.st_mode)) {
        thaw_fail(
            err, THAW_EINPUT,
            "%s: a folder; a model is one file (a TensorFlow SavedModel must be saved again in "
            "Keras: model.save('model.h5'))",
            path);
        goto done;
    }
    if (!S_ISREG(st.st_mode)) {
        thaw_fail(err, THAW_EINPUT, "%s: not a regular file", path);
        goto done;
    }
    for (off_t at = 0; at < st.st_size && rc; at = at ? 2 * at : 512) {
        unsigned char found[8];
        ssize_t got = pread(fd, found, sizeof found, at);
        if (got < 0) {
            thaw_fail_errno(err, "%s", path);
            goto done;
        }
        if (at == 0)
            memcpy(head, found, (size_t)got);
        if (got == sizeof found && memcmp(found, signature, sizeof signature) == 0)
            rc = 0;
    }
    *size = (size_t)st.st_size;
    if (rc)
        say_foreign(path, head, st.st_size < 8 ? (size_t)st.st_size : 8, err);
done:
    close(fd);
    return rc;
}

/* --- the child's records; nothing in them is believed unchecked --- */

struct cursor {
    const char *path;
    char *data;
    size_t size, at;
};

struct item {
    struct thaw_wire wire;
    char *text; /* in place, ends with a zero; "" if there is none */
    float *numbers;
    long dims[THAW_TENSOR_RANK];
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

static int next(struct cursor *c, struct item *item, struct thaw_error *err)
{
    struct thaw_wire *w = &item->wire;
    if (!align(c) || c->size - c->at < sizeof *w)
        return broken(c, "too little", err);
    memcpy(w, c->data + c->at, sizeof *w);
    c->at += sizeof *w;
    item->text = "";
    if (w->text > c->size - c->at)
        return broken(c, "too little text", err);
    if (w->text) {
        item->text = c->data + c->at;
        if (memchr(item->text, 0, w->text) != item->text + w->text - 1)
            return broken(c, "an open text", err);
        c->at += w->text;
    }
    if (w->kind != THAW_WIRE_TENSOR && w->kind != THAW_WIRE_EXTRA)
        return 0;
    size_t count;
    if (w->rank < 0 || w->rank > THAW_TENSOR_RANK)
        return broken(c, "a wrong rank", err);
    for (int i = 0; i < w->rank; i++)
        item->dims[i] = (long)w->dims[i];
    if (!thaw_count(item->dims, w->rank, &count) || count != w->count || !align(c) ||
        count > (c->size - c->at) / sizeof(float))
        return broken(c, "a wrong shape", err);
    item->numbers = (float *)(void *)(c->data + c->at);
    c->at += count * sizeof(float);
    return 0;
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

static int take(struct thaw_keras_file *file, struct thaw_keras_group **group,
                const struct cursor *c, const struct item *item, struct thaw_error *err)
{
    bool named = item->wire.kind == THAW_WIRE_GROUP || item->wire.kind == THAW_WIRE_TENSOR ||
                 item->wire.kind == THAW_WIRE_EXTRA;
    if (named && (!*item->text || !is_clean(item->text)))
        return broken(c, "an empty name or one with control characters", err);
    switch (item->wire.kind) {
    case THAW_WIRE_VERSION:
        return take_version(file, c, item->text, err);
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
        return thaw_keras_place(file, *group, item->text, item->dims, item->wire.rank,
                                item->numbers, err)
                   ? thaw_error_prefix(err, "%s", c->path)
                   : 0;
    case THAW_WIRE_EXTRA:
        return thaw_keras_place(file, NULL, item->text, item->dims, item->wire.rank, item->numbers,
                                err)
                   ? thaw_error_prefix(err, "%s", c->path)
                   : 0;
    default:
        return broken(c, "a record of an unknown kind", err);
    }
}

static struct thaw_keras_file *unpack(const char *path, void *data, size_t size,
                                      struct thaw_error *err)
{
    struct cursor c = {path, data, size, 0};
    struct item item = {0};
    struct thaw_keras_group *group = NULL;
    struct thaw_keras_file *file = thaw_keras_create(err);
    if (!file) {
        thaw_child_release(data, size);
        return NULL;
    }
    file->storage = data;
    file->storage_size = size;
    file->keras_major = 1; /* what a file without keras_version means to Keras */
    do {
        if (next(&c, &item, err) ||
            (item.wire.kind != THAW_WIRE_END && take(file, &group, &c, &item, err))) {
            thaw_keras_free(file);
            return NULL;
        }
    } while (item.wire.kind != THAW_WIRE_END);
    return file;
}

struct thaw_keras_file *thaw_keras_load(const char *path, struct thaw_error *err)
{
    size_t size = 0, result_size;
    void *result;
    if (sniff(path, &size, err))
        return NULL;
    size_t room = size < SIZE_MAX / 4 / EXPANSION ? EXPANSION * size : SIZE_MAX / 4;
    struct thaw_child_limits limits = {.memory = room + SPARE_RESULT + SPARE_MEMORY,
                                       .result = room + SPARE_RESULT,
                                       .cpu = SECONDS + (int)(size / BYTES_PER_SECOND)};
    limits.wall = 10 * limits.cpu; /* network drives are slow */
    switch (thaw_child_run(&limits, thaw_keras_walk, (void *)path, &result, &result_size, err)) {
    case THAW_CHILD_DONE:
        return unpack(path, result, result_size, err);
    case THAW_CHILD_DIED:
        thaw_error_prefix(err, "%s: damaged HDF5 file", path);
        break;
    default:
        thaw_error_prefix(err, "%s", path);
    }
    return NULL;
}
