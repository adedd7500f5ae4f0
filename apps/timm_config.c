#include "apps/timm_config.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/base/json.h"
#include "io/base/mem.h"

enum { LARGEST_SIDE = 4096 };

/* Three numbers of 0..1 as 0..255; false: absent. */
static bool read_three(const json_t *pretrained, const char *key, float to[3])
{
    const json_t *list = json_object_get(pretrained, key);
    if (json_array_size(list) != 3)
        return false;
    for (size_t i = 0; i < 3; i++)
        to[i] = (float)(json_number_value(json_array_get(list, i)) * 255);
    return true;
}

static int read_size(struct thaw_timm_config *config, const json_t *size, struct thaw_error *err)
{
    json_int_t h = json_integer_value(json_array_get(size, 1)),
               w = json_integer_value(json_array_get(size, 2));
    if (json_array_size(size) != 3)
        return 0;
    if (h < 1 || h > LARGEST_SIDE || w < 1 || w > LARGEST_SIDE ||
        json_integer_value(json_array_get(size, 0)) != 3)
        return thaw_fail(err, THAW_EINPUT, "input_size is not [3, height, width]");
    config->height = (int)h;
    config->width = (int)w;
    return 0;
}

static int read_config(struct thaw_timm_config *config, const json_t *root, struct thaw_error *err)
{
    const char *name = json_string_value(json_object_get(root, "architecture"));
    const json_t *pretrained = json_object_get(root, "pretrained_cfg");
    if (!name || !pretrained)
        return 0;
    snprintf(config->architecture, sizeof config->architecture, "%s", name);
    if (read_size(config, json_object_get(pretrained, "input_size"), err))
        return -1;
    config->has_mean =
        read_three(pretrained, "mean", config->mean) && read_three(pretrained, "std", config->std);
    for (int i = 0; config->has_mean && i < 3; i++)
        if (!(config->std[i] > 0) || !isfinite(config->std[i]) || !isfinite(config->mean[i]))
            return thaw_fail(err, THAW_EINPUT, "mean and std are not numbers with std above 0");
    return 0;
}

int thaw_timm_config_load(struct thaw_timm_config *config, const char *path, struct thaw_error *err)
{
    const char *slash = strrchr(path, '/');
    int folder = slash ? (int)(slash - path + 1) : 0, rc = 0;
    *config = (struct thaw_timm_config){0};
    char *beside = thaw_format(err, "%.*sconfig.json", folder, path);
    if (!beside)
        return -1;
    if (access(beside, F_OK) == 0) {
        json_t *root = thaw_json_load(beside, err);
        rc = root ? read_config(config, root, err) : -1;
        if (root && rc)
            thaw_error_prefix(err, "%s", beside);
        json_decref(root);
    }
    free(beside);
    return rc;
}

int thaw_timm_config_apply(const struct thaw_timm_config *config, struct thaw_preprocess *p,
                           struct thaw_error *err)
{
    if (!config->has_mean)
        return 0;
    for (int i = 0; thaw_preprocess_modes[i].name; i++) {
        const struct thaw_preprocess_mode *mode = &thaw_preprocess_modes[i];
        bool same = !mode->bgr && strcmp(mode->name, "custom");
        for (int k = 0; k < 3; k++)
            same &= fabsf(mode->mean[k] - config->mean[k]) < 0.01f &&
                    fabsf(mode->std[k] - config->std[k]) < 0.01f;
        if (same) {
            p->mode = i;
            return 0;
        }
    }
    p->mode = thaw_preprocess_find_mode("custom", err);
    memcpy(p->mean, config->mean, sizeof p->mean);
    memcpy(p->std, config->std, sizeof p->std);
    return p->mode < 0 ? -1 : thaw_preprocess_check(p, err);
}
