/* VGG with and without batch norms, of torchvision and timm. Their modules are counted through, so
 * the number of one follows from all before it. */
#include "nn/archs/build_vgg.h"

#include <stdio.h>

#include "nn/torch.h"

static const struct thaw_torch_form vision[] = {
    {"block#_conv#", "features.{a}"}, {"block#_bn#", "features.{a+1}"}, {"fc1", "classifier.0"},
    {"fc2", "classifier.3"},          {"predictions", "classifier.6"},  {NULL, NULL}};
static const struct thaw_torch_form timm[] = {
    {"block#_conv#", "features.{a}"}, {"block#_bn#", "features.{a+1}"}, {"fc1", "pre_logits.fc1"},
    {"fc2", "pre_logits.fc2"},        {"predictions", "head.fc"},       {NULL, NULL}};

static bool conv_at(const struct thaw_torch_weights *w, int at)
{
    const struct thaw_tensor *t = thaw_torch_tensor(w, "features.%d.weight", at);
    return t && t->rank == 4 && t->dims[2] == 3 && t->dims[3] == 3;
}

/* Modules of a unit: convolution, norm if there is one, activation. */
static int step(const struct thaw_torch_weights *w)
{
    return thaw_torch_is(w, "features.1.weight", 1, 64) ? 3 : 2;
}

static void count(const struct thaw_torch_weights *w, int convs[5])
{
    int at = 0;
    for (int i = 0; i < 5; i++, at++) /* a pooling */
        for (convs[i] = 0; convs[i] < THAW_TORCH_BLOCKS && conv_at(w, at); at += step(w))
            convs[i]++;
}

static void place(const struct thaw_torch_weights *w, const int seen[3], int out[2])
{
    int convs[5];
    count(w, convs);
    out[0] = (seen[1] - 1) * step(w);
    for (int i = 0; i < 5 && i < seen[0] - 1; i++)
        out[0] += convs[i] * step(w) + 1;
}

static const struct thaw_torch_names names[] = {{.source = "torchvision",
                                                 .forms = vision,
                                                 .place = place,
                                                 .arithmetic = {.epsilon = 1e-5},
                                                 .preprocess = "torch",
                                                 .head = {"classifier."}},
                                                {.source = "timm",
                                                 .forms = timm,
                                                 .place = place,
                                                 .arithmetic = {.epsilon = 1e-5},
                                                 .preprocess = "torch",
                                                 .head = {"pre_logits.", "head."}},
                                                {0}};

static bool matches(const struct thaw_torch_weights *w)
{
    int convs[5];
    count(w, convs);
    bool vgg = thaw_torch_is(w, "features.0.weight", 4, 64) && convs[4] > 0;
    return vgg && thaw_torch_is(w, "pre_logits.fc1.weight", 4, 0) == (w->names->forms == timm);
}

static struct thaw_graph *build(struct thaw_torch_weights *w, struct thaw_torch_net *net,
                                struct thaw_error *err)
{
    char name[16];
    struct thaw_vgg variant = {.norms = step(w) == 3, .dense = thaw_torch_width(w, "fc1")};
    int depth = 3;
    count(w, variant.convs);
    for (int i = 0; i < 5; i++)
        depth += variant.convs[i];
    snprintf(name, sizeof name, "vgg%d%s", depth, variant.norms ? "_bn" : "");
    const struct thaw_arch arch = {.name = name, .variant = &variant, .size = 224};
    int h = net->options.height, width = net->options.width;
    if (net->options.classes && ((h && h / 32 != 7) || (width && width / 32 != 7))) {
        thaw_fail(err, THAW_EUSAGE,
                  "--size %dx%d: its classifier reads a map of 7x7, which sides of 224 to 255 give",
                  h, width);
        return NULL;
    }
    return thaw_vgg_build(&arch, &net->options, err);
}

const struct thaw_torch_family thaw_torch_family_vgg = {
    .name = "VGG", .names = names, .classifier = "predictions", .matches = matches, .build = build};
