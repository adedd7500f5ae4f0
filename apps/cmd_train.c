/* thaw train: from a folder of scans and a backbone to a classifier. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "apps/calibration.h"
#include "apps/command.h"
#include "apps/decision.h"
#include "apps/interrupt.h"
#include "apps/judge.h"
#include "apps/run_model.h"
#include "apps/text.h"
#include "apps/train_cache.h"
#include "apps/train_data.h"
#include "apps/train_memory.h"
#include "apps/train_options.h"
#include "apps/train_outcome.h"
#include "apps/train_recipe.h"
#include "apps/train_run.h"
#include "apps/train_turn.h"
#include "apps/train_weights.h"
#include "io/base/mem.h"
#include "vision/labels.h"

struct job {
    struct thaw_train_values *v;
    const char *folder;                 /* of the data, or their table */
    const struct thaw_train_turn *turn; /* NULL: a run by itself */
    struct thaw_train_run run;
    struct thaw_keras_file *checkpoint; /* to go on from; NULL: a new run */
    json_t *saved;                      /* its record: option texts point into it */
    struct thaw_train_data data;
    struct thaw_model_file model;
    struct thaw_blocks blocks;
    struct thaw_stages stages;
    struct thaw_train_options options;
    struct thaw_batch_source source;
    float *class_weights, *before;
    struct thaw_decision decision;
    struct thaw_judgement judgement;
    float *probabilities;
    struct thaw_train_time time;
};

/* --- before anything is computed --- */

/* The checkpoint, and with it the options of the run. */
static int load_checkpoint(struct job *j, struct thaw_error *err)
{
    const char *path = j->run.paths.checkpoint;
    if (access(path, F_OK))
        return thaw_fail(
            err, THAW_EUSAGE,
            "--resume: there is no checkpoint %s; --run DIR or -o MODEL.h5 tells which "
            "run is meant",
            path);
    if (!(j->checkpoint = thaw_keras_load(path, err)))
        return -1;
    const json_t *saved = j->saved =
        json_incref(json_object_get(j->checkpoint->thaw, "checkpoint"));
    struct thaw_train_identity unknown = {0};
    if (!saved)
        return thaw_fail(err, THAW_EINPUT, "--resume: %s is no checkpoint of a training run", path);
    if (thaw_train_checkpoint_check(saved, &unknown, err) ||
        thaw_train_options_resume(j->v, json_object_get(saved, "options"), err))
        return thaw_error_prefix(err, "%s", path);
    j->run.before = json_number_value(json_object_get(saved, "seconds"));
    if (!j->folder && !(j->folder = json_string_value(json_object_get(saved, "folder"))))
        return thaw_fail(err, THAW_EUSAGE, "--resume: name the folder of images once more");
    return 0;
}

static int choose_place(struct job *j, struct thaw_error *err)
{
    struct thaw_train_values *v = j->v;
    if (!j->folder && !(v->resume && (v->run || v->output)))
        return thaw_fail(err, THAW_EUSAGE,
                         "which images? Name a folder with a subfolder for each class, one with "
                         "train/ and val/, or a table (CSV)");
    if (thaw_train_paths_init(&j->run.paths, v, j->folder ? j->folder : "", err))
        return -1;
    if (v->resume)
        return load_checkpoint(j, err);
    if (access(j->run.paths.checkpoint, F_OK) == 0 && access(j->run.paths.record, F_OK))
        thaw_say(
            &j->run.say,
            "note: %s holds the checkpoint of a run that did not end; this new run replaces it "
            "(--resume would have gone on from it)",
            j->run.paths.folder);
    return 0;
}

static int open_model(struct job *j, struct thaw_error *err)
{
    const struct thaw_train_values *v = j->v;
    struct thaw_model_request request = {.name = v->backbone,
                                         .models_dir = v->common.models,
                                         .arch = v->common.arch,
                                         .preprocess = v->common.preprocess,
                                         .size = v->common.size,
                                         .seed = (uint64_t)v->seed,
                                         .need_preprocess = true};
    if (thaw_model_file_open(&j->model, &request, err) || thaw_model_file_hash(&j->model, err) ||
        thaw_train_pictures(v, &j->model.preprocess, err))
        return -1;
    char *text = thaw_preprocess_text(&j->model.preprocess, err);
    if (!text)
        return -1;
    thaw_say(&j->run.say, "backbone %s: %zu weights; input %s", j->model.path,
             thaw_graph_param_count(j->model.graph, false), text);
    free(text);
    return 0;
}

