#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "io/base/field.h"
#include "tests/check.h"

enum padding { VALID, SAME };
static const char *const paddings[] = {"valid", "same", NULL};

struct options {
    int units, groups;
    float momentum, most;
    bool bias;
    int padding;
    int stride[2], dilation[2];
    char note[16];
};

static int read_note(void *place, const json_t *value, struct thaw_error *err)
{
    char *note = place;
    if (!value) {
        strcpy(note, "none");
        return 0;
    }
    const char *text = json_string_value(value);
    if (!text || strlen(text) > 15)
        return thaw_fail(err, THAW_EINPUT, "note must be a short text");
    strcpy(note, text);
    return 0;
}

static json_t *write_note(const void *place)
{
    return strcmp(place, "none") == 0 ? NULL : json_string(place);
}

#define AT(member) .offset = offsetof(struct options, member)
static const struct thaw_field fields[] = {
    {.key = "units", .type = THAW_FIELD_INT, AT(units), .required = true, .min = 1, .max = 1000},
    {.key = "groups", .type = THAW_FIELD_INT, AT(groups), .preset = 1},
    {.key = "momentum", .type = THAW_FIELD_FLOAT, AT(momentum), .preset = 0.99, .max = 1},
    {.key = "most", .type = THAW_FIELD_FLOAT, AT(most), .preset = INFINITY, .nullable = true},
    {.key = "bias", .type = THAW_FIELD_BOOL, AT(bias), .preset = 1},
    {.key = "padding", .type = THAW_FIELD_CHOICE, AT(padding), .choices = paddings},
    {.key = "stride", .type = THAW_FIELD_PAIR, AT(stride), .preset = 1, .min = 1, .max = INFINITY},
    {.key = "dilation",
     .type = THAW_FIELD_PAIR,
     AT(dilation),
     .preset = -1,
     .min = 1,
     .max = 64,
     .nullable = true},
    {.key = "note", .type = THAW_FIELD_CUSTOM, AT(note), .read = read_note, .write = write_note},
    {.key = "format", .type = THAW_FIELD_ONLY, .only = "\"channels_last\""},
    {.type = THAW_FIELD_END}};
static const char *const ignored[] = {"name", "trainable", NULL};

