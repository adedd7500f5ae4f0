/* thaw inspect: what a model file holds and what the loader made of it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apps/command.h"
#include "apps/common.h"
#include "io/base/mem.h"

struct values {
    struct thaw_common common;
    bool verify;
};

static const struct thaw_option options[] = {
    {"--verify", 0, THAW_OPTION_FLAG, offsetof(struct values, verify), NULL, NULL, 0, 0,
     "run the self-test vector that is saved with the model; exit 1 when the answer differs"},
    THAW_OPTION_JSON(struct values),
    THAW_OPTIONS_MODEL(struct values),
    THAW_OPTION_THREADS(struct values),
    {0}};

enum { LONGEST_NAME = 48 };
static const double TOLERANCE = 1e-4;

/* What is printed, found out once for both forms. */
struct facts {
    const struct thaw_model_file *m;
    size_t parameters, moving; /* all; those that are statistics and never train by gradient */
    struct thaw_blocks blocks;
    int feature;
    bool verified;
    double difference;
};

static void shape_text(struct thaw_shape s, char *text, size_t size)
{
    if (s.rank == 3)
        snprintf(text, size, "%d x %d x %d", s.h, s.w, s.c);
    else if (s.rank == 2)
        snprintf(text, size, "%d x %d", s.h == 1 ? s.w : s.h, s.c);
    else
        snprintf(text, size, "%d", s.c);
}

static size_t node_parameters(const struct thaw_node *node)
{
    size_t n = 0;
    for (int i = 0; i < node->n_params; i++)
        n += node->params[i].count;
    return n;
}

static int collect(struct facts *f, const struct thaw_model_file *m, bool verify,
                   struct thaw_error *err)
{
    *f = (struct facts){.m = m, .feature = thaw_model_feature_node(m->graph)};
    for (int i = 0; i < m->graph->n_nodes; i++) {
        const struct thaw_node *node = &m->graph->nodes[i];
        f->parameters += node_parameters(node);
        for (int k = 0; k < node->n_params; k++)
            f->moving += node->params[k].trainable ? 0 : node->params[k].count;
    }
    if (thaw_model_blocks(m->graph, f->feature + 1, &f->blocks, err))
        return -1;
    f->verified = verify;
    return verify ? thaw_model_file_verify(m, &f->difference, err) : 0;
}

/* --- text --- */

static void print_layers(const struct thaw_graph *graph)
{
    int name = 5, kind = 5;
    for (int i = 0; i < graph->n_nodes; i++) {
        int n = (int)strlen(graph->nodes[i].name), k = (int)strlen(graph->nodes[i].kind->name);
        name = n > name ? n : name;
        kind = k > kind ? k : kind;
    }
    name = name > LONGEST_NAME ? LONGEST_NAME : name;
    printf("%-*s  %-*s  %-16s %12s\n", name, "layer", kind, "class", "output", "parameters");
    for (int i = 0; i < graph->n_nodes; i++) {
        const struct thaw_node *node = &graph->nodes[i];
        char shape[48], joins[200] = "";
        shape_text(node->shape, shape, sizeof shape);
        if (node->n_inputs > 1)
            for (int k = 0; k < node->n_inputs; k++) {
                size_t used = strlen(joins);
                snprintf(joins + used, sizeof joins - used, "%s%s", k ? ", " : "  of ",
                         graph->nodes[node->inputs[k]].name);
            }
        size_t n = node_parameters(node);
        if (n)
            printf("%-*.*s  %-*s  %-16s %12zu%s\n", name, LONGEST_NAME, node->name, kind,
                   node->kind->name, shape, n, joins);
        else
            printf("%-*.*s  %-*s  %-16s %12s%s\n", name, LONGEST_NAME, node->name, kind,
                   node->kind->name, shape, "-", joins);
    }
}

static void block_end(const struct facts *f, int i, int *first, int *last)
{
    *first = f->blocks.starts[i];
    *last = i + 1 < f->blocks.n ? f->blocks.starts[i + 1] - 1 : f->feature;
}

static size_t block_parameters(const struct facts *f, int first, int last)
{
    size_t n = 0;
    for (int i = first; i <= last; i++)
        n += node_parameters(&f->m->graph->nodes[i]);
    return n;
}

