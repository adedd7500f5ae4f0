#include "nn/act.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* Constants of Klambauer et al., "Self-normalizing neural networks", as Keras writes them. */
static const float SELU_ALPHA = 1.67326324f, SELU_SCALE = 1.05070099f;

static int one_step(struct thaw_eltwise *chain, enum thaw_eltwise_kind kind, float alpha,
                    float beta)
{
    *chain = (struct thaw_eltwise){kind, alpha, beta};
    return 1;
}

static bool always(const struct thaw_act *act)
{
    (void)act;
    return true;
}

/* --- relu and its relatives: slope, max and threshold as in Keras' ReLU layer --- */

static float relu(float x, const struct thaw_act *act)
{
    if (x >= act->max)
        return act->max;
    return x >= act->threshold ? x : act->slope * (x - act->threshold);
}

/* From the output a slope of zero or more can be told by the sign alone. Zero counts as below, as
 * in TensorFlow; the maximum counts as above. */
static float relu_slope(float v, const struct thaw_act *act)
{
    if (v >= act->max)
        return 0;
    return v > act->threshold ? 1 : act->slope;
}

static bool relu_from_output(const struct thaw_act *act)
{
    return act->slope >= 0 && act->threshold == 0 && act->max > 0;
}

static int relu_chain(const struct thaw_act *act, struct thaw_eltwise chain[2])
{
    if (act->threshold != 0 || !(act->max > 0))
        return 0;
    if (isinf(act->max))
        return one_step(chain, THAW_ELTWISE_RELU, act->slope, 0);
    if (act->slope == 0)
        return one_step(chain, THAW_ELTWISE_CLIP, 0, act->max);
    return one_step(chain, THAW_ELTWISE_RELU, act->slope, 0) +
           one_step(chain + 1, THAW_ELTWISE_CLIP, -FLT_MAX, act->max);
}

/* --- elu, selu --- */

static float elu(float x, const struct thaw_act *act)
{
    return x > 0 ? x : act->slope * expm1f(x);
}

static bool elu_from_output(const struct thaw_act *act)
{
    return act->slope >= 0;
}

static float elu_slope(float v, const struct thaw_act *act)
{
    if (v > 0)
        return 1;
    return elu_from_output(act) ? v + act->slope : act->slope * expf(v);
}

static int elu_chain(const struct thaw_act *act, struct thaw_eltwise chain[2])
{
    return one_step(chain, THAW_ELTWISE_ELU, act->slope, 0);
}

static float selu(float x, const struct thaw_act *act)
{
    (void)act;
    return SELU_SCALE * (x > 0 ? x : SELU_ALPHA * expm1f(x));
}

static float selu_slope(float y, const struct thaw_act *act)
{
    (void)act;
    return y > 0 ? SELU_SCALE : y + SELU_SCALE * SELU_ALPHA;
}

static int selu_chain(const struct thaw_act *act, struct thaw_eltwise chain[2])
{
    (void)act;
    return one_step(chain, THAW_ELTWISE_ELU, SELU_ALPHA, 0) +
           one_step(chain + 1, THAW_ELTWISE_LINEAR, SELU_SCALE, 0);
}

/* --- sigmoid, tanh, swish, exponential, softsign, softplus --- */

static float sigmoid(float x, const struct thaw_act *act)
{
    (void)act;
    return 1 / (1 + expf(-x));
}

static float sigmoid_slope(float y, const struct thaw_act *act)
{
    (void)act;
    return y * (1 - y);
}

static int sigmoid_chain(const struct thaw_act *act, struct thaw_eltwise chain[2])
{
    (void)act;
    return one_step(chain, THAW_ELTWISE_LOGISTIC, 0, 0);
}

static float tangent(float x, const struct thaw_act *act)
{
    (void)act;
    return tanhf(x);
}

static float tangent_slope(float y, const struct thaw_act *act)
{
    (void)act;
    return 1 - y * y;
}

static int tangent_chain(const struct thaw_act *act, struct thaw_eltwise chain[2])
{
    (void)act;
    return one_step(chain, THAW_ELTWISE_TANH, 0, 0);
}

static float swish(float x, const struct thaw_act *act)
{
    return x * sigmoid(x, act);
}

static float swish_slope(float x, const struct thaw_act *act)
{
    float s = sigmoid(x, act);
    return s + x * s * (1 - s);
}

static int swish_chain(const struct thaw_act *act, struct thaw_eltwise chain[2])
{
    (void)act;
    return one_step(chain, THAW_ELTWISE_SWISH, 1, 0);
}

