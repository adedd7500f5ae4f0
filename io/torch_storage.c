#include "io/torch_storage.h"

#include <stdlib.h>
#include <string.h>

#include "io/base/mem.h"
#include "io/torch_element.h"

/* Models saved on a GPU by old versions name torch.cuda's types; the bytes are the same. */
#define STORAGE(name, type)                                                                        \
    {"torch", name "Storage", THAW_PICKLE_NAMED, type},                                            \
    {                                                                                              \
        "torch.cuda", name "Storage", THAW_PICKLE_NAMED, type                                      \
    }

const struct thaw_pickle_global thaw_torch_globals[] = {
    {"collections", "OrderedDict", THAW_PICKLE_MAPPING, THAW_TORCH_PLAIN},
    {"torch._utils", "_rebuild_tensor_v2", THAW_PICKLE_CALLED, THAW_TORCH_TENSOR},
    {"torch._utils", "_rebuild_tensor", THAW_PICKLE_CALLED, THAW_TORCH_TENSOR}, /* up to 0.3 */
    {"torch._utils", "_rebuild_parameter", THAW_PICKLE_CALLED, THAW_TORCH_PARAMETER},
    {"torch", "Size", THAW_PICKLE_CALLED, THAW_TORCH_PLAIN},
    {"torch", "device", THAW_PICKLE_CALLED, THAW_TORCH_PLAIN},
    {"_codecs", "encode", THAW_PICKLE_CALLED, THAW_TORCH_PLAIN}, /* bytes, in protocol 2 */
    STORAGE("Float", THAW_TORCH_FLOAT),
    STORAGE("Double", THAW_TORCH_DOUBLE),
    STORAGE("Half", THAW_TORCH_HALF),
    STORAGE("BFloat16", THAW_TORCH_BFLOAT16),
    STORAGE("Long", THAW_TORCH_LONG),
    STORAGE("Int", THAW_TORCH_INT),
    STORAGE("Short", THAW_TORCH_SHORT),
    STORAGE("Char", THAW_TORCH_CHAR),
    STORAGE("Byte", THAW_TORCH_BYTE),
    STORAGE("Bool", THAW_TORCH_BOOL),
    {NULL, NULL, 0, 0},
};

/* A tied weight doubles, an expanded constant adds a little; a file that wants more is a bomb. */
enum { TIMES_FILE = 2, ELEMENTS_ANYWAY = 65536 };

static int by_key(const void *a, const void *b)
{
    return strcmp(((const struct thaw_torch_storage *)a)->key,
                  ((const struct thaw_torch_storage *)b)->key);
}

static bool is_text(const struct thaw_pickle_value *v)
{
    return v->kind == THAW_PICKLE_TEXT && strlen(v->text) == v->size;
}

/* ("storage", type, key, location, number of elements[, view]) */
static int read_id(const struct thaw_pickle_value *id, size_t file_size,
                   struct thaw_torch_storage *storage, struct thaw_error *err)
{
    char shown[THAW_PICKLE_SHOWN];
    struct thaw_pickle_value *const *part = id->items;
    if (id->kind != THAW_PICKLE_TUPLE || id->n_items < 5 || id->n_items > 6 || !is_text(part[0]) ||
        strcmp(part[0]->text, "storage") != 0)
        return thaw_fail(err, THAW_EINPUT,
                         "a persistent id that names no storage: refused: a state dict needs only "
                         "storages");
    if (part[1]->kind != THAW_PICKLE_GLOBAL || part[1]->global->tag >= THAW_TORCH_TYPES ||
        !is_text(part[2]) || part[4]->kind != THAW_PICKLE_INT)
        return thaw_fail(err, THAW_EINPUT,
                         "damaged storage: not (\"storage\", type, key, location, elements)");
    storage->key = part[2]->text;
    storage->type = part[1]->global->tag;
    thaw_pickle_show(part[2]->text, part[2]->size, shown);
    if (id->n_items == 6 && part[5]->kind != THAW_PICKLE_NONE)
        return thaw_fail(
            err, THAW_EINPUT,
            "storage %s is a view of another, as PyTorch before 0.4 wrote them: load and "
            "save it again with a newer one",
            shown);
    int64_t count = part[4]->integer;
    if (count < 0 ||
        !thaw_mul((size_t)count, thaw_torch_elements[storage->type].width, &storage->bytes) ||
        storage->bytes > file_size)
        return thaw_fail(err, THAW_EINPUT,
                         "storage %s claims %jd elements of type %s in a file of %zu bytes", shown,
                         (intmax_t)count, thaw_torch_elements[storage->type].name, file_size);
    storage->count = (size_t)count;
    return 0;
}

int thaw_torch_storages_init(struct thaw_torch_storages *s, const struct thaw_pickle *pickle,
                             size_t file_size, struct thaw_error *err)
{
    char shown[THAW_PICKLE_SHOWN];
    size_t n = 0, total = 0;
    *s = (struct thaw_torch_storages){.elements_left = TIMES_FILE * file_size + ELEMENTS_ANYWAY};
    if (!(s->items = thaw_new(pickle->n_outside, sizeof *s->items, err)))
        return -1;
    for (size_t i = 0; i < pickle->n_outside; i++)
        if (read_id(pickle->outside[i]->inner, file_size, &s->items[i], err))
            return -1;
    qsort(s->items, pickle->n_outside, sizeof *s->items, by_key);
    for (size_t i = 0; i < pickle->n_outside; i++) {
        struct thaw_torch_storage *last = n ? &s->items[n - 1] : NULL, now = s->items[i];
        bool again = last && strcmp(last->key, now.key) == 0;
        if (again && (last->type != now.type || last->count != now.count))
            return thaw_fail(err, THAW_EINPUT, "storage %s occurs with two types or sizes",
                             thaw_pickle_show(now.key, strlen(now.key), shown));
        if (again)
            continue;
        s->items[n++] = now;
        total += now.bytes; /* each is at most the file, and total is checked at once */
        if (total > file_size)
            return thaw_fail(err, THAW_EINPUT, "storages of more than %zu bytes in a file of %zu",
                             total - now.bytes, file_size);
    }
    s->n = n;
    return 0;
}

