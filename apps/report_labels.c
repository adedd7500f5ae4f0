#include "apps/report_labels.h"

#include <math.h>
#include <string.h>

#include "apps/report.h"

static json_t *label_json(const char *name, const struct thaw_one_label *l)
{
    return json_pack("{s:s, s:I, s:o, s:[f, f], s:o, s:[f, f], s:o, s:o, s:o, s:o, s:o}", "name",
                     name, "support", (json_int_t)l->support, "recall", thaw_json_number(l->recall),
                     "recall_ci95", l->recall_lo, l->recall_hi, "specificity",
                     thaw_json_number(l->specificity), "specificity_ci95", l->specificity_lo,
                     l->specificity_hi, "precision", thaw_json_number(l->precision), "f1",
                     thaw_json_number(l->f1), "auc", thaw_json_number(l->auc), "average_precision",
                     thaw_json_number(l->average_precision), "threshold",
                     thaw_json_number((double)l->threshold));
}

json_t *thaw_report_labels_json(const struct thaw_label_metrics *m, char *const *classes,
                                size_t skipped)
{
    json_t *list = json_array();
    for (int i = 0; i < m->labels; i++)
        json_array_append_new(list, label_json(classes[i], &m->per_label[i]));
    return json_pack("{s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:f, s:f, s:[f, f], s:f}", "images",
                     (json_int_t)m->images, "skipped", (json_int_t)skipped, "labels", list,
                     "mean_auc", thaw_json_number(m->mean_auc), "mean_average_precision",
                     thaw_json_number(m->mean_average_precision), "macro_f1",
                     thaw_json_number(m->macro_f1), "micro_f1", thaw_json_number(m->micro_f1),
                     "accuracy", m->accuracy, "exact", m->exact, "exact_ci95", m->exact_lo,
                     m->exact_hi, "loss", m->loss);
}

static void figure(FILE *to, double value, int width)
{
    if (isfinite(value))
        fprintf(to, "%*.4f", width, value);
    else
        fprintf(to, "%*s", width, "-");
}

static void line(FILE *to, const char *name, double value, const char *mark)
{
    fprintf(to, "%-28s", name);
    figure(to, value, 7);
    fprintf(to, "%s\n", mark);
}

static void say_thresholds(FILE *to, const struct thaw_decision *d)
{
    char wanted[40];
    int open = 0;
    for (int i = 0; d && i < d->n; i++)
        open += isnan(d->list[i].recall) || isnan(d->list[i].specificity);
    if (!d)
        fprintf(to, "thresholds: each model its own\n");
    else if (!d->images)
        fprintf(to, "thresholds: 0.5 for every label; the model names no others\n");
    else if (d->specificity > 0)
        fprintf(to,
                "thresholds: of each label that with the highest sensitivity at %s,\nchosen on %zu "
                "validation images\n",
                thaw_decision_wanted(d, wanted), d->images);
    else
        fprintf(to, "thresholds: of each label that with the highest F1 on %zu validation images\n",
                d->images);
    if (open)
        fprintf(to, "(0.5 for %d label%s that all of those images have, or none)\n", open,
                open == 1 ? "" : "s");
}

void thaw_report_labels_text(FILE *to, const struct thaw_label_metrics *m, char *const *classes,
                             const struct thaw_decision *decision, const char *selected)
{
    fprintf(to, "%zu images, %d labels\n\n", m->images, m->labels);
    thaw_report_labels_tables(to, m, classes, decision, selected);
}

void thaw_report_labels_tables(FILE *to, const struct thaw_label_metrics *m, char *const *classes,
                               const struct thaw_decision *decision, const char *selected)
{
    char mark[200] = "", interval[32];
    int width = thaw_report_width(classes, m->labels);
    if (selected)
        snprintf(mark, sizeof mark, "   [%s]", selected);
    fprintf(to, "%-*s  recall %-16s support specificity precision     F1    AUC     AP threshold\n",
            width, "label", "  95 % interval");
    for (int i = 0; i < m->labels; i++) {
        const struct thaw_one_label *l = &m->per_label[i];
        thaw_report_cell(to, classes[i], width, false);
        figure(to, l->recall, 8);
        snprintf(interval, sizeof interval, l->support ? "%.4f to %.4f" : "", l->recall_lo,
                 l->recall_hi);
        fprintf(to, " %-16s %7zu", interval, l->support);
        figure(to, l->specificity, 12);
        figure(to, l->precision, 10);
        figure(to, l->f1, 7);
        figure(to, l->auc, 7);
        figure(to, l->average_precision, 7);
        figure(to, (double)l->threshold, 10);
        fprintf(to, "\n");
    }
    say_thresholds(to, decision);
    fprintf(to, "\n");
    line(to, "mean AUC", m->mean_auc, mark);
    line(to, "mean average precision", m->mean_average_precision, mark);
    line(to, "macro-F1", m->macro_f1, mark);
    line(to, "micro-F1", m->micro_f1, mark);
    line(to, "answers that are right", m->accuracy, mark);
    fprintf(to, "%-28s%7.4f   95 %% interval %.4f to %.4f%s\n", "images with all labels right",
            m->exact, m->exact_lo, m->exact_hi, mark);
    line(to, "loss (binary cross-entropy)", m->loss, mark);
}
