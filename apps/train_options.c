#include "apps/train_options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/base/par.h"

#define AT(member) offsetof(struct thaw_train_values, member)
#define HEADING(text)                                                                              \
    {                                                                                              \
        .type = THAW_OPTION_HEADING, .help = text                                                  \
    }
#define FLAG(option, member, text)                                                                 \
    {                                                                                              \
        .name = option, .type = THAW_OPTION_FLAG, .offset = AT(member), .help = text               \
    }
#define TEXT(option, member, word, given, text)                                                    \
    {                                                                                              \
        .name = option, .type = THAW_OPTION_TEXT, .offset = AT(member), .value = word,             \
        .preset = given, .help = text                                                              \
    }
#define INT(option, member, word, given, lo, hi, text)                                             \
    {                                                                                              \
        .name = option, .type = THAW_OPTION_INT, .offset = AT(member), .value = word,              \
        .preset = given, .min = lo, .max = hi, .help = text                                        \
    }
#define NUMBER(option, member, word, given, lo, hi, text)                                          \
    {                                                                                              \
        .name = option, .type = THAW_OPTION_NUMBER, .offset = AT(member), .value = word,           \
        .preset = given, .min = lo, .max = hi, .help = text                                        \
    }

#define SIZE(option, member, given, text)                                                          \
    {                                                                                              \
        .name = option, .type = THAW_OPTION_SIZE, .offset = AT(member), .value = "SIZE",           \
        .preset = given, .help = text                                                              \
    }

