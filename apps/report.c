#include "apps/report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "apps/judge.h"
#include "apps/text.h"
#include "io/base/file.h"
#include "vision/labels.h"

enum { MOST_ROWS = 40, MOST_COLUMNS = 14, NAME = 28, PAGE = 100, NARROWEST = 6 };

int thaw_report_top(const float *row, int n)
{
    int best = 0;
    for (int k = 1; k < n; k++)
        if (row[k] > row[best])
            best = k;
    return best;
}

/* --- JSON --- */

static json_t *class_json(const char *name, const struct thaw_class_metrics *c)
{
    return json_pack("{s:s, s:I, s:o, s:[f, f], s:o, s:o, s:o, s:o}", "name", name, "support",
                     (json_int_t)c->support, "recall", thaw_json_number(c->recall), "recall_ci95",
                     c->recall_lo, c->recall_hi, "precision", thaw_json_number(c->precision),
                     "specificity", thaw_json_number(c->specificity), "f1", thaw_json_number(c->f1),
                     "auc", thaw_json_number(c->auc));
}

json_t *thaw_report_json(const struct thaw_metrics *m, char *const *classes, size_t skipped)
{
    json_t *list = json_array(), *confusion = json_array();
    size_t n = (size_t)m->classes;
    for (size_t i = 0; i < n; i++) {
        json_t *row = json_array();
        for (size_t j = 0; j < n; j++)
            json_array_append_new(row, json_integer((json_int_t)m->confusion[i * n + j]));
        json_array_append_new(confusion, row);
        json_array_append_new(list, class_json(classes[i], &m->per_class[i]));
    }
    return json_pack("{s:I, s:I, s:o, s:o, s:[o, o], s:o, s:o, s:o, s:o, s:o, s:o}", "images",
                     (json_int_t)m->images, "skipped", (json_int_t)skipped, "classes", list,
                     "accuracy", thaw_json_number(m->accuracy), "accuracy_ci95",
                     thaw_json_number(m->accuracy_lo), thaw_json_number(m->accuracy_hi),
                     "balanced_accuracy", thaw_json_number(m->balanced_accuracy), "macro_f1",
                     thaw_json_number(m->macro_f1), "auc", thaw_json_number(m->auc), "loss",
                     thaw_json_number(m->loss), "ece", thaw_json_number(m->ece), "confusion",
                     confusion);
}

/* --- text --- */

/* Columns on a terminal, not bytes: continuation bytes of UTF-8 take none. */
static int columns(const char *text)
{
    int n = 0;
    for (; *text; text++)
        n += ((unsigned char)*text & 0xC0) != 0x80;
    return n;
}

/* Padded to `width`; a longer text is cut and ends in "..". */
void thaw_report_cell(FILE *to, const char *text, int width, bool right)
{
    int n = columns(text), pad = width - n;
    if (right && pad > 0)
        fprintf(to, "%*s", pad, "");
    if (pad >= 0)
        fputs(text, to);
    else {
        int kept = 0;
        for (; *text && (kept < width - 2 || ((unsigned char)*text & 0xC0) == 0x80); text++) {
            kept += ((unsigned char)*text & 0xC0) != 0x80;
            putc(*text, to);
        }
        fputs("..", to);
    }
    if (!right && pad > 0)
        fprintf(to, "%*s", pad, "");
}

static void figure(FILE *to, double value, int width)
{
    if (isfinite(value))
        fprintf(to, "%*.4f", width, value);
    else
        fprintf(to, "%*s", width, "-");
}

int thaw_report_width(char *const *classes, int n)
{
    int width = 5;
    for (int i = 0; i < n; i++)
        if (columns(classes[i]) > width)
            width = columns(classes[i]);
    return width > NAME ? NAME : width;
}

static void line(FILE *to, const char *name, double value, const char *mark)
{
    fprintf(to, "%-28s", name);
    figure(to, value, 7);
    fprintf(to, "%s\n", mark);
}

/* Recall first: a high accuracy can hide a class that is never found. */
static void print_classes(FILE *to, const struct thaw_metrics *m, char *const *classes, int width)
{
    char interval[32];
    int rows = m->classes <= MOST_ROWS ? m->classes : 0;
    if (!rows) {
        fprintf(to, "%d classes: see --json for each of them\n\n", m->classes);
        return;
    }
    fprintf(to, "%-*s  recall %-16s support precision specificity     F1    AUC\n", width, "class",
            "  95 % interval");
    for (int i = 0; i < rows; i++) {
        const struct thaw_class_metrics *c = &m->per_class[i];
        thaw_report_cell(to, classes[i], width, false);
        figure(to, c->recall, 8);
        *interval = 0;
        if (c->support)
            snprintf(interval, sizeof interval, "%.4f to %.4f", c->recall_lo, c->recall_hi);
        fprintf(to, " %-16s %7zu", interval, c->support);
        figure(to, c->precision, 10);
        figure(to, c->specificity, 12);
        figure(to, c->f1, 7);
        figure(to, c->auc, 7);
        fprintf(to, "\n");
    }
    fprintf(to, "\n");
}

