#include "io/torch_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "io/base/file.h"
#include "io/base/mem.h"
#include "io/torch_storage.h"

/* The first pickle of a legacy file is the number 0x1950a86a20f9469cfc6c. */
static const unsigned char legacy_magic[10] = {0x6c, 0xfc, 0x9c, 0x46, 0xf9,
                                               0x20, 0x6a, 0xa8, 0x50, 0x19};
static const unsigned char zip_magic[4] = {'P', 'K', 3, 4};
enum { LEGACY_VERSION = 1001, HEAD = 32 };
static const size_t max_file = (size_t)4 << 30; /* vision backbones stay below 2 GiB */

/* Keys under which training scripts keep the weights beside the optimiser and the epoch. */
static const char *const nests[] = {"state_dict", "model", NULL};

bool thaw_torch_sniff(const unsigned char *head, size_t size)
{
    if (size >= sizeof zip_magic && memcmp(head, zip_magic, sizeof zip_magic) == 0)
        return true;
    return memmem(head, size < HEAD ? size : HEAD, legacy_magic, sizeof legacy_magic) != NULL;
}

const struct thaw_tensor *thaw_torch_find(const struct thaw_torch_file *file, const char *name)
{
    for (size_t i = 0; i < file->n_tensors; i++)
        if (strcmp(file->tensors[i].name, name) == 0)
            return &file->tensors[i];
    return NULL;
}

void thaw_torch_free(struct thaw_torch_file *file)
{
    if (!file)
        return;
    for (size_t i = 0; i < file->n_tensors; i++) {
        free(file->tensors[i].name);
        free(file->tensors[i].data);
    }
    free(file->tensors);
    free(file);
}

/* The arguments of the call that makes a tensor, as it is or wrapped as a parameter; else NULL. */
static const struct thaw_pickle_value *tensor_args(const struct thaw_pickle_value *v)
{
    if (v->kind == THAW_PICKLE_CALL && v->global->tag == THAW_TORCH_PARAMETER &&
        v->inner->n_items > 0)
        v = v->inner->items[0];
    return v->kind == THAW_PICKLE_CALL && v->global->tag == THAW_TORCH_TENSOR ? v->inner : NULL;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int check_names(const struct thaw_torch_file *file, struct thaw_error *err)
{
    char shown[THAW_PICKLE_SHOWN];
    int rc = 0;
    const char **names = thaw_new(file->n_tensors, sizeof *names, err);
    if (!names)
        return -1;
    for (size_t i = 0; i < file->n_tensors; i++)
        names[i] = file->tensors[i].name;
    qsort(names, file->n_tensors, sizeof *names, by_text);
    for (size_t i = 1; i < file->n_tensors && rc == 0; i++)
        if (strcmp(names[i - 1], names[i]) == 0)
            rc = thaw_fail(err, THAW_EINPUT, "tensor %s occurs twice",
                           thaw_pickle_show(names[i], strlen(names[i]), shown));
    free(names);
    return rc;
}

/* The dict of the weights: the root, or what it nests. */
static const struct thaw_pickle_value *find_weights(const struct thaw_pickle_value *root,
                                                    struct thaw_error *err)
{
    if (root->kind != THAW_PICKLE_DICT) {
        thaw_fail(err, THAW_EINPUT, "holds no dict at its top: not a state dict");
        return NULL;
    }
    for (int i = 0; nests[i]; i++) {
        const struct thaw_pickle_value *nested = thaw_pickle_find(root, nests[i]);
        if (nested && nested->kind == THAW_PICKLE_DICT)
            return nested;
    }
    return root;
}

/* "no tensors; its keys are: a, b, c ..." */
static int fail_empty(const struct thaw_pickle_value *dict, struct thaw_error *err)
{
    char list[512] = "", shown[THAW_PICKLE_SHOWN];
    size_t used = 0;
    for (size_t i = 0; i + 1 < dict->n_items && used + THAW_PICKLE_SHOWN + 2 < sizeof list;
         i += 2) {
        const struct thaw_pickle_value *key = dict->items[i];
        bool text = key->kind == THAW_PICKLE_TEXT;
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", used ? ", " : "",
                                 text ? thaw_pickle_show(key->text, key->size, shown) : "?");
    }
    return thaw_fail(err, THAW_EINPUT,
                     "holds no tensors (looked at the top and under 'state_dict' and 'model'); its "
                     "keys are: %s",
                     *list ? list : "none");
}