/* The classes of the data become the model's. */
static int pin_classes(struct thaw_model_file *m, const struct thaw_dataset *data,
                       struct thaw_error *err)
{
    thaw_labels_free(m->classes, m->n_classes);
    m->n_classes = 0;
    if (!(m->classes = thaw_new((size_t)data->n_classes + 1, sizeof *m->classes, err)))
        return -1;
    for (; m->n_classes < data->n_classes; m->n_classes++)
        if (!(m->classes[m->n_classes] = thaw_strdup(data->classes[m->n_classes], err)))
            return -1;
    return 0;
}

static int prepare_network(struct job *j, struct thaw_error *err)
{
    const struct thaw_train_values *v = j->v;
    struct thaw_model_file *m = &j->model;
    if (thaw_train_trainer_options(v, &j->options, err))
        return -1;
    int asked = thaw_precision_find(v->precision, NULL); /* -1: auto */
    const char *instead = asked < 0 ? NULL : thaw_common_instead((enum thaw_precision)asked);
    if (instead)
        thaw_say(&j->run.say, "note: --precision %s: %s", v->precision, instead);
    if (open_model(j, err) || pin_classes(m, &j->data.train.data, err) ||
        thaw_decision_init(&j->decision, v->sensitivity_at, v->positive, m->classes, m->n_classes,
                           v->multi_label, err))
        return -1;
    int head =
        thaw_model_replace_head(m->graph, m->n_classes, v->multi_label ? "sigmoid" : "softmax",
                                (float)v->dropout, (uint64_t)v->seed, err);
    if (head < 0 || thaw_model_blocks(m->graph, head, &j->blocks, err) ||
        thaw_train_stages(v, m->graph, head, &j->blocks, &j->stages, err))
        return -1;
    if (j->options.batch_statistics) {
        size_t batch = (size_t)v->batch;
        float momentum = thaw_train_forget(m->graph, (j->data.train.data.n + batch - 1) / batch);
        if (momentum > 0)
            thaw_say(&j->run.say,
                     "batch norms follow the batches with momentum %.3f, so that about an epoch "
                     "counts",
                     (double)momentum);
    }
    j->options.classes = m->n_classes;
    j->options.head = head;
    j->run.stages = &j->stages;
    j->run.by_label = v->multi_label;
    j->before = thaw_train_weights(m->graph, err);
    return j->before ? 0 : -1;
}

/* --- training --- */

/* Are these the images and the backbone the run was begun with? */
static int check_same(const struct job *j, struct thaw_error *err)
{
    struct thaw_train_identity identity = {j->folder, j->data.hash, j->model.hash};
    return j->checkpoint ? thaw_train_checkpoint_check(j->saved, &identity, err) : 0;
}

static int start_trainer(struct job *j, struct thaw_error *err)
{
    struct thaw_train_run *run = &j->run;
    struct thaw_train_identity identity = {j->folder, j->data.hash, j->model.hash};
    run->images = j->source.train_images + j->source.val_images;
    run->every = j->v->checkpoint_every;
    run->data = &j->data;
    run->precisions = json_array();
    if (!(run->checkpoint = thaw_train_checkpoint_json(j->v, &identity, err)) ||
        !(run->trainer =
              thaw_trainer_create(j->model.graph, &j->stages, &j->blocks, &j->options, err)))
        return -1;
    if (!j->checkpoint)
        return 0;
    if (thaw_trainer_load(run->trainer, j->checkpoint, err))
        return thaw_error_prefix(err, "--resume: %s", run->paths.checkpoint);
    thaw_say(&run->say, "going on from %s", run->paths.checkpoint);
    thaw_keras_free(j->checkpoint);
    j->checkpoint = NULL;
    return 0;
}