static int read_text(const char *text, struct options *options, struct thaw_error *err)
{
    json_t *object = json_loads(text, JSON_DECODE_ANY, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(object);
    int rc = thaw_fields_read(fields, options, object, ignored, "layer d (Dense)", err);
    json_decref(object);
    return rc;
}

static void test_presets(void)
{
    struct options o;
    struct thaw_error err = {0};
    memset(&o, 0x55, sizeof o);
    CU_ASSERT_EQUAL(thaw_told(read_text("{\"units\": 7, \"name\": [1]}", &o, &err), &err), 0);
    CU_ASSERT_EQUAL(o.units, 7);
    CU_ASSERT_EQUAL(o.groups, 1);
    CU_ASSERT_EQUAL(o.momentum, 0.99f);
    CU_ASSERT(isinf(o.most));
    CU_ASSERT(o.bias);
    CU_ASSERT_EQUAL(o.padding, VALID);
    CU_ASSERT(o.stride[0] == 1 && o.stride[1] == 1);
    CU_ASSERT(o.dilation[0] == -1 && o.dilation[1] == -1);
    CU_ASSERT_STRING_EQUAL(o.note, "none");
}

static void test_values(void)
{
    struct options o;
    struct thaw_error err = {0};
    const char *text =
        "{\"units\": 8.0, \"momentum\": 0.25, \"most\": 6, \"bias\": 0,"
        "\"padding\": \"same\", \"stride\": [2, 3], \"dilation\": 4, \"note\": \"hi\","
        "\"format\": \"channels_last\"}";
    CU_ASSERT_EQUAL(thaw_told(read_text(text, &o, &err), &err), 0);
    CU_ASSERT_EQUAL(o.units, 8);
    CU_ASSERT_EQUAL(o.momentum, 0.25f);
    CU_ASSERT_EQUAL(o.most, 6);
    CU_ASSERT_FALSE(o.bias);
    CU_ASSERT_EQUAL(o.padding, SAME);
    CU_ASSERT(o.stride[0] == 2 && o.stride[1] == 3);
    CU_ASSERT(o.dilation[0] == 4 && o.dilation[1] == 4);
    CU_ASSERT_STRING_EQUAL(o.note, "hi");
    CU_ASSERT_EQUAL(read_text("{\"units\": 8, \"most\": null, \"format\": null}", &o, &err), 0);
    CU_ASSERT(isinf(o.most));
}

static void test_refusals(void)
{
    static const struct {
        const char *text, *says[3];
    } cases[] = {
        {"{}", {"units is missing"}},
        {"[]", {"an object"}},
        {"{\"units\": 0}", {"units is 0", "from 1 to 1000"}},
        {"{\"units\": 2.5}", {"units is 2.5", "whole number"}},
        {"{\"units\": 1e300}", {"units is 1e300", "whole number"}},
        {"{\"units\": \"4\"}", {"units is \"4\"", "whole number"}},
        {"{\"units\": null}", {"units is null"}},
        {"{\"units\": 1, \"momentum\": 1.5}", {"momentum is 1.5", "from 0 to 1"}},
        {"{\"units\": 1, \"most\": 1e300}", {"most is 1e300", "a number"}},
        {"{\"units\": 1, \"bias\": 2}", {"bias is 2", "true or false"}},
        {"{\"units\": 1, \"padding\": \"causal\"}", {"padding is \"causal\"", "valid, same"}},
        {"{\"units\": 1, \"stride\": [1]}", {"stride is [1]", "at least 1"}},
        {"{\"units\": 1, \"stride\": [1, 0]}", {"stride is [1,0]", "at least 1"}},
        {"{\"units\": 1, \"note\": 3}", {"note must be"}},
        {"{\"units\": 1, \"format\": \"channels_first\"}", {"\"channels_first\"", "channels_last"}},
        {"{\"units\": 1, \"colour\": \"red\"}", {"unknown key colour", "\"red\"", "units, groups"}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct options o;
        struct thaw_error err = {0};
        CU_ASSERT_EQUAL(read_text(cases[i].text, &o, &err), -1);
        CU_ASSERT(thaw_says(&err, "layer d (Dense): ", NULL));
        for (int k = 0; k < 3 && cases[i].says[k]; k++)
            CU_ASSERT(thaw_says(&err, cases[i].says[k], NULL));
    }
}

static void test_write(void)
{
    struct options o;
    struct thaw_error err = {0};
    json_t *object = json_object();
    CU_ASSERT_EQUAL(read_text("{\"units\": 7, \"stride\": 2}", &o, &err), 0);
    CU_ASSERT_EQUAL(thaw_told(thaw_fields_write(fields, &o, object, &err), &err), 0);
    char *text = json_dumps(object, JSON_COMPACT);
    CU_ASSERT_STRING_EQUAL(
        text,
        "{\"units\":7,\"groups\":1,\"momentum\":0.98999999999999999,\"most\":null,\"bias\":true,"
        "\"padding\":\"valid\",\"stride\":[2,2],\"dilation\":null,"
        "\"format\":\"channels_last\"}");
    CU_ASSERT_EQUAL(json_real_value(json_object_get(object, "momentum")), 0.99);
    struct options again;
    memset(&again, 0, sizeof again);
    CU_ASSERT_EQUAL(read_text(text, &again, &err), 0);
    CU_ASSERT_EQUAL(again.momentum, o.momentum);
    CU_ASSERT(isinf(again.most));
    free(text);
    o.momentum = NAN;
    CU_ASSERT_EQUAL(thaw_fields_write(fields, &o, object, &err), -1);
    CU_ASSERT(thaw_says(&err, "momentum", NULL));
    json_decref(object);
}

void thaw_test_field(void)
{
    CU_pSuite s = thaw_suite("field");
    CU_add_test(s, "absent keys take their presets", test_presets);
    CU_add_test(s, "every type is read", test_values);
    CU_add_test(s, "a refusal names the key, the value and what would be right", test_refusals);
    CU_add_test(s, "what was read is written", test_write);
}
