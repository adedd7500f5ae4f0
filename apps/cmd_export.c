/* thaw export: a model file for Keras. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apps/command.h"
#include "apps/common.h"
#include "io/base/mem.h"

struct values {
    struct thaw_common common;
    const char *output;
    bool with_preprocessing, plain;
};

static const struct thaw_option options[] = {
    {"--output", 'o', THAW_OPTION_TEXT, offsetof(struct values, output), "OUT.h5", NULL, 0, 0,
     "the file to write"},
    {"--with-preprocessing", 0, THAW_OPTION_FLAG, offsetof(struct values, with_preprocessing), NULL,
     NULL, 0, 0,
     "put the preprocessing in front as layers: the input is then the resized image, RGB, 0..255"},
    {"--plain", 0, THAW_OPTION_FLAG, offsetof(struct values, plain), NULL, NULL, 0, 0,
     "leave out Thaw's own group (preprocessing record, class names, history, self-test), which "
     "Keras ignores"},
    THAW_OPTIONS_MODEL(struct values),
    THAW_OPTION_THREADS(struct values),
    {0}};

/* `to` borrows everything from `m` but the graph, which is new. */
static int put_in_front(const struct thaw_model_file *m, struct thaw_model_file *to,
                        struct thaw_error *err)
{
    float scale[3], offset[3];
    bool bgr;
    int none = thaw_preprocess_find_mode("none", err);
    if (none < 0)
        return -1;
    thaw_preprocess_affine(&m->preprocess, scale, offset, &bgr);
    *to = *m;
    to->preprocess.mode = none;
    to->graph = thaw_model_with_preprocessing(m->graph, scale, offset, bgr, err);
    return to->graph ? 0 : -1;
}

static int save_plain(const struct thaw_model_file *m, const char *path, struct thaw_error *err)
{
    struct thaw_keras_file *file = thaw_keras_create(err);
    int rc = file ? thaw_model_to_keras(m->graph, file, err) : -1;
    if (rc == 0)
        rc = thaw_keras_save(path, file, err);
    thaw_keras_free(file);
    return rc;
}

static void tell(const struct thaw_model_file *m, const struct values *v)
{
    struct thaw_shape in = m->graph->nodes[0].shape;
    printf("%s: %d layers, %zu parameters, input [N,%d,%d,%d]", v->output, m->graph->n_nodes,
           thaw_graph_param_count(m->graph, false), in.h, in.w, in.c);
    char *text = m->preprocess_from ? thaw_preprocess_text(&m->preprocess, NULL) : NULL;
    if (v->with_preprocessing)
        printf(": the image resized to %dx%d (%s), %s, 0..255\n", in.h, in.w,
               thaw_fit_names[m->preprocess.fit], in.c == 1 ? "grey" : "RGB");
    else
        printf(", preprocessed: %s\n", text ? text : "how, the model does not say");
    free(text);
}

static int run(void *values, char **args, int n_args, struct thaw_error *err)
{
    const struct values *v = values;
    struct thaw_model_file m, front = {0};
    const struct thaw_model_file *out = &m;
    json_t *extra = NULL;
    int rc = -1;
    if (n_args != 1)
        return thaw_fail(err, THAW_EUSAGE, "one model file is needed, %d words were given", n_args);
    if (!v->output)
        return thaw_fail(err, THAW_EUSAGE, "-o OUT.h5 is needed");
    thaw_common_threads(&v->common);
    if (thaw_common_open(&m, args[0], &v->common, v->with_preprocessing ? THAW_OPEN_PICTURES : 0,
                         err))
        return -1;
    if (thaw_common_distinct(m.path, v->output, err))
        goto done;
    if (v->with_preprocessing) {
        if (put_in_front(&m, &front, err))
            goto done;
        out = &front;
    }
    if (!v->plain &&
        !(extra = thaw_common_provenance(&m, m.file ? "Keras HDF5" : "random weights", err)))
        goto done;
    rc = v->plain ? save_plain(out, v->output, err)
                  : thaw_model_file_save(out, v->output, extra, err);
    if (rc == 0)
        tell(out, v);
done:
    json_decref(extra);
    thaw_graph_free(front.graph);
    thaw_model_file_release(&m);
    return rc;
}

const struct thaw_command thaw_command_export = {
    .name = "export",
    .usage = "MODEL -o OUT.h5 [--with-preprocessing]",
    .summary = "a flat .h5 that Keras 2 and 3 open with equal predictions",
    .help =
        "Writes the model as keras.models.load_model reads it: one flat graph in the dialect of\n"
        "Keras 2, which Keras 3 takes too.\n\n"
        "  thaw export tuned.h5 -o for_keras.h5\n"
        "  thaw export tuned.h5 -o for_keras.h5 --with-preprocessing",
    .options = options,
    .order = 50,
    .run = run,
    .brief = thaw_common_brief,
    .values_size = sizeof(struct values)};
