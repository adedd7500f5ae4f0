/* thaw cv: what thaw train gives on these images, with its spread. */
#include <stdlib.h>

#include "apps/command.h"
#include "apps/cv.h"
#include "apps/interrupt.h"
#include "io/base/file.h"
#include "io/base/mem.h"

static const struct thaw_option options[] = {
    {.type = THAW_OPTION_HEADING, .help = "Cross-validation"},
    {"--folds", 0, THAW_OPTION_INT, offsetof(struct thaw_cv_values, folds), "K", NULL, 2, 1000,
     "parts of the images; each is judged by a run that learns from the others (default 5)"},
    {"--seeds", 0, THAW_OPTION_TEXT, offsetof(struct thaw_cv_values, seeds), "N|LIST", NULL, 0, 0,
     "do all of it so often, with the seeds from --seed on, or with these: 1,5,9. A seed lays "
     "other "
     "folds and begins from another classifier (default 1)"},
    {"--csv", 0, THAW_OPTION_TEXT, offsetof(struct thaw_cv_values, csv), "FILE", NULL, 0, 0,
     "write a table of all answers: file, label, prediction, probability of every class, group, "
     "seed, fold"},
    {.type = THAW_OPTION_HEADING, .help = "What each run does: the options of thaw train"},
    {0}};

/* The report stays in the folder of the runs, too. */
static int keep_report(const struct thaw_cv *cv, const json_t *report, struct thaw_error *err)
{
    struct thaw_replace file;
    char *path = thaw_format(err, "%s/cv.txt", cv->folder);
    char *json = thaw_format(err, "%s/cv.json", cv->folder);
    FILE *to = path && json ? thaw_replace_open(&file, path, err) : NULL;
    int rc = -1;
    if (to) {
        thaw_cv_text(to, cv);
        rc = thaw_replace_close(&file, to, 0, err);
    }
    if (rc == 0)
        rc = thaw_json_save(json, report, err);
    free(path);
    free(json);
    return rc;
}

static int report(const struct thaw_cv *cv, struct thaw_error *err)
{
    json_t *json = thaw_cv_json(cv);
    if (!json)
        return thaw_fail(err, THAW_EMEMORY, "out of memory for the report");
    int rc = keep_report(cv, json, err);
    if (rc == 0 && cv->v->csv)
        rc = thaw_cv_csv(cv->v->csv, cv, err);
    if (rc == 0 && cv->v->train.common.json)
        return thaw_common_print_json(json, err);
    json_decref(json);
    if (rc)
        return -1;
    thaw_cv_text(stdout, cv);
    fflush(stdout);
    return 0;
}

static int run(void *values, char **args, int n_args, struct thaw_error *err)
{
    struct thaw_cv cv = {.v = values};
    if (n_args != 1)
        return thaw_fail(err, THAW_EUSAGE, "one folder or table of images is needed");
    cv.source = args[0];
    thaw_interrupt_watch();
    int rc = thaw_cv_prepare(&cv, err);
    if (rc == 0)
        rc = thaw_cv_run_all(&cv, err);
    if (rc == 0)
        rc = thaw_cv_judge(&cv, err);
    if (rc == 0)
        rc = report(&cv, err);
    thaw_cv_release(&cv);
    return rc;
}

const struct thaw_command thaw_command_cv = {
    .name = "cv",
    .usage = "DATA [--folds K] [--seeds N|LIST] [options of thaw train]",
    .summary = "cross-validation: what train gives on these images, with its spread",
    .help =
        "Divides the images of DATA into K folds - the same share of every class, patients and\n"
        "pictures that look alike in one fold - and trains K times, each time without one fold,\n"
        "which the model judges at the end. That fold has no part in any choice: the images that\n"
        "choose the weights are set aside from the others, as thaw train does it. Of a divided\n"
        "DATA, train and val are taken together, and test is left alone.\n\n"
        "Reports mean and standard deviation over the runs, and of all answers together the\n"
        "accuracy with its 95 % interval (Wilson), the recall of each class and the confusion\n"
        "matrix. With --multi-label each label's AUC, average precision, recall and specificity;\n"
        "with --sensitivity-at what the thresholds are worth: like the weights, each run's are\n"
        "chosen by images that it set aside from its other folds. Each run has its folder; "
        "Ctrl-C,\n"
        "then the same command with --resume, does not repeat those that are over.\n\n"
        "  thaw cv scans\n"
        "  thaw cv scans.csv --folds 10 --seeds 3 --head-only --csv answers.csv\n"
        "  thaw cv scans --positive lesion --sensitivity-at specificity=0.9",
    .options = options,
    .more = thaw_train_table,
    .order = 15,
    .run = run,
    .values_size = sizeof(struct thaw_cv_values)};
