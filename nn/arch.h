/* Network families that Thaw can build without a model_config: one file each in archs/. */
#ifndef THAW_NN_ARCH_H
#define THAW_NN_ARCH_H

#include "io/keras_file.h"
#include "nn/graph.h"

struct thaw_torch_weights;

/* What PyTorch's networks compute otherwise than Keras' of the same name. They have no layers in
 * front that scale pictures. */
struct thaw_arch_torch {
    double epsilon; /* of all norms */
    bool same;      /* strided layers pad as TensorFlow does, else all sides alike */
};

struct thaw_arch_options {
    int height, width; /* 0: the family's own */
    float alpha;       /* width multiplier; 0: 1.0 */
    int classes;       /* outputs of the top; 0: no top, ends at the last feature map */
    bool imagenet;     /* EfficientNet: with the scaling that Keras adds for published weights */
    const struct thaw_arch_torch *torch; /* NULL: Keras' arithmetic */
};

/* Layers that were found: the groups of a weights-only file, the nodes of a graph, or what a state
 * dict of PyTorch has under other names. The others are NULL. */
struct thaw_arch_layers {
    const struct thaw_keras_file *file;
    const struct thaw_graph *graph;
    const struct thaw_torch_weights *torch;
};

struct thaw_arch {
    const char *name;    /* "mobilenet_v2", as in random:NAME[:ALPHA] and --arch */
    const void *variant; /* what tells this member of a family from its sisters; see its builder */
    const char *preprocess; /* what its first convolution was trained on: "tf", "caffe", "torch",
                               "lite", "none"; networks that begin with layers for it want 0..255 */
    int size;               /* usual input side */
    bool has_alpha;         /* comes in several widths */
    struct thaw_graph *(*build)(const struct thaw_arch *arch,
                                const struct thaw_arch_options *options, struct thaw_error *err);
    /* Are these the layers of this family, of just this variant? By names and widths. */
    bool (*matches)(const struct thaw_arch *arch, const struct thaw_arch_layers *layers);
    /* Fills options (alpha, imagenet) from a weights-only file that matches. May be NULL. */
    void (*read)(const struct thaw_keras_file *file, struct thaw_arch_options *options);
    /* Names of the first layer of each block that can be thawed, in the form of
     * thaw_arch_name_like; NULL-ended; one that a variant lacks is passed over. */
    const char *const *blocks;
    /* Keras' network uses models as layers, Sequential ones: forms of the names of the layers in
     * the first, the second, ...; NULL-ended. NULL: it is flat. */
    const char *const *nested;
};

extern const struct thaw_arch *const thaw_archs[];

enum { THAW_ARCH_NAMES = 900 }; /* room for all names in a text */

/* By name; NULL with an error that lists the known ones. */
const struct thaw_arch *thaw_arch_find(const char *name, struct thaw_error *err);
/* "vgg16, vgg19, ...", for error texts. */
void thaw_arch_names(char *text, size_t size);
/* Is a layer's name of this form? '*' stands for any text; '/' is as good as '_' and a capital as
 * good as a small letter, since Keras has changed both in its networks. */
bool thaw_arch_name_like(const char *name, const char *form);

/* Is there a layer whose name is of this form? */
bool thaw_arch_has(const struct thaw_arch_layers *layers, const char *form);
/* Width of its output, by kernel or shape; 0: no such layer, or none with a kernel. */
int thaw_arch_width(const struct thaw_arch_layers *layers, const char *form);

/* Does this weights-only file hold the family? Fills all but the size of options. */
bool thaw_arch_recognise(const struct thaw_arch *arch, const struct thaw_keras_file *file,
                         struct thaw_arch_options *options);
/* The family of a graph, or NULL. */
const struct thaw_arch *thaw_arch_of(const struct thaw_graph *graph);

#endif
