#include "nn/archs/build_inception.h"

#include <stdio.h>

int thaw_inception_unit(struct thaw_build *b, const char *name, int filters, int rows, int cols,
                        int stride, unsigned flags)
{
    char norm[64], activation[64];
    snprintf(norm, sizeof norm, "%s_bn", name ? name : "");
    snprintf(activation, sizeof activation, "%s_ac", name ? name : "");
    thaw_build_conv_oblong(b, name, filters, rows, cols, stride, flags);
    thaw_build_norm_unscaled(b, name ? norm : NULL);
    return thaw_build_relu(b, name ? activation : NULL);
}

int thaw_inception_branch(struct thaw_build *b, int from, int filters, int rows, int cols)
{
    b->last = from;
    return thaw_inception_unit(b, NULL, filters, rows, cols, 1, THAW_SAME);
}

void thaw_inception_stem(struct thaw_build *b)
{
    thaw_inception_unit(b, NULL, 32, 3, 3, 2, 0);
    thaw_inception_unit(b, NULL, 32, 3, 3, 1, 0);
    thaw_inception_unit(b, NULL, 64, 3, 3, 1, THAW_SAME);
    thaw_build_max_pool(b, NULL, 3, 2, 0);
    thaw_inception_unit(b, NULL, 80, 1, 1, 1, 0);
    thaw_inception_unit(b, NULL, 192, 3, 3, 1, 0);
    thaw_build_max_pool(b, NULL, 3, 2, 0);
}

int thaw_inception_average(struct thaw_build *b, int from)
{
    b->last = from;
    return thaw_build_average_pool(b, NULL, 3, 1, THAW_SAME);
}

int thaw_inception_maximum(struct thaw_build *b, int from)
{
    b->last = from;
    return thaw_build_max_pool(b, NULL, 3, 2, 0);
}

void thaw_inception_module_35(struct thaw_build *b, const char *name, int first, int pooled)
{
    int from = b->last, at;
    int one = thaw_inception_branch(b, from, first, 1, 1);
    at = thaw_inception_branch(b, from, 48, 1, 1);
    int five = thaw_inception_branch(b, at, 64, 5, 5);
    at = thaw_inception_branch(b, from, 64, 1, 1);
    at = thaw_inception_branch(b, at, 96, 3, 3);
    int three = thaw_inception_branch(b, at, 96, 3, 3);
    at = thaw_inception_average(b, from);
    int pool = thaw_inception_branch(b, at, pooled, 1, 1);
    thaw_build_merge(b, "Concatenate", name, (int[]){one, five, three, pool}, 4);
}