const struct thaw_option thaw_train_table[] = {
    {.type = THAW_OPTION_GIVEN, .offset = AT(given)},
    HEADING("What is trained"),
    TEXT("--backbone", backbone, "NAME", "efficientnet_lite0",
         "network to begin with: a file, a name looked up in the folders of models, or "
         "random:NAME[:ALPHA] for random weights"),
    THAW_OPTIONS_MODEL(struct thaw_train_values),
    NUMBER("--dropout", dropout, "SHARE", "0.2", 0, 0.95, "dropout before the new classifier"),

    HEADING("Data"),
    THAW_OPTIONS_TABLE(struct thaw_train_values),
    NUMBER("--val-fraction", val_fraction, "SHARE", "0.2", 0.01, 0.9,
           "part of the images that validates, where the data have no part val"),
    TEXT("--group-by", group_by, "REGEX", NULL,
         "images whose file names give the same text (its first parenthesis) stay on one side of "
         "the split; dicom: those of one PatientID; none: every image by itself (default: a "
         "table's group column, else PatientID where all files are DICOM, else names that look "
         "like PATIENT_NUMBER)"),
    TEXT("--leaks", leaks, "WHAT", "warn",
         "where validation images look like training images: warn, or refuse to train; where the "
         "folder is divided here they are kept on one side; ignore does not look for them"),
    NUMBER("--max-bad", max_bad, "SHARE", "0.05", 0, 1,
           "part of the files that may be unreadable before the run fails"),
    TEXT("--intensity", intensity, "HOW", NULL,
         "which values of scans of more than 8 bits become 0 and 255. full: the least and greatest "
         "of the training images; percentile:LO,HI of each scan; percentile:LO,HI,all: the median "
         "of those over the training images; window: the one each file states; window:CENTRE,WIDTH "
         "(default: window where all training images state one, else full)"),
    TEXT("--range", range, "LO,HI", NULL, "the same by its two ends, e.g. 0,4095"),
    INT("--frame", frame, "N", NULL, 1, 1000000,
        "which picture of a file with several frames, pages or slices, from 1 (default: the middle "
        "one)"),
    TEXT("--fit", fit, "HOW", NULL,
         "how a scan gets the network's shape: stretch, crop or letterbox (default: the model's, "
         "else stretch)"),
    TEXT(
        "--augment", augment, "LIST", NULL,
        "random changes to training images, e.g. flip:h=0.5,rotate:deg=10,noise; default; or none "
        "(default: 'default' once blocks thaw; the head alone learns from the images as they are)"),
    TEXT("--save-batch", save_batch, "FILE.png", NULL,
         "draw the first augmented batch with its labels, then go on"),
    FLAG("--multi-label", multi_label,
         "an image can have several labels, or none: those of a label cell 'A;B' of a table, or of "
         "all class folders in which it stands under the same name. Each label gets a sigmoid of "
         "its own, and the mean AUC says which epoch is best"),
    TEXT("--no-finding", no_finding, "NAME", NULL,
         "with --multi-label: the class that means that no label holds"),
    TEXT("--class-weights", class_weights, "WEIGHTS", "auto",
         "auto: rare classes count more; none; or a number for each class, A,B,... With "
         "--multi-label: what an image with the label counts beside one without it"),
    TEXT("--sampler", sampler, "NAME", "natural",
         "natural: every image once an epoch; balanced: as many images of each class (or label), "
         "rare ones several times, each time augmented anew"),
    INT("--views", views, "N", "0", 0, 1000,
        "augmented epochs take N fixed views of the images in turn, which can be kept (see "
        "--cache-mem); 0: every epoch a fresh view"),

    HEADING("Schedule"),
    TEXT("--stages", stages, "TEXT", NULL,
         "the whole schedule: stages WHAT[:KEY=VALUE,...] separated by ';'. WHAT: head, all, a "
         "number of blocks from the top, or the name of a layer. Keys: epochs, lr, decay, "
         "weight_decay, schedule, warmup, patience, augment (0 or 1). What is not said of a stage "
         "is as in the preset schedule: a head alone trains 50 epochs at a rate of 1e-2, blocks "
         "40 at 5e-3 (with sgd 2e-3); from random weights all stages 30 at 1e-3 (1e-2)"),
    TEXT("--unfreeze", unfreeze, "WHAT", NULL,
         "what trains in the second stage: all, a number of blocks, or the name of the lowest "
         "layer (default: the upper half of the blocks)"),
    FLAG("--head-only", head_only, "no second stage: the backbone stays as it is"),
    INT("--epochs", epochs, "N", NULL, 1, 100000,
        "epochs of each stage (default 50 and 40; 30 from random weights)"),
    NUMBER("--lr", lr, "RATE", NULL, 1e-9, 100,
           "learning rate of the head in the first stage; stages that thaw blocks have half of it, "
           "with sgd a fifth (default 1e-2; from random weights 1e-3 with adamw, 1e-2 "
           "with sgd)"),
    TEXT("--schedule", schedule, "NAME", "cosine",
         "how the rate goes within a stage: constant, cosine, onecycle, plateau or step"),
    NUMBER("--warmup", warmup, "EPOCHS", "0.5", 0, 1000, "linear rise at the start of a stage"),
    NUMBER("--block-decay", block_decay, "FACTOR", NULL, 1, 1000,
           "each block's rate is that of the one above divided by this (default 2.6; 1 from random "
           "weights)"),
    INT("--patience", patience, "EPOCHS", "0", 0, 1000,
        "end a stage after so many epochs without a lower validation loss; 0: never"),

    HEADING("Training"),
    INT("--batch", batch, "N", "32", 1, 65536, "images between two updates"),
    INT("--micro-batch", micro_batch, "N", NULL, 1, 65536,
        "images at once within a batch (default: what suits network and caches)"),
    TEXT("--precision", precision, "NAME", "auto",
         "numbers the frozen part computes in: f32, bf16, int8 (calibrated on training images), or "
         "auto: the fastest whose features stay within a tenth of f32's on a sample. Unless f32, "
         "what trains computes in bf16 where that is faster (with auto: and where the frozen part "
         "may), with f32 weights; the final figure is that of the f32 model"),
    TEXT("--optimizer", optimizer, "NAME", "adamw", "adamw or sgd"),
    NUMBER("--momentum", momentum, "MU", "0.9", 0, 0.9999, "of sgd"),
    FLAG("--nesterov", nesterov, "Nesterov's form of momentum"),
    NUMBER("--weight-decay", weight_decay, "D", "0.01", 0, 10,
           "pulls kernels towards 0: by rate x D at each update"),
    TEXT(
        "--head-weight-decay", head_weight_decay, "D", "auto",
        "the same for a head that trains alone: strong, as for any linear classifier on more "
        "features than images. auto: 0.3, or 1.5 before blocks thaw, which learn best under a head "
        "of small weights"),
    NUMBER("--l2-sp", l2_sp, "A", "0", 0, 10,
           "pulls the thawed backbone towards its pretrained weights"),
    NUMBER("--clip", clip, "NORM", "0", 0, 1e9, "largest norm of the whole gradient; 0: any"),
    TEXT("--loss", loss, "NAME", "cross_entropy",
         "cross_entropy, or focal:gamma=2, where images that are right with certainty count little "
         "(Lin et al. 2017)"),
    NUMBER("--smoothing", smoothing, "E", "0", 0, 0.9, "label smoothing"),
    NUMBER(
        "--mixup", mixup, "ALPHA", "0.2", 0, 1,
        "once blocks thaw, mix each image with another of its batch, and their labels alike, in "
        "shares from Beta(ALPHA, ALPHA), where what trains begins (Zhang et al. 2018, Verma et al. "
        "2019); 0: none"),
    FLAG("--batch-statistics", batch_statistics,
         "batch norms that train use the batch's statistics (always so from random weights)"),
    TEXT("--keep", keep, "WHICH", "best",
         "best: the epoch that validates best gives the weights; last: validation chooses nothing"),
    TEXT("--sensitivity-at", sensitivity_at, "specificity=S", NULL,
         "of two classes, or of each label: choose on the validation images the probability from "
         "which on the class is said to be there, with the highest sensitivity at this specificity "
         "or a better one, and store it in the model (default: the more probable class; of labels "
         "that with the highest F1)"),
    TEXT("--positive", positive, "CLASS", NULL, "of two classes: the one that is looked for"),
    FLAG("--no-rollback", no_rollback,
         "keep a stage also if it validates worse than the one before"),
    INT("--seed", seed, "N", "1", 0, 9007199254740992.0,
        "of the split, the head, the order, the augmentation"),
    THAW_OPTION_THREADS(struct thaw_train_values),

    HEADING("Memory and disk"),
    TEXT(
        "--features", features, "TYPE", "f32",
        "numbers between the frozen and the trained part: f32, or bf16, which takes half the room"),
    SIZE("--mem", mem, NULL,
         "memory that the run may take at most: chooses caches, read-ahead and micro-batch, and "
         "refuses with what it needs (default: no limit)"),
    SIZE("--cache-mem", cache_mem, "1G",
         "memory for what epochs share: features of the frozen part where images do not change, "
         "then decoded images; 0: none"),
    SIZE("--cache-disk", cache_disk, "4G",
         "disk for features that --cache-mem has no room for, in the run's folder while it runs"),
    TEXT("--cache-dir", cache_dir, "DIR", NULL,
         "keep all features in files in DIR, where later runs find them; the oldest go when there "
         "are more than --cache-disk"),

    HEADING("Output"),
    {.name = "--output",
     .letter = 'o',
     .type = THAW_OPTION_TEXT,
     .offset = AT(output),
     .value = "MODEL.h5",
     .help = "where the model goes (default: model.h5 in the run's folder)"},
    TEXT("--run", run, "DIR", NULL,
         "folder of the run: model, history.csv, run.json, split.csv, log.txt, checkpoint "
         "(default: MODEL.run beside MODEL.h5, else runs/DATA-BACKBONE)"),
    FLAG("--resume", resume, "go on from the checkpoint in the run's folder, with its options"),
    NUMBER("--checkpoint-every", checkpoint_every, "SECONDS", "10", 0, 1e6,
           "shortest time between two checkpoints, which are made after epochs"),
    THAW_OPTION_JSON(struct thaw_train_values),
    {0}};
