/* Options that several commands share. */
#ifndef THAW_APPS_COMMON_H
#define THAW_APPS_COMMON_H

#include "apps/model_file.h"
#include "apps/options.h"

struct thaw_common {
    const char *models, *arch, *preprocess, *size, *precision;
    const char *columns, *roots; /* of a table of images */
    long threads;                /* 0: all there are */
    bool json;
};

/* Entries of an option table; `T` is the struct of the command's values, `common` its member of
 * type struct thaw_common. */
#define THAW_OPTIONS_MODEL(T)                                                                      \
    {"--models",                                                                                   \
     0,                                                                                            \
     THAW_OPTION_TEXT,                                                                             \
     offsetof(T, common.models),                                                                   \
     "DIR",                                                                                        \
     NULL,                                                                                         \
     0,                                                                                            \
     0,                                                                                            \
     "folder where models are looked up by name"},                                                 \
        {"--arch",                                                                                 \
         0,                                                                                        \
         THAW_OPTION_TEXT,                                                                         \
         offsetof(T, common.arch),                                                                 \
         "NAME",                                                                                   \
         NULL,                                                                                     \
         0,                                                                                        \
         0,                                                                                        \
         "network family of a file that holds weights only, e.g. mobilenet_v2:0.35; recognised "   \
         "by itself as a rule"},                                                                   \
        {"--preprocess",                                                                           \
         0,                                                                                        \
         THAW_OPTION_TEXT,                                                                         \
         offsetof(T, common.preprocess),                                                           \
         "MODE",                                                                                   \
         NULL,                                                                                     \
         0,                                                                                        \
         0,                                                                                        \
         "how scans become numbers, for a model that does not say so itself: tf, caffe, torch, "   \
         "lite, 01 or none"},                                                                      \
    {                                                                                              \
        "--size", 0, THAW_OPTION_TEXT, offsetof(T, common.size), "N|HxW", NULL, 0, 0,              \
            "side of the network's input, or height x width, instead of the model's own"           \
    }

#define THAW_OPTIONS_TABLE(T)                                                                      \
    {"--columns",                                                                                  \
     0,                                                                                            \
     THAW_OPTION_TEXT,                                                                             \
     offsetof(T, common.columns),                                                                  \
     "LIST",                                                                                       \
     NULL,                                                                                         \
     0,                                                                                            \
     0,                                                                                            \
     "where the data are a table: what its columns are called, e.g. "                              \
     "path=file,label=diagnosis,group=patient,split=set (default: path, label, group, split)"},    \
    {                                                                                              \
        "--root", 0, THAW_OPTION_TEXT, offsetof(T, common.roots), "DIR", NULL, 0, 0,               \
            "folder that the table's paths are relative to; several with ':' between are tried "   \
            "in order (default: the table's own)"                                                  \
    }

#define THAW_OPTION_THREADS(T)                                                                     \
    {                                                                                              \
        "--threads", 0, THAW_OPTION_INT, offsetof(T, common.threads), "N", NULL, 1, 1024,          \
            "threads to use (default: what affinity and the cgroup allow)"                         \
    }

#define THAW_OPTION_PRECISION(T)                                                                   \
    {                                                                                              \
        "--precision", 0, THAW_OPTION_TEXT, offsetof(T, common.precision), "NAME", NULL, 0, 0,     \
            "numbers to compute in: f32, bf16, or int8, which needs the calibration that models "  \
            "of 'thaw train' hold (default f32)"                                                   \
    }

#define THAW_OPTION_JSON(T)                                                                        \
    {                                                                                              \
        "--json", 0, THAW_OPTION_FLAG, offsetof(T, common.json), NULL, NULL, 0, 0,                 \
            "print one JSON object instead of text"                                                \
    }

/* Sets the threads of everything that follows. */
void thaw_common_threads(const struct thaw_common *common);

/* What the user is told where thaw_precision_for gives another precision than the one asked for;
 * NULL where it does not. */
const char *thaw_common_instead(enum thaw_precision asked);

/* VmHWM: the most memory this process ever held, in bytes; 0 where the system does not tell. */
size_t thaw_common_peak_memory(void);

/* For commands that are over soon whatever they are given. */
bool thaw_common_brief(const void *values, char *const *args, int n_args);

enum thaw_open {
    THAW_OPEN_PICTURES = 1, /* it must be known how pictures become its input */
    THAW_OPEN_LEAN = 2      /* the model is run, not changed or saved */
};
/* Opens the model with these options. `how`: any of enum thaw_open, joined by |. */
int thaw_common_open(struct thaw_model_file *m, const char *name, const struct thaw_common *common,
                     unsigned how, struct thaw_error *err);

/* What to keep of a model's record when it is saved again; for one without, where it came from: the
 * source by its name, without its folder, which is nobody's business. `kind` says what the source
 * is. A new reference. */
json_t *thaw_common_provenance(struct thaw_model_file *m, const char *kind, struct thaw_error *err);

/* -1 with an error when both paths are the same file. */
int thaw_common_distinct(const char *input, const char *output, struct thaw_error *err);

/* Prints the value as one line; takes the reference. -1 when it is NULL or there is no room. */
int thaw_common_print_json(json_t *value, struct thaw_error *err);

#endif
