#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apps/text.h"
#include "apps/train_data.h"
#include "vision/labels.h"

/* --- split.csv --- */

static int put_side(FILE *to, const struct thaw_dataset *data, const char *side,
                    struct thaw_error *err)
{
    for (size_t i = 0; i < data->n; i++) {
        const struct thaw_dataset_image *image = &data->images[i];
        thaw_csv_field(to, image->relative);
        fputc(',', to);
        char *classes = thaw_labels_text(data, i, err);
        if (!classes)
            return -1;
        thaw_csv_field(to, classes);
        free(classes);
        fprintf(to, ",%s,", side);
        thaw_csv_field(to, image->group ? image->group : "");
        fputc('\n', to);
    }
    return 0;
}

int thaw_train_data_save_split(const struct thaw_train_data *d, const char *path,
                               struct thaw_error *err)
{
    struct thaw_replace replace;
    FILE *to = thaw_replace_open(&replace, path, err);
    if (!to)
        return -1;
    fputs("file,class,side,group\n", to);
    int put = put_side(to, &d->train.data, "train", err) || put_side(to, &d->val.data, "val", err);
    return thaw_replace_close(&replace, to, put ? -1 : 0, err);
}

/* --- the record --- */

static void add_skipped(json_t *list, const struct thaw_probe *probe)
{
    for (size_t i = 0; i < probe->n_bad; i++)
        json_array_append_new(list, json_pack("{so so}", "file", thaw_text_json(probe->bad[i].path),
                                              "reason", thaw_text_json(probe->bad[i].reason)));
}

json_t *thaw_train_data_json(const struct thaw_train_data *d)
{
    const struct thaw_dataset *train = &d->train.data;
    json_t *classes = json_array(), *skipped = json_array();
    for (int i = 0; i < train->n_classes; i++)
        json_array_append_new(classes, thaw_text_json(train->classes[i]));
    add_skipped(skipped, &d->train.probe);
    add_skipped(skipped, &d->val.probe);
    return json_pack("{so so sI sI sI so ss sb sI so so}", "folder", thaw_text_json(d->parts.train),
                     "classes", classes, "train", (json_int_t)train->n, "val",
                     (json_int_t)d->val.data.n, "test", (json_int_t)d->test_images, "skipped",
                     skipped, "sha256", d->hash, "divided_here", (int)d->own_split, "leaks",
                     (json_int_t)d->leaks, "copies",
                     d->copies ? json_string(d->copies) : json_null(), "groups",
                     d->groups ? thaw_text_json(d->groups) : json_null());
}
