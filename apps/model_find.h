/* Where model files are looked up by name. */
#ifndef THAW_APPS_MODEL_FIND_H
#define THAW_APPS_MODEL_FIND_H

#include <stddef.h>

#include "io/base/error.h"

enum { THAW_MODEL_FOLDERS = 4 };
/* The folders where names are looked up, in order: `models_dir` (may be NULL), $THAW_MODELS, the
 * install prefix and ./models. Returns how many. */
size_t thaw_model_folders(const char *models_dir, const char *folders[THAW_MODEL_FOLDERS]);

/* `name` itself when it is a file or holds a '/', else NAME and NAME.h5 in these folders. The
 * caller frees. The error lists where it looked. */
char *thaw_model_find(const char *name, const char *models_dir, struct thaw_error *err);

#endif
