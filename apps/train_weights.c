#include "apps/train_weights.h"

#include <stdlib.h>
#include <string.h>

#include "io/base/mem.h"
#include "vision/sampler.h"

static int read_list(const char *text, int classes, float *weights, struct thaw_error *err)
{
    const char *at = text;
    int n = 0;
    for (;; at++, n++) {
        char *end;
        double w = strtod(at, &end);
        if (end == at || !(w > 0 && w <= 1e6) || (*end && *end != ','))
            return thaw_fail(err, THAW_EUSAGE,
                             "--class-weights %s: needs auto, none or a positive number for each "
                             "class, separated by commas",
                             text);
        if (n < classes)
            weights[n] = (float)w;
        at = end;
        if (!*at)
            break;
    }
    return n + 1 == classes
               ? 0
               : thaw_fail(err, THAW_EUSAGE, "--class-weights %s: %d numbers for %d classes", text,
                           n + 1, classes);
}

/* weights[classes], of mean 1 over the training images (counts of each class). "auto": inverse to
 * the counts; "none": all 1; or a list of numbers in the order of the classes. */
static int class_weights(const char *text, const size_t *counts, int classes, float *weights,
                         struct thaw_error *err)
{
    double images = 0, sum = 0;
    bool automatic = strcmp(text, "auto") == 0;
    for (int i = 0; i < classes; i++)
        weights[i] = automatic && counts[i] ? (float)(1 / (double)counts[i]) : 1;
    if (!automatic && strcmp(text, "none") != 0 && read_list(text, classes, weights, err))
        return -1;
    for (int i = 0; i < classes; i++) {
        images += (double)counts[i];
        sum += (double)counts[i] * weights[i];
    }
    for (int i = 0; i < classes && sum > 0; i++)
        weights[i] = (float)(weights[i] * images / sum);
    return 0;
}

int thaw_train_label_weights(const char *text, const double *share, int labels, float *weights,
                             struct thaw_error *err)
{
    bool automatic = strcmp(text, "auto") == 0;
    float *ratio = thaw_new((size_t)labels, sizeof *ratio, err);
    int rc = ratio ? 0 : -1;
    for (int i = 0; rc == 0 && i < labels; i++)
        ratio[i] =
            automatic && share[i] > 0 && share[i] < 1 ? (float)((1 - share[i]) / share[i]) : 1;
    if (rc == 0 && !automatic && strcmp(text, "none") != 0)
        rc = read_list(text, labels, ratio, err);
    for (int i = 0; rc == 0 && i < labels; i++) {
        double mean = share[i] * (double)ratio[i] + 1 - share[i];
        weights[2 * i] = (float)(1 / mean);
        weights[2 * i + 1] = (float)((double)ratio[i] / mean);
    }
    free(ratio);
    return rc;
}

/* --- as the images are drawn --- */

/* share[n_classes]: how often an image that is drawn has the class. */
static int find_shares(const struct thaw_dataset *data, bool balanced, double *share,
                       struct thaw_error *err)
{
    struct thaw_strata strata = {0};
    int rc = balanced ? thaw_strata_init(&strata, data, err) : 0;
    for (size_t i = 0; !balanced && i < data->n; i++)
        for (int c = 0; c < data->n_classes; c++)
            share[c] += thaw_dataset_has(data, i, c) ? 1 / (double)data->n : 0;
    for (size_t s = 0; rc == 0 && s < strata.n; s++) {
        double size = (double)(strata.first[s + 1] - strata.first[s]);
        for (size_t k = strata.first[s]; k < strata.first[s + 1]; k++)
            for (int c = 0; c < data->n_classes; c++)
                if (thaw_dataset_has(data, strata.items[k], c))
                    share[c] += 1 / (size * (double)strata.n);
    }
    thaw_strata_release(&strata);
    return rc;
}

static int weigh_labels(const struct thaw_train_values *v, const struct thaw_dataset *data,
                        bool balanced, float *weights, struct thaw_say *say, struct thaw_error *err)
{
    int n = data->n_classes;
    double least = 0, most = 0, *share = thaw_new((size_t)n, sizeof *share, err);
    int rc = share ? find_shares(data, balanced, share, err) : -1;
    if (rc == 0)
        rc = thaw_train_label_weights(v->class_weights, share, n, weights, err);
    free(share);
    for (int i = 0; rc == 0 && i < n; i++) {
        double ratio = (double)weights[2 * i + 1] / (double)weights[2 * i];
        least = i == 0 || ratio < least ? ratio : least;
        most = ratio > most ? ratio : most;
    }
    if (rc == 0 && (most > 1.5 || least < 1 / 1.5))
        thaw_say(say,
                 "a label that holds weighs from %.2f to %.2f times one that does not "
                 "(--class-weights %s; none turns this off)",
                 least, most, v->class_weights);
    return rc;
}

static int weigh_classes(const struct thaw_train_values *v, const struct thaw_dataset *data,
                         bool balanced, float *weights, struct thaw_say *say,
                         struct thaw_error *err)
{
    int n = data->n_classes;
    float least = 0, most = 0;
    size_t *counts = thaw_new((size_t)n, sizeof *counts, err);
    if (!counts)
        return -1;
    thaw_dataset_counts(data, counts);
    for (int i = 0; balanced && i < n; i++)
        counts[i] = counts[i] > 0; /* all are drawn as often */
    int rc = class_weights(v->class_weights, counts, n, weights, err);
    free(counts);
    for (int i = 0; rc == 0 && i < n; i++) {
        least = i == 0 || weights[i] < least ? weights[i] : least;
        most = weights[i] > most ? weights[i] : most;
    }
    if (rc == 0 && most > 1.5F * least)
        thaw_say(say,
                 "class weights from %.2f to %.2f in the loss (--class-weights %s; none turns them "
                 "off)",
                 (double)least, (double)most, v->class_weights);
    return rc;
}

int thaw_train_weigh(const struct thaw_train_values *v, const struct thaw_dataset *data,
                     struct thaw_train_options *o, float **weights, struct thaw_say *say,
                     struct thaw_error *err)
{
    bool balanced = strcmp(v->sampler, "balanced") == 0;
    if (!(*weights = thaw_new(2 * (size_t)data->n_classes, sizeof **weights, err)))
        return -1;
    if (data->by_label) {
        o->loss_options.label_weights = *weights;
        return weigh_labels(v, data, balanced, *weights, say, err);
    }
    o->class_weights = *weights;
    return weigh_classes(v, data, balanced, *weights, say, err);
}
