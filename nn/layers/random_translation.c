/* Augmentation while Keras trains, nothing at inference: left out when a model is read. */
#include "nn/layer.h"

const struct thaw_layer_kind thaw_layer_random_translation = {.name = "RandomTranslation",
                                                              .identity = true};
