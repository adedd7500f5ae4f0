/* Networks in tests: running them, comparing them. */
#ifndef THAW_TESTS_NET_H
#define THAW_TESTS_NET_H

#include "nn/model.h"

/* One more layer on node `in`, which an InputLayer has not; takes `config` over. The node's number.
 */
int thaw_net_add(struct thaw_graph *graph, const char *kind, const char *name, int in,
                 json_t *config);

/* Output of node `last` (-1: of the graph) for n inputs [n,H,W,C]; the caller frees it. NULL with
 * the reason on stdout. */
float *thaw_net_run(struct thaw_graph *graph, int last, const float *x, size_t n);

/* Same layers by name, with equal configuration, inputs, flags and weights, bit by bit; prints the
 * first difference. The order of the nodes may differ. */
bool thaw_net_same(const struct thaw_graph *a, const struct thaw_graph *b);

/* pooled[n]: means over the sides of a map [H,W,C], of n channels that are spread over all. */
void thaw_net_pool(struct thaw_shape shape, const float *map, float *pooled, size_t n);

/* Through a file of Thaw's own and back. NULL with the reason on stdout. */
struct thaw_graph *thaw_net_round_trip(const struct thaw_graph *graph, const char *name);

#endif
