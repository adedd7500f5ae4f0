#include "apps/eval_leaks.h"

#include <stdlib.h>
#include <string.h>

#include "apps/copies.h"
#include "apps/seen.h"
#include "apps/text.h"
#include "io/base/mem.h"
#include "nn/metrics.h"

enum { NAMED = 5 };

/* --- finding --- */

static const json_t *below(const json_t *object, const char *const *keys)
{
    for (; object && *keys; keys++)
        object = json_object_get(object, *keys);
    return object;
}

static int find_files(struct thaw_eval_leaks *l, const json_t *record,
                      const struct thaw_dataset *data, struct thaw_error *err)
{
    static const char *const selected_on[] = {"metrics", "validation", "selected_on", NULL};
    static const char *const val[] = {"provenance", "data", "val_files", NULL};
    static const char *const train[] = {"provenance", "data", "train_files", NULL};
    bool *chose = thaw_new(data->n, sizeof *chose, err);
    int rc = chose ? thaw_seen_find(below(record, train), data, l->known, &l->trained, err) : -1;
    if (rc == 0 && json_is_true(below(record, selected_on)))
        rc = thaw_seen_find(below(record, val), data, chose, &l->selected, err);
    free(chose);
    if (rc)
        return -1;
    if (l->trained)
        snprintf(l->note, sizeof l->note, "trained on %zu of %zu", l->trained, data->n);
    if (l->selected)
        snprintf(l->note + strlen(l->note), sizeof l->note - strlen(l->note), "%sselected on%s",
                 l->trained ? ", " : "", l->selected == data->n ? "" : " some of them");
    return 0;
}

static int find_looks(struct thaw_eval_leaks *l, const struct thaw_model_file *m,
                      const struct thaw_dataset *data, bool *copy, struct thaw_error *err)
{
    uint8_t(*looks)[THAW_LIKENESS_POINTS];
    size_t n, found;
    if (thaw_seen_read_looks(m->file, m->path, &looks, &n, err))
        return -1;
    l->looks += n;
    int rc = n ? thaw_copies_known((const uint8_t(*)[THAW_LIKENESS_POINTS])looks, n, data,
                                   m->preprocess.frame, copy, &found, err)
               : 0;
    free(looks);
    return rc;
}

static int find_against(struct thaw_eval_leaks *l, struct thaw_dataset *against, int frame,
                        const struct thaw_dataset *data, bool *copy, struct thaw_error *err)
{
    char *example = NULL;
    size_t found;
    l->looks += against->n;
    bool *met = thaw_new(data->n, sizeof *met, err);
    int rc = met ? thaw_copies_between(against, data, frame, met, &found, &example, err) : -1;
    for (size_t i = 0; rc == 0 && i < data->n; i++)
        copy[i] |= met[i];
    if (example)
        fprintf(stderr, "known to the model: %zu images, e.g. %s\n", found, example);
    free(met);
    free(example);
    return rc;
}

int thaw_eval_leaks_find(struct thaw_eval_leaks *l, const struct thaw_model_file *m,
                         const struct thaw_dataset *data, struct thaw_dataset *against,
                         struct thaw_error *err)
{
    *l = (struct thaw_eval_leaks){.known = thaw_new(data->n, sizeof *l->known, err)};
    bool *copy = thaw_new(data->n, sizeof *copy, err);
    int rc = -1;
    if (l->known && copy && find_files(l, m->record, data, err) == 0 &&
        find_looks(l, m, data, copy, err) == 0 &&
        (!against || find_against(l, against, m->preprocess.frame, data, copy, err) == 0))
        rc = 0;
    for (size_t i = 0; rc == 0 && i < data->n; i++) {
        l->copies += copy[i];
        l->known[i] |= copy[i];
        l->n_known += l->known[i];
    }
    free(copy);
    return rc;
}

void thaw_eval_leaks_count(struct thaw_eval_leaks *l, const bool *right, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        l->all_right += right[i];
        l->right += right[i] && !l->known[i];
    }
    thaw_wilson(l->right, n - l->n_known, &l->lo, &l->hi);
}

void thaw_eval_leaks_release(struct thaw_eval_leaks *l)
{
    free(l->known);
    l->known = NULL;
}

/* --- output --- */

void thaw_eval_leaks_json(const struct thaw_eval_leaks *l, const struct thaw_dataset *data,
                          json_t *report)
{
    size_t n = data->n - l->n_known;
    json_t *files = json_array();
    for (size_t i = 0; i < data->n; i++)
        if (l->known[i])
            json_array_append_new(files, thaw_text_json(data->images[i].path));
    json_t *others = json_pack("{s:I, s:o, s:[f, f]}", "images", (json_int_t)n, "accuracy",
                               n ? json_real((double)l->right / (double)n) : json_null(),
                               "accuracy_ci95", l->lo, l->hi);
    json_object_set_new(report, "selected_on", json_boolean(l->selected));
    json_object_set_new(report, "selected_images", json_integer((json_int_t)l->selected));
    json_object_set_new(report, "trained_images", json_integer((json_int_t)l->trained));
    json_object_set_new(report, "copies", json_integer((json_int_t)l->copies));
    json_object_set_new(report, "known_images", json_integer((json_int_t)l->n_known));
    json_object_set_new(report, "known_files", files);
    json_object_set_new(report, "without_known", others);
}

static void print_known(FILE *to, const struct thaw_eval_leaks *l, const struct thaw_dataset *data)
{
    size_t said = 0;
    for (size_t i = 0; i < data->n && said < NAMED; i++)
        if (l->known[i]) {
            fprintf(to, "  %s\n", data->images[i].path);
            said++;
        }
    if (l->n_known > said)
        fprintf(to, "  and %zu more; --json lists them all\n", l->n_known - said);
}

void thaw_eval_leaks_text(FILE *to, const struct thaw_eval_leaks *l,
                          const struct thaw_dataset *data, const char *share, bool chose)
{
    size_t n = data->n, others = n - l->n_known;
    if (l->n_known) {
        fprintf(to,
                "\nleaks: the model knows %zu of these %zu images: it was fitted to %zu of the "
                "very files, and %zu\nmore look like one that it was fitted to.\n",
                l->n_known, n, l->trained, l->n_known - l->trained);
        print_known(to, l, data);
        fprintf(to, "%s with them            %.4f on %zu images\n", share,
                (double)l->all_right / (double)n, n);
        if (others)
            fprintf(to,
                    "%s without them         %.4f on %zu images, 95 %% interval %.4f to "
                    "%.4f: what new scans will get\n",
                    share, (double)l->right / (double)others, others, l->lo, l->hi);
        else
            fprintf(to, "No image is left to say what new scans will get.\n");
    } else if (l->looks) {
        fprintf(to,
                "\nleaks: none of these %zu images looks like one of the %zu that the model was "
                "fitted to.\n",
                n, l->looks);
    }
    if (!l->looks)
        fprintf(to, "\nleaks: this model does not tell what its training images look like; "
                    "--against DIR, their folder,\nfinds copies of them.\n");
    if (l->selected)
        fprintf(to,
                "\nselected on: %zu of these %zu images chose which weights were kept (--keep "
                "best)%s, so these\nfigures are a little better than new scans will give.\n",
                l->selected, n, chose ? " or the thresholds" : "");
}
