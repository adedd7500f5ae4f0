/* Inception v3 (Szegedy et al., arXiv:1512.00567) as keras applications/inception_v3.py builds it.
 * Only its joins and its classifier have names of their own. */
#include "nn/archs/build_inception.h"

static void reduce_35(struct thaw_build *b, const char *name)
{
    int from = b->last;
    int three = thaw_inception_unit(b, NULL, 384, 3, 3, 2, 0);
    int at = thaw_inception_branch(b, from, 64, 1, 1);
    thaw_inception_branch(b, at, 96, 3, 3);
    int twice = thaw_inception_unit(b, NULL, 96, 3, 3, 2, 0);
    int pool = thaw_inception_maximum(b, from);
    thaw_build_merge(b, "Concatenate", name, (int[]){three, twice, pool}, 3);
}

/* 7x7 as rows and columns apart. */
static void module_17(struct thaw_build *b, const char *name, int middle)
{
    int from = b->last, at;
    int one = thaw_inception_branch(b, from, 192, 1, 1);
    at = thaw_inception_branch(b, from, middle, 1, 1);
    at = thaw_inception_branch(b, at, middle, 1, 7);
    int seven = thaw_inception_branch(b, at, 192, 7, 1);
    at = thaw_inception_branch(b, from, middle, 1, 1);
    at = thaw_inception_branch(b, at, middle, 7, 1);
    at = thaw_inception_branch(b, at, middle, 1, 7);
    at = thaw_inception_branch(b, at, middle, 7, 1);
    int twice = thaw_inception_branch(b, at, 192, 1, 7);
    at = thaw_inception_average(b, from);
    int pool = thaw_inception_branch(b, at, 192, 1, 1);
    thaw_build_merge(b, "Concatenate", name, (int[]){one, seven, twice, pool}, 4);
}

static void reduce_17(struct thaw_build *b, const char *name)
{
    int from = b->last, at;
    thaw_inception_branch(b, from, 192, 1, 1);
    int three = thaw_inception_unit(b, NULL, 320, 3, 3, 2, 0);
    at = thaw_inception_branch(b, from, 192, 1, 1);
    at = thaw_inception_branch(b, at, 192, 1, 7);
    thaw_inception_branch(b, at, 192, 7, 1);
    int seven = thaw_inception_unit(b, NULL, 192, 3, 3, 2, 0);
    int pool = thaw_inception_maximum(b, from);
    thaw_build_merge(b, "Concatenate", name, (int[]){three, seven, pool}, 3);
}

/* 3x3 as a row and a column side by side. */
static int cross(struct thaw_build *b, const char *name, int from)
{
    int row = thaw_inception_branch(b, from, 384, 1, 3);
    int column = thaw_inception_branch(b, from, 384, 3, 1);
    return thaw_build_merge(b, "Concatenate", name, (int[]){row, column}, 2);
}

static void module_8(struct thaw_build *b, const char *name, const char *inner)
{
    int from = b->last, at;
    int one = thaw_inception_branch(b, from, 320, 1, 1);
    at = thaw_inception_branch(b, from, 384, 1, 1);
    int three = cross(b, inner, at);
    at = thaw_inception_branch(b, from, 448, 1, 1);
    at = thaw_inception_branch(b, at, 384, 3, 3);
    int twice = cross(b, NULL, at);
    at = thaw_inception_average(b, from);
    int pool = thaw_inception_branch(b, at, 192, 1, 1);
    thaw_build_merge(b, "Concatenate", name, (int[]){one, three, twice, pool}, 4);
}

static struct thaw_graph *build(const struct thaw_arch *arch,
                                const struct thaw_arch_options *options, struct thaw_error *err)
{
    struct thaw_build b = thaw_build_start(arch->name, options, arch->size, err);
    thaw_inception_stem(&b);
    thaw_inception_module_35(&b, "mixed0", 64, 32);
    thaw_inception_module_35(&b, "mixed1", 64, 64);
    thaw_inception_module_35(&b, "mixed2", 64, 64);
    reduce_35(&b, "mixed3");
    module_17(&b, "mixed4", 128);
    module_17(&b, "mixed5", 160);
    module_17(&b, "mixed6", 160);
    module_17(&b, "mixed7", 192);
    reduce_17(&b, "mixed8");
    module_8(&b, "mixed9", "mixed9_0");
    module_8(&b, "mixed10", "mixed9_1");
    thaw_build_classifier(&b, "predictions", 0, options->classes);
    return thaw_build_finish(&b);
}

/* In a weights-only file the joins are listed too, though they have no weights. */
static bool matches(const struct thaw_arch *arch, const struct thaw_arch_layers *layers)
{
    (void)arch;
    return thaw_arch_has(layers, "mixed0") && thaw_arch_has(layers, "mixed9_1") &&
           thaw_arch_has(layers, "mixed10") && thaw_arch_has(layers, "conv2d*");
}

/* By the join at the end of each. */
static const char *const blocks[] = {"mixed*", NULL};

const struct thaw_arch thaw_arch_inception_v3 = {
    .name = "inception_v3",
    .preprocess = "tf",
    .size = 299,
    .build = build,
    .matches = matches,
    .blocks = blocks,
};
