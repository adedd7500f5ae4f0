/* The runs of a cross-validation, and what each one leaves: answers.csv, the sign that it is over.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "apps/cv.h"
#include "apps/interrupt.h"
#include "apps/progress.h"
#include "apps/report.h"
#include "apps/text.h"
#include "apps/train_turn.h"
#include "io/base/file.h"
#include "io/base/mem.h"
#include "io/csv.h"
#include "vision/labels.h"

static const int *folds_of(const struct thaw_cv *cv, const struct thaw_cv_run *run)
{
    return cv->fold + (size_t)run->round * cv->data.train.data.n;
}

static float *answers_of(const struct thaw_cv *cv, const struct thaw_cv_run *run)
{
    const struct thaw_dataset *data = &cv->data.train.data;
    return cv->probabilities + (size_t)run->round * data->n * (size_t)data->n_classes;
}

/* --- answers.csv --- */

static int write_answers(const struct thaw_cv *cv, const struct thaw_cv_run *run,
                         struct thaw_error *err)
{
    const struct thaw_dataset *data = &cv->data.train.data;
    size_t first = (size_t)run->round * data->n;
    struct thaw_replace file;
    FILE *to = thaw_replace_open(&file, run->answers, err);
    int rc = 0;
    if (!to)
        return -1;
    thaw_report_csv_head(to, data->classes, data->n_classes);
    putc('\n', to);
    for (size_t i = 0; rc == 0 && i < data->n; i++) {
        if (folds_of(cv, run)[i] != run->fold)
            continue;
        rc = thaw_cv_row(to, cv, first + i, err);
        putc('\n', to);
    }
    return thaw_replace_close(&file, to, rc, err);
}

static int read_row(struct thaw_csv *csv, const struct thaw_dataset *data, size_t i, float *answer,
                    struct thaw_error *err)
{
    size_t n = (size_t)data->n_classes;
    int rc = thaw_csv_next(csv, err);
    bool fits =
        rc > 0 && csv->n_fields == 3 + n && strcmp(csv->fields[0], data->images[i].relative) == 0;
    for (size_t k = 0; fits && k < n; k++) {
        char *end;
        answer[k] = strtof(csv->fields[3 + k], &end);
        fits = end > csv->fields[3 + k] && !*end;
    }
    if (rc < 0 || fits)
        return rc < 0 ? -1 : 0;
    return thaw_fail(err, THAW_EINPUT,
                     "%s:%zu: is not what this run wrote for %s; take the file away to do the run "
                     "again",
                     csv->name, csv->line, data->images[i].relative);
}

/* Nine digits give each float back as it was. */
static int read_answers(const struct thaw_cv *cv, const struct thaw_cv_run *run,
                        struct thaw_error *err)
{
    const struct thaw_dataset *data = &cv->data.train.data;
    float *answers = answers_of(cv, run);
    struct thaw_csv csv;
    if (thaw_csv_load(&csv, run->answers, err))
        return -1;
    int rc = thaw_csv_next(&csv, err) < 0 ? -1 : 0;
    for (size_t i = 0; rc == 0 && i < data->n; i++)
        if (folds_of(cv, run)[i] == run->fold)
            rc = read_row(&csv, data, i, answers + i * (size_t)data->n_classes, err);
    thaw_csv_release(&csv);
    return rc;
}

/* --- folds.csv --- */

static int write_folds(const struct thaw_cv *cv, struct thaw_error *err)
{
    const struct thaw_dataset *data = &cv->data.train.data;
    struct thaw_replace file;
    char *path = thaw_format(err, "%s/folds.csv", cv->folder);
    FILE *to = path ? thaw_replace_open(&file, path, err) : NULL;
    int rc = 0;
    free(path);
    if (!to)
        return -1;
    fputs("file,class,group", to);
    for (int r = 0; r < cv->rounds; r++)
        fprintf(to, ",seed %ld", cv->seeds[r]);
    putc('\n', to);
    for (size_t i = 0; rc == 0 && i < data->n; i++) {
        const struct thaw_dataset_image *image = &data->images[i];
        char *classes = thaw_labels_text(data, i, err);
        thaw_csv_field(to, image->relative);
        putc(',', to);
        thaw_csv_field(to, classes ? classes : "");
        putc(',', to);
        thaw_csv_field(to, image->group ? image->group : "");
        for (size_t r = 0; r < (size_t)cv->rounds; r++)
            fprintf(to, ",%d", cv->fold[r * data->n + i] + 1);
        putc('\n', to);
        rc = classes ? 0 : -1;
        free(classes);
    }
    return thaw_replace_close(&file, to, rc, err);
}

/* --- runs --- */

