/* What the names of EfficientNet and EfficientNet-Lite have in common: Lite's layers are
 * EfficientNet's without squeeze and excitation. */
#ifndef THAW_NN_TORCH_EFFICIENTNET_H
#define THAW_NN_TORCH_EFFICIENTNET_H

#include "nn/archs/build_efficientnet.h"
#include "nn/torch.h"

/* timm's names, and those of efficientnet_pytorch and efficientnet_lite_pytorch. */
extern const struct thaw_torch_form thaw_torch_efficientnet_timm[];
extern const struct thaw_torch_form thaw_torch_efficientnet_port[];

/* The port counts blocks through: what number block seen[1] of stage seen[0] (from 1) has where
 * stages have `repeats` blocks; -1: there is no such block. */
int thaw_torch_efficientnet_number(const int seen[3], const int repeats[THAW_EFFICIENTNET_STAGES]);

#endif
