/* Where model files are looked up by name. */
#ifndef THAW_APPS_MODEL_FIND_H
#define THAW_APPS_MODEL_FIND_H

#include "io/base/error.h"

/* `name` itself when it is a file or holds a '/', else NAME and NAME.h5 in `models_dir` (may be
 * NULL), $THAW_MODELS, the install prefix and ./models. The caller frees. The error lists where it
 * looked. */
char *thaw_model_find(const char *name, const char *models_dir, struct thaw_error *err);

#endif
