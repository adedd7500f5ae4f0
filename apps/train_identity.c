/* What pictures depend on, so that what was computed of them is found again, and only then. */
#include <stdlib.h>
#include <string.h>

#include "apps/train_data.h"
#include "apps/versions.h"
#include "io/base/mem.h"

/* The preprocessing record, the program's and all libraries' versions (another decoder may round
 * otherwise), and for augmented pictures how and in which view. */
static char *describe(const struct thaw_train_data *d, int view, struct thaw_error *err)
{
    json_t *preprocess = thaw_preprocess_write(&d->preprocess, err);
    json_t *versions = preprocess ? thaw_versions() : NULL;
    char *record = versions ? thaw_json_text(preprocess, err) : NULL;
    char *library = record ? thaw_json_text(versions, err) : NULL;
    char *augment = library ? thaw_augment_text(&d->augment, err) : NULL;
    char *text = NULL;
    if (augment && view == THAW_VIEW_PLAIN)
        text = thaw_format(err, "%s\n%s\nas they are\n", record, library);
    else if (augment)
        text = thaw_format(err, "%s\n%s\n%s, seed %llu, view %d\n", record, library, augment,
                           (unsigned long long)d->seed, view);
    json_decref(preprocess);
    json_decref(versions);
    free(record);
    free(library);
    free(augment);
    return text;
}

/* An augmented picture depends on the image's number as well: that draws the random numbers. */
static void name_view(const struct thaw_train_side *side, char (*names)[THAW_HASH_TEXT])
{
    char both[THAW_HASH_TEXT + 32];
    for (size_t i = 0; i < side->data.n; i++) {
        int n = snprintf(both, sizeof both, "%s %zu", side->hashes[i], i);
        thaw_hash_bytes(both, (size_t)n, names[i]);
    }
}

int thaw_train_data_identify(void *ctx, bool training, int view,
                             struct thaw_source_identity *identity, struct thaw_error *err)
{
    const struct thaw_train_data *d = ctx;
    const struct thaw_train_side *side = training ? &d->train : &d->val;
    char *root = realpath(side->data.root, NULL);
    *identity = (struct thaw_source_identity){
        .place = thaw_format(err, "%s of %s\n", training ? "training" : "validation",
                             root ? root : side->data.root),
        .text = describe(d, view, err),
        .names = thaw_new(side->data.n, sizeof *identity->names, err)};
    free(root);
    if (!identity->place || !identity->text || !identity->names)
        return -1;
    if (view == THAW_VIEW_PLAIN)
        memcpy(identity->names, side->hashes, side->data.n * sizeof *side->hashes);
    else
        name_view(side, identity->names);
    return 0;
}
