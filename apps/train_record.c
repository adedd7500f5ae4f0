#include "apps/train_record.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "apps/seen.h"
#include "apps/versions.h"
#include "io/base/mem.h"

/* --- drift: how far training moved each block --- */

float *thaw_train_weights(const struct thaw_graph *graph, struct thaw_error *err)
{
    float *copy = thaw_new(thaw_graph_param_count(graph, false), sizeof *copy, err), *to = copy;
    for (int i = 0; copy && i < graph->n_nodes; i++)
        for (int k = 0; k < graph->nodes[i].n_params; k++) {
            const struct thaw_param *p = &graph->nodes[i].params[k];
            memcpy(to, p->data, p->count * sizeof *to);
            to += p->count;
        }
    return copy;
}

/* |w - w0| / |w0| over the trainable weights of nodes first .. end-1; *before is moved on. */
static double drift_of(const struct thaw_graph *graph, int first, int end, const float **before)
{
    double moved = 0, whole = 0;
    for (int i = first; i < end; i++)
        for (int k = 0; k < graph->nodes[i].n_params; k++) {
            const struct thaw_param *p = &graph->nodes[i].params[k];
            for (size_t j = 0; p->trainable && j < p->count; j++) {
                double w0 = (*before)[j], d = p->data[j] - w0;
                moved += d * d;
                whole += w0 * w0;
            }
            *before += p->count;
        }
    return whole > 0 ? sqrt(moved / whole) : 0;
}

static json_t *drift_json(const struct thaw_train_outcome *o)
{
    const struct thaw_graph *graph = o->model->graph;
    const float *before = o->before;
    json_t *list = json_array();
    for (int b = 0; b < o->blocks->n; b++) {
        int end = b + 1 < o->blocks->n ? o->blocks->starts[b + 1] : o->head;
        double drift = drift_of(graph, b ? o->blocks->starts[b] : 0, end, &before);
        json_array_append_new(list,
                              json_pack("{ss so}", "block", graph->nodes[o->blocks->starts[b]].name,
                                        "relative_l2", thaw_json_number(drift)));
    }
    return list;
}

/* --- stages and history --- */

/* A figure of labels alone. */
static void add_auc(const struct thaw_train_run *run, json_t *to, double auc)
{
    if (run->by_label)
        json_object_set_new(to, "val_auc", thaw_json_number(auc));
}

static json_t *stages_json(const struct thaw_train_run *run, bool with_seconds)
{
    int n;
    const struct thaw_stage_result *results = thaw_trainer_results(run->trainer, &n);
    json_t *list = json_array();
    for (int i = 0; i < n; i++) {
        const struct thaw_stage_result *r = &results[i];
        json_t *one = json_pack("{ss si so so sb}", "name", run->stages->stages[i].name, "epochs",
                                r->epochs, "val_accuracy", thaw_json_number(r->val_accuracy),
                                "val_loss", thaw_json_number(r->val_loss), "kept", (int)r->kept);
        add_auc(run, one, r->val_auc);
        if (with_seconds)
            json_object_set_new(one, "seconds", json_real(r->seconds));
        json_array_append_new(list, one);
    }
    return list;
}

static json_t *history_json(const struct thaw_train_run *run)
{
    size_t n;
    const struct thaw_epoch *history = thaw_trainer_history(run->trainer, &n);
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++) {
        const struct thaw_epoch *e = &history[i];
        json_t *one = json_pack(
            "{ss si so so so so so sb}", "stage", run->stages->stages[e->stage].name, "epoch",
            e->epoch + 1, "rate", thaw_json_number(e->rate), "train_loss",
            thaw_json_number(e->train_loss), "train_accuracy", thaw_json_number(e->train_accuracy),
            "val_loss", thaw_json_number(e->val_loss), "val_accuracy",
            thaw_json_number(e->val_accuracy), "best", (int)e->best);
        add_auc(run, one, e->val_auc);
        json_array_append_new(list, one);
    }
    return list;
}

/* --- where it comes from --- */

