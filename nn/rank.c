#include "nn/rank.h"

#include <math.h>
#include <stdlib.h>

#include "io/base/mem.h"

static int by_falling_score(const void *a, const void *b)
{
    float x = ((const struct thaw_scored *)a)->score, y = ((const struct thaw_scored *)b)->score;
    return (x < y) - (x > y);
}

void thaw_rank_sort(struct thaw_scored *s, size_t n)
{
    if (n)
        qsort(s, n, sizeof *s, by_falling_score);
}

/* Where the entries of the score at `i` end. */
static size_t tie_end(const struct thaw_scored *s, size_t n, size_t i)
{
    float score = s[i].score;
    while (i < n && s[i].score == score)
        i++;
    return i;
}

static size_t count_holding(const struct thaw_scored *s, size_t n)
{
    size_t holding = 0;
    for (size_t i = 0; i < n; i++)
        holding += s[i].holds;
    return holding;
}

double thaw_auc(const struct thaw_scored *s, size_t n)
{
    double ranks = 0, positives = (double)count_holding(s, n), negatives = (double)n - positives;
    if (positives == 0 || negatives == 0)
        return NAN;
    for (size_t i = 0; i < n;) {
        size_t end = tie_end(s, n, i);
        /* Ranks count from the lowest score: the mean of n-end+1 .. n-i. */
        double rank = 0.5 * (double)((n - end + 1) + (n - i));
        for (; i < end; i++)
            ranks += s[i].holds ? rank : 0;
    }
    return (ranks - positives * (positives + 1) / 2) / (positives * negatives);
}

double thaw_average_precision(const struct thaw_scored *s, size_t n)
{
    double positives = (double)count_holding(s, n), hits = 0, sum = 0;
    if (positives == 0)
        return NAN;
    for (size_t i = 0; i < n;) {
        double before = hits;
        size_t end = tie_end(s, n, i);
        for (; i < end; i++)
            hits += s[i].holds;
        sum += (hits - before) / positives * (hits / (double)end);
    }
    return sum;
}

void thaw_rank_label(const float *scores, const float *targets, size_t n, int classes, int k,
                     struct thaw_scored *s)
{
    for (size_t i = 0; i < n; i++) {
        size_t at = i * (size_t)classes + (size_t)k;
        s[i] = (struct thaw_scored){scores[at], targets[at] > 0.5F};
    }
    thaw_rank_sort(s, n);
}

int thaw_mean_auc(const float *scores, const float *targets, size_t n, int classes, double *auc,
                  struct thaw_error *err)
{
    double sum = 0, defined = 0;
    struct thaw_scored *s = thaw_new(n, sizeof *s, err);
    if (!s)
        return -1;
    for (int k = 0; k < classes; k++) {
        thaw_rank_label(scores, targets, n, classes, k, s);
        double one = thaw_auc(s, n);
        sum += isnan(one) ? 0 : one;
        defined += !isnan(one);
    }
    *auc = defined > 0 ? sum / defined : NAN;
    free(s);
    return 0;
}

/* --- thresholds --- */

struct thaw_counts thaw_count_at(const struct thaw_scored *s, size_t n, float threshold)
{
    struct thaw_counts c = {0};
    for (size_t i = 0; i < n; i++) {
        bool said = s[i].score >= threshold;
        ++*(s[i].holds ? said ? &c.hit : &c.missed : said ? &c.wrong : &c.clear);
    }
    return c;
}

/* Below the entries before `end` and above the others. */
static float between(const struct thaw_scored *s, size_t n, size_t end)
{
    if (end == 0)
        return nextafterf(s[0].score, INFINITY);
    float above = s[end - 1].score, middle = end < n ? 0.5F * (above + s[end].score) : above;
    return end < n && middle > s[end].score ? middle : above;
}

int thaw_threshold_at_specificity(const struct thaw_scored *s, size_t n, double specificity,
                                  float *threshold)
{
    size_t positives = count_holding(s, n), negatives = n - positives;
    size_t hits = 0, wrong = 0, most = 0, best = 0;
    if (!positives || !negatives)
        return -1;
    for (size_t i = 0; i < n;) {
        for (size_t end = tie_end(s, n, i); i < end; i++)
            ++*(s[i].holds ? &hits : &wrong);
        if ((double)(negatives - wrong) < specificity * (double)negatives - 1e-9)
            break;
        if (hits > most) {
            most = hits;
            best = i;
        }
    }
    *threshold = between(s, n, best);
    return 0;
}

int thaw_threshold_best_f1(const struct thaw_scored *s, size_t n, float *threshold)
{
    size_t positives = count_holding(s, n), hits = 0, best = 0;
    double highest = 0;
    if (!positives || positives == n)
        return -1;
    for (size_t i = 0; i < n;) {
        for (size_t end = tie_end(s, n, i); i < end; i++)
            hits += s[i].holds;
        double f1 = 2 * (double)hits / (double)(i + positives);
        if (f1 > highest) {
            highest = f1;
            best = i;
        }
    }
    *threshold = between(s, n, best);
    return 0;
}