static void print_blocks(const struct facts *f)
{
    const struct thaw_graph *graph = f->m->graph;
    if (!f->blocks.n) {
        printf("\nblocks that can be thawed: none\n");
        return;
    }
    printf("\nblocks that can be thawed, from the top down (--unfreeze N or NAME):\n");
    for (int i = f->blocks.n - 1; i >= 0; i--) {
        int first, last;
        block_end(f, i, &first, &last);
        printf("  %3d  %-28s %3d layers %10zu parameters\n", f->blocks.n - i,
               graph->nodes[first].name, last - first + 1, block_parameters(f, first, last));
    }
}

/* Members of objects a line each, down to `depth`; what is deeper, and lists, as JSON that is cut.
 */
static void print_value(const char *key, const json_t *value, int indent, int depth)
{
    enum { LONGEST = 96 };
    const char *inner;
    json_t *member;
    bool long_list = strcmp(key, "options") == 0;
    if (json_is_object(value) && depth > 0 && !long_list) {
        printf("%*s%s:\n", indent, "", key);
        json_object_foreach((json_t *)value, inner, member)
        {
            print_value(inner, member, indent + 2, depth - 1);
        }
        return;
    }
    char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(6));
    size_t length = text ? strlen(text) : 0;
    if (length > LONGEST)
        printf("%*s%s: %.*s ... (%zu characters; --json has all)\n", indent, "", key, LONGEST, text,
               length);
    else
        printf("%*s%s: %s\n", indent, "", key, text ? text : "?");
    free(text);
}

static void print_record(const json_t *record)
{
    const char *key;
    json_t *value;
    if (!record) {
        printf("record: none, the file was not saved by Thaw\n");
        return;
    }
    printf("record:\n");
    json_object_foreach((json_t *)record, key, value)
    {
        if (strcmp(key, "preprocess") != 0 && strcmp(key, "classes") != 0)
            print_value(key, value, 2, 2);
    }
}

static void print_classes(const struct thaw_model_file *m)
{
    if (!m->n_classes) {
        printf("classes: none, the network ends in features\n");
        return;
    }
    printf("classes: %d", m->n_classes);
    for (int i = 0; m->classes && i < m->n_classes; i++)
        printf("%s%s", i ? ", " : ": ", m->classes[i]);
    printf("%s\n", m->classes ? "" : ", without names in the file");
}

static int print_head(const struct facts *f, struct thaw_error *err)
{
    const struct thaw_model_file *m = f->m;
    char shape[48];
    printf("%s\n", m->path);
    if (*m->hash)
        printf("sha256: %s\n", m->hash);
    printf("family: %s\n", m->arch ? m->arch->name : "not known");
    shape_text(m->graph->nodes[0].shape, shape, sizeof shape);
    printf("input: %s\n", shape);
    if (m->preprocess_from) {
        char *text = thaw_preprocess_text(&m->preprocess, err);
        if (!text)
            return -1;
        printf("preprocessing: %s; from %s\n", text, m->preprocess_from);
        free(text);
    } else
        printf("preprocessing: not known; commands that read scans need --preprocess\n");
    print_classes(m);
    shape_text(m->graph->nodes[f->feature].shape, shape, sizeof shape);
    printf("features: %s, %s\n", m->graph->nodes[f->feature].name, shape);
    printf("parameters: %zu, of them %zu moving statistics\n", f->parameters, f->moving);
    for (size_t i = 0; i < m->notes.n; i++)
        printf("%s%s\n", i ? "        " : "loader: ", m->notes.lines[i]);
    print_record(m->record);
    return 0;
}

static int print_text(const struct facts *f, struct thaw_error *err)
{
    if (print_head(f, err))
        return -1;
    printf("\n");
    print_layers(f->m->graph);
    print_blocks(f);
    if (f->verified)
        printf("\nself-test: relative difference %.2g, allowed %g: %s\n", f->difference, TOLERANCE,
               f->difference <= TOLERANCE ? "passed" : "FAILED");
    return 0;
}

/* --- JSON --- */

static json_t *shape_json(struct thaw_shape s)
{
    return s.rank == 3   ? json_pack("[i, i, i]", s.h, s.w, s.c)
           : s.rank == 2 ? json_pack("[i, i]", s.h == 1 ? s.w : s.h, s.c)
                         : json_pack("[i]", s.c);
}

