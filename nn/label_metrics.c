#include "nn/label_metrics.h"

#include <math.h>
#include <stdlib.h>

#include "io/base/mem.h"
#include "nn/metrics.h"

static double ratio(double a, double b)
{
    return b > 0 ? a / b : NAN;
}

void thaw_one_label_fill(struct thaw_one_label *l)
{
    const struct thaw_counts *c = &l->counts;
    size_t absent = c->clear + c->wrong;
    l->support = c->hit + c->missed;
    l->recall = ratio((double)c->hit, (double)l->support);
    l->specificity = ratio((double)c->clear, (double)absent);
    l->precision = ratio((double)c->hit, (double)(c->hit + c->wrong));
    l->f1 = ratio(2.0 * (double)c->hit, (double)(2 * c->hit + c->wrong + c->missed));
    thaw_wilson(c->hit, l->support, &l->recall_lo, &l->recall_hi);
    thaw_wilson(c->clear, absent, &l->specificity_lo, &l->specificity_hi);
}

/* What goes over all labels of an image. */
static void count_images(struct thaw_label_metrics *m, const float *p, const float *targets,
                         const bool *said)
{
    size_t labels = (size_t)m->labels, exact = 0, right = 0;
    for (size_t i = 0; i < m->images; i++, p += labels, targets += labels, said += labels) {
        size_t hits = 0;
        for (size_t k = 0; k < labels; k++) {
            bool holds = targets[k] > 0.5F;
            hits += holds == said[k];
            m->loss -= log(fmax(holds ? (double)p[k] : 1 - (double)p[k], 1e-37));
        }
        right += hits;
        exact += hits == labels;
    }
    double answers = (double)m->images * (double)labels;
    m->loss /= answers;
    m->accuracy = (double)right / answers;
    m->exact = (double)exact / (double)m->images;
    thaw_wilson(exact, m->images, &m->exact_lo, &m->exact_hi);
}

/* Of label k. */
static struct thaw_counts count_label(const struct thaw_label_metrics *m, const float *targets,
                                      const bool *said, int k)
{
    struct thaw_counts c = {0};
    for (size_t i = (size_t)k; i < m->images * (size_t)m->labels; i += (size_t)m->labels)
        ++*(targets[i] > 0.5F ? said[i] ? &c.hit : &c.missed : said[i] ? &c.wrong : &c.clear);
    return c;
}

static void average(struct thaw_label_metrics *m)
{
    double ranked = 0, supported = 0, precise = 0, hits = 0, faults = 0;
    for (int k = 0; k < m->labels; k++) {
        const struct thaw_one_label *l = &m->per_label[k];
        if (!isnan(l->auc)) {
            ranked++;
            m->mean_auc += l->auc;
        }
        if (!isnan(l->average_precision)) {
            precise++;
            m->mean_average_precision += l->average_precision;
        }
        if (l->support) {
            supported++;
            m->macro_f1 += l->f1;
        }
        hits += (double)l->counts.hit;
        faults += (double)(l->counts.wrong + l->counts.missed);
    }
    m->mean_auc = ratio(m->mean_auc, ranked);
    m->mean_average_precision = ratio(m->mean_average_precision, precise);
    m->macro_f1 = ratio(m->macro_f1, supported);
    m->micro_f1 = ratio(2 * hits, 2 * hits + faults);
}

int thaw_label_metrics_compute(struct thaw_label_metrics *m, const float *probabilities,
                               const float *targets, const bool *said, size_t n, int labels,
                               struct thaw_error *err)
{
    *m = (struct thaw_label_metrics){.images = n, .labels = labels};
    if (!n)
        return thaw_fail(err, THAW_EINPUT, "no images to evaluate");
    struct thaw_scored *scores = thaw_new(n, sizeof *scores, err);
    m->per_label = thaw_new((size_t)labels, sizeof *m->per_label, err);
    if (!scores || !m->per_label) {
        free(scores);
        thaw_label_metrics_release(m);
        return -1;
    }
    for (int k = 0; k < labels; k++) {
        struct thaw_one_label *l = &m->per_label[k];
        thaw_rank_label(probabilities, targets, n, labels, k, scores);
        l->threshold = NAN;
        l->counts = count_label(m, targets, said, k);
        thaw_one_label_fill(l);
        l->auc = thaw_auc(scores, n);
        l->average_precision = thaw_average_precision(scores, n);
    }
    count_images(m, probabilities, targets, said);
    average(m);
    free(scores);
    return 0;
}

void thaw_label_metrics_release(struct thaw_label_metrics *m)
{
    free(m->per_label);
    *m = (struct thaw_label_metrics){0};
}