_Static_assert(sizeof thaw_train_table / sizeof *thaw_train_table <= THAW_OPTIONS_MOST,
               "bits of `given`");

/* These say where things go and how much is said; the result does not depend on them. */
static const char *const beside_result[] = {
    "models",           "output",     "run",       "resume",     "json",
    "checkpoint-every", "save-batch", "cache-mem", "cache-disk", "cache-dir"};

static bool is_recorded(const struct thaw_option *o)
{
    if (o->type >= THAW_OPTION_HEADING)
        return false;
    for (size_t i = 0; i < sizeof beside_result / sizeof *beside_result; i++)
        if (strcmp(o->name + 2, beside_result[i]) == 0)
            return false;
    return true;
}

static bool is_end(const struct thaw_option *o)
{
    return !o->name && o->type < THAW_OPTION_HEADING;
}

/* Keys have '_' where options have '-', like all other names of the JSON output. */
static void key_of(const struct thaw_option *o, char key[64])
{
    snprintf(key, 64, "%s", o->name + 2);
    for (char *c = key; *c; c++)
        if (*c == '-')
            *c = '_';
}

static json_t *value_of(const struct thaw_option *o, const struct thaw_train_values *v)
{
    const void *place = (const char *)v + o->offset;
    switch (o->type) {
    case THAW_OPTION_FLAG:
        return json_boolean(*(const bool *)place);
    case THAW_OPTION_INT:
        return json_integer(*(const long *)place);
    case THAW_OPTION_NUMBER:
        return json_real(*(const double *)place);
    case THAW_OPTION_SIZE:
        return json_integer((json_int_t) * (const size_t *)place);
    default: {
        const char *text = *(const char *const *)place;
        return text ? json_string(text) : json_null();
    }
    }
}

