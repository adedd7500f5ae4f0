/* config.json beside weights: what is taken from it. */
#include "apps/timm_config.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tests/check.h"

/* The path of weights beside a config.json of this text. */
static const char *write_config(const char *text)
{
    FILE *f = fopen(thaw_tmp("config.json"), "wb");
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    fputs(text, f);
    CU_ASSERT_EQUAL_FATAL(fclose(f), 0);
    return thaw_tmp("model.safetensors");
}

/* Mode that a record gets from pictures of this mean and deviation (JSON lists). */
static const char *mode_of(const char *mean, const char *std, struct thaw_preprocess *p)
{
    char text[300];
    struct thaw_error err = {0};
    struct thaw_timm_config config;
    snprintf(
        text, sizeof text,
        "{\"architecture\": \"tf_efficientnet_b0\", \"num_classes\": 1000, \"pretrained_cfg\": "
        "{\"input_size\": [3, 240, 200], \"mean\": %s, \"std\": %s}}",
        mean, std);
    CU_ASSERT_EQUAL(thaw_timm_config_load(&config, write_config(text), &err), 0);
    CU_ASSERT_STRING_EQUAL(config.architecture, "tf_efficientnet_b0");
    CU_ASSERT_TRUE(config.height == 240 && config.width == 200);
    CU_ASSERT_EQUAL(thaw_preprocess_init(p, "torch", 240, 200, &err), 0);
    CU_ASSERT_EQUAL(thaw_told(thaw_timm_config_apply(&config, p, &err), &err), 0);
    return thaw_preprocess_modes[p->mode].name;
}

static void test_modes(void)
{
    struct thaw_preprocess p;
    CU_ASSERT_STRING_EQUAL(mode_of("[0.485, 0.456, 0.406]", "[0.229, 0.224, 0.225]", &p), "torch");
    CU_ASSERT_STRING_EQUAL(mode_of("[0.5, 0.5, 0.5]", "[0.5, 0.5, 0.5]", &p), "tf");
    CU_ASSERT_STRING_EQUAL(mode_of("[0, 0, 0]", "[1, 1, 1]", &p), "01");
    CU_ASSERT_STRING_EQUAL(mode_of("[0.48, 0.46, 0.41]", "[0.27, 0.26, 0.28]", &p), "custom");
    CU_ASSERT_TRUE(fabsf(p.mean[1] - 0.46f * 255) < 1e-3f && fabsf(p.std[2] - 0.28f * 255) < 1e-3f);
}

static void test_others(void)
{
    struct thaw_error err = {0};
    struct thaw_timm_config config;
    CU_ASSERT_EQUAL(
        thaw_timm_config_load(&config, write_config("{\"model_type\": \"bert\"}"), &err), 0);
    CU_ASSERT_TRUE(!*config.architecture && !config.height && !config.has_mean);
    CU_ASSERT_EQUAL(thaw_timm_config_load(&config, thaw_tmp("elsewhere/model.safetensors"), &err),
                    0);
    CU_ASSERT_FALSE(config.has_mean);
    CU_ASSERT_EQUAL(thaw_timm_config_load(&config, write_config("{"), &err), -1);
    CU_ASSERT_TRUE(thaw_says(&err, "config.json", "not valid JSON", NULL));
    const char *path =
        write_config("{\"architecture\": \"x\", \"pretrained_cfg\": {\"mean\": [0, 0, "
                     "0], \"std\": [1, 0, 1]}}");
    CU_ASSERT_EQUAL(thaw_timm_config_load(&config, path, &err), -1);
    CU_ASSERT_TRUE(thaw_says(&err, "std above 0", NULL));
}

void thaw_test_timm_config(void)
{
    CU_pSuite s = thaw_suite("timm_config");
    CU_add_test(s, "mean and deviation become a mode", test_modes);
    CU_add_test(s, "no file, another's, a damaged one", test_others);
}
