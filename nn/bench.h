/* How fast this machine runs a network: forward, a whole training step, and the bare primitives
 * that do most of the work. Times are medians, after a run that is not counted. */
#ifndef THAW_NN_BENCH_H
#define THAW_NN_BENCH_H

#include "nn/precision.h"

struct thaw_bench_options {
    enum thaw_precision precision;
    const struct thaw_ranges *ranges; /* for int8 and bf16; NULL for f32; borrowed */
    int batch;
    int micro_batch; /* samples at once; 0: as the engine chooses */
    int repeats;     /* timed runs of a batch */
};

/* A primitive of oneDNN that runs as general matrix product or as reference code: a kernel made for
 * the shape would be several times faster. */
struct thaw_bench_slow {
    const char *layer; /* belongs to the graph */
    char direction[24], implementation[64];
    double seconds; /* a batch, with all threads at it */
};

struct thaw_bench_figures {
    int micro_batch;
    double seconds, fastest, slowest; /* of a batch */
    /* Parts of the time of all threads in as many batches more, which were watched: inside oneDNN's
     * primitives, and in the operations around them (own kernels). What is missing to 1 is packing
     * and unpacking, in training loss and optimiser, and threads that wait for others. */
    double in_primitives, in_kernels;
    struct thaw_bench_slow *slow; /* dearest first */
    size_t n_slow, slow_capacity;
};
void thaw_bench_figures_release(struct thaw_bench_figures *figures);

/* A batch for the graph's input [batch,H,W,C], values between -1 and 1. The caller frees. */
float *thaw_bench_input(const struct thaw_graph *graph, int batch, struct thaw_error *err);

/* The whole network without its softmax. x as thaw_bench_input() makes it; figures are released by
 * the caller, also after an error. */
int thaw_bench_forward(struct thaw_graph *graph, const struct thaw_bench_options *options,
                       const float *x, struct thaw_bench_figures *figures, struct thaw_error *err);

/* In f32 or bf16: a step of the trainer with every layer thawed, batch norms on their moving
 * statistics: forward, loss, backward, clipping, AdamW. The output must be a vector; `head` is the
 * first node of the head. Changes the weights. */
int thaw_bench_train(struct thaw_graph *graph, int head, const struct thaw_bench_options *options,
                     const float *x, struct thaw_bench_figures *figures, struct thaw_error *err);

/* Seconds that the primitives alone need for a batch: every convolution and dense layer by itself,
 * the whole batch at once, without batch norm, activation and addend; with `training`, forward,
 * backward data (where the step needs it) and backward weights. Where the engine has a kernel of
 * its own for the gradient, that one counts. Memory: the largest layer's tensors at this batch. */
int thaw_bench_bare(struct thaw_graph *graph, bool training,
                    const struct thaw_bench_options *options, double *seconds,
                    struct thaw_error *err);

/* Does the name of an implementation say so? "gemm:jit" and "ref:any" do, "brgemm:avx512_core",
 * which is as good as it gets, does not. */
bool thaw_bench_is_slow(const char *implementation);

/* Of n >= 1 values, which are sorted; the mean of the middle two where n is even. */
double thaw_bench_median(double *values, size_t n);

#endif
