#include "nn/metrics.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "io/base/mem.h"
#include "nn/rank.h"

enum { CALIBRATION_BINS = 15 };

void thaw_wilson_share(double share, size_t n, double *lo, double *hi)
{
    const double z = 1.959963984540054;
    if (!n) {
        *lo = 0;
        *hi = 1;
        return;
    }
    double p = share, m = (double)n;
    double middle = (p + z * z / (2 * m)) / (1 + z * z / m);
    double half = z / (1 + z * z / m) * sqrt(p * (1 - p) / m + z * z / (4 * m * m));
    *lo = p <= 0 ? 0 : middle - half;
    *hi = p >= 1 ? 1 : middle + half;
}

void thaw_wilson(size_t hits, size_t n, double *lo, double *hi)
{
    thaw_wilson_share(n ? (double)hits / (double)n : 0, n, lo, hi);
}

static int argmax(const float *row, int n)
{
    int best = 0;
    for (int k = 1; k < n; k++)
        if (row[k] > row[best])
            best = k;
    return best;
}

static void count(struct thaw_metrics *m, const float *p, const int *labels, const int *said,
                  size_t n)
{
    size_t classes = (size_t)m->classes, hits = 0;
    double bin_n[CALIBRATION_BINS] = {0}, bin_p[CALIBRATION_BINS] = {0},
           bin_hits[CALIBRATION_BINS] = {0};
    for (size_t i = 0; i < n; i++) {
        const float *row = p + i * classes;
        int top = argmax(row, m->classes);
        int bin = (int)(row[top] * CALIBRATION_BINS);
        bin = bin < 0 ? 0 : bin >= CALIBRATION_BINS ? CALIBRATION_BINS - 1 : bin;
        bool hit = top == labels[i];
        int answer = said ? said[i] : top;
        hits += answer == labels[i];
        bin_n[bin]++;
        bin_p[bin] += row[top];
        bin_hits[bin] += hit;
        m->confusion[(size_t)labels[i] * classes + (size_t)answer]++;
        m->loss -= log(fmax(row[labels[i]], 1e-37));
    }
    m->loss /= (double)n;
    m->accuracy = (double)hits / (double)n;
    for (int b = 0; b < CALIBRATION_BINS; b++)
        m->ece += fabs(bin_p[b] - bin_hits[b]) / (double)n;
    thaw_wilson(hits, n, &m->accuracy_lo, &m->accuracy_hi);
}

static double ratio(double a, double b)
{
    return b > 0 ? a / b : NAN;
}

static void fill_class(struct thaw_metrics *m, int k)
{
    struct thaw_class_metrics *c = &m->per_class[k];
    size_t classes = (size_t)m->classes, hit = m->confusion[(size_t)k * classes + (size_t)k];
    size_t predicted = 0;
    for (size_t j = 0; j < classes; j++) {
        c->support += m->confusion[(size_t)k * classes + j];
        predicted += m->confusion[j * classes + (size_t)k];
    }
    double negatives = (double)(m->images - c->support), wrong = (double)(predicted - hit);
    c->precision = ratio((double)hit, (double)predicted);
    c->recall = ratio((double)hit, (double)c->support);
    c->specificity = ratio(negatives - wrong, negatives);
    thaw_wilson(hit, c->support, &c->recall_lo, &c->recall_hi);
    c->f1 = ratio(2.0 * (double)hit, (double)(predicted + c->support));
}

static void average(struct thaw_metrics *m)
{
    double supported = 0, ranked = 0;
    for (int k = 0; k < m->classes; k++) {
        const struct thaw_class_metrics *c = &m->per_class[k];
        if (c->support) {
            supported++;
            m->balanced_accuracy += c->recall;
            m->macro_f1 += c->f1;
        }
        if (!isnan(c->auc)) {
            ranked++;
            m->auc += c->auc;
        }
    }
    m->balanced_accuracy = ratio(m->balanced_accuracy, supported);
    m->macro_f1 = ratio(m->macro_f1, supported);
    m->auc = ratio(m->auc, ranked);
}

int thaw_metrics_compute(struct thaw_metrics *m, const float *probabilities, const int *labels,
                         size_t n, int classes, struct thaw_error *err)
{
    return thaw_metrics_compute_by(m, probabilities, labels, NULL, n, classes, err);
}

int thaw_metrics_compute_by(struct thaw_metrics *m, const float *probabilities, const int *labels,
                            const int *said, size_t n, int classes, struct thaw_error *err)
{
    *m = (struct thaw_metrics){.images = n, .classes = classes};
    if (!n)
        return thaw_fail(err, THAW_EINPUT, "no images to evaluate");
    struct thaw_scored *scores = thaw_new(n, sizeof *scores, err);
    m->per_class = thaw_new((size_t)classes, sizeof *m->per_class, err);
    m->confusion = thaw_new((size_t)classes * (size_t)classes, sizeof *m->confusion, err);
    if (!scores || !m->per_class || !m->confusion) {
        free(scores);
        thaw_metrics_release(m);
        return -1;
    }
    count(m, probabilities, labels, said, n);
    for (int k = 0; k < classes; k++) {
        fill_class(m, k);
        for (size_t i = 0; i < n; i++)
            scores[i] = (struct thaw_scored){probabilities[i * (size_t)classes + (size_t)k],
                                             labels[i] == k};
        thaw_rank_sort(scores, n);
        m->per_class[k].auc = thaw_auc(scores, n);
    }
    average(m);
    free(scores);
    return 0;
}

void thaw_metrics_release(struct thaw_metrics *m)
{
    free(m->per_class);
    free(m->confusion);
    *m = (struct thaw_metrics){0};
}
