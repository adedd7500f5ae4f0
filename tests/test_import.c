/* State dicts of torchvision's and timm's networks against PyTorch: names and shapes as it has
 * them, and features and answers from weights that both sides compute from positions. References:
 * tests/refs/make_import.py. */
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/base/json.h"
#include "io/base/mem.h"
#include "tests/check.h"
#include "tests/layer_case.h"
#include "tests/net.h"

/* --- state dicts --- */

static bool ends(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n >= m && !strcmp(text + n - m, end);
}

/* As weight() of make_import.py. */
static void fill(struct thaw_tensor *t, unsigned stream)
{
    double fan = 1;
    int sides = 0;
    for (int d = 0; d < t->rank; d++) {
        sides += t->dims[d] > 1;
        fan *= d ? (double)t->dims[d] : 1;
    }
    float limit = (float)sqrt(6 / fan);
    for (size_t i = 0; i < t->count; i++) {
        float v = layer_case_value(i, stream);
        if (ends(t->name, "running_var"))
            t->data[i] = v + 0.5f;
        else if (ends(t->name, "bias") || ends(t->name, "running_mean"))
            t->data[i] = v - 0.5f;
        else
            t->data[i] = sides < 2 ? (v + 0.5f) * 0.8f : (v * 2 - 1) * limit;
    }
}

static struct thaw_tensor *add(struct thaw_torch_file *file, const char *prefix, const char *name,
                               const char *kind, const long *dims, int rank)
{
    struct thaw_tensor *t = &file->tensors[file->n_tensors++];
    size_t room = strlen(prefix) + strlen(name) + strlen(kind) + 1;
    t->name = malloc(room);
    CU_ASSERT_PTR_NOT_NULL_FATAL(t->name);
    snprintf(t->name, room, "%s%s%s", prefix, name, kind);
    t->rank = rank;
    memcpy(t->dims, dims, (size_t)rank * sizeof *dims);
    CU_ASSERT_TRUE_FATAL(thaw_count(t->dims, t->rank, &t->count));
    t->data = calloc(t->count, sizeof *t->data);
    CU_ASSERT_PTR_NOT_NULL_FATAL(t->data);
    return t;
}

/* One line of the reference: a tensor, or ("NAME+ C") the four of a batch norm. */
static void add_line(struct thaw_torch_file *file, const char *prefix, char *line)
{
    static const char *const four[] = {".weight", ".bias", ".running_mean", ".running_var"};
    long dims[4];
    int rank = 0;
    char *at = strchr(line, ' ');
    bool norm = at[-1] == '+';
    at[norm ? -1 : 0] = '\0';
    for (char *end = ++at; *at && rank < 4; at = end)
        dims[rank++] = strtol(at, &end, 10);
    for (int i = 0; i < (norm ? 4 : 1); i++) {
        unsigned stream = (unsigned)file->n_tensors;
        fill(add(file, prefix, line, norm ? four[i] : "", dims, rank), stream);
    }
}

/* The classifier's weights are divided by a number, as the reference's are. */
static struct thaw_torch_file *make(const json_t *item, const char *prefix)
{
    struct thaw_torch_file *file = calloc(1, sizeof *file);
    char *text = strdup(json_string_value(json_object_get(item, "tensors"))), *line, *rest = NULL;
    size_t lines = 1;
    CU_ASSERT_TRUE_FATAL(file && text);
    for (const char *c = text; *c; c++)
        lines += *c == '\n';
    file->tensors = calloc(4 * lines, sizeof *file->tensors);
    CU_ASSERT_PTR_NOT_NULL_FATAL(file->tensors);
    for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
        add_line(file, prefix, line);
    float spread = (float)json_number_value(json_object_get(item, "spread"));
    for (int i = 1; i <= 2; i++)
        for (size_t k = 0; k < file->tensors[file->n_tensors - (size_t)i].count; k++)
            file->tensors[file->n_tensors - (size_t)i].data[k] /= spread;
    free(text);
    return file;
}

static struct thaw_graph *import(const struct thaw_torch_file *file, const json_t *item,
                                 const char **mode, struct thaw_model_notes *notes,
                                 struct thaw_error *err)
{
    int size = (int)json_integer_value(json_object_get(item, "size"));
    struct thaw_model_options options = {.height = size, .width = size};
    return thaw_model_from_torch(file, &options, json_string_value(json_object_get(item, "hint")),
                                 mode, notes, err);
}

/* --- agreement --- */

static void read_list(const json_t *list, float *to)
{
    for (size_t i = 0; i < json_array_size(list); i++)
        to[i] = (float)json_number_value(json_array_get(list, i));
}

