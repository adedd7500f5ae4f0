#include "nn/archs/build.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "io/base/mem.h"

/* --- the builder --- */

static int fail(struct thaw_build *b)
{
    thaw_graph_free(b->graph);
    b->graph = NULL;
    return -1;
}

struct thaw_build thaw_build_start(const char *name, const struct thaw_arch_options *options,
                                   int size, struct thaw_error *err)
{
    struct thaw_build b = {.err = err, .graph = thaw_graph_create(name, err)};
    int h = options->height ? options->height : size, w = options->width ? options->width : size;
    json_t *config = json_pack("{s:[niii]}", "batch_input_shape", h, w, 3);
    if (b.graph)
        b.last = thaw_graph_add(b.graph, "InputLayer", "input_1", NULL, 0, config, err);
    json_decref(config);
    if (b.last < 0)
        fail(&b);
    return b;
}

void thaw_build_prefix(struct thaw_build *b, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(b->prefix, sizeof b->prefix, fmt, args);
    va_end(args);
}

struct thaw_graph *thaw_build_finish(struct thaw_build *b)
{
    struct thaw_graph *graph = b->graph;
    if (graph)
        graph->output = b->last;
    b->graph = NULL;
    return graph;
}

static int add(struct thaw_build *b, const char *class_name, const char *name, const int *inputs,
               int n, json_t *config)
{
    char full[128];
    snprintf(full, sizeof full, "%s%s", b->prefix, name);
    if (b->graph) {
        b->last = thaw_graph_add(b->graph, class_name, full, inputs, n, config, b->err);
        if (b->last < 0)
            fail(b);
    }
    json_decref(config);
    return b->graph ? b->last : -1;
}

int thaw_build_layer(struct thaw_build *b, const char *class_name, const char *name, json_t *config)
{
    return add(b, class_name, name, &b->last, 1, config);
}

int thaw_build_merge(struct thaw_build *b, const char *class_name, const char *name,
                     const int *inputs, int n)
{
    return add(b, class_name, name, inputs, n, NULL);
}

/* --- layers --- */

static const char *padding(unsigned flags)
{
    return flags & THAW_SAME ? "same" : "valid";
}

int thaw_build_conv(struct thaw_build *b, const char *name, int filters, int kernel, int stride,
                    unsigned flags)
{
    return thaw_build_layer(
        b, "Conv2D", name,
        json_pack("{s:i, s:[ii], s:[ii], s:s, s:s, s:b}", "filters", filters, "kernel_size", kernel,
                  kernel, "strides", stride, stride, "padding", padding(flags), "activation",
                  flags & THAW_RELU ? "relu" : "linear", "use_bias", (flags & THAW_BIAS) != 0));
}

int thaw_build_depthwise(struct thaw_build *b, const char *name, int kernel, int stride,
                         unsigned flags)
{
    return thaw_build_layer(b, "DepthwiseConv2D", name,
                            json_pack("{s:[ii], s:[ii], s:s, s:b}", "kernel_size", kernel, kernel,
                                      "strides", stride, stride, "padding", padding(flags),
                                      "use_bias", (flags & THAW_BIAS) != 0));
}

int thaw_build_norm(struct thaw_build *b, const char *name, double epsilon, double momentum)
{
    return thaw_build_layer(b, "BatchNormalization", name,
                            json_pack("{s:f, s:f}", "epsilon", epsilon, "momentum", momentum));
}

int thaw_build_relu6(struct thaw_build *b, const char *name)
{
    return thaw_build_layer(b, "ReLU", name, json_pack("{s:f}", "max_value", 6.0));
}

int thaw_build_relu(struct thaw_build *b, const char *name)
{
    return thaw_build_layer(b, "Activation", name, json_pack("{s:s}", "activation", "relu"));
}

int thaw_build_pad(struct thaw_build *b, const char *name, int top, int bottom, int left, int right)
{
    return thaw_build_layer(b, "ZeroPadding2D", name,
                            json_pack("{s:[[ii][ii]]}", "padding", top, bottom, left, right));
}

int thaw_build_correct_pad(struct thaw_build *b, const char *name, int kernel)
{
    struct thaw_shape in = {0};
    if (b->graph)
        in = b->graph->nodes[b->last].shape;
    int half = kernel / 2;
    return thaw_build_pad(b, name, half - (in.h % 2 == 0), half, half - (in.w % 2 == 0), half);
}

int thaw_build_max_pool(struct thaw_build *b, const char *name, int size, int stride,
                        unsigned flags)
{
    return thaw_build_layer(b, "MaxPooling2D", name,
                            json_pack("{s:[ii], s:[ii], s:s}", "pool_size", size, size, "strides",
                                      stride, stride, "padding", padding(flags)));
}

int thaw_build_dense(struct thaw_build *b, const char *name, int units, const char *activation)
{
    return thaw_build_layer(b, "Dense", name,
                            json_pack("{s:i, s:s}", "units", units, "activation", activation));
}

int thaw_round_width(double v)
{
    int width = (int)(v + 4) / 8 * 8;
    if (width < 8)
        width = 8;
    return width < 0.9 * v ? width + 8 : width;
}

/* --- looking at files and graphs --- */

static bool same_name(const char *a, const char *b)
{
    for (; *a && *b; a++, b++)
        if (*a != *b && !((*a == '/' || *a == '_') && (*b == '/' || *b == '_')))
            return false;
    return !*a && !*b;
}

const struct thaw_keras_group *thaw_build_group(const struct thaw_keras_file *file,
                                                const char *name)
{
    for (size_t i = 0; i < file->n_groups; i++)
        if (same_name(file->groups[i].name, name))
            return &file->groups[i];
    return NULL;
}

int thaw_build_group_width(const struct thaw_keras_file *file, const char *name)
{
    const struct thaw_keras_group *group = thaw_build_group(file, name);
    if (!group || !group->n_tensors)
        return 0;
    const struct thaw_tensor *t = &group->tensors[0];
    return t->rank >= 2 && t->dims[t->rank - 1] < 1 << 20 ? (int)t->dims[t->rank - 1] : 0;
}

bool thaw_build_has(const struct thaw_graph *graph, const char *name)
{
    for (int i = 0; i < graph->n_nodes; i++)
        if (same_name(graph->nodes[i].name, name))
            return true;
    return false;
}