static float exponential(float x, const struct thaw_act *act)
{
    (void)act;
    return expf(x);
}

static float exponential_slope(float y, const struct thaw_act *act)
{
    (void)act;
    return y;
}

static int exponential_chain(const struct thaw_act *act, struct thaw_eltwise chain[2])
{
    (void)act;
    return one_step(chain, THAW_ELTWISE_EXP, 0, 0);
}

static float softsign(float x, const struct thaw_act *act)
{
    (void)act;
    return x / (1 + fabsf(x));
}

/* 1 - |y| = 1 / (1 + |x|) */
static float softsign_slope(float y, const struct thaw_act *act)
{
    (void)act;
    float r = 1 - fabsf(y);
    return r * r;
}

/* Written so that neither side of zero overflows. */
static float softplus(float x, const struct thaw_act *act)
{
    (void)act;
    return fmaxf(x, 0) + log1pf(expf(-fabsf(x)));
}

static int softplus_chain(const struct thaw_act *act, struct thaw_eltwise chain[2])
{
    (void)act;
    return one_step(chain, THAW_ELTWISE_SOFTPLUS, 0, 0);
}

/* --- the hard ones --- */

static float clip01(float x)
{
    return fminf(fmaxf(x, 0), 1);
}

static float hard_sigmoid(float x, const struct thaw_act *act)
{
    (void)act;
    return clip01(0.2f * x + 0.5f);
}

static float hard_sigmoid_slope(float y, const struct thaw_act *act)
{
    (void)act;
    return y > 0 && y < 1 ? 0.2f : 0;
}

static int hard_sigmoid_chain(const struct thaw_act *act, struct thaw_eltwise chain[2])
{
    (void)act;
    return one_step(chain, THAW_ELTWISE_LINEAR, 0.2f, 0.5f) +
           one_step(chain + 1, THAW_ELTWISE_CLIP, 0, 1);
}

static float hard_sigmoid_3(float x, const struct thaw_act *act)
{
    (void)act;
    return clip01((x + 3) / 6);
}

static float hard_sigmoid_3_slope(float y, const struct thaw_act *act)
{
    (void)act;
    return y > 0 && y < 1 ? 1 / 6.0f : 0;
}

static int hard_sigmoid_3_chain(const struct thaw_act *act, struct thaw_eltwise chain[2])
{
    (void)act;
    return one_step(chain, THAW_ELTWISE_LINEAR, 1 / 6.0f, 0.5f) +
           one_step(chain + 1, THAW_ELTWISE_CLIP, 0, 1);
}

static float hard_swish(float x, const struct thaw_act *act)
{
    return x * hard_sigmoid_3(x, act);
}

static float hard_swish_slope(float x, const struct thaw_act *act)
{
    (void)act;
    return x <= -3 ? 0 : x >= 3 ? 1 : (2 * x + 3) / 6;
}

static int hard_swish_chain(const struct thaw_act *act, struct thaw_eltwise chain[2])
{
    (void)act;
    return one_step(chain, THAW_ELTWISE_HARDSWISH, 0, 0);
}

/* --- gelu, mish --- */

static float gelu(float x, const struct thaw_act *act)
{
    (void)act;
    return 0.5f * x * (1 + erff(x * (float)M_SQRT1_2));
}

static float gelu_slope(float x, const struct thaw_act *act)
{
    (void)act;
    const float density = 0.39894228f; /* 1 / sqrt(2 pi) */
    return 0.5f * (1 + erff(x * (float)M_SQRT1_2)) + x * density * expf(-0.5f * x * x);
}

static int gelu_chain(const struct thaw_act *act, struct thaw_eltwise chain[2])
{
    (void)act;
    return one_step(chain, THAW_ELTWISE_GELU_ERF, 0, 0);
}

static const float GELU_SCALE = 0.79788456f, GELU_CUBE = 0.044715f; /* sqrt(2 / pi) */

static float gelu_tanh(float x, const struct thaw_act *act)
{
    (void)act;
    return 0.5f * x * (1 + tanhf(GELU_SCALE * (x + GELU_CUBE * x * x * x)));
}

static float gelu_tanh_slope(float x, const struct thaw_act *act)
{
    (void)act;
    float t = tanhf(GELU_SCALE * (x + GELU_CUBE * x * x * x));
    return 0.5f * (1 + t) + 0.5f * x * (1 - t * t) * GELU_SCALE * (1 + 3 * GELU_CUBE * x * x);
}

