/* Small steps for building a family's graph. A builder that failed does nothing more, so that a
 * family reads as a list of its layers; thaw_build_finish tells. */
#ifndef THAW_NN_ARCHS_BUILD_H
#define THAW_NN_ARCHS_BUILD_H

#include "nn/arch.h"

enum { THAW_SAME = 1, THAW_BIAS = 2, THAW_RELU = 4 };

struct thaw_build {
    struct thaw_graph *graph; /* NULL after a failure */
    struct thaw_error *err;
    char prefix[48];                     /* put before every name that is given */
    int last;                            /* node the next layer reads */
    const struct thaw_arch_torch *torch; /* of the options */
};

/* A graph called `name` with the input of options, or `size` squared, and three channels. */
struct thaw_build thaw_build_start(const char *name, const struct thaw_arch_options *options,
                                   int size, struct thaw_error *err);
void thaw_build_prefix(struct thaw_build *b, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* PyTorch's arithmetic, when the options ask for it: norms take its epsilon instead of the one that
 * is given, and what is THAW_SAME with a stride gets a layer NAME_pad in front.
 *
 * Every layer reads b->last, becomes b->last and is returned (-1 after a failure). `config` is
 * taken over; NULL stands for presets. A name that is NULL is made as Keras makes one, without the
 * prefix: "conv2d", "conv2d_1", ... */
int thaw_build_layer(struct thaw_build *b, const char *class_name, const char *name,
                     json_t *config);
int thaw_build_merge_with(struct thaw_build *b, const char *class_name, const char *name,
                          const int *inputs, int n, json_t *config);
int thaw_build_merge(struct thaw_build *b, const char *class_name, const char *name,
                     const int *inputs, int n);

/* flags: THAW_SAME, THAW_BIAS, THAW_RELU (the layer's own activation). */
int thaw_build_conv(struct thaw_build *b, const char *name, int filters, int kernel, int stride,
                    unsigned flags);
int thaw_build_conv_oblong(struct thaw_build *b, const char *name, int filters, int rows, int cols,
                           int stride, unsigned flags);
/* The same with its channels in groups. */
int thaw_build_conv_groups(struct thaw_build *b, const char *name, int filters, int kernel,
                           int stride, int groups, unsigned flags);
int thaw_build_depthwise(struct thaw_build *b, const char *name, int kernel, int stride,
                         unsigned flags);
int thaw_build_separable(struct thaw_build *b, const char *name, int filters, int kernel,
                         int stride, unsigned flags);
int thaw_build_norm(struct thaw_build *b, const char *name, double epsilon, double momentum);
int thaw_build_norm_unscaled(struct thaw_build *b, const char *name); /* no gamma, Keras' presets */
int thaw_build_relu6(struct thaw_build *b, const char *name);
int thaw_build_act(struct thaw_build *b, const char *name, const char *activation);
int thaw_build_relu(struct thaw_build *b, const char *name); /* Activation "relu" */
int thaw_build_pad(struct thaw_build *b, const char *name, int top, int bottom, int left,
                   int right);
int thaw_build_max_pool(struct thaw_build *b, const char *name, int size, int stride,
                        unsigned flags);
int thaw_build_average_pool(struct thaw_build *b, const char *name, int size, int stride,
                            unsigned flags);
/* Dropout; `whole` drops whole samples (stochastic depth). */
int thaw_build_dropout(struct thaw_build *b, const char *name, double rate, bool whole);
int thaw_build_dense(struct thaw_build *b, const char *name, int units, const char *activation);

/* The classifier of most of keras applications: a mean over the map ("avg_pool"), dropout
 * ("top_dropout") unless its rate is 0, and a softmax layer called `name`. Nothing if `classes` is
 * 0. */
void thaw_build_classifier(struct thaw_build *b, const char *name, double dropout, int classes);

/* Zero padding that, followed by an unpadded convolution of this kernel and stride 2, equals
 * TensorFlow's "same": correct_pad of keras applications/imagenet_utils.py. PyTorch's: kernel / 2
 * on every side. */
int thaw_build_correct_pad(struct thaw_build *b, const char *name, int kernel);

/* The graph, or NULL when a step failed. */
struct thaw_graph *thaw_build_finish(struct thaw_build *b);

/* max(8, v rounded to a multiple of 8), never below 90 % of v: Sandler et al., MobileNetV2. */
int thaw_round_width(double v);

#endif
