#include <stdlib.h>
#include <string.h>

#include "apps/train_data.h"
#include "apps/train_run.h"
#include "apps/versions.h"
#include "io/base/file.h"

/* Of these the last bits depend; other versions must not go on as if nothing had changed. */
static const char *const bound[] = {"thaw", "onednn", "instructions"};

json_t *thaw_train_checkpoint_json(const struct thaw_train_values *v,
                                   const struct thaw_train_identity *identity,
                                   struct thaw_error *err)
{
    char *folder = realpath(identity->data, NULL);
    json_t *options = thaw_train_options_json(v, err), *place = folder ? json_string(folder) : NULL;
    json_t *object =
        json_pack("{so so ss ss so so*}", "options", options, "versions", thaw_versions(),
                  "data_sha256", identity->data_hash, "backbone_sha256", identity->backbone_hash,
                  "seconds", json_real(0), "folder", place);
    free(folder);
    if (!object && options)
        thaw_fail(err, THAW_EMEMORY, "out of memory for the record of a checkpoint");
    return object;
}

static int differs(const char *what, const char *then, const char *now, struct thaw_error *err)
{
    return thaw_fail(err, THAW_EUSAGE,
                     "--resume: %s was %s when the checkpoint was made and is %s now, so the run "
                     "could not end in the same bits; begin a new one without --resume",
                     what, *then ? then : "none", *now ? now : "none");
}

static int compare(const json_t *checkpoint, const char *key, const char *what, const char *now,
                   struct thaw_error *err)
{
    const char *then = json_string_value(json_object_get(checkpoint, key));
    if (!then)
        return thaw_fail(err, THAW_EINPUT, "--resume: the checkpoint has no %s", key);
    return now && strcmp(then, now) != 0 ? differs(what, then, now, err) : 0;
}

int thaw_train_checkpoint_check(const json_t *checkpoint,
                                const struct thaw_train_identity *identity, struct thaw_error *err)
{
    json_t *now = thaw_versions();
    const json_t *then = json_object_get(checkpoint, "versions");
    int rc = now ? 0 : thaw_fail(err, THAW_EMEMORY, "out of memory");
    for (size_t i = 0; rc == 0 && i < sizeof bound / sizeof *bound; i++)
        rc = compare(then, bound[i], bound[i], json_string_value(json_object_get(now, bound[i])),
                     err);
    json_decref(now);
    if (rc)
        return -1;
    if (identity->data_hash &&
        compare(checkpoint, "data_sha256", "the hash of the images", identity->data_hash, err))
        return -1;
    return identity->backbone_hash ? compare(checkpoint, "backbone_sha256", "the backbone's hash",
                                             identity->backbone_hash, err)
                                   : 0;
}

int thaw_train_save_checkpoint(struct thaw_train_run *run, struct thaw_error *err)
{
    struct thaw_keras_file *file = thaw_keras_create(err);
    int rc = -1;
    if (!file)
        return -1;
    thaw_train_data_rest(run->data); /* the file is made in memory */
    json_object_set_new(run->checkpoint, "seconds", json_real(thaw_train_seconds(run)));
    file->thaw = json_object();
    if (json_object_set(file->thaw, "checkpoint", run->checkpoint)) {
        thaw_fail(err, THAW_EMEMORY, "out of memory for a checkpoint");
        goto done;
    }
    if (thaw_trainer_save(run->trainer, file, err) ||
        thaw_keras_save(run->paths.checkpoint, file, err))
        goto done;
    run->saved = thaw_progress_clock();
    rc = 0;
done:
    thaw_keras_free(file);
    return rc;
}