static json_t *layers_json(const struct thaw_graph *graph)
{
    json_t *layers = json_array();
    for (int i = 0; i < graph->n_nodes; i++) {
        const struct thaw_node *node = &graph->nodes[i];
        json_t *inputs = json_array();
        for (int k = 0; k < node->n_inputs; k++)
            json_array_append_new(inputs, json_string(graph->nodes[node->inputs[k]].name));
        json_array_append_new(layers, json_pack("{s:s, s:s, s:o, s:I, s:b, s:o}", "name",
                                                node->name, "class", node->kind->name, "output",
                                                shape_json(node->shape), "parameters",
                                                (json_int_t)node_parameters(node), "trainable",
                                                node->trainable, "inputs", inputs));
    }
    return layers;
}

static json_t *blocks_json(const struct facts *f)
{
    json_t *blocks = json_array();
    for (int i = f->blocks.n - 1; i >= 0; i--) {
        int first, last;
        block_end(f, i, &first, &last);
        json_array_append_new(
            blocks, json_pack("{s:i, s:s, s:s, s:i, s:I}", "number", f->blocks.n - i, "first",
                              f->m->graph->nodes[first].name, "last", f->m->graph->nodes[last].name,
                              "layers", last - first + 1, "parameters",
                              (json_int_t)block_parameters(f, first, last)));
    }
    return blocks;
}

static json_t *texts_json(char *const *texts, size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, json_string(texts[i]));
    return list;
}

static int print_json(const struct facts *f, struct thaw_error *err)
{
    const struct thaw_model_file *m = f->m;
    json_t *p = m->preprocess_from ? thaw_preprocess_write(&m->preprocess, err) : json_null();
    if (!p)
        return -1;
    json_t *all = json_pack(
        "{s:s, s:s, s:s?, s:o, s:o, s:s?, s:i, s:o, s:s, s:I, s:I, s:o, s:o, s:o, s:O?}", "file",
        m->path, "sha256", m->hash, "family", m->arch ? m->arch->name : NULL, "input",
        shape_json(m->graph->nodes[0].shape), "preprocess", p, "preprocess_from",
        m->preprocess_from, "outputs", m->n_classes, "classes",
        m->classes ? texts_json(m->classes, (size_t)m->n_classes) : json_null(), "feature_layer",
        m->graph->nodes[f->feature].name, "parameters", (json_int_t)f->parameters,
        "moving_statistics", (json_int_t)f->moving, "notes", texts_json(m->notes.lines, m->notes.n),
        "layers", layers_json(m->graph), "blocks", blocks_json(f), "record", m->record);
    if (all && f->verified)
        json_object_set_new(all, "selftest",
                            json_pack("{s:f, s:b}", "difference", f->difference, "passed",
                                      f->difference <= TOLERANCE));
    return thaw_common_print_json(all, err);
}

/* --- the command --- */

static int run(void *values, char **args, int n_args, struct thaw_error *err)
{
    const struct values *v = values;
    struct thaw_model_file m;
    struct facts f = {0};
    if (n_args != 1)
        return thaw_fail(err, THAW_EUSAGE, "one model file is needed, %d words were given", n_args);
    thaw_common_threads(&v->common);
    if (thaw_common_open(&m, args[0], &v->common, THAW_OPEN_LEAN, err))
        return -1;
    int rc = thaw_model_file_hash(&m, err) || collect(&f, &m, v->verify, err) ? -1 : 0;
    if (rc == 0)
        rc = v->common.json ? print_json(&f, err) : print_text(&f, err);
    if (rc == 0 && f.verified && !(f.difference <= TOLERANCE))
        rc = thaw_fail(err, THAW_EINPUT,
                       "%s: the self-test failed: relative difference %g, allowed %g", m.path,
                       f.difference, TOLERANCE);
    thaw_blocks_release(&f.blocks);
    thaw_model_file_release(&m);
    return rc;
}

const struct thaw_command thaw_command_inspect = {
    .name = "inspect",
    .usage = "MODEL [--verify] [--json]",
    .summary = "what a model file holds: layers, blocks, preprocessing, classes",
    .help = "Shows layers with their output shapes and parameters, the blocks that can be thawed,\n"
            "how scans become the network's input, classes, where the weights come from, and\n"
            "what the loader matched. MODEL is a file, the name of a backbone, or random:NAME.\n\n"
            "  thaw inspect tuned.h5\n"
            "  thaw inspect tuned.h5 --verify     does it still compute what it did when saved?\n"
            "  thaw inspect random:mobilenet_v2:0.35",
    .options = options,
    .order = 70,
    .run = run,
    .brief = thaw_common_brief,
    .values_size = sizeof(struct values)};
