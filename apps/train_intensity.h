/* Which samples become 0 and 255 in a training run: --intensity, --range, and the choice made from
 * the training images. */
#ifndef THAW_APPS_TRAIN_INTENSITY_H
#define THAW_APPS_TRAIN_INTENSITY_H

#include "apps/say.h"
#include "apps/train_options.h"
#include "vision/preprocess.h"
#include "vision/probe.h"

/* What the options alone say, onto the record. Without them the record stays as it is. */
int thaw_intensity_parse(const struct thaw_train_values *v, struct thaw_preprocess *p,
                         struct thaw_error *err);

/* The rest from `images` training images, summed up under the record of thaw_intensity_parse; says
 * what it did. */
void thaw_intensity_choose(const struct thaw_train_values *v, const struct thaw_probe_summary *sum,
                           size_t images, struct thaw_preprocess *p, struct thaw_say *say);

#endif