/* The thresholds that the run chose, from its record. */
static int read_decision(const struct thaw_cv *cv, struct thaw_cv_run *run, struct thaw_error *err)
{
    const struct thaw_dataset *data = &cv->data.train.data;
    char *path = thaw_format(err, "%s/run.json", run->folder);
    json_t *record = path ? thaw_json_load(path, err) : NULL;
    const json_t *validation = json_object_get(record, "validation");
    int rc = record ? thaw_decision_parse(&run->decision, json_object_get(validation, "decision"),
                                          data->classes, data->n_classes, path, err)
                    : -1;
    if (rc == 0 && run->decision.n != cv->wanted.n)
        rc =
            thaw_fail(err, THAW_EINPUT, "%s: tells no thresholds; take %s away to do the run again",
                      path, run->answers);
    json_decref(record);
    free(path);
    return rc;
}

static int train_one(struct thaw_cv *cv, struct thaw_cv_run *run, struct thaw_error *err)
{
    const struct thaw_dataset *data = &cv->data.train.data;
    struct thaw_train_values v = cv->v->train;
    char *checkpoint = thaw_format(err, "%s/checkpoint.h5", run->folder);
    bool *learns = thaw_new(data->n, sizeof *learns, err);
    int rc = -1;
    if (!checkpoint || !learns)
        goto done;
    for (size_t i = 0; i < data->n; i++)
        learns[i] = folds_of(cv, run)[i] != run->fold;
    v.seed = run->seed;
    v.run = run->folder;
    v.common.json = false;
    v.resume = v.resume && access(checkpoint, F_OK) == 0;
    struct thaw_train_turn turn = {&cv->data, learns, answers_of(cv, run)};
    rc = thaw_train_turn_run(&v, cv->source, &turn, err);
    if (rc == 0 && cv->wanted.n)
        rc = read_decision(cv, run, err);
    if (rc == 0)
        rc = write_answers(cv, run, err);
done:
    free(checkpoint);
    free(learns);
    return rc;
}

static size_t count_right(const struct thaw_cv *cv, const struct thaw_cv_run *run)
{
    const struct thaw_dataset *data = &cv->data.train.data;
    const struct thaw_judgement by = {.by_label = data->by_label, .decision = &run->decision};
    size_t right = 0;
    for (size_t i = 0; i < data->n; i++)
        right += folds_of(cv, run)[i] == run->fold &&
                 thaw_judge_right(&by, data, i, answers_of(cv, run) + i * (size_t)data->n_classes);
    return right;
}

/* The answers of one run, from its file or by doing it. */
static int run_one(struct thaw_cv *cv, int r, double begun, int *done, struct thaw_error *err)
{
    struct thaw_cv_run *run = &cv->runs[r];
    bool known = cv->v->train.resume && access(run->answers, F_OK) == 0;
    char left[32] = "";
    if (known ? read_answers(cv, run, err) || (cv->wanted.n && read_decision(cv, run, err))
              : train_one(cv, run, err))
        return -1;
    *done += !known;
    double each = *done ? (thaw_progress_clock() - begun) / *done : 0;
    thaw_progress_time(each * (cv->n_runs - r - 1), left, sizeof left);
    thaw_say(&cv->say, "run %d of %d, seed %ld, fold %d: %zu of %zu right%s%s%s", r + 1, cv->n_runs,
             run->seed, run->fold + 1, count_right(cv, run), run->images,
             known                ? " (of an earlier call)"
             : r + 1 < cv->n_runs ? "; about "
                                  : "",
             known || r + 1 == cv->n_runs ? "" : left, known || r + 1 == cv->n_runs ? "" : " left");
    return 0;
}

/* Without --resume everything is done again, whatever stands there. */
static int forget(const struct thaw_cv *cv, struct thaw_error *err)
{
    for (int r = 0; r < cv->n_runs && !cv->v->train.resume; r++)
        if (unlink(cv->runs[r].answers) && access(cv->runs[r].answers, F_OK) == 0)
            return thaw_fail_errno(err, "%s", cv->runs[r].answers);
    return 0;
}

int thaw_cv_run_all(struct thaw_cv *cv, struct thaw_error *err)
{
    double begun = thaw_progress_clock();
    int done = 0, r = 0, rc = -1;
    char *log = thaw_format(err, "%s/log.txt", cv->folder);
    if (log && thaw_dir_make(cv->folder, err) == 0 &&
        thaw_say_log(&cv->say, log, cv->v->train.resume, err) == 0 && forget(cv, err) == 0 &&
        thaw_json_save(cv->plan_path, cv->plan, err) == 0 && write_folds(cv, err) == 0)
        rc = 0;
    free(log);
    for (; rc == 0 && r < cv->n_runs; r++) {
        rc = thaw_interrupted() ? thaw_fail(err, THAW_ESTOPPED, "stopped")
                                : run_one(cv, r, begun, &done, err);
        if (rc && err->code == THAW_ESTOPPED)
            return thaw_fail(err, THAW_ESTOPPED,
                             "stopped after %d of %d runs; the same command with --resume goes on "
                             "from there",
                             r, cv->n_runs);
        if (rc)
            return thaw_error_prefix(err, "run %d of %d (%s)", r + 1, cv->n_runs,
                                     cv->runs[r].folder);
    }
    return rc;
}
