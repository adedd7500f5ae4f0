/* The small network of tests/refs/make_train.py, for the tests of the trainer. */
#ifndef THAW_TESTS_TRAIN_NET_H
#define THAW_TESTS_TRAIN_NET_H

#include "nn/train_internal.h"

enum { TRAIN_NET_CLASSES = 3 };

/* Input side x side x 8; weights as Keras initialises them, from the seed. NULL after an error was
 * printed. */
struct thaw_graph *train_net_create(int side, uint64_t seed);

/* First node of the head, and the three blocks below it; the caller releases. */
int train_net_head(const struct thaw_graph *graph);
struct thaw_blocks train_net_blocks(const struct thaw_graph *graph);

/* All weights in order of the nodes: how many; out of, and into the graph. */
size_t train_net_count(const struct thaw_graph *graph);
void train_net_get(const struct thaw_graph *graph, float *weights);
void train_net_set(struct thaw_graph *graph, const float *weights);

#endif
