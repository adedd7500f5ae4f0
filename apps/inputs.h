/* What predict and features work on: files and folders of images, or a tensor from a file. */
#ifndef THAW_APPS_INPUTS_H
#define THAW_APPS_INPUTS_H

#include "apps/run_model.h"

struct thaw_inputs {
    struct thaw_dataset data; /* the images that can be read */
    struct thaw_probe probe;  /* and those that cannot */
    struct thaw_cache *cache; /* pictures of the first look, so that the second is cheap */
    char *tensor_path;        /* "" when there is none */
    float *tensor;            /* [n,H,W,C] as the network takes it, or NULL */
    size_t n;                 /* samples */
    size_t sample;            /* floats of one: H*W*C */
};

/* `args` are images and folders, which are searched for images at any depth; with `tensor_path`
 * (NULL: none) there must be no args and the file must hold what fits the network. What cannot be
 * read is listed in `probe` and said on stderr. */
int thaw_inputs_open(struct thaw_inputs *in, const struct thaw_model_file *m, char **args,
                     int n_args, const char *tensor_path, struct thaw_error *err);
void thaw_inputs_release(struct thaw_inputs *in);

/* Just one image? Then the work is over soon. */
bool thaw_inputs_are_few(char *const *args, int n_args);

/* The name of sample i: its path, or FILE.npy[i]. */
const char *thaw_inputs_name(const struct thaw_inputs *in, size_t i, char *text, size_t size);

/* Everything through the network: y [n, width]; `seen` (NULL: not wanted) gets [n,H,W,C]. */
int thaw_inputs_run(const struct thaw_inputs *in, struct thaw_runner *r, float *y, float *seen,
                    struct thaw_error *err);

/* [{"file", "reason"}]; a new reference. */
json_t *thaw_inputs_skipped(const struct thaw_inputs *in);

/* For the end of a command: -1 with an error when a file was left out or nothing is left. */
int thaw_inputs_verdict(const struct thaw_inputs *in, struct thaw_error *err);

/* --- shared with eval --- */

/* Looks at every image with all threads; shows progress; lists bad files on stderr. `cache` may be
 * NULL. `limit` as in struct thaw_probe_options. */
int thaw_inputs_probe(struct thaw_probe *probe, struct thaw_dataset *data,
                      const struct thaw_preprocess *p, double limit, struct thaw_cache *cache,
                      struct thaw_error *err);
json_t *thaw_inputs_bad_json(const struct thaw_probe *probe);

enum { THAW_INPUTS_CACHE = 256 << 20 }; /* bytes of pictures kept */

#endif