static const char *file_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static json_t *backbone_json(const struct thaw_model_file *m, bool with_path)
{
    return json_pack("{ss so so}", "file", with_path ? m->path : file_name(m->path), "sha256",
                     *m->hash ? json_string(m->hash) : json_null(), "family",
                     m->arch ? json_string(m->arch->name) : json_null());
}

/* The same on every machine: the backbone by its file's name alone, nothing of where a table's
 * images stand. */
static json_t *portable_options(const struct thaw_train_values *v, struct thaw_error *err)
{
    json_t *options = thaw_train_options_json(v, err);
    if (!options)
        return NULL;
    json_object_set_new(options, "backbone", json_string(file_name(v->backbone)));
    json_object_del(options, "columns");
    json_object_del(options, "root");
    return options;
}

/* With a list of the images, so that an evaluation can tell which of its own the model has met. */
static json_t *data_json(const struct thaw_train_data *d, struct thaw_error *err)
{
    json_t *train = thaw_seen_write(&d->train.data, err);
    json_t *val = train ? thaw_seen_write(&d->val.data, err) : NULL;
    if (!val) {
        json_decref(train);
        return NULL;
    }
    return json_pack("{ss sI sI so so}", "sha256", d->hash, "train", (json_int_t)d->train.data.n,
                     "val", (json_int_t)d->val.data.n, "train_files", train, "val_files", val);
}

static json_t *provenance_json(const struct thaw_train_outcome *o, struct thaw_error *err)
{
    json_t *options = portable_options(o->values, err);
    json_t *data = options ? data_json(o->data, err) : NULL;
    if (!data) {
        json_decref(options);
        return NULL;
    }
    return json_pack("{so so sI so so}", "backbone", backbone_json(o->model, false), "data", data,
                     "seed", (json_int_t)o->values->seed, "options", options, "versions",
                     thaw_versions());
}

static json_t *validation_json(const struct thaw_train_outcome *o)
{
    const struct thaw_train_data *d = o->data;
    json_t *report = thaw_judgement_json(o->validation, d->train.data.classes, d->val.probe.n_bad);
    if (report)
        json_object_set_new(report, "selected_on", json_boolean(o->chosen || o->decision->n));
    return report;
}

json_t *thaw_train_model_record(const struct thaw_train_outcome *o, struct thaw_error *err)
{
    json_t *provenance = provenance_json(o, err);
    if (!provenance)
        return NULL;
    json_t *record =
        json_pack("{s{so} so so so so}", "metrics", "validation", validation_json(o), "stages",
                  stages_json(o->run, false), "history", history_json(o->run), "drift",
                  drift_json(o), "provenance", provenance);
    if (record && o->decision->n)
        json_object_set_new(record, "decision", thaw_decision_json(o->decision, o->model->classes));
    if (record && o->values->no_finding)
        json_object_set_new(record, "no_finding", json_string(o->values->no_finding));
    if (!record)
        thaw_fail(err, THAW_EMEMORY, "out of memory for the model's record");
    return record;
}

json_t *thaw_train_run_record(const struct thaw_train_outcome *o, struct thaw_error *err)
{
    json_t *options = thaw_train_options_json(o->values, err);
    if (!options)
        return NULL;
    json_t *record = json_pack(
        "{ss so sI so so so so sO so so sf sb so sf so sI}", "model", o->run->paths.model,
        "options", options, "seed", (json_int_t)o->values->seed, "versions", thaw_versions(),
        "backbone", backbone_json(o->model, true), "data", thaw_train_data_json(o->data), "stages",
        stages_json(o->run, true), "frozen_precision", o->run->precisions, "validation",
        validation_json(o), "drift", drift_json(o), "val_accuracy",
        o->run->by_label ? o->validation->labels.accuracy : o->validation->metrics.accuracy,
        "val_selected_on", (int)(o->chosen || o->decision->n), "history", history_json(o->run),
        "seconds", thaw_train_seconds(o->run), "time", thaw_train_time_json(o->time),
        "peak_memory_bytes", (json_int_t)thaw_common_peak_memory());
    if (record)
        add_auc(o->run, record, o->validation->labels.mean_auc);
    if (!record)
        thaw_fail(err, THAW_EMEMORY, "out of memory for run.json");
    return record;
}
