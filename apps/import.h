/* What `thaw import` does, for commands that have a file of weights and want a model file. */
#ifndef THAW_APPS_IMPORT_H
#define THAW_APPS_IMPORT_H

#include "apps/common.h"

/* Reads `input` as the options --arch, --preprocess, --size and --threads say, writes the model
 * file `output`, and tells what became of it. */
int thaw_import(char *input, const char *output, const struct thaw_common *common,
                struct thaw_error *err);

#endif
