/* Network families that Thaw can build without a model_config: one file each in archs/. */
#ifndef THAW_NN_ARCH_H
#define THAW_NN_ARCH_H

#include "io/keras_file.h"
#include "nn/graph.h"

struct thaw_torch_file;

struct thaw_arch_options {
    int height, width; /* 0: the family's own */
    float alpha;       /* width multiplier; 0: 1.0 */
    int classes;       /* outputs of the top; 0: no top, ends at the last feature map */
};

struct thaw_arch {
    const char *name;       /* "mobilenet_v2", as in random:NAME[:ALPHA] and --arch */
    const char *preprocess; /* mode its ImageNet weights were trained with: "tf", "caffe", "torch",
                               "lite", "none" */
    int size;               /* usual input side */
    bool has_alpha;         /* comes in several widths */
    struct thaw_graph *(*build)(const struct thaw_arch_options *options, struct thaw_error *err);
    /* Does this weights-only file hold this family? Fills options from names and shapes. */
    bool (*recognise)(const struct thaw_keras_file *file, struct thaw_arch_options *options);
    /* Does this graph (from model_config or built) look like this family? By layer names. */
    bool (*matches)(const struct thaw_graph *graph);
    /* Names of the first layer of each block that can be thawed, from the input up; NULL-ended; a
     * name may be absent from a variant and is then passed over. */
    const char *const *blocks;
    /* Name of the PyTorch tensor for a node's parameter; false: none. NULL: no import. The caller
     * transposes by role and shape. */
    bool (*torch_name)(const struct thaw_node *node, const struct thaw_param *param, char *name,
                       size_t size);
    /* Does this state dict hold this family (one of its sizes)? */
    bool (*torch_recognise)(const struct thaw_torch_file *file, struct thaw_arch_options *options);
};

extern const struct thaw_arch *const thaw_archs[];

/* By name; NULL with an error that lists the known ones. */
const struct thaw_arch *thaw_arch_find(const char *name, struct thaw_error *err);
/* The family of a graph, or NULL. */
const struct thaw_arch *thaw_arch_of(const struct thaw_graph *graph);

#endif
