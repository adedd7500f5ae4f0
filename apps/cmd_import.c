/* thaw import: weights of other frameworks become a Keras model file. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "apps/command.h"
#include "apps/common.h"
#include "apps/import.h"
#include "apps/text.h"
#include "io/base/mem.h"

struct values {
    struct thaw_common common;
    const char *output, *labels;
};

static const struct thaw_option options[] = {
    {"--output", 'o', THAW_OPTION_TEXT, offsetof(struct values, output), "OUT.h5", NULL, 0, 0,
     "the model file to write"},
    {"--labels", 0, THAW_OPTION_TEXT, offsetof(struct values, labels), "FILE", NULL, 0, 0,
     "names of the classes, one a line, to be kept in the model"},
    THAW_OPTIONS_MODEL(struct values),
    THAW_OPTION_THREADS(struct values),
    {0}};

static int is_torch(const char *path, bool *torch, struct thaw_error *err)
{
    unsigned char head[32];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, head, sizeof head);
    if (n < 0)
        thaw_fail_errno(err, "%s", path);
    else
        *torch = thaw_torch_sniff(head, (size_t)n);
    if (fd >= 0)
        close(fd);
    return n < 0 ? -1 : 0;
}

/* --- PyTorch --- */

static int set_preprocess(struct thaw_model_file *m, const struct values *v, struct thaw_error *err)
{
    struct thaw_shape in = m->graph->nodes[0].shape;
    const char *mode = v->common.preprocess ? v->common.preprocess
                       : m->arch            ? m->arch->preprocess
                                            : NULL;
    if (!mode)
        return 0;
    m->preprocess_from = v->common.preprocess ? "--preprocess" : "its network family";
    return thaw_preprocess_init(&m->preprocess, mode, in.h, in.w, err);
}

static int open_torch(struct thaw_model_file *m, const char *path, const struct values *v,
                      struct thaw_error *err)
{
    struct thaw_model_options wanted = {.arch = v->common.arch};
    struct thaw_torch_file *file = NULL;
    struct thaw_shape out;
    *m = (struct thaw_model_file){0};
    if (v->common.size && thaw_model_size(v->common.size, &wanted.height, &wanted.width, err))
        return -1;
    if (!(m->path = thaw_strdup(path, err)) || thaw_hash_file(path, m->hash, err) ||
        !(file = thaw_torch_load(path, err)))
        goto fail;
    if (!(m->graph = thaw_model_from_torch(file, &wanted, &m->notes, err))) {
        thaw_error_prefix(err, "%s", path);
        goto fail;
    }
    m->arch = thaw_arch_of(m->graph);
    out = m->graph->nodes[m->graph->output].shape;
    m->n_classes = out.rank == 1 ? out.c : 0;
    if (set_preprocess(m, v, err))
        goto fail;
    thaw_torch_free(file);
    return 0;
fail:
    thaw_torch_free(file);
    thaw_model_file_release(m);
    return -1;
}

/* --- the command --- */

static int name_classes(struct thaw_model_file *m, const char *labels, struct thaw_error *err)
{
    if (!labels)
        return 0;
    if (!m->n_classes)
        return thaw_fail(err, THAW_EUSAGE,
                         "--labels %s: the network has no classes, it ends in features", labels);
    char **names = thaw_labels_load(labels, m->n_classes, err);
    if (!names)
        return -1;
    thaw_labels_free(m->classes, m->n_classes);
    m->classes = names;
    return 0;
}

static void tell(const struct thaw_model_file *m, const char *output)
{
    for (size_t i = 0; i < m->notes.n; i++)
        fprintf(stderr, "%s\n", m->notes.lines[i]);
    char *text = m->preprocess_from ? thaw_preprocess_text(&m->preprocess, NULL) : NULL;
    printf("%s: %s, %zu parameters, %d outputs\n", output,
           m->arch ? m->arch->name : "unknown family", thaw_graph_param_count(m->graph, false),
           m->n_classes);
    printf("preprocessing: %s\n", text ? text : "not known, commands will need --preprocess");
    free(text);
}

static int run(void *values, char **args, int n_args, struct thaw_error *err)
{
    const struct values *v = values;
    struct thaw_model_file m;
    bool torch = false;
    if (n_args != 1)
        return thaw_fail(err, THAW_EUSAGE, "one file of weights is needed, %d words were given",
                         n_args);
    if (!v->output)
        return thaw_fail(err, THAW_EUSAGE, "-o OUT.h5 is needed");
    thaw_common_threads(&v->common);
    if (thaw_common_distinct(args[0], v->output, err) || is_torch(args[0], &torch, err))
        return -1;
    if (torch ? open_torch(&m, args[0], v, err) : thaw_common_open(&m, args[0], &v->common, 0, err))
        return -1;
    json_t *extra = thaw_common_provenance(&m, torch ? "PyTorch state dict" : "Keras HDF5", err);
    int rc = extra ? name_classes(&m, v->labels, err) : -1;
    if (rc == 0)
        rc = thaw_model_file_save(&m, v->output, extra, err);
    if (rc == 0)
        tell(&m, v->output);
    json_decref(extra);
    thaw_model_file_release(&m);
    return rc;
}

int thaw_import(char *input, const char *output, const struct thaw_common *common,
                struct thaw_error *err)
{
    struct values v = {.common = *common, .output = output};
    return run(&v, &input, 1, err);
}

const struct thaw_command thaw_command_import = {
    .name = "import",
    .usage = "FILE -o OUT.h5",
    .summary = "weights of other frameworks become a model file",
    .help =
        "Reads a PyTorch state dict (.pth, old or zip format; no code in it is ever run) of a\n"
        "known network family, or Keras weights without a model, and writes a whole Keras model\n"
        "file with the preprocessing of that family. Says what matched; anything missing, left\n"
        "over or of another shape is an error.\n\n"
        "  thaw import efficientnet-lite0-57934424.pth -o models/efficientnet_lite0.h5\n"
        "  thaw import mobilenet_2_5_224_tf_no_top.h5 -o mobilenet_025.h5",
    .options = options,
    .order = 60,
    .run = run,
    .values_size = sizeof(struct values)};