static int train(struct job *j, struct thaw_error *err)
{
    struct thaw_train_run *run = &j->run;
    struct thaw_observer observer = thaw_train_observer(run);
    int rc = thaw_trainer_run(run->trainer, &j->source, &observer, err);
    if (run->bar_open)
        thaw_progress_end(&run->bar);
    if (rc == 0 || err->code != THAW_ESTOPPED)
        return rc;
    struct thaw_error why = {0}, stopped = *err;
    if (thaw_train_save_checkpoint(run, &why))
        return thaw_fail(err, why.code, "stopped, but without a checkpoint: %s", why.text);
    return thaw_fail(err, THAW_ESTOPPED,
                     "%.400s; 'thaw train --resume --run %s%s%s' goes on from there", stopped.text,
                     run->paths.folder, j->v->output ? " -o " : "",
                     j->v->output ? j->v->output : "");
}

/* --- afterwards --- */

/* The thresholds that validation chooses, and what the model is worth with them. */
static int judge(struct job *j, struct thaw_error *err)
{
    const struct thaw_dataset *val = &j->data.val.data;
    float *targets = thaw_new(val->n, (size_t)val->n_classes * sizeof *targets, err);
    int rc = targets ? 0 : -1;
    for (size_t i = 0; rc == 0 && i < val->n; i++)
        thaw_labels_targets(val, &i, 1, targets + i * (size_t)val->n_classes);
    if (rc == 0)
        rc = thaw_decision_choose(&j->decision, j->probabilities, targets, val->n, val->n_classes,
                                  val->classes, err);
    free(targets);
    return rc ? -1 : thaw_judge(&j->judgement, val, j->probabilities, &j->decision, -1, err);
}

static int evaluate(struct job *j, struct thaw_error *err)
{
    const struct thaw_dataset *val = &j->data.val.data;
    struct thaw_runner runner;
    int rc = -1;
    thaw_train_data_rest(&j->data);
    if (thaw_runner_init(&runner, &j->model, THAW_ANSWER_PROBABILITIES, -1, err))
        return -1;
    runner.spare_memory = true;
    size_t width = thaw_runner_width(&runner);
    j->probabilities = thaw_new(val->n * width, sizeof *j->probabilities, err);
    if (!j->probabilities || thaw_runner_dataset(&runner, val, j->data.val.cache, "judging",
                                                 j->probabilities, NULL, err))
        goto done;
    j->time = thaw_train_time_take(&j->run, &j->data, &runner.loading, runner.computed);
    rc = judge(j, err);
done:
    thaw_runner_release(&runner);
    return rc;
}

/* Did validation have a say in which weights are saved? */
static bool was_chosen(const struct job *j)
{
    bool chosen = j->options.keep == THAW_KEEP_BEST;
    for (int i = 0; i < j->stages.n; i++)
        chosen |= j->stages.stages[i].patience > 0 ||
                  strcmp(j->stages.stages[i].schedule->name, "plateau") == 0;
    return chosen;
}

static int finish(struct job *j, struct thaw_error *err)
{
    struct thaw_train_outcome outcome = {.values = j->v,
                                         .run = &j->run,
                                         .data = &j->data,
                                         .model = &j->model,
                                         .blocks = &j->blocks,
                                         .validation = &j->judgement,
                                         .decision = &j->decision,
                                         .time = &j->time,
                                         .before = j->before,
                                         .head = j->options.head,
                                         .chosen = was_chosen(j)};
    j->model.trained_on = &j->data.train.data;
    if (evaluate(j, err) ||
        thaw_calibration_make(&j->model, &j->source, !j->options.most_at_once, err) ||
        thaw_train_save_history(&j->run, err) || thaw_train_outcome_save(&outcome, err))
        return -1;
    if (j->turn && thaw_train_turn_judge(j->turn, &j->model, err))
        return -1;
    thaw_train_outcome_say(&outcome, !j->v->common.json && !j->turn, &j->run.say);
    return 0;
}

/* --- the whole --- */

static int list_images(struct job *j, struct thaw_error *err)
{
    const struct thaw_train_turn *turn = j->turn;
    return turn ? thaw_train_data_take(&j->data, turn->all, turn->learns, j->v, err)
                : thaw_train_data_list(&j->data, j->folder, j->v, &j->run.say, err);
}

