#include "apps/cv.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "apps/text.h"
#include "apps/train_run.h"
#include "apps/versions.h"
#include "io/base/mem.h"
#include "vision/folds.h"

enum { FOLDS = 5, MOST_SEEDS = 1000 };

/* --- options --- */

/* "3": the seed and the two after it; "1,5,9": these. */
static int read_seeds(struct thaw_cv *cv, struct thaw_error *err)
{
    const char *text = cv->v->seeds ? cv->v->seeds : "1", *at = text;
    bool list = strchr(text, ',') != NULL;
    char *end;
    if (!(cv->seeds = thaw_new(MOST_SEEDS, sizeof *cv->seeds, err)))
        return -1;
    for (;; at = end + 1) {
        long value = strtol(at, &end, 10);
        if (end == at || value < (list ? 0 : 1) || (*end && *end != ',') ||
            cv->rounds == MOST_SEEDS || (!list && value > MOST_SEEDS))
            return thaw_fail(err, THAW_EUSAGE,
                             "--seeds %s: needs how many (1 to %d), or a list such as 1,2,3", text,
                             MOST_SEEDS);
        for (int i = 0; i < cv->rounds; i++)
            if (cv->seeds[i] == value)
                return thaw_fail(err, THAW_EUSAGE, "--seeds %s: %ld is there twice", text, value);
        cv->seeds[cv->rounds++] = value;
        if (!*end)
            break;
    }
    if (list)
        return 0;
    cv->rounds = (int)cv->seeds[0];
    for (int i = 0; i < cv->rounds; i++)
        cv->seeds[i] = cv->v->train.seed + i;
    return 0;
}

static int choose_folder(struct thaw_cv *cv, struct thaw_error *err)
{
    const struct thaw_train_values *v = &cv->v->train;
    struct thaw_train_paths paths;
    if (v->output)
        return thaw_fail(err, THAW_EUSAGE,
                         "-o %s: there is a model for each run, in its folder; --run DIR says "
                         "where those stand",
                         v->output);
    if (thaw_train_paths_init(&paths, v, cv->source, err))
        return -1;
    cv->folder = thaw_format(err, "%s%s", paths.folder, v->run ? "" : "-cv");
    thaw_train_paths_release(&paths);
    cv->plan_path = cv->folder ? thaw_format(err, "%s/plan.json", cv->folder) : NULL;
    return cv->plan_path ? 0 : -1;
}

/* --- what is to be done --- */

static json_t *write_plan(struct thaw_cv *cv, struct thaw_error *err)
{
    char hash[THAW_HASH_TEXT];
    json_t *seeds = json_array();
    for (int i = 0; i < cv->rounds; i++)
        json_array_append_new(seeds, json_integer(cv->seeds[i]));
    json_t *options = thaw_train_options_json(&cv->v->train, err);
    if (!options || thaw_dataset_hash(&cv->data.train.data, hash, NULL, err)) {
        json_decref(options);
        json_decref(seeds);
        return NULL;
    }
    json_object_del(options, "seed"); /* --seeds has taken its place */
    json_t *plan = json_pack("{s:i, s:o, s:s, s:o, s:o}", "folds", cv->folds, "seeds", seeds,
                             "data_sha256", hash, "options", options, "versions", thaw_versions());
    if (!plan)
        thaw_fail(err, THAW_EMEMORY, "out of memory for the plan");
    return plan;
}

static int differs(const char *what, const json_t *then, const json_t *now, struct thaw_error *err)
{
    char *a = json_dumps(then, JSON_ENCODE_ANY), *b = json_dumps(now, JSON_ENCODE_ANY);
    thaw_fail(err, THAW_EUSAGE,
              "--resume: %s was %s when this was begun and is %s now; give the same, or begin anew "
              "without --resume",
              what, a ? a : "absent", b ? b : "absent");
    free(a);
    free(b);
    return -1;
}

static int compare(const json_t *then, const json_t *now, struct thaw_error *err)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)now, key, value)
    {
        const json_t *old = json_object_get(then, key);
        bool nested = json_is_object(value) && json_is_object(old);
        if (nested ? compare(old, value, err)
                   : !json_equal(old, value) && differs(key, old, value, err))
            return -1;
    }
    return 0;
}

