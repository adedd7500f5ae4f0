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
#include "apps/timm_config.h"
#include "io/base/mem.h"
#include "io/safetensors.h"

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

enum kind { KERAS, TORCH, SAFETENSORS };
static const char *const kind_names[] = {"Keras HDF5", "PyTorch state dict", "safetensors"};

static int find_kind(const char *path, enum kind *kind, struct thaw_error *err)
{
    unsigned char head[32];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, head, sizeof head);
    if (n < 0)
        thaw_fail_errno(err, "%s", path);
    else if (thaw_torch_sniff(head, (size_t)n))
        *kind = TORCH;
    else
        *kind = thaw_safetensors_sniff(head, (size_t)n) ? SAFETENSORS : KERAS;
    if (fd >= 0)
        close(fd);
    return n < 0 ? -1 : 0;
}

/* --- PyTorch --- */

static int set_preprocess(struct thaw_model_file *m, const struct values *v, const char *mode,
                          const struct thaw_timm_config *config, struct thaw_error *err)
{
    struct thaw_shape in = m->graph->nodes[0].shape;
    m->preprocess_from = v->common.preprocess ? "--preprocess"
                         : config->has_mean   ? "config.json beside the file"
                                              : "its network family";
    if (v->common.preprocess)
        mode = v->common.preprocess;
    if (thaw_preprocess_init(&m->preprocess, mode, in.h, in.w, err))
        return -1;
    return v->common.preprocess ? 0 : thaw_timm_config_apply(config, &m->preprocess, err);
}

static int build(struct thaw_model_file *m, const struct thaw_torch_file *file,
                 const struct values *v, struct thaw_error *err)
{
    struct thaw_model_options wanted = {.arch = v->common.arch};
    struct thaw_timm_config config;
    const char *mode = NULL, *slash = strrchr(m->path, '/');
    int rc = thaw_timm_config_load(&config, m->path, err);
    if (!rc && v->common.size)
        rc = thaw_model_size(v->common.size, &wanted.height, &wanted.width, err);
    else if (!rc)
        wanted.height = config.height, wanted.width = config.width;
    if (rc)
        return -1;
    m->graph = thaw_model_from_torch(file, &wanted,
                                     *config.architecture ? config.architecture
                                     : slash              ? slash + 1
                                                          : m->path,
                                     &mode, &m->notes, err);
    if (!m->graph)
        return thaw_error_prefix(err, "%s", m->path);
    m->arch = thaw_arch_of(m->graph);
    struct thaw_shape out = m->graph->nodes[m->graph->output].shape;
    m->n_classes = out.rank == 1 ? out.c : 0;
    return set_preprocess(m, v, mode, &config, err);
}

static int open_torch(struct thaw_model_file *m, const char *path, enum kind kind,
                      const struct values *v, struct thaw_error *err)
{
    struct thaw_torch_file *file = NULL;
    *m = (struct thaw_model_file){0};
    int rc = (m->path = thaw_strdup(path, err)) ? thaw_hash_file(path, m->hash, err) : -1;
    if (!rc &&
        !(file = kind == TORCH ? thaw_torch_load(path, err) : thaw_safetensors_load(path, err)))
        rc = -1;
    if (!rc)
        rc = build(m, file, v, err);
    thaw_torch_free(file);
    return rc;
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

static void tell_notes(const struct thaw_model_file *m)
{
    for (size_t i = 0; i < m->notes.n; i++)
        fprintf(stderr, "%s\n", m->notes.lines[i]);
}

static void tell(const struct thaw_model_file *m, const char *output)
{
    char *text = m->preprocess_from ? thaw_preprocess_text(&m->preprocess, NULL) : NULL;
    printf("%s: %s, %zu parameters, %d outputs\n", output, m->graph->name,
           thaw_graph_param_count(m->graph, false), m->n_classes);
    printf("preprocessing: %s\n", text ? text : "not known, commands will need --preprocess");
    free(text);
}

static int run(void *values, char **args, int n_args, struct thaw_error *err)
{
    const struct values *v = values;
    struct thaw_model_file m = {0};
    enum kind kind;
    json_t *extra = NULL;
    if (n_args != 1)
        return thaw_fail(err, THAW_EUSAGE, "one file of weights is needed, %d words were given",
                         n_args);
    if (!v->output)
        return thaw_fail(err, THAW_EUSAGE, "-o OUT.h5 is needed");
    thaw_common_threads(&v->common);
    if (thaw_common_distinct(args[0], v->output, err) || find_kind(args[0], &kind, err))
        return -1;
    int rc = kind == KERAS ? thaw_common_open(&m, args[0], &v->common, 0, err)
                           : open_torch(&m, args[0], kind, v, err);
    tell_notes(&m);
    if (rc == 0 && !(extra = thaw_common_provenance(&m, kind_names[kind], err)))
        rc = -1;
    if (rc == 0)
        rc = name_classes(&m, v->labels, err);
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
        "Reads a PyTorch state dict (.pth, old or zip format; no code in it is ever run) or a\n"
        ".safetensors file of torchvision's or timm's ResNet, ResNeXt, Wide ResNet, VGG, "
        "DenseNet,\n"
        "MobileNetV2 and V3, EfficientNet, -Lite and V2, and ConvNeXt, or Keras weights without a\n"
        "model, and writes a whole Keras model file with the preprocessing of that family, or of\n"
        "timm's config.json beside the file. Says what matched; anything missing, left over or of\n"
        "another shape is an error and listed. A classifier of another form than the family's is\n"
        "left out. timm's tf_ networks have the tensors of others: the file's name, config.json\n"
        "or --arch tells them apart.\n\n"
        "  thaw import resnet50-11ad3fa6.pth -o resnet50.h5\n"
        "  thaw import model.safetensors --arch tf_efficientnet_b0 -o backbone.h5\n"
        "  thaw import mobilenet_2_5_224_tf_no_top.h5 -o mobilenet_025.h5",
    .options = options,
    .order = 60,
    .run = run,
    .values_size = sizeof(struct values)};
