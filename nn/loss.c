#include "nn/loss.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/base/table.h"

const struct thaw_loss *thaw_loss_find(const char *name, struct thaw_error *err)
{
    return thaw_table_find(thaw_losses, name, "loss", err);
}

/* --- as the user writes it --- */

static int read_gamma(const char *text, const char *value, float *gamma, struct thaw_error *err)
{
    static const char key[] = "gamma=";
    const double most = 10;
    char *end = NULL;
    size_t n = sizeof key - 1;
    double g = strncmp(value, key, n) == 0 ? strtod(value + n, &end) : -1;
    if (!end || end == value + n || *end || !(g >= 0 && g <= most))
        return thaw_fail(err, THAW_EUSAGE,
                         "loss '%s': behind the colon gamma=NUMBER is wanted, 0 to %g", text, most);
    *gamma = (float)g;
    return 0;
}

const struct thaw_loss *thaw_loss_parse(const char *text, bool by_label,
                                        struct thaw_loss_options *options, struct thaw_error *err)
{
    enum { PRESET_GAMMA = 2 };
    char name[64];
    size_t length = strcspn(text, ":");
    snprintf(name, sizeof name, "%s%.*s", by_label ? "binary_" : "",
             (int)(length < 40 ? length : 40), text);
    const struct thaw_loss *loss = thaw_table_find(thaw_losses, name, "loss", NULL);
    if (!loss || loss->by_label != by_label) {
        thaw_fail(err, THAW_EUSAGE, "unknown loss '%s'; wanted is cross_entropy or focal:gamma=2",
                  text);
        return NULL;
    }
    options->gamma = loss->takes_gamma ? PRESET_GAMMA : 0;
    if (text[length] && !loss->takes_gamma) {
        thaw_fail(err, THAW_EUSAGE, "loss '%s': nothing follows the name %.*s", text, (int)length,
                  text);
        return NULL;
    }
    if (text[length] && read_gamma(text, text + length + 1, &options->gamma, err))
        return NULL;
    return loss;
}

/* --- probabilities --- */

void thaw_softmax_row(const float *logits, int classes, float *probabilities)
{
    double top = logits[0], sum = 0;
    for (int k = 1; k < classes; k++)
        top = logits[k] > top ? logits[k] : top;
    for (int k = 0; k < classes; k++)
        sum += exp(logits[k] - top);
    for (int k = 0; k < classes; k++)
        probabilities[k] = (float)(exp(logits[k] - top) / sum);
}

/* No exponential of a large number. */
static double sigmoid(double z)
{
    double e = exp(-fabs(z));
    return z < 0 ? e / (1 + e) : 1 / (1 + e);
}

void thaw_sigmoid_row(const float *logits, int classes, float *probabilities)
{
    for (int k = 0; k < classes; k++)
        probabilities[k] = (float)sigmoid(logits[k]);
}

/* --- losses by label --- */

/* Of a label that holds; one that does not is the same at the negative logit. */
static double held(double z, double gamma, double *slope)
{
    double p = sigmoid(z), q = sigmoid(-z), log_p = (z < 0 ? z : 0) - log1p(exp(-fabs(z)));
    double focus = pow(q, gamma);
    *slope = focus * (gamma * p * log_p - q);
    return -focus * log_p;
}

double thaw_loss_by_label(const struct thaw_loss_options *options, double gamma,
                          const float *logits, int classes, const float *targets, float *dlogits)
{
    double sum = 0, smoothing = (double)options->smoothing;
    for (int k = 0; k < classes; k++) {
        double present, absent, target = (1 - smoothing) * (double)targets[k] + smoothing / 2;
        double loss = target * held(logits[k], gamma, &present) +
                      (1 - target) * held(-(double)logits[k], gamma, &absent);
        double weight = options->label_weights
                            ? (double)options->label_weights[2 * k + (targets[k] > 0.5F)]
                            : 1;
        sum += weight * loss;
        if (dlogits)
            dlogits[k] = (float)(weight * (target * present - (1 - target) * absent) / classes);
    }
    return sum / classes;
}