static int read_tensors(struct thaw_torch_file *file, const struct thaw_pickle_value *root,
                        struct thaw_torch_storages *storages, struct thaw_error *err)
{
    char shown[THAW_PICKLE_SHOWN];
    const struct thaw_pickle_value *dict = find_weights(root, err);
    if (!dict || !(file->tensors = thaw_new(dict->n_items / 2, sizeof *file->tensors, err)))
        return -1;
    for (size_t i = 0; i < dict->n_items; i += 2) {
        const struct thaw_pickle_value *key = dict->items[i];
        const struct thaw_pickle_value *args = tensor_args(dict->items[i + 1]);
        if (!args)
            continue;
        if (key->kind != THAW_PICKLE_TEXT || strlen(key->text) != key->size)
            return thaw_fail(err, THAW_EINPUT, "a tensor whose key is not a name");
        struct thaw_tensor *t = &file->tensors[file->n_tensors];
        if (!(t->name = thaw_strdup(key->text, err)))
            return -1;
        file->n_tensors++;
        if (thaw_torch_tensor_read(storages, args, t, err))
            return thaw_error_prefix(err, "tensor %s",
                                     thaw_pickle_show(key->text, key->size, shown));
    }
    return file->n_tensors ? check_names(file, err) : fail_empty(dict, err);
}

static int read_zip(struct thaw_torch_file *file, const char *path, size_t file_size,
                    struct thaw_error *err)
{
    struct thaw_torch_storages storages = {0};
    struct thaw_pickle *object = NULL;
    unsigned char *order = NULL, *data = NULL;
    size_t size = 0, used = 0;
    int rc = -1;
    struct thaw_torch_zip *zip = thaw_torch_zip_open(path, file_size, err);
    if (!zip || thaw_torch_zip_read(zip, "byteorder", true, &order, &size, err))
        goto done;
    if (order && (size != 6 || memcmp(order, "little", 6) != 0)) {
        thaw_fail(err, THAW_EINPUT,
                  "member byteorder is not \"little\": save it on a "
                  "little-endian machine");
        goto done;
    }
    if (thaw_torch_zip_read(zip, "data.pkl", false, &data, &size, err) ||
        !(object = thaw_pickle_parse(data, size, &used, thaw_torch_globals, err)) ||
        thaw_torch_storages_init(&storages, object, file_size, err))
        goto done;
    storages.zip = zip;
    rc = read_tensors(file, object->root, &storages, err);
done:
    thaw_torch_storages_release(&storages);
    thaw_pickle_free(object);
    free(data);
    free(order);
    thaw_torch_zip_close(zip);
    return rc;
}

/* The place in a legacy file: pickles one after the other, then storages. */
struct stream {
    const unsigned char *data;
    size_t size, at;
};

static struct thaw_pickle *next_pickle(struct stream *in, const char *what, struct thaw_error *err)
{
    size_t used = 0;
    struct thaw_pickle *pickle =
        thaw_pickle_parse(in->data + in->at, in->size - in->at, &used, thaw_torch_globals, err);
    if (!pickle)
        thaw_error_prefix(err, "%s", what);
    in->at += used;
    return pickle;
}

/* Magic number, version, and facts about the writer's machine, which do not matter: storages are
 * little-endian whatever it was. */
static int read_legacy_head(struct stream *in, struct thaw_error *err)
{
    static const char *const parts[] = {"magic number", "version", "system"};
    for (int i = 0; i < 3; i++) {
        struct thaw_pickle *pickle = next_pickle(in, parts[i], err);
        if (!pickle)
            return -1;
        const struct thaw_pickle_value *v = pickle->root;
        bool fits = true;
        int64_t version = v->kind == THAW_PICKLE_INT ? v->integer : -1;
        if (i == 0)
            fits = v->kind == THAW_PICKLE_LONG && v->size == sizeof legacy_magic &&
                   memcmp(v->text, legacy_magic, sizeof legacy_magic) == 0;
        if (i == 1)
            fits = version == LEGACY_VERSION;
        thaw_pickle_free(pickle);
        if (!fits && i == 0)
            return thaw_fail(err, THAW_EINPUT, "damaged: no magic number at its start");
        if (!fits)
            return thaw_fail(err, THAW_EINPUT, "version %jd of the legacy format; %d is known",
                             (intmax_t)version, LEGACY_VERSION);
    }
    return 0;
}

