#include <math.h>

#include "io/base/rng.h"
#include "nn/graph.h"

/* FNV-1a (Fowler, Noll, Vo), 32 bits. */
static uint32_t hash_name(const char *name)
{
    uint32_t hash = 2166136261u;
    for (; *name; name++)
        hash = (hash ^ (unsigned char)*name) * 16777619u;
    return hash;
}

/* Half width of Glorot's uniform distribution, sqrt(6 / (fan in + fan out)), with the fans as
 * Keras' compute_fans counts them: the last two dimensions, times the window. A depthwise kernel
 * [kh,kw,c,m] thus has fan in kh kw c and fan out kh kw m. */
static float glorot_limit(const struct thaw_param *p)
{
    double window = 1, in = 1, out = 1;
    for (int i = 0; i + 2 < p->rank; i++)
        window *= (double)p->dims[i];
    if (p->rank > 0)
        in = out = (double)p->dims[p->rank - 1];
    if (p->rank > 1)
        in = (double)p->dims[p->rank - 2];
    double fans = window * (in + out);
    return (float)sqrt(6 / fmax(fans, 2));
}

static void init_param(struct thaw_param *p, uint64_t seed, uint32_t stream)
{
    struct thaw_rng rng = thaw_rng_at(seed, 0, stream, THAW_RNG_INIT);
    float limit = p->init == THAW_INIT_GLOROT ? glorot_limit(p) : 0;
    float constant =
        p->init == THAW_INIT_CONSTANT ? p->constant : (float)(p->init == THAW_INIT_ONES);
    for (size_t i = 0; i < p->count; i++)
        p->data[i] = p->init == THAW_INIT_GLOROT ? thaw_rng_uniform(&rng, -limit, limit) : constant;
}

void thaw_graph_init(struct thaw_graph *graph, int first, uint64_t seed)
{
    for (int i = first; i < graph->n_nodes; i++) {
        struct thaw_node *node = &graph->nodes[i];
        for (int k = 0; k < node->n_params; k++)
            init_param(&node->params[k], seed, hash_name(node->name) + (uint32_t)k);
    }
}
