#include "apps/train_time.h"

#include "io/base/clock.h"
#include "io/base/par.h"

struct thaw_train_time thaw_train_time_take(const struct thaw_train_run *run,
                                            struct thaw_train_data *data,
                                            const struct thaw_loader_times *more, double computed)
{
    struct thaw_loader_times all = *more;
    thaw_train_data_times(data, &all);
    double wall = thaw_clock() - run->begun, busy = all.decode + all.augment;
    double augmenting = busy > 0 ? all.augment / busy : 0;
    struct thaw_train_time t = {.seconds = wall,
                                .compute = (thaw_trainer_compute(run->trainer) + computed) / wall,
                                .decode = (data->looked + all.waited * (1 - augmenting)) / wall,
                                .augment = all.waited * augmenting / wall,
                                .loader = all};
    t.other = 1 - t.compute - t.decode - t.augment;
    return t;
}

json_t *thaw_train_time_json(const struct thaw_train_time *t)
{
    return json_pack("{sf sf sf sf sf s{si sf sf sf}}", "seconds", t->seconds, "decode", t->decode,
                     "augment", t->augment, "compute", t->compute, "other", t->other, "loader",
                     "threads", thaw_par_threads(), "decode_seconds", t->loader.decode,
                     "augment_seconds", t->loader.augment, "waited_seconds", t->loader.waited);
}

void thaw_train_time_say(const struct thaw_train_time *t, struct thaw_say *say)
{
    thaw_say(say,
             "time: %.0f %% compute, %.0f %% waiting for decoding, %.0f %% for augmentation, %.0f "
             "%% other; loader threads worked %.1f s",
             100 * t->compute, 100 * t->decode, 100 * t->augment, 100 * t->other,
             t->loader.decode + t->loader.augment);
}
