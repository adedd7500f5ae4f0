/* ResNet, ResNeXt, Wide ResNet and ResNet-D of torchvision and timm, which call their layers alike.
 * Depths, widths and groups are those of the file. */
#include "nn/archs/build_resnet.h"

#include <stdio.h>

#include "nn/torch.h"

static const struct thaw_torch_form forms[] = {
    {"conv1_conv", "conv1"},
    {"conv1_conv", "conv1.6"}, /* behind two others */
    {"conv1_bn", "bn1"},
    {"conv1_1_conv", "conv1.0"},
    {"conv1_1_bn", "conv1.1"},
    {"conv1_2_conv", "conv1.3"},
    {"conv1_2_bn", "conv1.4"},
    {"conv#_block#_0_conv", "layer{0-1}.{1-1}.downsample.0"},
    {"conv#_block#_0_conv", "layer{0-1}.{1-1}.downsample.1"}, /* behind an average */
    {"conv#_block#_0_bn", "layer{0-1}.{1-1}.downsample.2"},
    {"conv#_block#_0_bn", "layer{0-1}.{1-1}.downsample.1"},
    {"conv#_block#_#_conv", "layer{0-1}.{1-1}.conv{2}"},
    {"conv#_block#_#_bn", "layer{0-1}.{1-1}.bn{2}"},
    {"predictions", "fc"},
    {NULL, NULL}};

static const struct thaw_torch_names names[] = {{.source = "torchvision and timm",
                                                 .forms = forms,
                                                 .arithmetic = {.epsilon = 1e-5},
                                                 .preprocess = "torch",
                                                 .head = {"fc."}},
                                                {0}};

static bool matches(const struct thaw_torch_weights *w)
{
    return thaw_torch_is(w, "layer4.0.conv2.weight", 4, 0) &&
           thaw_torch_is(w, "layer1.0.bn1.weight", 1, 0);
}

/* A side of a convolution's weight; 0: absent, or absurd. */
static int side(const struct thaw_torch_weights *w, const char *name, int which)
{
    const struct thaw_tensor *t = thaw_torch_tensor(w, "%s.weight", name);
    return t && t->rank == 4 && t->count && t->dims[which] < 1 << 20 ? (int)t->dims[which] : 0;
}

/* "resnet50", "resnext101_32x8d", "wide_resnet50_2", "resnet26d" */
static void name_it(const struct thaw_resnet *net, char name[48])
{
    int depth = 2;
    const char *tail = net->averages ? "d" : net->stem[0] ? "c" : "";
    for (int i = 0; i < 4; i++)
        depth += net->blocks[i] * (net->basic ? 2 : 3);
    if (net->groups > 1)
        snprintf(name, 48, "resnext%d%s_%dx%dd", depth, tail, net->groups,
                 net->width / net->groups);
    else if (net->width > 64)
        snprintf(name, 48, "wide_resnet%d%s_%d", depth, tail, net->width / 64);
    else
        snprintf(name, 48, "resnet%d%s", depth, tail);
}

static struct thaw_graph *build(struct thaw_torch_weights *w, struct thaw_torch_net *net,
                                struct thaw_error *err)
{
    char name[48];
    int per_group = side(w, "layer1.0.conv2", 1);
    struct thaw_resnet variant = {.style = &thaw_resnet_style,
                                  .basic = !side(w, "layer1.0.conv3", 0),
                                  .width = side(w, "layer1.0.conv2", 0),
                                  .stem = {side(w, "conv1.0", 0), side(w, "conv1.3", 0)},
                                  .first = side(w, "conv1", 0) + side(w, "conv1.6", 0),
                                  .averages = side(w, "layer2.0.downsample.1", 0) > 0};
    variant.groups = variant.basic || per_group < 1 ? 1 : variant.width / per_group;
    for (int i = 0; i < 4; i++)
        while (variant.blocks[i] < THAW_TORCH_BLOCKS &&
               thaw_torch_tensor(w, "layer%d.%d.conv2.weight", i + 1, variant.blocks[i]))
            variant.blocks[i]++;
    name_it(&variant, name);
    const struct thaw_arch arch = {.name = name, .variant = &variant, .size = 224};
    return thaw_resnet_build(&arch, &net->options, err);
}

const struct thaw_torch_family thaw_torch_family_resnet = {.name = "ResNet",
                                                           .names = names,
                                                           .classifier = "predictions",
                                                           .matches = matches,
                                                           .build = build};
