/* config.json, which stands beside the weights that timm puts on the Hugging Face hub: which
 * network it is and what pictures it was trained on. */
#ifndef THAW_APPS_TIMM_CONFIG_H
#define THAW_APPS_TIMM_CONFIG_H

#include "vision/preprocess.h"

struct thaw_timm_config {
    char architecture[64]; /* "tf_efficientnet_b0"; "" when there is none */
    int height, width;     /* 0: not said */
    bool has_mean;
    float mean[3], std[3]; /* in units of 0..255 */
};

/* Of the file that stands beside `path`; nothing is known, without an error, when there is none or
 * when it is about something else. Refuses one that is damaged or absurd. */
int thaw_timm_config_load(struct thaw_timm_config *config, const char *path,
                          struct thaw_error *err);

/* Sets mode, mean and std of the record, if they are known: a named mode when one has them. */
int thaw_timm_config_apply(const struct thaw_timm_config *config, struct thaw_preprocess *p,
                           struct thaw_error *err);

#endif
