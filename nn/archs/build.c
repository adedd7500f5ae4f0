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
    struct thaw_build b = {
        .err = err, .graph = thaw_graph_create(name, err), .torch = options->torch};
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

/* "BatchNormalization" is batch_normalization, then batch_normalization_1, ... */
static void automatic(const struct thaw_build *b, const char *class_name, char name[128])
{
    char kind[64];
    thaw_layer_snake(class_name, kind);
    snprintf(name, 128, "%s", kind);
    for (int i = 1; thaw_graph_find(b->graph, name) >= 0; i++)
        snprintf(name, 128, "%s_%d", kind, i);
}

static int add(struct thaw_build *b, const char *class_name, const char *name, const int *inputs,
               int n, json_t *config)
{
    char full[128];
    if (b->graph) {
        if (name)
            snprintf(full, sizeof full, "%s%s", b->prefix, name);
        else
            automatic(b, class_name, full);
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

int thaw_build_merge_with(struct thaw_build *b, const char *class_name, const char *name,
                          const int *inputs, int n, json_t *config)
{
    return add(b, class_name, name, inputs, n, config);
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

static bool symmetric(const struct thaw_build *b)
{
    return b->torch && !b->torch->same;
}

/* TensorFlow's "same" puts the odd row or column last, PyTorch pads all sides alike; they differ
 * where there is a stride. Returns the flags that the layer then needs. */
static unsigned pad_for(struct thaw_build *b, const char *name, int rows, int cols, int stride,
                        unsigned flags)
{
    char pad[128];
    if (!symmetric(b) || !(flags & THAW_SAME) || stride == 1 || (rows == 1 && cols == 1))
        return flags;
    snprintf(pad, sizeof pad, "%s_pad", name);
    thaw_build_pad(b, pad, rows / 2, rows / 2, cols / 2, cols / 2);
    return flags & ~(unsigned)THAW_SAME;
}

static json_t *conv(int filters, int rows, int cols, int stride, unsigned flags)
{
    return json_pack("{s:i, s:[ii], s:[ii], s:s, s:s, s:b}", "filters", filters, "kernel_size",
                     rows, cols, "strides", stride, stride, "padding", padding(flags), "activation",
                     flags & THAW_RELU ? "relu" : "linear", "use_bias", (flags & THAW_BIAS) != 0);
}

int thaw_build_conv_oblong(struct thaw_build *b, const char *name, int filters, int rows, int cols,
                           int stride, unsigned flags)
{
    flags = pad_for(b, name, rows, cols, stride, flags);
    return thaw_build_layer(b, "Conv2D", name, conv(filters, rows, cols, stride, flags));
}

int thaw_build_conv_groups(struct thaw_build *b, const char *name, int filters, int kernel,
                           int stride, int groups, unsigned flags)
{
    flags = pad_for(b, name, kernel, kernel, stride, flags);
    json_t *config = conv(filters, kernel, kernel, stride, flags);
    json_object_set_new(config, "groups", json_integer(groups));
    return thaw_build_layer(b, "Conv2D", name, config);
}

int thaw_build_conv(struct thaw_build *b, const char *name, int filters, int kernel, int stride,
                    unsigned flags)
{
    return thaw_build_conv_oblong(b, name, filters, kernel, kernel, stride, flags);
}

int thaw_build_depthwise(struct thaw_build *b, const char *name, int kernel, int stride,
                         unsigned flags)
{
    flags = pad_for(b, name, kernel, kernel, stride, flags);
    return thaw_build_layer(b, "DepthwiseConv2D", name,
                            json_pack("{s:[ii], s:[ii], s:s, s:b}", "kernel_size", kernel, kernel,
                                      "strides", stride, stride, "padding", padding(flags),
                                      "use_bias", (flags & THAW_BIAS) != 0));
}

int thaw_build_norm(struct thaw_build *b, const char *name, double epsilon, double momentum)
{
    if (b->torch)
        epsilon = b->torch->epsilon;
    return thaw_build_layer(b, "BatchNormalization", name,
                            json_pack("{s:f, s:f}", "epsilon", epsilon, "momentum", momentum));
}

int thaw_build_norm_unscaled(struct thaw_build *b, const char *name)
{
    return thaw_build_layer(b, "BatchNormalization", name, json_pack("{s:b}", "scale", 0));
}

int thaw_build_relu6(struct thaw_build *b, const char *name)
{
    return thaw_build_layer(b, "ReLU", name, json_pack("{s:f}", "max_value", 6.0));
}

int thaw_build_act(struct thaw_build *b, const char *name, const char *activation)
{
    return thaw_build_layer(b, "Activation", name, json_pack("{s:s}", "activation", activation));
}

int thaw_build_relu(struct thaw_build *b, const char *name)
{
    return thaw_build_act(b, name, "relu");
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
    if (symmetric(b))
        return thaw_build_pad(b, name, half, half, half, half);
    return thaw_build_pad(b, name, half - (in.h % 2 == 0), half, half - (in.w % 2 == 0), half);
}

static int pool(struct thaw_build *b, const char *class_name, const char *name, int size,
                int stride, unsigned flags)
{
    return thaw_build_layer(b, class_name, name,
                            json_pack("{s:[ii], s:[ii], s:s}", "pool_size", size, size, "strides",
                                      stride, stride, "padding", padding(flags)));
}

int thaw_build_max_pool(struct thaw_build *b, const char *name, int size, int stride,
                        unsigned flags)
{
    return pool(b, "MaxPooling2D", name, size, stride, flags);
}

int thaw_build_average_pool(struct thaw_build *b, const char *name, int size, int stride,
                            unsigned flags)
{
    return pool(b, "AveragePooling2D", name, size, stride, flags);
}

int thaw_build_dropout(struct thaw_build *b, const char *name, double rate, bool whole)
{
    return thaw_build_layer(b, "Dropout", name,
                            whole
                                ? json_pack("{s:f, s:[niii]}", "rate", rate, "noise_shape", 1, 1, 1)
                                : json_pack("{s:f}", "rate", rate));
}

int thaw_build_separable(struct thaw_build *b, const char *name, int filters, int kernel,
                         int stride, unsigned flags)
{
    return thaw_build_layer(b, "SeparableConv2D", name,
                            json_pack("{s:i, s:[ii], s:[ii], s:s, s:b}", "filters", filters,
                                      "kernel_size", kernel, kernel, "strides", stride, stride,
                                      "padding", padding(flags), "use_bias",
                                      (flags & THAW_BIAS) != 0));
}

int thaw_build_dense(struct thaw_build *b, const char *name, int units, const char *activation)
{
    return thaw_build_layer(b, "Dense", name,
                            json_pack("{s:i, s:s}", "units", units, "activation", activation));
}

void thaw_build_classifier(struct thaw_build *b, const char *name, double dropout, int classes)
{
    if (!classes)
        return;
    thaw_build_layer(b, "GlobalAveragePooling2D", "avg_pool", NULL);
    if (dropout > 0)
        thaw_build_dropout(b, "top_dropout", dropout, false);
    thaw_build_dense(b, name, classes, "softmax");
}

int thaw_round_width(double v)
{
    int width = (int)(v + 4) / 8 * 8;
    if (width < 8)
        width = 8;
    return width < 0.9 * v ? width + 8 : width;
}
