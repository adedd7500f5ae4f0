#include "nn/tune.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "io/base/file.h"
#include "io/base/mem.h"
#include "io/base/par.h"
#include "nn/dnnl/prim.h"
#include "nn/exec.h"
#include "nn/ops.h"

enum { WORTH_MEASURING = 256, MEASURED_SAMPLES = 32, LINE = 128, LARGEST_FILE = 1 << 20 };

/* --- what is remembered --- */

static void describe(FILE *to, const struct thaw_plan *plan, int limit)
{
    fprintf(to, "%s %s %d %d\n", thaw_dnnl_version(), thaw_dnnl_isa(), thaw_par_threads(), limit);
    for (int i = 0; i < plan->n_ops; i++) {
        const struct thaw_op *op = &plan->ops[i];
        const struct thaw_value *in = &plan->values[op->in[0]], *out = &plan->values[op->out];
        fprintf(to, "%s %d %d %d %d %d %d %d %d", op->kind->name, in->type, in->shape.h,
                in->shape.w, in->shape.c, out->type, out->shape.h, out->shape.w, out->shape.c);
        if (op->kind == &thaw_op_linear) {
            const struct thaw_linear *l = op->conf;
            fprintf(to, " %d %d %d %d", l->kh, l->kw, l->groups, op->addend >= 0);
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

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Seconds a sample, the best of a few passes; negative when it cannot be run. */
static double seconds(const struct thaw_plan *plan, int n, const float *x)
{
    struct thaw_exec *exec = thaw_exec_create(plan, n, NULL);
    struct thaw_pass pass = {.x = x, .form = THAW_NHWC, .count = n};
    int passes = MEASURED_SAMPLES / n > 2 ? MEASURED_SAMPLES / n : 2;
    double best = -1;
    for (int i = 0; exec && i <= passes; i++) {
        double begun = now();
        if (thaw_exec_forward(exec, &pass, NULL))
            break;
        double taken = (now() - begun) / n;
        if (i > 0 && (best < 0 || taken < best)) /* the first one finds cold caches */
            best = taken;
    }
    thaw_exec_free(exec);
    return best;
}

/* Doubles the number until it has become clearly slower. */
static int measure(const struct thaw_plan *plan, int limit)
{
    size_t sample = thaw_shape_count(plan->values[plan->input].shape);
    float *x = thaw_new_aligned((size_t)limit * sample, sizeof *x, NULL);
    int best = 0;
    double least = 0;
    for (int n = 1; x && n <= limit; n *= 2) {
        double taken = seconds(plan, n, x);
        if (taken < 0 || (best && taken > 1.25 * least))
            break;
        if (!best || taken < least) {
            best = n;
            least = taken;
        }
    }
    free(x);
    return best;
}

int thaw_tune_batch(const struct thaw_plan *plan, int limit, size_t samples)
{
    char key[THAW_HASH_TEXT];
    int chosen = thaw_exec_choose_batch(plan, limit);
    if (samples < WORTH_MEASURING || limit < 2)
        return chosen;
    key_of(plan, limit, key);
    char *dir = folder();
    char *path = dir && *key ? thaw_format(NULL, "%s/micro-batches", dir) : NULL;
    int known = path ? recall(path, key, limit) : 0;
    int best = known ? known : measure(plan, limit);
    if (path && best && !known)
        remember(dir, path, key, best);
    free(dir);
    free(path);
    return best ? best : chosen;
}