/* Of features (last >= 0) or answers. */
static bool agrees(struct thaw_graph *graph, int last, const json_t *list, const float *x)
{
    enum { MOST = 64 };
    float got[MOST], wanted[MOST];
    size_t n = json_array_size(list);
    CU_ASSERT_TRUE_FATAL(n <= MOST);
    read_list(list, wanted);
    float *y = thaw_net_run(graph, last, x, 1);
    if (!y)
        return false;
    if (last >= 0)
        thaw_net_pool(graph->nodes[last].shape, y, got, n);
    else
        memcpy(got, y, n * sizeof *got);
    free(y);
    return thaw_near(got, wanted, n, 1e-4);
}

static bool network_agrees(const json_t *item, struct thaw_graph *graph)
{
    size_t n = thaw_shape_count(graph->nodes[0].shape);
    float *x = calloc(n, sizeof *x);
    for (size_t i = 0; x && i < n; i++)
        x[i] = layer_case_value(i, 9999) * 4.0f - 2.0f;
    bool good =
        x && agrees(graph, thaw_model_feature_node(graph), json_object_get(item, "features"), x);
    good = good && agrees(graph, -1, json_object_get(item, "answers"), x);
    free(x);
    return good;
}

static json_t *load(void)
{
    struct thaw_error err = {0};
    json_t *items = thaw_json_load(thaw_ref("import.json"), &err);
    thaw_told(items ? 0 : -1, &err);
    CU_ASSERT_TRUE_FATAL(json_array_size(items) >= 20);
    return items;
}

static void test_networks(void)
{
    json_t *items = load(), *item;
    size_t i;
    json_array_foreach(items, i, item)
    {
        struct thaw_error err = {0};
        const char *mode = NULL;
        struct thaw_torch_file *file = make(item, i % 2 ? "module.model." : "");
        struct thaw_graph *graph = import(file, item, &mode, NULL, &err);
        thaw_told(graph ? 0 : -1, &err);
        bool good = graph && network_agrees(item, graph) &&
                    !strcmp(mode, json_string_value(json_object_get(item, "mode"))) &&
                    !strcmp(graph->name, json_string_value(json_object_get(item, "arch")));
        if (!good)
            printf("    of %s as %s, %s\n", json_string_value(json_object_get(item, "name")),
                   graph ? graph->name : "nothing", mode ? mode : "no mode");
        CU_ASSERT_TRUE(good);
        thaw_graph_free(graph);
        thaw_torch_free(file);
    }
    json_decref(items);
}

/* --- what does not fit --- */

static const json_t *named(const json_t *items, const char *name)
{
    size_t i;
    json_t *item;
    json_array_foreach((json_t *)(uintptr_t)items, i, item)
    {
        if (!strcmp(json_string_value(json_object_get(item, "name")), name))
            return item;
    }
    return NULL;
}

static struct thaw_tensor *tensor(struct thaw_torch_file *file, const char *name)
{
    for (size_t i = 0; i < file->n_tensors; i++)
        if (!strcmp(file->tensors[i].name, name))
            return &file->tensors[i];
    CU_FAIL_FATAL("no such tensor");
    abort();
}

static bool noted(const struct thaw_model_notes *notes, const char *text)
{
    for (size_t i = 0; i < notes->n; i++)
        if (strstr(notes->lines[i], text))
            return true;
    printf("\n    no note says: %s\n", text);
    return false;
}

/* A state dict that a test changes before it is imported. */
struct trial {
    json_t *items;
    const json_t *item;
    struct thaw_torch_file *file;
    struct thaw_model_notes notes;
    struct thaw_error err;
};

static struct trial begin(const char *name)
{
    struct trial t = {.items = load()};
    t.item = named(t.items, name);
    t.file = make(t.item, "");
    return t;
}

static struct thaw_graph *try(struct trial *t)
{
    const char *mode = NULL;
    return import(t->file, t->item, &mode, &t->notes, &t->err);
}

static void end(struct trial *t)
{
    thaw_model_notes_release(&t->notes);
    thaw_torch_free(t->file);
    json_decref(t->items);
}

static void test_mismatch(void)
{
    struct trial t = begin("tv:resnet");
    strcpy(tensor(t.file, "layer2.0.bn1.running_var")->name, "layer2.0.bn1.x");
    tensor(t.file, "layer3.0.conv1.weight")->dims[1]--;
    CU_ASSERT_PTR_NULL(try(&t));
    CU_ASSERT_TRUE(thaw_says(&t.err, "1 tensors missing, ", "1 without use",
                             "layer2.0.bn1.running_var", NULL));
    CU_ASSERT_TRUE(noted(&t.notes, "missing: layer2.0.bn1.running_var [128]"));
    CU_ASSERT_TRUE(noted(&t.notes, "another shape: layer3.0.conv1.weight [256, 127, 3, 3]"));
    CU_ASSERT_TRUE(noted(&t.notes, "no use for: layer2.0.bn1.x [128]"));
    end(&t);
}

