#include <math.h>
#include <stddef.h>

#include "tests/op_case.h"

static double relu(double x)
{
    return x > 0 ? x : 0;
}
static double relu6(double x)
{
    return fmin(relu(x), 6);
}
static double leaky_relu(double x)
{
    return x > 0 ? x : (double)0.2f * x;
}
static double elu(double x)
{
    return x > 0 ? x : exp(x) - 1;
}
static double selu(double x)
{
    return 1.05070099 * (x > 0 ? x : 1.67326324 * (exp(x) - 1));
}
static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}
static double swish(double x)
{
    return x * sigmoid(x);
}
static double hard_sigmoid(double x)
{
    return fmin(fmax(0.2 * x + 0.5, 0), 1);
}
static double hard_sigmoid_3(double x)
{
    return relu6(x + 3) / 6;
}
static double hard_swish(double x)
{
    return x * hard_sigmoid_3(x);
}
static double gelu(double x)
{
    return 0.5 * x * (1 + erf(x / sqrt(2)));
}
static double gelu_tanh(double x)
{
    return 0.5 * x * (1 + tanh(sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
}
static double softplus(double x)
{
    return log1p(exp(x));
}
static double softsign(double x)
{
    return x / (1 + fabs(x));
}
static double mish(double x)
{
    return x * tanh(softplus(x));
}

const struct op_act op_acts[] = {
    {"relu", relu},
    {"relu6", relu6},
    {"leaky_relu", leaky_relu},
    {"elu", elu},
    {"selu", selu},
    {"sigmoid", sigmoid},
    {"tanh", tanh},
    {"swish", swish},
    {"hard_sigmoid", hard_sigmoid},
    {"hard_sigmoid_3", hard_sigmoid_3},
    {"hard_swish", hard_swish},
    {"gelu", gelu},
    {"gelu_tanh", gelu_tanh},
    {"softplus", softplus},
    {"softsign", softsign},
    {"exponential", exp},
    {"mish", mish},
    {NULL, NULL},
};
