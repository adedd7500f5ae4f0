/* From files to graphs and back. */
#ifndef THAW_NN_MODEL_H
#define THAW_NN_MODEL_H

#include "io/keras_file.h"
#include "io/torch_file.h"
#include "nn/arch.h"

struct thaw_model_options {
    const char *arch;  /* NAME[:ALPHA], for weights-only files; NULL: recognise */
    int height, width; /* 0: as the file says, or the family's own */
    bool lean; /* the graph is run, not changed or saved: its kernels may stay in the file, which
                * must then outlive it */
};

/* What the loader did, for `inspect`: one line of text each, owned. */
struct thaw_model_notes {
    char **lines;
    size_t n, capacity;
};
void thaw_model_notes_release(struct thaw_model_notes *notes);

/* Builds the flat graph of a Keras file (nested models are unrolled, layers that are the identity
 * at inference left out) and binds every tensor by name and shape. What is missing, extra or of
 * another shape is an error that lists it. `notes` may be NULL. */
struct thaw_graph *thaw_model_from_keras(const struct thaw_keras_file *file,
                                         const struct thaw_model_options *options,
                                         struct thaw_model_notes *notes, struct thaw_error *err);

/* "mobilenet_v2", "mobilenet_v2:0.35": the family with random weights of this seed, with a top of
 * `classes` (0: none). */
struct thaw_graph *thaw_model_random(const char *spec, const struct thaw_arch_options *options,
                                     uint64_t seed, struct thaw_error *err);

/* Recognises the network of a PyTorch state dict and moves its weights into Keras' layout.
 * options->arch says which it is ("tf_efficientnet_b0", by timm's names or Thaw's; NULL: not
 * known), and `hint` does so where several are possible, e.g. the name of the file; NULL: none.
 * *preprocess becomes the mode of vision/preprocess.h that the network was trained with. What is
 * missing, left over or of another shape is an error; each goes to `notes` with its name and shape.
 */
struct thaw_graph *thaw_model_from_torch(const struct thaw_torch_file *file,
                                         const struct thaw_model_options *options, const char *hint,
                                         const char **preprocess, struct thaw_model_notes *notes,
                                         struct thaw_error *err);

/* Fills config and groups of a file to be saved: flat Functional in the Keras 2 dialect, layers in
 * Keras' order, kinds that some Keras cannot read written as others with equal arithmetic. */
int thaw_model_to_keras(const struct thaw_graph *graph, struct thaw_keras_file *file,
                        struct thaw_error *err);

/* A copy of nodes and weights with preprocessing layers put in front: x' = x * scale + offset per
 * channel, after swapping RGB to BGR when bgr (a fixed 1x1 convolution). */
struct thaw_graph *thaw_model_with_preprocessing(const struct thaw_graph *graph,
                                                 const float scale[3], const float offset[3],
                                                 bool bgr, struct thaw_error *err);

/* The node whose output is the pooled features' source: the last feature map (rank 3) before the
 * classifier, i.e. what a head is put on. */
int thaw_model_feature_node(const struct thaw_graph *graph);

/* Cuts everything after the feature node and adds "thaw_pool" (global average), "thaw_dropout" and
 * "thaw_logits" (Dense with this activation: "softmax", or "sigmoid" for labels of which several
 * can hold) for these classes; initialises them. Returns the first new node. */
int thaw_model_replace_head(struct thaw_graph *graph, int classes, const char *activation,
                            float dropout, uint64_t seed, struct thaw_error *err);

/* Blocks that can be thawed one after the other, from the input up: block i holds nodes starts[i]
 * .. starts[i+1]-1 (the last one ends where the head begins). From the family's stage names, else
 * from single-node cuts. The node before a boundary is a single-node cut, and a boundary never
 * separates a batch norm or an activation from the layer it follows. Release with
 * thaw_blocks_release. */
struct thaw_blocks {
    int n;
    int *starts;
};
int thaw_model_blocks(const struct thaw_graph *graph, int head, struct thaw_blocks *blocks,
                      struct thaw_error *err);
void thaw_blocks_release(struct thaw_blocks *blocks);

#endif
