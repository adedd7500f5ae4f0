/* Networks whose weights come from PyTorch: one file each in torch/. A family has Keras' graph from
 * archs/ in PyTorch's arithmetic, and a table that says what its layers are called over there. */
#ifndef THAW_NN_TORCH_H
#define THAW_NN_TORCH_H

#include "io/torch_file.h"
#include "nn/arch.h"

/* Keras' name of layers and PyTorch's name of the same module. In `layer`, '#' stands for a number,
 * '@' for a letter, counted from 0, and '*' for any text. In `module`, {0}, {1}, {2} are what was
 * seen there, {a} and {b} what thaw_torch_names.place makes of it; "{0*2-1}" computes. The kind of
 * tensor ("weight", "running_mean") is added, but to a module that ends in '='. Where several forms
 * fit a layer, the first one counts whose tensor is in the file. */
struct thaw_torch_form {
    const char *layer, *module;
};

struct thaw_torch_weights;

struct thaw_torch_names {
    const char *source; /* whose names these are: "torchvision", "timm"; NULL ends a list */
    const struct thaw_torch_form *forms; /* ended by a NULL */
    /* Numbers that follow from the seen ones and the whole network. May be NULL. */
    void (*place)(const struct thaw_torch_weights *weights, const int seen[3], int out[2]);
    struct thaw_arch_torch arithmetic;
    const char *preprocess; /* mode of vision/preprocess.h */
    const char *head[3];    /* how the tensors of classifiers begin; what else stands there than the
                               usual one is left out, and said */
    /* Networks that share their names with others and differ in what no tensor shows ("tf_..." pads
     * as TensorFlow does): both lists of names give the word that tells whose they are, and only
     * the right one is `ported`. NULL: these names are like no others. */
    const char *word;
    bool ported;
};

/* A state dict as a family reads it. */
struct thaw_torch_weights {
    const struct thaw_torch_file *file;
    char prefix[64]; /* that all of its names begin with ("module."); the tables know nothing of it
                      */
    const struct thaw_torch_names *names;
    const void *variant; /* for place(); set while a family is built */
};

/* What is built: options start with the number of classes and what `names` say, and a family may
 * change them. */
struct thaw_torch_net {
    struct thaw_arch_options options; /* .torch is &arithmetic */
    struct thaw_arch_torch arithmetic;
    const char *preprocess;
};

struct thaw_torch_family {
    const char *name; /* for people */
    const struct thaw_torch_names *names;
    const char *classifier; /* Keras' name of the layer whose outputs are the classes */
    /* Does the file hold this family, by these names? */
    bool (*matches)(const struct thaw_torch_weights *weights);
    /* The graph with widths and depths as the file has them. */
    struct thaw_graph *(*build)(struct thaw_torch_weights *weights, struct thaw_torch_net *net,
                                struct thaw_error *err);
};

/* Generated from the folder; NULL-ended. */
extern const struct thaw_torch_family *const thaw_torch_families[];

/* The tensor of this name, without the prefix; NULL: absent. */
const struct thaw_tensor *thaw_torch_tensor(const struct thaw_torch_weights *weights,
                                            const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* Whether it is there, of this rank, and (rows > 0) its first dimension is `rows`. */
bool thaw_torch_is(const struct thaw_torch_weights *weights, const char *name, int rank, long rows);

enum { THAW_TORCH_NAME = 160 };
/* The tensor of a Keras layer's parameter ("kernel", "gamma"). `name`, if not NULL, becomes its
 * name in the file, or the one that was looked for; "" when no form fits the layer. */
const struct thaw_tensor *thaw_torch_layer(const struct thaw_torch_weights *weights,
                                           const char *layer, const char *role,
                                           char name[THAW_TORCH_NAME]);
/* Blocks that a stage may have; files that claim more are no network. */
enum { THAW_TORCH_BLOCKS = 128 };

/* Filters or units of a layer; 0: absent, or absurd. */
int thaw_torch_width(const struct thaw_torch_weights *weights, const char *layer);

/* thaw_torch_names.place of timm's inverted residuals: the {0}-th block is {b} of stage {a}. */
void thaw_torch_stage(const struct thaw_torch_weights *weights, const int seen[3], int out[2]);

/* Of all networks in archs/ that this function builds, the one whose layers the file has, else one
 * of `more` (NULL-ended, may be NULL); sets weights->variant. NULL and an error: none. */
const struct thaw_arch *
thaw_torch_arch(struct thaw_torch_weights *weights,
                struct thaw_graph *(*build)(const struct thaw_arch *,
                                            const struct thaw_arch_options *, struct thaw_error *),
                const struct thaw_arch *const *more, struct thaw_error *err);

#endif
