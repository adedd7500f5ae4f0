/* Dropout of whole channels while Keras trains, nothing at inference: left out when a model is
 * read. */
#include "nn/layer.h"

const struct thaw_layer_kind thaw_layer_spatial_dropout2d = {.name = "SpatialDropout2D",
                                                             .identity = true};