json_t *thaw_train_options_json(const struct thaw_train_values *v, struct thaw_error *err)
{
    struct thaw_train_values used = *v;
    json_t *object = json_object();
    char key[64];
    used.common.threads = thaw_par_threads();
    for (const struct thaw_option *o = thaw_train_table; !is_end(o); o++) {
        if (!is_recorded(o))
            continue;
        key_of(o, key);
        if (json_object_set_new(object, key, value_of(o, &used))) {
            thaw_fail(err, THAW_EUSAGE, "%s: not written in UTF-8, which a record must be",
                      o->name);
            json_decref(object);
            return NULL;
        }
    }
    return object;
}

/* Is it what value_of makes of such an option? */
static bool fits(const struct thaw_option *o, const json_t *value)
{
    switch (o->type) {
    case THAW_OPTION_FLAG:
        return json_is_boolean(value);
    case THAW_OPTION_INT:
    case THAW_OPTION_SIZE:
        return json_is_integer(value);
    case THAW_OPTION_NUMBER:
        return json_is_number(value);
    default:
        return json_is_string(value) || (!o->preset && json_is_null(value));
    }
}

static void take(const struct thaw_option *o, struct thaw_train_values *v, const json_t *value)
{
    void *place = (char *)v + o->offset;
    switch (o->type) {
    case THAW_OPTION_FLAG:
        *(bool *)place = json_is_true(value);
        break;
    case THAW_OPTION_INT:
        *(long *)place = (long)json_integer_value(value);
        break;
    case THAW_OPTION_NUMBER:
        *(double *)place = json_number_value(value);
        break;
    case THAW_OPTION_SIZE:
        *(size_t *)place = (size_t)json_integer_value(value);
        break;
    default:
        *(const char **)place = json_string_value(value);
    }
}

static int refuse(const struct thaw_option *o, const json_t *now, const json_t *then,
                  struct thaw_error *err)
{
    char *a = json_dumps(now, JSON_ENCODE_ANY | JSON_REAL_PRECISION(6)),
         *b = json_dumps(then, JSON_ENCODE_ANY | JSON_REAL_PRECISION(6));
    bool absent = !o->preset && (json_is_null(then) || json_is_false(then) ||
                                 (json_is_number(then) && json_number_value(then) == 0));
    thaw_fail(err, THAW_EUSAGE,
              "--resume: %s is %s now, but the run was begun with%s%s; leave the option out, or "
              "begin a new run without --resume",
              o->name, a ? a : "?", absent ? "out it" : " ",
              absent ? ""
              : b    ? b
                     : "?");
    free(a);
    free(b);
    return -1;
}

int thaw_train_options_resume(struct thaw_train_values *v, const json_t *saved,
                              struct thaw_error *err)
{
    char key[64];
    for (const struct thaw_option *o = thaw_train_table; !is_end(o); o++) {
        if (!is_recorded(o))
            continue;
        key_of(o, key);
        const json_t *then = json_object_get(saved, key);
        if (!fits(o, then))
            return thaw_fail(err, THAW_EINPUT,
                             "the checkpoint does not know the option %s%s: it was made by another "
                             "version of thaw",
                             o->name, then ? " as it is now" : "");
        if (thaw_option_given(&v->given, (size_t)(o - thaw_train_table))) {
            json_t *now = value_of(o, v);
            int rc = now && json_equal(now, then) ? 0 : refuse(o, now, then, err);
            json_decref(now);
            if (rc)
                return -1;
        }
        take(o, v, then);
    }
    return 0;
}
