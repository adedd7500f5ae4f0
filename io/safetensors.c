#include "io/safetensors.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/base/json.h"
#include "io/base/bytes.h"
#include "io/base/mem.h"
#include "io/pickle.h"
#include "io/torch_element.h"

/* The limit of the reference implementation; headers of real models stay under a megabyte. */
enum { LENGTH = 8, MAX_HEADER = 100000000 };
static const size_t max_file = (size_t)4 << 30; /* vision backbones stay below 2 GiB */

static const struct {
    const char *name;
    enum thaw_torch_type type;
} types[] = {{"F32", THAW_TORCH_FLOAT}, {"F64", THAW_TORCH_DOUBLE},    {"F16", THAW_TORCH_HALF},
             {"I64", THAW_TORCH_LONG},  {"BF16", THAW_TORCH_BFLOAT16}, {"I32", THAW_TORCH_INT},
             {"I16", THAW_TORCH_SHORT}, {"I8", THAW_TORCH_CHAR},       {"U8", THAW_TORCH_BYTE},
             {"BOOL", THAW_TORCH_BOOL}};

/* A tensor's bytes, counted from the end of the header. */
struct part {
    size_t begin, end;
    enum thaw_torch_type type;
    const char *name;
};

struct reader {
    int fd;
    size_t header, numbers; /* bytes */
    struct part *parts;     /* one a tensor, in its order until they are sorted */
};

bool thaw_safetensors_sniff(const unsigned char *head, size_t size)
{
    if (size <= LENGTH)
        return false;
    uint64_t length = thaw_little_endian(head, LENGTH);
    return length >= 2 && length <= MAX_HEADER && head[LENGTH] == '{';
}

/* --- the header --- */

static int read_type(const json_t *entry, enum thaw_torch_type *type, struct thaw_error *err)
{
    char shown[THAW_PICKLE_SHOWN];
    const char *name = json_string_value(json_object_get(entry, "dtype"));
    if (!name)
        return thaw_fail(err, THAW_EINPUT, "it has no dtype");
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (!strcmp(name, types[i].name)) {
            *type = types[i].type;
            return 0;
        }
    return thaw_fail(err, THAW_EINPUT,
                     "dtype %s; known are F32, F64, F16, BF16, I64, I32, I16, I8, U8, BOOL",
                     thaw_pickle_show(name, strlen(name), shown));
}

/* A whole number from 0 on. */
static bool natural(const json_t *value, size_t *number)
{
    json_int_t n = json_integer_value(value);
    *number = (size_t)n;
    return json_is_integer(value) && n >= 0;
}

static int read_shape(const json_t *shape, struct thaw_tensor *t, struct thaw_error *err)
{
    size_t rank = json_array_size(shape), side;
    if (!json_is_array(shape))
        return thaw_fail(err, THAW_EINPUT, "it has no shape");
    if (rank > THAW_TENSOR_RANK)
        return thaw_fail(err, THAW_EINPUT, "rank %zu; at most %d here", rank, THAW_TENSOR_RANK);
    for (size_t i = 0; i < rank; i++) {
        if (!natural(json_array_get(shape, i), &side))
            return thaw_fail(err, THAW_EINPUT, "a side of its shape is no number from 0 on");
        t->dims[i] = (long)side;
    }
    t->rank = (int)rank;
    if (!thaw_count(t->dims, t->rank, &t->count))
        return thaw_fail(err, THAW_EINPUT, "its shape has more elements than there can be");
    return 0;
}

static int read_entry(const struct reader *r, const json_t *entry, struct thaw_tensor *t,
                      struct part *part, struct thaw_error *err)
{
    const json_t *place = json_object_get(entry, "data_offsets");
    size_t bytes;
    if (!json_is_object(entry))
        return thaw_fail(err, THAW_EINPUT, "it is not described by an object");
    if (read_type(entry, &part->type, err) || read_shape(json_object_get(entry, "shape"), t, err))
        return -1;
    if (json_array_size(place) != 2 || !natural(json_array_get(place, 0), &part->begin) ||
        !natural(json_array_get(place, 1), &part->end) || part->begin > part->end)
        return thaw_fail(err, THAW_EINPUT, "its data_offsets are not [begin, end]");
    if (part->end > r->numbers)
        return thaw_fail(err, THAW_EINPUT, "it reaches to byte %zu of %zu", part->end, r->numbers);
    if (!thaw_mul(t->count, thaw_torch_elements[part->type].width, &bytes) ||
        bytes != part->end - part->begin)
        return thaw_fail(err, THAW_EINPUT,
                         "its shape and dtype need %zu elements of %zu bytes, its "
                         "data_offsets give %zu bytes",
                         t->count, thaw_torch_elements[part->type].width, part->end - part->begin);
    return 0;
}

static int by_begin(const void *a, const void *b)
{
    const struct part *x = a, *y = b;
    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    return (x->end > y->end) - (x->end < y->end);
}