/* The same as when it was begun? */
static int check_plan(struct thaw_cv *cv, struct thaw_error *err)
{
    if (!cv->v->train.resume)
        return 0;
    if (access(cv->plan_path, F_OK))
        return thaw_fail(err, THAW_EUSAGE,
                         "--resume: there is no %s; --run DIR tells which folder is meant",
                         cv->plan_path);
    json_t *then = thaw_json_load(cv->plan_path, err);
    int rc = then ? compare(then, cv->plan, err) : -1;
    json_decref(then);
    return rc;
}

static int lay_folds(struct thaw_cv *cv, struct thaw_error *err)
{
    const struct thaw_dataset *data = &cv->data.train.data;
    size_t rounds = (size_t)cv->rounds, width = (size_t)data->n_classes, cells;
    if (!thaw_mul(rounds * width, data->n, &cells))
        return thaw_fail(err, THAW_EMEMORY, "too many images and seeds");
    cv->n_runs = cv->rounds * cv->folds;
    cv->fold = thaw_new(rounds * data->n, sizeof *cv->fold, err);
    cv->probabilities = thaw_new(cells, sizeof *cv->probabilities, err);
    cv->runs = thaw_new((size_t)cv->n_runs, sizeof *cv->runs, err);
    if (!cv->fold || !cv->probabilities || !cv->runs)
        return -1;
    for (int r = 0; r < cv->n_runs; r++) {
        struct thaw_cv_run *run = &cv->runs[r];
        run->round = r / cv->folds;
        run->fold = r % cv->folds;
        run->seed = cv->seeds[run->round];
        run->decision.positive = -1;
        int *fold = cv->fold + (size_t)run->round * data->n;
        if (run->fold == 0 && thaw_folds(data, cv->folds, (uint64_t)run->seed, fold, err))
            return -1;
        for (size_t i = 0; i < data->n; i++)
            run->images += fold[i] == run->fold;
        run->folder = thaw_format(err, "%s/seed-%ld-fold-%d", cv->folder, run->seed, run->fold + 1);
        run->answers = run->folder ? thaw_format(err, "%s/answers.csv", run->folder) : NULL;
        if (!run->answers)
            return -1;
    }
    return 0;
}

static void say_counts(struct thaw_cv *cv)
{
    const struct thaw_dataset *data = &cv->data.train.data;
    thaw_say(&cv->say, "%zu images, %d %s; %d folds x %d seeds: %d runs in %s", data->n,
             data->n_classes, data->by_label ? "labels" : "classes", cv->folds, cv->rounds,
             cv->n_runs, cv->folder);
    thaw_say(&cv->say,
             "each run learns from the other folds, of which %.0f %% choose its weights%s; its own "
             "fold has no part in any choice",
             100 * cv->v->train.val_fraction, cv->wanted.n ? " and thresholds" : "");
    if (cv->data.test_images)
        thaw_say(&cv->say, "%zu images for testing, not touched here", cv->data.test_images);
}

int thaw_cv_prepare(struct thaw_cv *cv, struct thaw_error *err)
{
    const struct thaw_train_values *v = &cv->v->train;
    const struct thaw_dataset *data = &cv->data.train.data;
    cv->folds = cv->v->folds ? (int)cv->v->folds : FOLDS;
    if (thaw_say_begin(&cv->say, err) || read_seeds(cv, err) || choose_folder(cv, err))
        return -1;
    thaw_common_threads(&v->common);
    if (thaw_train_data_gather(&cv->data, cv->source, v, &cv->say, err) ||
        thaw_decision_init(&cv->wanted, v->sensitivity_at, v->positive, data->classes,
                           data->n_classes, v->multi_label, err) ||
        lay_folds(cv, err) || !(cv->plan = write_plan(cv, err)) || check_plan(cv, err))
        return -1;
    say_counts(cv);
    return 0;
}

void thaw_cv_release(struct thaw_cv *cv)
{
    for (int r = 0; cv->runs && r < cv->n_runs; r++) {
        free(cv->runs[r].folder);
        free(cv->runs[r].answers);
        thaw_decision_release(&cv->runs[r].decision);
        thaw_judgement_release(&cv->runs[r].judgement);
    }
    thaw_judgement_release(&cv->pooled);
    thaw_decision_release(&cv->wanted);
    thaw_train_data_release(&cv->data);
    thaw_say_end(&cv->say);
    json_decref(cv->plan);
    free(cv->runs);
    free(cv->seeds);
    free(cv->fold);
    free(cv->probabilities);
    free(cv->folder);
    free(cv->plan_path);
    *cv = (struct thaw_cv){0};
}