static int gelu_tanh_chain(const struct thaw_act *act, struct thaw_eltwise chain[2])
{
    (void)act;
    return one_step(chain, THAW_ELTWISE_GELU_TANH, 0, 0);
}

static float mish(float x, const struct thaw_act *act)
{
    return x * tanhf(softplus(x, act));
}

static float mish_slope(float x, const struct thaw_act *act)
{
    float t = tanhf(softplus(x, act));
    return t + x * (1 - t * t) * sigmoid(x, act);
}

static int mish_chain(const struct thaw_act *act, struct thaw_eltwise chain[2])
{
    (void)act;
    return one_step(chain, THAW_ELTWISE_MISH, 0, 0);
}

/* --- by name --- */

static const char *const swish_aliases[] = {"silu", NULL};
static const char *const hard_swish_aliases[] = {"hard_silu", NULL};

static const struct {
    struct thaw_act_kind kind;
    float slope, max; /* the name's standard numbers */
} acts[] = {
    {{"relu", NULL, relu, relu_slope, relu_from_output, relu_chain}, 0, INFINITY},
    {{"relu6", NULL, relu, relu_slope, relu_from_output, relu_chain}, 0, 6},
    {{"leaky_relu", NULL, relu, relu_slope, relu_from_output, relu_chain}, 0.2f, INFINITY},
    {{"elu", NULL, elu, elu_slope, elu_from_output, elu_chain}, 1, 0},
    {{"selu", NULL, selu, selu_slope, always, selu_chain}, 0, 0},
    {{"sigmoid", NULL, sigmoid, sigmoid_slope, always, sigmoid_chain}, 0, 0},
    {{"tanh", NULL, tangent, tangent_slope, always, tangent_chain}, 0, 0},
    {{"swish", swish_aliases, swish, swish_slope, NULL, swish_chain}, 0, 0},
    {{"hard_sigmoid", NULL, hard_sigmoid, hard_sigmoid_slope, always, hard_sigmoid_chain}, 0, 0},
    {{"hard_sigmoid_3", NULL, hard_sigmoid_3, hard_sigmoid_3_slope, always, hard_sigmoid_3_chain},
     0,
     0},
    {{"hard_swish", hard_swish_aliases, hard_swish, hard_swish_slope, NULL, hard_swish_chain},
     0,
     0},
    {{"gelu", NULL, gelu, gelu_slope, NULL, gelu_chain}, 0, 0},
    {{"gelu_tanh", NULL, gelu_tanh, gelu_tanh_slope, NULL, gelu_tanh_chain}, 0, 0},
    {{"softplus", NULL, softplus, sigmoid, NULL, softplus_chain}, 0, 0},
    {{"softsign", NULL, softsign, softsign_slope, always, NULL}, 0, 0},
    {{"exponential", NULL, exponential, exponential_slope, always, exponential_chain}, 0, 0},
    {{"mish", NULL, mish, mish_slope, NULL, mish_chain}, 0, 0},
};
enum { N_ACTS = sizeof acts / sizeof *acts };

static bool has_name(const struct thaw_act_kind *kind, const char *name)
{
    if (!strcmp(kind->name, name))
        return true;
    for (const char *const *a = kind->aliases; a && *a; a++)
        if (!strcmp(*a, name))
            return true;
    return false;
}

int thaw_act_find(struct thaw_act *act, const char *name, struct thaw_error *err)
{
    *act = (struct thaw_act){0};
    if (!strcmp(name, "linear"))
        return 0;
    for (int i = 0; i < N_ACTS; i++)
        if (has_name(&acts[i].kind, name)) {
            *act = (struct thaw_act){&acts[i].kind, acts[i].slope, acts[i].max, 0};
            return 0;
        }
    char known[512] = "linear";
    size_t used = strlen(known);
    for (int i = 0; i < N_ACTS && used < sizeof known; i++)
        used += (size_t)snprintf(known + used, sizeof known - used, ", %s", acts[i].kind.name);
    return thaw_fail(err, THAW_EINPUT, "unknown activation \"%s\" (known: %s)", name, known);
}

const char *thaw_act_name(const struct thaw_act *act)
{
    return act->kind ? act->kind->name : "linear";
}

bool thaw_act_from_output(const struct thaw_act *act)
{
    return !act->kind || (act->kind->from_output && act->kind->from_output(act));
}

int thaw_act_chain(const struct thaw_act *act, struct thaw_eltwise chain[2])
{
    return act->kind && act->kind->chain ? act->kind->chain(act, chain) : 0;
}