void thaw_torch_storages_release(struct thaw_torch_storages *s)
{
    for (size_t i = 0; i < s->n; i++)
        free(s->items[i].own);
    free(s->items);
    *s = (struct thaw_torch_storages){0};
}

struct thaw_torch_storage *thaw_torch_storages_find(struct thaw_torch_storages *s, const char *key)
{
    struct thaw_torch_storage wanted = {.key = key};
    return bsearch(&wanted, s->items, s->n, sizeof *s->items, by_key);
}

static int load(struct thaw_torch_storages *s, struct thaw_torch_storage *storage,
                struct thaw_error *err)
{
    char shown[THAW_PICKLE_SHOWN];
    size_t size = 0;
    if (storage->data)
        return 0;
    thaw_pickle_show(storage->key, strlen(storage->key), shown);
    if (!s->zip)
        return thaw_fail(err, THAW_EINPUT, "storage %s is not in the file's list of storages",
                         shown);
    char *member = thaw_format(err, "data/%s", storage->key);
    int rc = member ? thaw_torch_zip_read(s->zip, member, false, &storage->own, &size, err) : -1;
    free(member);
    if (rc)
        return -1;
    if (size != storage->bytes)
        return thaw_fail(err, THAW_EINPUT, "storage %s has %zu bytes instead of %zu", shown, size,
                         storage->bytes);
    storage->data = storage->own;
    return 0;
}

/* (storage, offset, size, stride, ...): what follows says nothing about the values. */
static bool well_formed(const struct thaw_pickle_value *args)
{
    if (args->n_items < 4 || args->items[0]->kind != THAW_PICKLE_OUTSIDE ||
        args->items[1]->kind != THAW_PICKLE_INT || args->items[2]->kind != THAW_PICKLE_TUPLE ||
        args->items[3]->kind != THAW_PICKLE_TUPLE ||
        args->items[2]->n_items != args->items[3]->n_items)
        return false;
    for (int part = 2; part < 4; part++)
        for (size_t i = 0; i < args->items[part]->n_items; i++)
            if (args->items[part]->items[i]->kind != THAW_PICKLE_INT)
                return false;
    return true;
}

struct view {
    size_t offset, stride[THAW_TENSOR_RANK]; /* in elements */
};

/* True when every element of the view lies in a storage of `count` elements. */
static bool within(const struct view *v, const struct thaw_tensor *t, size_t count)
{
    size_t last = v->offset, reach;
    for (int i = 0; i < t->rank && t->count > 0; i++)
        if (!thaw_mul((size_t)t->dims[i] - 1, v->stride[i], &reach) ||
            __builtin_add_overflow(last, reach, &last))
            return false;
    return t->count == 0 || last < count;
}

static void copy(const struct thaw_torch_storage *storage, const struct view *v,
                 struct thaw_tensor *t)
{
    const struct thaw_torch_element *element = &thaw_torch_elements[storage->type];
    long at[THAW_TENSOR_RANK] = {0};
    size_t from = v->offset;
    for (size_t i = 0; i < t->count; i++) {
        t->data[i] = element->read(storage->data + from * element->width);
        for (int d = t->rank; d-- > 0;) { /* to the next element, row-major */
            from += v->stride[d];
            if (++at[d] < t->dims[d])
                break;
            from -= (size_t)t->dims[d] * v->stride[d];
            at[d] = 0;
        }
    }
}

int thaw_torch_tensor_read(struct thaw_torch_storages *s, const struct thaw_pickle_value *args,
                           struct thaw_tensor *t, struct thaw_error *err)
{
    struct view v = {0};
    if (!well_formed(args))
        return thaw_fail(err, THAW_EINPUT, "damaged: not (storage, offset, size, stride, ...)");
    size_t rank = args->items[2]->n_items;
    if (rank > THAW_TENSOR_RANK)
        return thaw_fail(err, THAW_EINPUT, "rank %zu; at most %d here", rank, THAW_TENSOR_RANK);
    t->rank = (int)rank;
    bool negative = args->items[1]->integer < 0;
    v.offset = (size_t)args->items[1]->integer;
    for (size_t i = 0; i < rank; i++) {
        int64_t size = args->items[2]->items[i]->integer,
                stride = args->items[3]->items[i]->integer;
        negative = negative || size < 0 || stride < 0;
        t->dims[i] = (long)size;
        v.stride[i] = (size_t)stride;
    }
    if (negative)
        return thaw_fail(err, THAW_EINPUT, "damaged: a negative offset, size or stride");
    const char *key = args->items[0]->inner->items[2]->text;
    struct thaw_torch_storage *storage = thaw_torch_storages_find(s, key);
    if (!thaw_count(t->dims, t->rank, &t->count) || !within(&v, t, storage->count))
        return thaw_fail(err, THAW_EINPUT, "damaged: it reaches beyond its storage of %zu elements",
                         storage->count);
    if (t->count > s->elements_left)
        return thaw_fail(err, THAW_EINPUT,
                         "tensors of far more elements than the file has bytes: refused");
    s->elements_left -= t->count;
    if (load(s, storage, err) || !(t->data = thaw_new(t->count, sizeof *t->data, err)))
        return -1;
    copy(storage, &v, t);
    return 0;
}
