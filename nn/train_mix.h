/* Mixup in the trainer's stages that thaw blocks. */
#ifndef THAW_NN_TRAIN_MIX_H
#define THAW_NN_TRAIN_MIX_H

#include "nn/train.h"

/* A batch of which each sample is mixed with the next one; all NULL in a stage that mixes none. */
struct thaw_mix {
    float *shares;  /* [batch] that a sample has of itself, 1/2 to 1 */
    float *x;       /* [batch][floats] what the tail gets */
    float *dlogits; /* [batch][classes] gradients of the partners' losses */
    size_t floats;
};

/* Mixing of the open stage's batches; nothing where it does not mix. */
bool thaw_trainer_mixes(const struct thaw_train_options *options, const struct thaw_stage *stage);
int thaw_trainer_mix_open(struct thaw_trainer *t, struct thaw_error *err);
void thaw_trainer_mix_close(struct thaw_trainer *t);
/* From t->features, or the batch's pictures, to t->mix. */
void thaw_trainer_mix(struct thaw_trainer *t, const struct thaw_train_batch *batch);
int thaw_trainer_partner(const struct thaw_train_batch *batch, int sample);

#endif