/* Points each storage at its bytes: a list of keys, then for each its length and its elements. */
static int place_storages(struct stream *in, struct thaw_torch_storages *storages,
                          struct thaw_error *err)
{
    char shown[THAW_PICKLE_SHOWN] = "";
    int rc = -1;
    struct thaw_pickle *keys = next_pickle(in, "list of storages", err);
    if (!keys)
        return -1;
    for (size_t i = 0; i < keys->root->n_items; i++) {
        const struct thaw_pickle_value *key = keys->root->items[i];
        bool named = keys->root->kind == THAW_PICKLE_LIST && key->kind == THAW_PICKLE_TEXT;
        struct thaw_torch_storage *s = named ? thaw_torch_storages_find(storages, key->text) : NULL;
        if (!s || s->data) {
            thaw_fail(err, THAW_EINPUT,
                      "damaged list of storages: entry %zu is unknown or there twice", i);
            goto done;
        }
        thaw_pickle_show(s->key, strlen(s->key), shown);
        uint64_t count;
        size_t left = in->size - in->at;
        if (left < sizeof count || left - sizeof count < s->bytes) {
            thaw_fail(err, THAW_EINPUT, "the file ends within storage %s (%zu bytes)", shown,
                      s->bytes);
            goto done;
        }
        memcpy(&count, in->data + in->at, sizeof count);
        if (count != s->count) {
            thaw_fail(err, THAW_EINPUT, "storage %s has %ju elements instead of %zu", shown,
                      (uintmax_t)count, s->count);
            goto done;
        }
        s->data = in->data + in->at + sizeof count;
        in->at += sizeof count + s->bytes;
    }
    rc = 0;
done:
    thaw_pickle_free(keys);
    return rc;
}

static int read_legacy(struct thaw_torch_file *file, const unsigned char *data, size_t size,
                       struct thaw_error *err)
{
    struct thaw_torch_storages storages = {0};
    struct stream in = {.data = data, .size = size};
    struct thaw_pickle *object = NULL;
    int rc = -1;
    if (read_legacy_head(&in, err) || !(object = next_pickle(&in, "state dict", err)) ||
        thaw_torch_storages_init(&storages, object, size, err) ||
        place_storages(&in, &storages, err))
        goto done;
    rc = read_tensors(file, object->root, &storages, err);
done:
    thaw_torch_storages_release(&storages);
    thaw_pickle_free(object);
    return rc;
}

/* Its size and first bytes; a file that cannot be one is told apart before it is read. */
static int look(const char *path, unsigned char head[HEAD], size_t *file_size,
                struct thaw_error *err)
{
    struct stat st;
    if (stat(path, &st))
        return thaw_fail_errno(err, "%s", path);
    if (!S_ISREG(st.st_mode))
        return thaw_fail(err, THAW_EINPUT, "%s: not a regular file", path);
    FILE *f = fopen(path, "rb");
    if (!f)
        return thaw_fail_errno(err, "%s", path);
    size_t got = fread(head, 1, HEAD, f);
    fclose(f);
    *file_size = (size_t)st.st_size;
    if (!thaw_torch_sniff(head, got))
        return thaw_fail(err, THAW_EINPUT,
                         "%s: not a PyTorch state dict (neither the legacy nor the zip format)",
                         path);
    if (*file_size > max_file)
        return thaw_fail(err, THAW_EINPUT, "%s: %zu bytes; the limit here is %zu", path, *file_size,
                         max_file);
    return 0;
}

struct thaw_torch_file *thaw_torch_load(const char *path, struct thaw_error *err)
{
    unsigned char head[HEAD] = {0}, *data = NULL;
    size_t size = 0;
    int rc = -1;
    struct thaw_torch_file *file = thaw_new(1, sizeof *file, err);
    if (!file || look(path, head, &size, err))
        goto done;
    if (memcmp(head, zip_magic, sizeof zip_magic) == 0)
        rc = read_zip(file, path, size, err);
    else if (thaw_file_read(path, max_file, &data, &size, err))
        goto done;
    else
        rc = read_legacy(file, data, size, err);
    if (rc)
        thaw_error_prefix(err, "%s", path);
done:
    free(data);
    if (rc) {
        thaw_torch_free(file);
        file = NULL;
    }
    return file;
}