/* Every byte belongs to one tensor, as the format demands. */
static int check_places(const struct reader *r, size_t n, struct thaw_error *err)
{
    char shown[THAW_PICKLE_SHOWN];
    size_t at = 0;
    struct part *sorted = thaw_new(n, sizeof *sorted, err);
    if (!sorted)
        return -1;
    memcpy(sorted, r->parts, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, by_begin);
    int rc = 0;
    for (size_t i = 0; i < n && !rc; at = sorted[i++].end)
        if (sorted[i].begin != at)
            rc = thaw_fail(err, THAW_EINPUT, "tensor %s: begins at byte %zu, %s at %zu",
                           thaw_pickle_show(sorted[i].name, strlen(sorted[i].name), shown),
                           sorted[i].begin,
                           sorted[i].begin < at ? "inside one that ends"
                                                : "behind bytes of no tensor, which begin",
                           at);
    if (!rc && at != r->numbers)
        rc = thaw_fail(err, THAW_EINPUT, "the last %zu bytes belong to no tensor", r->numbers - at);
    free(sorted);
    return rc;
}

static int read_header(struct reader *r, const json_t *header, struct thaw_torch_file *file,
                       struct thaw_error *err)
{
    char shown[THAW_PICKLE_SHOWN];
    const char *name;
    json_t *entry;
    size_t n = json_object_size(header);
    if (!(file->tensors = thaw_new(n, sizeof *file->tensors, err)) ||
        !(r->parts = thaw_new(n, sizeof *r->parts, err)))
        return -1;
    json_object_foreach((json_t *)(uintptr_t)header, name, entry)
    {
        struct thaw_tensor *t = &file->tensors[file->n_tensors];
        if (!strcmp(name, "__metadata__")) /* texts that say nothing about the numbers */
            continue;
        if (!(t->name = thaw_strdup(name, err)))
            return -1;
        r->parts[file->n_tensors].name = t->name;
        if (read_entry(r, entry, t, &r->parts[file->n_tensors++], err))
            return thaw_error_prefix(err, "tensor %s", thaw_pickle_show(name, strlen(name), shown));
    }
    if (!file->n_tensors)
        return thaw_fail(err, THAW_EINPUT, "holds no tensors");
    return check_places(r, file->n_tensors, err);
}

/* --- the file --- */

static json_t *load_header(struct reader *r, size_t size, struct thaw_error *err)
{
    unsigned char head[LENGTH + 1];
    json_t *header = NULL;
    ssize_t got = pread(r->fd, head, sizeof head, 0);
    if (got != (ssize_t)sizeof head || !thaw_safetensors_sniff(head, sizeof head)) {
        thaw_fail(err, THAW_EINPUT, "not a safetensors file, or one whose header is damaged");
        return NULL;
    }
    uint64_t length = thaw_little_endian(head, LENGTH);
    if (length > size - LENGTH) {
        thaw_fail(err, THAW_EINPUT, "its header claims %ju bytes, the file has %zu",
                  (uintmax_t)length, size);
        return NULL;
    }
    r->header = (size_t)length;
    r->numbers = size - LENGTH - r->header;
    char *text = thaw_new(r->header, 1, err);
    if (text && !thaw_place_read(&(struct thaw_place){r->fd, LENGTH}, text, r->header, err))
        header = thaw_json_parse(text, r->header, "header", err);
    free(text);
    if (header && !json_is_object(header)) {
        thaw_fail(err, THAW_EINPUT, "its header is no JSON object");
        json_decref(header);
        return NULL;
    }
    return header;
}

static int load_numbers(const struct reader *r, const struct part *part, struct thaw_tensor *t,
                        struct thaw_error *err)
{
    const struct thaw_torch_element *element = &thaw_torch_elements[part->type];
    size_t bytes = part->end - part->begin;
    struct thaw_place place = {r->fd, LENGTH + r->header + part->begin};
    unsigned char *raw = NULL;
    if (!(t->data = thaw_new(t->count, sizeof *t->data, err)))
        return -1;
    if (part->type == THAW_TORCH_FLOAT)
        return thaw_place_read(&place, t->data, bytes, err);
    int rc = (raw = thaw_new(bytes, 1, err)) ? thaw_place_read(&place, raw, bytes, err) : -1;
    for (size_t i = 0; !rc && i < t->count; i++)
        t->data[i] = element->read(raw + i * element->width);
    free(raw);
    return rc;
}

static int load(struct reader *r, size_t size, struct thaw_torch_file *file, struct thaw_error *err)
{
    if (size > max_file)
        return thaw_fail(err, THAW_EINPUT, "%zu bytes; the limit here is %zu", size, max_file);
    json_t *header = load_header(r, size, err);
    int rc = header ? read_header(r, header, file, err) : -1;
    for (size_t i = 0; !rc && i < file->n_tensors; i++)
        rc = load_numbers(r, &r->parts[i], &file->tensors[i], err);
    json_decref(header);
    return rc;
}

struct thaw_torch_file *thaw_safetensors_load(const char *path, struct thaw_error *err)
{
    struct stat st;
    struct reader r = {.fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
    int rc = -1;
    struct thaw_torch_file *file = thaw_new(1, sizeof *file, err);
    if (!file)
        goto done;
    if (r.fd < 0 || fstat(r.fd, &st)) {
        thaw_fail_errno(err, "%s", path);
        goto done;
    }
    rc = S_ISREG(st.st_mode) ? load(&r, (size_t)st.st_size, file, err)
                             : thaw_fail(err, THAW_EINPUT, "not a regular file");
    if (rc)
        thaw_error_prefix(err, "%s", path);
done:
    free(r.parts);
    if (r.fd >= 0)
        close(r.fd);
    if (rc) {
        thaw_torch_free(file);
        file = NULL;
    }
    return file;
}
