#include "nn/tune.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/base/clock.h"
#include "io/base/file.h"
#include "io/base/mem.h"
#include "io/base/par.h"
#include "nn/dnnl/prim.h"
#include "nn/ops.h"
#include "nn/team.h"

enum { WORTH_MEASURING = 4000, SWEEPS = 4, MOST = 30, LINE = 128, LARGEST_FILE = 1 << 20 };

/* --- what is remembered --- */

static void describe(FILE *to, const struct thaw_plan *plan, int limit)
{
    fprintf(to, "%s %s %d %d\n", thaw_dnnl_version(), thaw_dnnl_isa(), thaw_par_threads(), limit);
    for (int i = 0; i < plan->n_ops; i++) {
        const struct thaw_op *op = &plan->ops[i];
        const struct thaw_value *in = &plan->values[op->in[0]], *out = &plan->values[op->out];
        fprintf(to, "%s %d %d %d %d %d %d %d %d %d", op->kind->name, in->channels_last, in->type,
                in->shape.h, in->shape.w, in->shape.c, out->type, out->shape.h, out->shape.w,
                out->shape.c);
        if (op->kind == &thaw_op_linear) {
            const struct thaw_linear *l = op->conf;
            fprintf(to, " %d %d %d %d", l->kh, l->kw, l->groups, op->addend >= 0);
            if (op->then)
                fprintf(to, " then %d", ((const struct thaw_linear *)op->then->conf)->kh);
        }
        fputc('\n', to);
    }
}

/* A name of the question; empty when there is no memory for it. */
static void key_of(const struct thaw_plan *plan, int limit, char key[THAW_HASH_TEXT])
{
    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);
    key[0] = 0;
    if (!to)
        return;
    describe(to, plan, limit);
    if (fclose(to) == 0)
        thaw_hash_bytes(text, size, key);
    free(text);
}

/* The caller frees; NULL where there is no home. */
static char *folder(void)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    return cache && *cache == '/' ? thaw_format(NULL, "%s/thaw", cache)
           : home && *home        ? thaw_format(NULL, "%s/.cache/thaw", home)
                                  : NULL;
}

/* 0 when it is not known. */
static int recall(const char *path, const char *key, int limit)
{
    unsigned char *data;
    size_t size;
    int n = 0;
    if (thaw_file_read(path, LARGEST_FILE, &data, &size, NULL))
        return 0;
    const char *line = strstr((const char *)data, key);
    if (line)
        n = atoi(line + strlen(key));
    free(data);
    return n >= 1 && n <= limit ? n : 0;
}

/* One line in one write, so that two runs do not mix theirs. */
static void remember(const char *dir, const char *path, const char *key, int n)
{
    char line[LINE];
    int size = snprintf(line, sizeof line, "%s %d\n", key, n);
    if (thaw_dir_make(dir, NULL))
        return;
    int file = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
    if (file < 0)
        return;
    if (write(file, line, (size_t)size) != size)
        (void)!ftruncate(file, 0); /* a full disk: better nothing than half a line */
    close(file);
}

/* --- the measurement --- */

/* Seconds for all samples; negative when they cannot be run. */
static double seconds(const struct thaw_plan *plan, int n, int samples, const float *x, float *y)
{
    struct thaw_team *team = thaw_team_create(plan, samples, n, NULL);
    double taken = -1;
    if (team && thaw_team_infer(team, x, (size_t)samples, y, NULL) == 0) { /* caches were cold */
        double begun = thaw_clock();
        if (thaw_team_infer(team, x, (size_t)samples, y, NULL) == 0)
            taken = thaw_clock() - begun;
    }
    thaw_team_free(team);
    return taken;
}

/* Doubles the number until it has become clearly slower. times: the shortest so far of 2^i samples,
 * 0 where there is none. */
static void sweep(const struct thaw_plan *plan, int limit, const float *x, float *y,
                  double times[MOST])
{
    double least = 0;
    for (int i = limit < 2 ? 0 : 1; i < MOST && 1 << i <= limit; i++) {
        double taken = seconds(plan, 1 << i, limit, x, y);
        if (taken < 0 || (least > 0 && taken > 1.25 * least))
            break;
        least = least > 0 && least < taken ? least : taken;
        times[i] = times[i] > 0 && times[i] < taken ? times[i] : taken;
    }
}

/* Several sweeps, because what else the machine does comes and goes. */
static int measure(const struct thaw_plan *plan, int limit)
{
    size_t in = thaw_shape_count(plan->values[plan->input].shape);
    size_t out = thaw_shape_count(plan->values[plan->output].shape);
    float *x = thaw_new_aligned((size_t)limit * in, sizeof *x, NULL);
    float *y = thaw_new_aligned((size_t)limit * out, sizeof *y, NULL);
    double times[MOST] = {0};
    int best = -1;
    for (int i = 0; x && y && i < SWEEPS; i++)
        sweep(plan, limit, x, y, times);
    for (int i = 0; i < MOST; i++)
        if (times[i] > 0 && (best < 0 || times[i] < times[best]))
            best = i;
    free(x);
    free(y);
    return best < 0 ? 0 : 1 << best;
}

int thaw_tune_batch(const struct thaw_plan *plan, int batch, size_t samples)
{
    char key[THAW_HASH_TEXT];
    if (plan->winograd)
        return batch;
    if (samples < WORTH_MEASURING || batch < 2)
        return 0;
    key_of(plan, batch, key);
    char *dir = folder();
    char *path = dir && *key ? thaw_format(NULL, "%s/micro-batches", dir) : NULL;
    int known = path ? recall(path, key, batch) : 0;
    int best = known ? known : measure(plan, batch);
    if (path && best && !known)
        remember(dir, path, key, best);
    free(dir);
    free(path);
    return best;
}
