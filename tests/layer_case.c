#include "tests/layer_case.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/base/mem.h"

float layer_case_value(size_t i, unsigned stream)
{
    uint32_t u = (uint32_t)i * 2654435761u + stream * 40503u + 1;
    u ^= u >> 15;
    u *= 0x2c1b3c6du;
    u ^= u >> 12;
    u *= 0x297a2d39u;
    u ^= u >> 15;
    return (float)(u >> 8) / (1 << 24);
}

static void fill_weight(struct thaw_param *p, unsigned index)
{
    bool positive = strcmp(p->role, "gamma") == 0 || strcmp(p->role, "variance") == 0 ||
                    strcmp(p->role, "moving_variance") == 0;
    for (size_t i = 0; i < p->count; i++)
        p->data[i] = layer_case_value(i, 16 + index) + (positive ? 0.5f : -0.5f);
}

static size_t input_count(const json_t *shape)
{
    size_t count = 1;
    for (size_t i = 0; i < json_array_size(shape); i++)
        count *= (size_t)json_integer_value(json_array_get(shape, i));
    return count;
}

void layer_case_fill(struct layer_case *c)
{
    const json_t *inputs = json_object_get(c->example, "inputs");
    size_t at = 0;
    for (size_t k = 0; k < json_array_size(inputs); k++) {
        size_t count = input_count(json_array_get(inputs, k));
        for (size_t s = 0; s < LAYER_SAMPLES; s++)
            for (size_t i = 0; i < count; i++)
                c->x[s * c->x_size + at + i] = layer_case_value(s * count + i, (unsigned)k) * 4 - 2;
        at += count;
    }
    struct thaw_node *node = &c->graph->nodes[c->node];
    for (int i = 0; i < node->n_params; i++)
        fill_weight(&node->params[i], (unsigned)i);
}

/* As thaw_graph_add; steals the configuration. */
static int add(struct thaw_graph *graph, const char *kind, const char *name, const int *inputs,
               int n_inputs, json_t *config, struct thaw_error *err)
{
    int node = thaw_graph_add(graph, kind, name, inputs, n_inputs, config, err);
    json_decref(config);
    return node;
}

static json_t *input_config(const json_t *shape)
{
    json_t *batch = json_pack("[n]");
    json_array_extend(batch, (json_t *)shape);
    return json_pack("{s:o}", "batch_input_shape", batch);
}

/* The k-th of several inputs: elements at .. at + count - 1 of the tall picture. */
static int add_part(struct thaw_graph *graph, size_t k, const json_t *shape, size_t at,
                    size_t total, struct thaw_error *err)
{
    char name[32];
    int below = (int)(total - at - input_count(shape));
    snprintf(name, sizeof name, "crop%zu", k);
    int crop = add(graph, "Cropping2D", name, &(int){0}, 1,
                   json_pack("{s:[[ii][ii]]}", "cropping", (int)at, below, 0, 0), err);
    snprintf(name, sizeof name, "part%zu", k);
    return crop < 0 ? -1
                    : add(graph, "Reshape", name, &crop, 1,
                          json_pack("{s:O}", "target_shape", shape), err);
}

static int add_inputs(struct layer_case *c, const json_t *inputs, int *parts,
                      struct thaw_error *err)
{
    size_t n = json_array_size(inputs), at = 0;
    for (size_t k = 0; k < n; k++)
        c->x_size += input_count(json_array_get(inputs, k));
    if (n == 1) {
        parts[0] = add(c->graph, "InputLayer", "input", NULL, 0,
                       input_config(json_array_get(inputs, 0)), err);
        return parts[0] < 0 ? -1 : 0;
    }
    json_t *tall = json_pack("[iii]", (int)c->x_size, 1, 1);
    int input = add(c->graph, "InputLayer", "input", NULL, 0, input_config(tall), err);
    json_decref(tall);
    for (size_t k = 0; input >= 0 && k < n; k++) {
        const json_t *shape = json_array_get(inputs, k);
        parts[k] = add_part(c->graph, k, shape, at, c->x_size, err);
        if (parts[k] < 0)
            return -1;
        at += input_count(shape);
    }
    return input < 0 ? -1 : 0;
}

/* A layer of several inputs gets them as parts of one tall picture, by Cropping2D and Reshape. */
static int init(struct layer_case *c, const struct thaw_layer_kind *kind, const char *example,
                struct thaw_error *err)
{
    int parts[8];
    *c = (struct layer_case){.kind = kind};
    c->example = thaw_json_parse(example, strlen(example), kind->name, err);
    c->graph = thaw_graph_create("case", err);
    if (!c->example || !c->graph)
        return -1;
    const json_t *inputs = json_object_get(c->example, "inputs");
    int n = (int)json_array_size(inputs);
    if (n && add_inputs(c, inputs, parts, err))
        return -1;
    c->node = thaw_graph_add(c->graph, kind->name, "layer", parts, n,
                             json_object_get(c->example, "config"), err);
    if (c->node < 0)
        return -1;
    c->y_size = thaw_shape_count(c->graph->nodes[c->node].shape);
    if (n == 0) /* an InputLayer */
        c->x_size = c->y_size;
    c->x = thaw_new(LAYER_SAMPLES * c->x_size, sizeof *c->x, err);
    if (!c->x)
        return -1;
    layer_case_fill(c);
    return 0;
}

static void release(struct layer_case *c)
{
    json_decref(c->example);
    thaw_graph_free(c->graph);
    free(c->x);
}

int layer_case_each(bool (*test)(struct layer_case *c, struct thaw_error *err))
{
    int count = 0;
    bool good = true;
    for (int k = 0; thaw_layer_kinds[k]; k++) {
        const struct thaw_layer_kind *kind = thaw_layer_kinds[k];
        for (int i = 0; kind->examples && kind->examples[i]; i++, count++) {
            struct layer_case c;
            struct thaw_error err = {0};
            if (init(&c, kind, kind->examples[i], &err) || !test(&c, &err)) {
                printf("\n    failed: %s %s %s\n", kind->name, kind->examples[i], err.text);
                good = false;
            }
            release(&c);
        }
    }
    return good ? count : -1;
}

int layer_run_init(struct layer_run *run, struct layer_case *c,
                   const struct thaw_plan_options *options, int n, struct thaw_error *err)
{
    *run = (struct layer_run){.plan = thaw_plan_create(c->graph, options, err)};
    if (run->plan)
        run->exec = thaw_exec_create(run->plan, n, err);
    return run->exec ? 0 : -1;
}

void layer_run_release(struct layer_run *run)
{
    thaw_exec_free(run->exec);
    thaw_plan_free(run->plan);
}

int layer_run_forward(struct layer_run *run, struct layer_case *c, bool training, float *y,
                      struct thaw_error *err)
{
    struct thaw_pass pass = {
        .x = c->x, .form = THAW_NHWC, .count = LAYER_SAMPLES, .training = training, .seed = 5};
    if (thaw_exec_update(run->exec, err) || thaw_exec_forward(run->exec, &pass, err))
        return -1;
    thaw_exec_read(run->exec, LAYER_SAMPLES, y);
    return 0;
}