/* A head of the user's own is left out and named; the network below it is imported. */
static void test_other_head(void)
{
    struct trial t = begin("tv:resnet");
    strcpy(tensor(t.file, "fc.weight")->name, "fc.1.w");
    strcpy(tensor(t.file, "fc.bias")->name, "fc.1.b");
    struct thaw_graph *graph = try(&t);
    thaw_told(graph ? 0 : -1, &t.err);
    CU_ASSERT_TRUE(graph && graph->nodes[graph->output].shape.rank == 3);
    CU_ASSERT_TRUE(noted(&t.notes, "fc.1.w [10, 512]"));
    thaw_graph_free(graph);
    end(&t);
}

/* Only the file's name or --arch tells Google's EfficientNet from PyTorch's. */
static void test_twins(void)
{
    static const struct {
        const char *arch, *hint, *says; /* says: NULL where it is imported */
    } cases[] = {{NULL, "model.safetensors", "--arch tf_efficientnet"},
                 {"efficientnet", "tf_efficientnet_b0", NULL},
                 {"tf_efficientnet_b0", "model.safetensors", NULL},
                 {"efficientnet_b1", "", "holds efficientnet_b0, not efficientnet_b1"}};
    json_t *items = load();
    struct thaw_torch_file *file = make(named(items, "timm:efficientnet_b0"), "");
    int pads[4] = {0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct thaw_error err = {0};
        struct thaw_model_options options = {.arch = cases[i].arch, .height = 64, .width = 64};
        const char *mode;
        struct thaw_graph *graph =
            thaw_model_from_torch(file, &options, cases[i].hint, &mode, NULL, &err);
        CU_ASSERT_EQUAL(graph == NULL, cases[i].says != NULL);
        CU_ASSERT_TRUE(graph || thaw_says(&err, cases[i].says, NULL));
        for (int k = 0; graph && k < graph->n_nodes; k++)
            if (!strcmp(graph->nodes[k].name, "stem_conv_pad"))
                pads[i] = graph->nodes[k].shape.h;
        thaw_graph_free(graph);
    }
    CU_ASSERT_EQUAL(pads[1], 66);
    CU_ASSERT_EQUAL(pads[2], 65);
    thaw_torch_free(file);
    json_decref(items);
}

/* Sides without numbers behind them must not make layers of such sizes. */
static void test_absurd(void)
{
    static const long sides[][4] = {
        {1000000, 1, 3, 3}, {0, 1000000, 3, 3}, {LONG_MAX, LONG_MAX, LONG_MAX, LONG_MAX}};
    for (size_t i = 0; i < sizeof sides / sizeof *sides; i++) {
        struct trial t = begin("tv:resnext");
        struct thaw_tensor *weight = tensor(t.file, "layer1.0.conv2.weight");
        memcpy(weight->dims, sides[i], sizeof sides[i]);
        weight->count = 0;
        CU_ASSERT_PTR_NULL(try(&t));
        CU_ASSERT_TRUE(thaw_says(&t.err, "does not fit", NULL));
        CU_ASSERT_TRUE(noted(&t.notes, "another shape: layer1.0.conv2.weight"));
        end(&t);
    }
}

static void test_unknown(void)
{
    struct thaw_error err = {0};
    const char *mode = NULL;
    json_t *items = load();
    struct thaw_torch_file *file = make(named(items, "tv:resnet"), "visual.");
    CU_ASSERT_PTR_NULL(thaw_model_from_torch(file, NULL, NULL, &mode, NULL, &err));
    CU_ASSERT_TRUE(
        thaw_says(&err, "visual.conv1.weight", "fits no family", "ConvNeXt", "VGG", NULL));
    thaw_torch_free(file);
    json_decref(items);
}

void thaw_test_import(void)
{
    CU_pSuite s = thaw_suite("import");
    CU_add_test(s, "networks of torchvision and timm give PyTorch's answers", test_networks);
    CU_add_test(s, "what does not match is listed", test_mismatch);
    CU_add_test(s, "a classifier of another form is left out", test_other_head);
    CU_add_test(s, "networks with the same tensors", test_twins);
    CU_add_test(s, "absurd sides", test_absurd);
    CU_add_test(s, "other networks", test_unknown);
}
