#include "apps/decision.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/base/mem.h"

static const char key[] = "decision";

/* --- what is wanted --- */

static int read_specificity(const char *text, double *specificity, struct thaw_error *err)
{
    static const char word[] = "specificity=";
    char *end = NULL;
    size_t n = sizeof word - 1;
    double s = strncmp(text, word, n) == 0 ? strtod(text + n, &end) : 0;
    if (!end || end == text + n || *end || !(s > 0 && s < 1))
        return thaw_fail(err, THAW_EUSAGE,
                         "--sensitivity-at %s: needs specificity=S with S between 0 and 1, e.g. "
                         "specificity=0.95",
                         text);
    *specificity = s;
    return 0;
}

static int find_class(const char *name, char *const *classes, int n)
{
    for (int i = 0; i < n; i++)
        if (strcmp(classes[i], name) == 0)
            return i;
    return -1;
}

static int find_positive(struct thaw_decision *d, const char *positive, char *const *classes,
                         int n_classes, struct thaw_error *err)
{
    if (n_classes != 2)
        return thaw_fail(err, THAW_EUSAGE,
                         "--sensitivity-at: a threshold needs two classes, or labels "
                         "(--multi-label); here are %d classes",
                         n_classes);
    if (!positive)
        return thaw_fail(err, THAW_EUSAGE,
                         "--sensitivity-at: which class is looked for? --positive %s or --positive "
                         "%s",
                         classes[0], classes[1]);
    d->positive = find_class(positive, classes, n_classes);
    return d->positive < 0 ? thaw_fail(err, THAW_EUSAGE, "--positive %s: the classes are %s and %s",
                                       positive, classes[0], classes[1])
                           : 0;
}

static int make_list(struct thaw_decision *d, int n, struct thaw_error *err)
{
    if (!(d->list = thaw_new((size_t)n, sizeof *d->list, err)))
        return -1;
    d->n = n;
    for (int i = 0; i < n; i++)
        d->list[i].threshold = THAW_UNDECIDED;
    return 0;
}

int thaw_decision_init(struct thaw_decision *d, const char *sensitivity_at, const char *positive,
                       char *const *classes, int n_classes, bool by_label, struct thaw_error *err)
{
    *d = (struct thaw_decision){.positive = -1};
    if (sensitivity_at && read_specificity(sensitivity_at, &d->specificity, err))
        return -1;
    if (positive && by_label)
        return thaw_fail(err, THAW_EUSAGE, "--positive %s: every label is looked for", positive);
    if (positive && !sensitivity_at)
        return thaw_fail(err, THAW_EUSAGE,
                         "--positive %s: what for? --sensitivity-at specificity=S chooses a "
                         "threshold for it",
                         positive);
    if (sensitivity_at && !by_label && find_positive(d, positive, classes, n_classes, err))
        return -1;
    return by_label ? make_list(d, n_classes, err) : sensitivity_at ? make_list(d, 1, err) : 0;
}

void thaw_decision_release(struct thaw_decision *d)
{
    free(d->list);
    *d = (struct thaw_decision){.positive = -1};
}

/* --- choosing --- */

int thaw_decision_choose(struct thaw_decision *d, const float *probabilities, const float *targets,
                         size_t n, int n_classes, char *const *classes, struct thaw_error *err)
{
    struct thaw_scored *s = d->n ? thaw_new(n, sizeof *s, err) : NULL;
    if (d->n && !s)
        return -1;
    int rc = 0;
    for (int i = 0; rc == 0 && i < d->n; i++) {
        struct thaw_one_label *l = &d->list[i];
        thaw_rank_label(probabilities, targets, n, n_classes, d->positive < 0 ? i : d->positive, s);
        int failed = d->specificity > 0
                         ? thaw_threshold_at_specificity(s, n, d->specificity, &l->threshold)
                         : thaw_threshold_best_f1(s, n, &l->threshold);
        if (failed && d->positive >= 0)
            rc = thaw_fail(err, THAW_EINPUT,
                           "--sensitivity-at: validation has not images of both %s and %s",
                           classes[0], classes[1]);
        l->counts = thaw_count_at(s, n, l->threshold);
        thaw_one_label_fill(l);
    }
    free(s);
    d->images = d->n ? n : 0;
    return rc;
}

const char *thaw_decision_wanted(const struct thaw_decision *d, char text[40])
{
    if (d->specificity > 0)
        snprintf(text, 40, "specificity=%g", d->specificity);
    else
        snprintf(text, 40, "F1");
    return text;
}

/* --- JSON --- */

