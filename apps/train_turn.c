#include "apps/train_turn.h"

#include <stdlib.h>
#include <string.h>

#include "apps/run_model.h"
#include "io/base/mem.h"

int thaw_train_turn_judge(const struct thaw_train_turn *turn, const struct thaw_model_file *model,
                          struct thaw_error *err)
{
    const struct thaw_dataset *all = &turn->all->train.data;
    struct thaw_dataset others = {0};
    struct thaw_runner runner;
    float *answers = NULL;
    int rc = -1;
    if (thaw_runner_init(&runner, model, THAW_ANSWER_PROBABILITIES, -1, err))
        return -1;
    runner.spare_memory = true;
    size_t width = thaw_runner_width(&runner), next = 0;
    bool *take = thaw_new(all->n, sizeof *take, err);
    for (size_t i = 0; take && i < all->n; i++)
        take[i] = !turn->learns[i];
    if (!take || thaw_dataset_pick(&others, all, take, err) ||
        !(answers = thaw_new(others.n * width, sizeof *answers, err)) ||
        thaw_runner_dataset(&runner, &others, NULL, "judging", answers, NULL, err))
        goto done;
    for (size_t i = 0; i < all->n; i++)
        if (take[i])
            memcpy(turn->probabilities + i * width, answers + next++ * width,
                   width * sizeof *answers);
    rc = 0;
done:
    free(take);
    free(answers);
    thaw_dataset_release(&others);
    thaw_runner_release(&runner);
    return rc;
}
