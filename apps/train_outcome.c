#include "apps/train_outcome.h"

#include <stdio.h>

int thaw_train_outcome_save(const struct thaw_train_outcome *o, struct thaw_error *err)
{
    const struct thaw_train_paths *p = &o->run->paths;
    json_t *extra = thaw_train_model_record(o, err), *record = NULL;
    int rc = extra ? thaw_model_file_save(o->model, p->model, extra, err) : -1;
    if (rc == 0 && (rc = thaw_train_paths_keep(p, err)) == 0) {
        record = thaw_train_run_record(o, err);
        rc = record ? thaw_json_save(p->record, record, err) : -1;
    }
    if (rc == 0 && o->values->common.json)
        rc = thaw_common_print_json(json_incref(record), err);
    json_decref(extra);
    json_decref(record);
    return rc;
}

/* What is to be said of figures of images that had a say. */
static const char *selected(const struct thaw_train_outcome *o)
{
    return o->chosen && o->decision->n
               ? "selected on: these images chose the weights and thresholds"
           : o->chosen      ? "selected on: these images chose the weights"
           : o->decision->n ? "selected on: these images chose the thresholds"
                            : NULL;
}

void thaw_train_outcome_say(const struct thaw_train_outcome *o, bool print, struct thaw_say *say)
{
    const struct thaw_judgement *v = o->validation;
    char time[32];
    if (print) {
        printf("validation: ");
        thaw_judgement_print(stdout, v, o->model->classes, selected(o));
        fflush(stdout);
    }
    thaw_train_time_say(o->time, say);
    thaw_progress_time(thaw_train_seconds(o->run), time, sizeof time);
    if (v->by_label)
        thaw_say(say, "%s: validation mean AUC %.3f%s after %s", o->run->paths.model,
                 v->labels.mean_auc, selected(o) ? " (selected on)" : "", time);
    else
        thaw_say(say, "%s: validation accuracy %.3f (%.3f to %.3f%s) after %s", o->run->paths.model,
                 v->metrics.accuracy, v->metrics.accuracy_lo, v->metrics.accuracy_hi,
                 selected(o) ? ", selected on" : "", time);
}
