/* What --leaks asks for: images on both sides of a split that look alike. */
#include <stdlib.h>
#include <string.h>

#include "apps/copies.h"
#include "apps/train_data.h"
#include "io/base/mem.h"

enum leaks { WARN, REFUSE, IGNORE };

static int read_option(const char *text, enum leaks *leaks, struct thaw_error *err)
{
    static const char *const names[] = {"warn", "refuse", "ignore"};
    for (int i = 0; i < 3; i++)
        if (strcmp(text, names[i]) == 0) {
            *leaks = (enum leaks)i;
            return 0;
        }
    return thaw_fail(err, THAW_EUSAGE, "--leaks %s: needs warn, refuse or ignore", text);
}

int thaw_train_leaks_between(struct thaw_train_data *d, const struct thaw_train_values *v,
                             struct thaw_say *say, struct thaw_error *err)
{
    enum leaks leaks = WARN;
    char *example = NULL;
    if (read_option(v->leaks, &leaks, err))
        return -1;
    if (leaks == IGNORE)
        return 0;
    d->looking = (d->train.data.n + d->val.data.n) * THAW_COPIES_BYTES;
    bool *met = thaw_new(d->val.data.n, sizeof *met, err);
    int rc = met ? thaw_copies_between(&d->train.data, &d->val.data, (int)v->frame, met, &d->leaks,
                                       &example, err)
                 : -1;
    if (rc == 0 && d->leaks && leaks == REFUSE)
        rc = thaw_fail(err, THAW_EINPUT,
                       "--leaks refuse: %zu of %zu validation images look like training images, "
                       "e.g. %s; 'thaw check' lists them",
                       d->leaks, d->val.data.n, example);
    else if (rc == 0 && d->leaks)
        thaw_say(say,
                 "warning: %zu of %zu validation images look like training images (e.g. %s): "
                 "figures of validation will look better than new scans do; 'thaw check' lists "
                 "them",
                 d->leaks, d->val.data.n, example);
    free(example);
    free(met);
    return rc;
}

int thaw_train_leaks_group(struct thaw_train_data *d, const struct thaw_train_values *v,
                           struct thaw_say *say, struct thaw_error *err)
{
    enum leaks leaks = WARN;
    if (read_option(v->leaks, &leaks, err))
        return -1;
    if (leaks == IGNORE)
        return 0;
    d->looking = d->train.data.n * THAW_COPIES_BYTES;
    if (thaw_copies_group(&d->train.data, (int)v->frame, &d->copies, err))
        return -1;
    if (d->copies)
        thaw_say(say, "copies: %s", d->copies);
    return 0;
}