static int work(struct job *j, struct thaw_error *err)
{
    struct thaw_train_run *run = &j->run;
    if (choose_place(j, err))
        return -1;
    thaw_common_threads(&j->v->common);
    thaw_train_memory_begin();
    if (list_images(j, err) || prepare_network(j, err) ||
        thaw_train_cache_plan(j->v, &run->paths, j->model.graph, &j->stages, &j->data, &j->options,
                              err) ||
        thaw_train_paths_make(&run->paths, err) ||
        thaw_say_log(&run->say, run->paths.log, j->v->resume, err) ||
        thaw_train_data_look(&j->data, j->v, &j->model.preprocess, &run->say, err) ||
        (j->v->mem && thaw_train_memory_plan(j->v, j->model.graph, &j->stages, &j->data,
                                             &j->model.preprocess, &j->options, &run->say, err)) ||
        check_same(j, err) || thaw_train_data_save_split(&j->data, run->paths.split, err) ||
        thaw_train_weigh(j->v, &j->data.train.data, &j->options, &j->class_weights, &run->say,
                         err) ||
        thaw_train_data_source(&j->data, j->v, &j->model.preprocess, &j->source, err))
        return -1;
    if (j->v->save_batch && thaw_train_data_draw(&j->data, j->v->save_batch, err))
        return -1;
    if (start_trainer(j, err))
        return -1;
    /* Whoever looks at run.json finds the finished run, or none. */
    unlink(run->paths.record);
    return train(j, err) ? -1 : finish(j, err);
}

static void release(struct job *j)
{
    thaw_trainer_free(j->run.trainer);
    thaw_train_data_release(&j->data);
    thaw_stages_release(&j->stages);
    thaw_blocks_release(&j->blocks);
    thaw_model_file_release(&j->model);
    thaw_keras_free(j->checkpoint);
    json_decref(j->run.checkpoint);
    json_decref(j->run.precisions);
    json_decref(j->saved);
    thaw_train_paths_release(&j->run.paths);
    thaw_judgement_release(&j->judgement);
    thaw_decision_release(&j->decision);
    thaw_say_end(&j->run.say);
    free(j->probabilities);
    free(j->class_weights);
    free(j->before);
}

static int run_job(struct job *j, struct thaw_error *err)
{
    j->run.begun = thaw_progress_clock();
    int rc = thaw_say_begin(&j->run.say, err);
    j->run.say.quiet = j->turn != NULL;
    if (rc == 0)
        rc = work(j, err);
    if (rc && j->run.say.to)
        fprintf(j->run.say.to, "ended: %s\n", err->text);
    release(j);
    return rc;
}

int thaw_train_turn_run(struct thaw_train_values *v, const char *data,
                        const struct thaw_train_turn *turn, struct thaw_error *err)
{
    struct job j = {.v = v, .folder = data, .turn = turn};
    return run_job(&j, err);
}

static int run_train(void *values, char **args, int n_args, struct thaw_error *err)
{
    struct job j = {.v = values, .folder = n_args ? args[0] : NULL};
    if (n_args > 1)
        return thaw_fail(err, THAW_EUSAGE, "one folder of images is needed; '%s' is too much",
                         args[1]);
    thaw_interrupt_watch();
    return run_job(&j, err);
}

const struct thaw_command thaw_command_train = {
    .name = "train",
    .usage = "DATA [--backbone NAME] [-o MODEL.h5]",
    .summary = "retrain a network on a folder of scans",
    .help =
        "DATA holds a subfolder for each class, or train/ and val/ (and perhaps test/, which is\n"
        "counted but never used) with such subfolders; or it is a CSV file with the columns path,\n"
        "label and, where there are such, group and split. What is not divided is divided here:\n"
        "the same share of every class, and all images of a patient on one side.\n\n"
        "First a new classifier trains on the frozen network, then the top blocks of the network\n"
        "thaw and train with it. The model, which Keras opens too, remembers classes and\n"
        "preprocessing; everything else about the run stands in the run's folder.\n\n"
        "  thaw train scans -o tuned.h5\n"
        "  thaw train scans.csv --columns path=file,label=diagnosis,group=patient -o tuned.h5\n"
        "  thaw train scans --backbone random:mobilenet_v2:0.35 --size 96 --epochs 20\n"
        "  thaw train scans --stages 'head:epochs=5;4:epochs=10,lr=5e-4;all:epochs=5,lr=1e-4'\n"
        "  thaw train scans -o tuned.h5 --resume     after Ctrl-C, a crash or a power cut",
    .options = thaw_train_table,
    .order = 10,
    .run = run_train,
    .values_size = sizeof(struct thaw_train_values)};