static void print_confusion(FILE *to, const struct thaw_metrics *m, char *const *classes, int width)
{
    size_t n = (size_t)m->classes;
    if (m->classes > MOST_COLUMNS) {
        fprintf(to, "\nconfusion matrix: %zu x %zu, see --json\n", n, n);
        return;
    }
    int most = (PAGE - width) / m->classes - 1, cells = width < most ? width : most;
    cells = cells > NARROWEST ? cells : NARROWEST;
    fprintf(to, "\nconfusion matrix: rows are the truth, columns the prediction\n%*s", width, "");
    for (size_t j = 0; j < n; j++) {
        putc(' ', to);
        thaw_report_cell(to, classes[j], cells, true);
    }
    for (size_t i = 0; i < n; i++) {
        fprintf(to, "\n");
        thaw_report_cell(to, classes[i], width, false);
        for (size_t j = 0; j < n; j++)
            fprintf(to, " %*zu", cells, m->confusion[i * n + j]);
    }
    fprintf(to, "\n");
}

void thaw_report_text(FILE *to, const struct thaw_metrics *m, char *const *classes,
                      const char *selected)
{
    fprintf(to, "%zu images, %d classes\n\n", m->images, m->classes);
    thaw_report_tables(to, m, classes, selected);
}

void thaw_report_tables(FILE *to, const struct thaw_metrics *m, char *const *classes,
                        const char *selected)
{
    char mark[200] = "";
    int width = thaw_report_width(classes, m->classes);
    if (selected)
        snprintf(mark, sizeof mark, "   [%s]", selected);
    print_classes(to, m, classes, width);
    fprintf(to, "%-28s", "accuracy");
    figure(to, m->accuracy, 7);
    fprintf(to, "   95 %% interval %.4f to %.4f%s\n", m->accuracy_lo, m->accuracy_hi, mark);
    line(to, "balanced accuracy", m->balanced_accuracy, mark);
    line(to, "macro-F1", m->macro_f1, mark);
    line(to, "AUC, each class to the rest", m->auc, mark);
    line(to, "loss (cross-entropy)", m->loss, mark);
    line(to, "expected calibration error", m->ece, mark);
    print_confusion(to, m, classes, width);
}

/* --- CSV --- */

void thaw_report_csv_head(FILE *to, char *const *classes, int n_classes)
{
    fprintf(to, "file,label,prediction");
    for (int k = 0; k < n_classes; k++) {
        putc(',', to);
        thaw_csv_field(to, classes[k]);
    }
}

void thaw_report_csv_row(FILE *to, const char *file, const char *label, const char *prediction,
                         const float *probabilities, int n_classes)
{
    thaw_csv_field(to, file);
    putc(',', to);
    thaw_csv_field(to, label);
    putc(',', to);
    thaw_csv_field(to, prediction);
    for (int k = 0; k < n_classes; k++)
        fprintf(to, ",%.9g", (double)probabilities[k]);
}

static int put_rows(FILE *f, const struct thaw_dataset *data, const struct thaw_decision *decision,
                    const float *probabilities, struct thaw_error *err)
{
    int n = data->n_classes;
    thaw_report_csv_head(f, data->classes, n);
    putc('\n', f);
    for (size_t i = 0; i < data->n; i++) {
        const float *row = probabilities + i * (size_t)n;
        char *truth = thaw_labels_text(data, i, err);
        char *said = thaw_judge_text(decision, data->by_label, row, data->classes, n, err);
        bool done = truth && said;
        if (done) {
            thaw_report_csv_row(f, data->images[i].relative, truth, said, row, n);
            putc('\n', f);
        }
        free(truth);
        free(said);
        if (!done)
            return -1;
    }
    return 0;
}

int thaw_report_csv(const char *path, const struct thaw_dataset *data,
                    const struct thaw_decision *decision, const float *probabilities,
                    struct thaw_error *err)
{
    struct thaw_replace replace;
    FILE *f = thaw_replace_open(&replace, path, err);
    return f ? thaw_replace_close(&replace, f, put_rows(f, data, decision, probabilities, err), err)
             : -1;
}
