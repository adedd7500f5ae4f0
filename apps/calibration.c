#include "apps/calibration.h"

#include <stdlib.h>
#include <string.h>

#include "io/base/mem.h"
#include "nn/mixed.h"

static const char means_name[] = "calibration_means", key[] = "calibration",
                  higher_key[] = "calibration_higher";

/* The layers that stay above int8, by name; nothing where there are none. */
static int write_higher(const struct thaw_model_file *m, json_t *record)
{
    if (!m->ranges.n_higher)
        return 0;
    json_t *names = json_array();
    for (size_t i = 0; i < m->ranges.n_higher; i++)
        json_array_append_new(names, json_string(m->graph->nodes[m->ranges.higher[i]].name));
    int rc = json_array_size(names) == m->ranges.n_higher ? 0 : -1;
    return json_object_set_new(record, higher_key, names) || rc ? -1 : 0;
}

int thaw_calibration_write(const struct thaw_model_file *m, json_t *record,
                           struct thaw_keras_file *file, struct thaw_error *err)
{
    size_t count = 0;
    json_object_del(record, key);
    json_object_del(record, higher_key);
    if (!m->ranges.n)
        return 0;
    for (size_t i = 0; i < m->ranges.n; i++)
        count += (size_t)m->ranges.list[i].channels;
    float *means = thaw_new(count, sizeof *means, err), *to = means;
    json_t *list = json_array();
    for (size_t i = 0; means && i < m->ranges.n; i++) {
        const struct thaw_range *r = &m->ranges.list[i];
        json_array_append_new(list,
                              json_pack("{ss si sf sf si}", "layer", m->graph->nodes[r->node].name,
                                        "part", r->part, "low", (double)r->low, "high",
                                        (double)r->high, "channels", r->channels));
        memcpy(to, r->mean, (size_t)r->channels * sizeof *to);
        to += r->channels;
    }
    int rc = means ? 0 : -1;
    if (json_array_size(list) != m->ranges.n || json_object_set(record, key, list) ||
        write_higher(m, record))
        rc = thaw_fail(err, THAW_EMEMORY, "out of memory while writing the calibration");
    if (rc == 0)
        rc = thaw_keras_add_tensor(file, NULL, means_name, (long[]){(long)count}, 1, means, err);
    json_decref(list);
    free(means);
    return rc;
}

static int fail(const struct thaw_model_file *m, const char *what, struct thaw_error *err)
{
    return thaw_fail(err, THAW_EINPUT, "%s: its calibration %s", m->path, what);
}

/* One entry, with `left` means to take from. */
static int read_range(struct thaw_model_file *m, const json_t *entry, const float *means,
                      size_t left, struct thaw_error *err)
{
    const char *layer = json_string_value(json_object_get(entry, "layer"));
    json_int_t part = json_integer_value(json_object_get(entry, "part"));
    json_int_t channels = json_integer_value(json_object_get(entry, "channels"));
    struct thaw_range r = {
        .node = layer ? thaw_graph_find(m->graph, layer) : -1,
        .part = (int)part,
        .low = (float)json_number_value(json_object_get(entry, "low")),
        .high = (float)json_number_value(json_object_get(entry, "high")),
        .channels = (int)channels,
    };
    if (r.node < 0)
        return fail(m, "names a layer that the network does not have", err);
    if (part < 0 || part > 1000 || channels < 1 || (size_t)channels > left ||
        !(r.low <= 0 && r.high >= 0))
        return fail(m, "holds numbers that cannot be", err);
    if (!(r.mean = thaw_new((size_t)channels, sizeof *r.mean, err)))
        return -1;
    memcpy(r.mean, means, (size_t)channels * sizeof *means);
    m->ranges.list[m->ranges.n++] = r;
    return 0;
}

static int read_higher(struct thaw_model_file *m, struct thaw_error *err)
{
    const json_t *names = json_object_get(m->record, higher_key);
    size_t n = json_array_size(names);
    if (!n)
        return 0;
    if (!(m->ranges.higher = thaw_new(n, sizeof *m->ranges.higher, err)))
        return -1;
    for (size_t i = 0; i < n; i++) {
        const char *name = json_string_value(json_array_get(names, i));
        int node = name ? thaw_graph_find(m->graph, name) : -1;
        if (node < 0)
            return fail(m, "names a layer that the network does not have", err);
        m->ranges.higher[m->ranges.n_higher++] = node;
    }
    return 0;
}

int thaw_calibration_read(struct thaw_model_file *m, struct thaw_error *err)
{
    const json_t *list = m->record ? json_object_get(m->record, key) : NULL;
    const struct thaw_tensor *tensor = m->file ? thaw_keras_extra(m->file, means_name) : NULL;
    if (!list)
        return 0;
    if (!json_is_array(list) || !tensor)
        return fail(m, "is not whole", err);
    float *means = thaw_new(tensor->count, sizeof *means, err);
    size_t n = json_array_size(list), taken = 0;
    int rc = means && (m->ranges.list = thaw_new(n, sizeof *m->ranges.list, err))
                 ? thaw_tensor_read(tensor, means, err)
                 : -1;
    for (size_t i = 0; rc == 0 && i < n; i++) {
        rc = read_range(m, json_array_get(list, i), means + taken, tensor->count - taken, err);
        if (rc == 0)
            taken += (size_t)m->ranges.list[i].channels;
    }
    free(means);
    return rc == 0 ? read_higher(m, err) : -1;
}

/* Finds what must stay above int8, by the first of the n pictures x. */
static int find_higher(struct thaw_model_file *m, const float *x, size_t n, struct thaw_error *err)
{
    enum { PICTURES = 32 };
    struct thaw_judge judge = {
        .graph = m->graph, .last = -1, .x = x, .n = n < PICTURES ? n : PICTURES};
    struct thaw_mixture mixture;
    double drift;
    int rc =
        thaw_judge_init(&judge, err) || thaw_judge_drift(&judge, THAW_INT8, &m->ranges, &drift, err)
            ? -1
            : 0;
    if (rc == 0 && !(drift <= THAW_DRIFT_LIMIT))
        rc = thaw_mix(&judge, THAW_DRIFT_LIMIT, &m->ranges, &mixture, err);
    thaw_judge_release(&judge);
    return rc;
}

int thaw_calibration_make(struct thaw_model_file *m, const struct thaw_batch_source *source,
                          bool mixed, struct thaw_error *err)
{
    enum { IMAGES = 64 };
    struct thaw_epoch_request request = {
        .training = true, .view = THAW_VIEW_PLAIN, .pictures = true, .most = IMAGES};
    struct thaw_train_batch batch;
    size_t sample = thaw_shape_count(m->graph->nodes[0].shape), n = 0;
    float *x = thaw_new(IMAGES * sample, sizeof *x, err);
    int more = x ? source->begin(source->ctx, &request, err) : -1;
    while (more >= 0 && n < IMAGES && (more = source->next(source->ctx, &batch, err)) > 0) {
        size_t taken = (size_t)batch.n < IMAGES - n ? (size_t)batch.n : IMAGES - n;
        memcpy(x + n * sample, batch.x, taken * sample * sizeof *x);
        n += taken;
    }
    thaw_ranges_release(&m->ranges);
    int rc = more < 0 ? -1 : thaw_calibrate(m->graph, -1, x, n, &m->ranges, err);
    if (rc == 0 && n && mixed && !thaw_precision_lacks(THAW_INT8))
        rc = find_higher(m, x, n, err);
    free(x);
    return rc;
}
