#include "nn/stages.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/base/mem.h"

static int known_words(struct thaw_error *err, const char *word, const struct thaw_blocks *blocks)
{
    return thaw_fail(
        err, THAW_EUSAGE,
        "stage '%s': neither 'head' nor 'all' nor a number of blocks (1 to %d) nor the "
        "name of a layer; 'thaw inspect' lists blocks and layers",
        word, blocks->n);
}

/* Which nodes train, and what the stage is called. */
static int read_what(struct thaw_stage *s, const char *word, const struct thaw_graph *graph,
                     int head, const struct thaw_blocks *blocks, struct thaw_error *err)
{
    char *end;
    long n = strtol(word, &end, 10);
    if (strcmp(word, "head") == 0) {
        s->first = head;
        snprintf(s->name, sizeof s->name, "head");
    } else if (strcmp(word, "all") == 0) {
        s->first = 1;
        snprintf(s->name, sizeof s->name, "all");
    } else if (*word && !*end) {
        if (n < 1 || n > blocks->n)
            return known_words(err, word, blocks);
        s->first = blocks->starts[blocks->n - n];
        snprintf(s->name, sizeof s->name, "top %ld block%s", n, n == 1 ? "" : "s");
    } else {
        s->first = thaw_graph_find(graph, word);
        if (s->first < 1)
            return known_words(err, word, blocks);
        snprintf(s->name, sizeof s->name, "from %s", word);
    }
    return 0;
}

static int read_number(const char *key, const char *value, double min, double max, double *out,
                       struct thaw_error *err)
{
    char *end;
    *out = strtod(value, &end);
    if (end == value || *end || !(*out >= min && *out <= max))
        return thaw_fail(err, THAW_EUSAGE, "stage option %s=%s: a number from %g to %g is needed",
                         key, value, min, max);
    return 0;
}

static int read_key(struct thaw_stage *s, const char *key, const char *value,
                    struct thaw_error *err)
{
    double n = 0;
    if (strcmp(key, "schedule") == 0) {
        s->schedule = thaw_schedule_find(value, err);
        return s->schedule ? 0 : -1;
    }
    static const struct {
        const char *key;
        double min, max;
    } keys[] = {{"epochs", 1, 100000},  {"lr", 1e-9, 100},     {"decay", 1, 1000},
                {"warmup", 0, 1000},    {"patience", 0, 1000}, {"augment", 0, 1},
                {"weight_decay", 0, 10}};
    size_t i = 0, known = sizeof keys / sizeof *keys;
    while (i < known && strcmp(keys[i].key, key) != 0)
        i++;
    if (i == known)
        return thaw_fail(err, THAW_EUSAGE,
                         "unknown stage option '%s'; known: epochs, lr, decay, weight_decay, "
                         "schedule, warmup, patience, augment",
                         key);
    if (read_number(key, value, keys[i].min, keys[i].max, &n, err))
        return -1;
    switch (i) {
    case 0:
        s->epochs = (int)n;
        break;
    case 1:
        s->rate = (float)n;
        break;
    case 2:
        s->block_decay = (float)n;
        break;
    case 3:
        s->warmup = (float)n;
        break;
    case 4:
        s->patience = (int)n;
        break;
    case 5:
        s->augment = n > 0;
        break;
    default:
        s->weight_decay = (float)n;
    }
    return 0;
}

static float decay_of(const struct thaw_stage *s, int head, bool last,
                      const struct thaw_stage_defaults *d)
{
    if (s->first < head)
        return d->weight_decay;
    return last ? d->last_head_weight_decay : d->head_weight_decay;
}

static int read_stage(struct thaw_stage *s, char *text, bool last, const struct thaw_graph *graph,
                      int head, const struct thaw_blocks *blocks,
                      const struct thaw_stage_defaults *d, struct thaw_error *err)
{
    *s = (struct thaw_stage){.block_decay = d->block_decay,
                             .warmup = d->warmup,
                             .patience = d->patience,
                             .schedule = d->schedule};
    char *options = strchr(text, ':'), *rest = NULL;
    if (options)
        *options++ = 0;
    if (read_what(s, text, graph, head, blocks, err))
        return -1;
    bool thaws = s->first < head;
    s->epochs = thaws ? d->thawed_epochs : d->epochs;
    s->rate = thaws ? d->thawed_rate : d->rate;
    s->augment = thaws || d->augment_head;
    s->weight_decay = decay_of(s, head, last, d);
    for (char *pair = options ? strtok_r(options, ",", &rest) : NULL; pair;
         pair = strtok_r(NULL, ",", &rest)) {
        char *value = strchr(pair, '=');
        if (!value)
            return thaw_fail(err, THAW_EUSAGE, "stage option '%s': key=value is needed", pair);
        *value++ = 0;
        if (read_key(s, pair, value, err))
            return -1;
    }
    return 0;
}

int thaw_stages_parse(struct thaw_stages *stages, const char *text, const struct thaw_graph *graph,
                      int head, const struct thaw_blocks *blocks,
                      const struct thaw_stage_defaults *defaults, struct thaw_error *err)
{
    size_t capacity = 0;
    char *copy = thaw_strdup(text, err), *rest = NULL;
    int rc = -1;
    *stages = (struct thaw_stages){0};
    if (!copy)
        return -1;
    for (char *one = strtok_r(copy, ";", &rest); one; one = strtok_r(NULL, ";", &rest)) {
        if (thaw_grow(&stages->stages, &capacity, (size_t)stages->n + 1, sizeof *stages->stages,
                      err) ||
            read_stage(&stages->stages[stages->n], one, !rest || !*rest, graph, head, blocks,
                       defaults, err))
            goto done;
        stages->n++;
    }
    rc = stages->n ? 0 : thaw_fail(err, THAW_EUSAGE, "the list of stages is empty");
done:
    free(copy);
    if (rc)
        thaw_stages_release(stages);
    return rc;
}

void thaw_stages_release(struct thaw_stages *stages)
{
    free(stages->stages);
    *stages = (struct thaw_stages){0};
}

float thaw_stage_divisor(const struct thaw_stage *stage, int node, int head,
                         const struct thaw_blocks *blocks)
{
    if (node >= head)
        return 1;
    int below = blocks->n;
    for (int b = 0; b < blocks->n && blocks->starts[b] <= node; b++)
        below = blocks->n - b;
    return powf(stage->block_decay, (float)below);
}