json_t *thaw_decision_figures(const struct thaw_one_label *l)
{
    const struct thaw_counts *c = &l->counts;
    return json_pack("{s:o, s:o, s:[f, f], s:o, s:[f, f], s:I, s:I, s:I, s:I}", "threshold",
                     thaw_json_number((double)l->threshold), "sensitivity",
                     thaw_json_number(l->recall), "sensitivity_ci95", l->recall_lo, l->recall_hi,
                     "specificity", thaw_json_number(l->specificity), "specificity_ci95",
                     l->specificity_lo, l->specificity_hi, "true_positives", (json_int_t)c->hit,
                     "false_negatives", (json_int_t)c->missed, "true_negatives",
                     (json_int_t)c->clear, "false_positives", (json_int_t)c->wrong);
}

json_t *thaw_decision_json(const struct thaw_decision *d, char *const *classes)
{
    char wanted[40];
    json_t *list = json_array();
    for (int i = 0; i < d->n; i++) {
        json_t *one = json_pack("{s:s}", "class", classes[d->positive < 0 ? i : d->positive]);
        json_t *figures = thaw_decision_figures(&d->list[i]);
        if (one && figures)
            json_object_update(one, figures);
        json_decref(figures);
        json_array_append_new(list, one);
    }
    return json_pack("{s:s, s:s, s:I, s:o}", "by", thaw_decision_wanted(d, wanted), "chosen_on",
                     "validation", "images", (json_int_t)d->images, "thresholds", list);
}

static int fail_record(const char *path, const char *what, struct thaw_error *err)
{
    return thaw_fail(err, THAW_EINPUT, "%s: thresholds of its record: %s", path, what);
}

static size_t count_of(const json_t *object, const char *name)
{
    json_int_t n = json_integer_value(json_object_get(object, name));
    return n > 0 ? (size_t)n : 0;
}

static int read_one(struct thaw_decision *d, int i, const json_t *entry, char *const *classes,
                    int n_classes, const char *path, struct thaw_error *err)
{
    const char *name = json_string_value(json_object_get(entry, "class"));
    const json_t *threshold = json_object_get(entry, "threshold");
    int class = name && classes ? find_class(name, classes, n_classes) : -1;
    struct thaw_one_label *l = &d->list[i];
    if (class < 0 || (d->n > 1 && class != i))
        return fail_record(path, "they name other classes than the model", err);
    if (!json_is_number(threshold))
        return fail_record(path, "one is no number", err);
    d->positive = d->n == 1 ? class : -1;
    l->threshold = (float)json_number_value(threshold);
    l->counts =
        (struct thaw_counts){count_of(entry, "true_positives"), count_of(entry, "false_negatives"),
                             count_of(entry, "true_negatives"), count_of(entry, "false_positives")};
    thaw_one_label_fill(l);
    return 0;
}

int thaw_decision_parse(struct thaw_decision *d, const json_t *json, char *const *classes,
                        int n_classes, const char *path, struct thaw_error *err)
{
    const json_t *list = json_object_get(json, "thresholds");
    const char *by = json_string_value(json_object_get(json, "by"));
    size_t n = json_array_size(list);
    *d = (struct thaw_decision){.positive = -1};
    if (!json || json_is_null(json))
        return 0;
    if (n < 1 || (n != 1 && n != (size_t)n_classes) || (n == 1 && n_classes != 2))
        return fail_record(path, "there must be one for two classes, or one for each label", err);
    if (!by || (strcmp(by, "F1") != 0 && read_specificity(by, &d->specificity, NULL)))
        return fail_record(path, "it does not say by what they were chosen", err);
    if (make_list(d, (int)n, err))
        return -1;
    d->images = count_of(json, "images");
    for (int i = 0; i < d->n; i++)
        if (read_one(d, i, json_array_get(list, (size_t)i), classes, n_classes, path, err)) {
            thaw_decision_release(d);
            return -1;
        }
    return 0;
}

int thaw_decision_read(struct thaw_decision *d, const struct thaw_model_file *m,
                       struct thaw_error *err)
{
    return thaw_decision_parse(d, m->record ? json_object_get(m->record, key) : NULL, m->classes,
                               m->n_classes, m->path, err);
}

/* --- use --- */

float thaw_decision_threshold(const struct thaw_decision *d, int k)
{
    return k < d->n ? d->list[k].threshold : THAW_UNDECIDED;
}

const struct thaw_rule *thaw_decision_rule(const struct thaw_decision *d, struct thaw_rule *rule)
{
    if (d->positive < 0 || !d->images)
        return NULL;
    *rule = (struct thaw_rule){d->positive, d->list[0].threshold};
    return rule;
}
