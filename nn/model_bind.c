#include <stdlib.h>
#include <string.h>

#include "io/base/mem.h"
#include "nn/model_bind.h"

/* --- lists --- */

int thaw_wants_add(struct thaw_wants *wants, const struct thaw_node *node, struct thaw_param *param,
                   const char *layer, struct thaw_error *err)
{
    if (thaw_grow(&wants->items, &wants->capacity, wants->n + 1, sizeof *wants->items, err) < 0)
        return -1;
    wants->items[wants->n++] = (struct thaw_want){.layer = layer, .node = node, .param = param};
    return 0;
}

void thaw_wants_release(struct thaw_wants *wants)
{
    free(wants->items);
    *wants = (struct thaw_wants){0};
}

void thaw_problem(struct thaw_problems *p, const char *text)
{
    size_t used = strlen(p->text), more = strlen(text);
    p->n++;
    if (used + more + 2 >= sizeof p->text)
        return;
    if (used)
        strcat(p->text, "; ");
    strcat(p->text, text);
    p->shown++;
}

int thaw_problems_fail(const struct thaw_problems *p, struct thaw_error *err)
{
    if (p->n == 0)
        return 0;
    if (p->n > p->shown)
        return thaw_fail(err, THAW_EINPUT, "the weights do not fit the layers: %s; and %d more",
                         p->text, p->n - p->shown);
    return thaw_fail(err, THAW_EINPUT, "the weights do not fit the layers: %s", p->text);
}

/* --- one group --- */

static void dims_text(const long *dims, int rank, char *text, size_t size)
{
    size_t used = (size_t)snprintf(text, size, "[");
    for (int i = 0; i < rank && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%ld", i ? "," : "", dims[i]);
    if (used < size)
        snprintf(text + used, size - used, "]");
}

static bool fits(const struct thaw_param *param, const struct thaw_tensor *tensor)
{
    bool same = param->rank == tensor->rank;
    for (int i = 0; same && i < param->rank; i++)
        same = param->dims[i] == tensor->dims[i];
    return same;
}

/* Does the tensor's name end in [layer/]role, as Keras 2 ("conv1/kernel:0") and 3 ("conv1/kernel",
 * "kernel") name it? */
static bool name_agrees(const struct thaw_want *want, const char *name)
{
    const char *colon = strrchr(name, ':');
    size_t length = colon ? (size_t)(colon - name) : strlen(name);
    const char *role = want->param->role;
    size_t n = strlen(role);
    if (length < n || strncmp(name + length - n, role, n)) {
        /* Keras 3 calls a depthwise kernel "kernel". */
        role = "kernel";
        n = strlen(role);
        if (strcmp(want->param->role, "depthwise_kernel") || length < n ||
            strncmp(name + length - n, role, n))
            return false;
    }
    length -= n;
    if (length == 0)
        return true;
    if (name[--length] != '/')
        return false;
    n = strlen(want->layer);
    return length >= n && !strncmp(name + length - n, want->layer, n) &&
           (length == n || name[length - n - 1] == '/');
}

static void report_count(const struct thaw_wants *wants, const char *layer,
                         const struct thaw_keras_group *group, struct thaw_problems *problems)
{
    char text[400], have[240] = "", dims[64];
    size_t shown = group->n_tensors < 3 ? group->n_tensors : 3;
    for (size_t i = 0; i < shown; i++) {
        const struct thaw_tensor *t = &group->tensors[i];
        size_t used = strlen(have);
        dims_text(t->dims, t->rank, dims, sizeof dims);
        snprintf(have + used, sizeof have - used, "%s%.40s %.30s", i ? ", " : "", t->name, dims);
    }
    snprintf(text, sizeof text, "layer %.80s needs %zu tensors, the file has %zu%s%s%s%s", layer,
             wants->n, group->n_tensors, shown ? " (" : "", have,
             shown < group->n_tensors ? ", ..." : "", shown ? ")" : "");
    thaw_problem(problems, text);
}

/* Weights without memory are left in the file, if they stand there as they are. */
static int fill(struct thaw_param *p, const struct thaw_tensor *t, struct thaw_error *err)
{
    if (!p->data && !t->data) {
        p->place = t->place;
        return 0;
    }
    if (!p->data && !(p->data = thaw_new_aligned(p->count, sizeof *p->data, err)))
        return -1;
    return thaw_tensor_read(t, p->data, err);
}

/* Position is the rule, as in Keras; names are counted for the notes only. */
int thaw_bind_group(const struct thaw_wants *wants, const char *layer,
                    const struct thaw_keras_group *group, struct thaw_problems *problems,
                    struct thaw_bound *bound, struct thaw_error *err)
{
    if (group->n_tensors != wants->n) {
        report_count(wants, layer, group, problems);
        return 0;
    }
    for (size_t i = 0; i < wants->n; i++) {
        const struct thaw_want *want = &wants->items[i];
        const struct thaw_tensor *tensor = &group->tensors[i];
        if (!fits(want->param, tensor)) {
            char text[520], have[80], need[80];
            dims_text(tensor->dims, tensor->rank, have, sizeof have);
            dims_text(want->param->dims, want->param->rank, need, sizeof need);
            snprintf(text, sizeof text, "%.100s in group %.60s is %s, layer %.80s needs %s %s",
                     tensor->name, group->name, have, want->node->name, want->param->role, need);
            thaw_problem(problems, text);
            continue;
        }
        if (fill(want->param, tensor, err))
            return -1;
        bound->tensors++;
        bound->values += want->param->count;
        bound->renamed += !name_agrees(want, tensor->name);
    }
    return 0;
}

void thaw_bound_note(const struct thaw_bound *bound, size_t layers, struct thaw_model_notes *notes)
{
    thaw_model_note(notes, "%zu tensors of %zu layers bound, %zu values", bound->tensors, layers,
                    bound->values);
    if (bound->renamed)
        thaw_model_note(notes,
                        "%zu tensors have other names than their layers would give them; taken by "
                        "position, as Keras does",
                        bound->renamed);
}
