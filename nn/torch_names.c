/* From Keras' names of layers to PyTorch's names of tensors. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nn/torch.h"

enum { SEEN = 3, LARGEST = 9999 };

/* --- forms --- */

/* Does the name have the form? Numbers that were seen go to `seen`. */
static bool like(const char *name, const char *form, int *seen, int n_seen)
{
    char *end;
    for (; *form; form++) {
        if (*form == '*') {
            for (; *name; name++)
                if (like(name, form + 1, seen, n_seen))
                    return true;
            return like(name, form + 1, seen, n_seen);
        }
        if (*form == '#' && n_seen < SEEN && *name >= '0' && *name <= '9') {
            long number = strtol(name, &end, 10);
            seen[n_seen++] = number > LARGEST ? LARGEST : (int)number;
            name = end;
        } else if (*form == '@' && n_seen < SEEN && *name >= 'a' && *name <= 'z') {
            seen[n_seen++] = *name++ - 'a';
        } else if (*name == *form) {
            name++;
        } else {
            return false;
        }
    }
    return !*name;
}

/* "0*2-1" between braces. Returns what follows them. */
static const char *compute(const char *text, const int values[SEEN + 2], int *result)
{
    char *end = NULL;
    int which = *text >= 'a' ? SEEN + *text - 'a' : *text - '0';
    *result = values[which];
    text++;
    if (*text == '*') {
        *result *= (int)strtol(text + 1, &end, 10);
        text = end;
    }
    if (*text == '+' || *text == '-') {
        *result += (int)strtol(text, &end, 10);
        text = end;
    }
    return text + 1;
}

static void expand(const struct thaw_torch_weights *w, const char *module, const int seen[SEEN],
                   const char *role, char name[THAW_TORCH_NAME])
{
    static const char *const roles[][2] = {{"gamma", "weight"},
                                           {"bias", "bias"},
                                           {"beta", "bias"},
                                           {"moving_mean", "running_mean"},
                                           {"moving_variance", "running_var"}};
    const char *kind = "weight";
    int values[SEEN + 2] = {seen[0], seen[1], seen[2]}, number;
    if (w->names->place)
        w->names->place(w, seen, values + SEEN);
    size_t n = (size_t)snprintf(name, THAW_TORCH_NAME, "%s", w->prefix);
    while (*module && *module != '=' && n + 16 < THAW_TORCH_NAME) {
        if (*module != '{') {
            name[n++] = *module++;
            continue;
        }
        module = compute(module + 1, values, &number);
        n += (size_t)snprintf(name + n, THAW_TORCH_NAME - n, "%d", number);
    }
    name[n] = '\0';
    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++)
        if (!strcmp(role, roles[i][0]))
            kind = roles[i][1];
    if (!*module)
        snprintf(name + n, THAW_TORCH_NAME - n, ".%s", kind);
}

const struct thaw_tensor *thaw_torch_layer(const struct thaw_torch_weights *weights,
                                           const char *layer, const char *role,
                                           char name[THAW_TORCH_NAME])
{
    char first[THAW_TORCH_NAME] = "", now[THAW_TORCH_NAME];
    const struct thaw_tensor *found = NULL;
    for (const struct thaw_torch_form *form = weights->names->forms; form->layer && !found;
         form++) {
        int seen[SEEN] = {0};
        if (!like(layer, form->layer, seen, 0))
            continue;
        expand(weights, form->module, seen, role, now);
        found = thaw_torch_find(weights->file, now);
        if (found || !*first)
            snprintf(first, sizeof first, "%s", now);
    }
    if (name)
        snprintf(name, THAW_TORCH_NAME, "%s", first);
    return found;
}

int thaw_torch_width(const struct thaw_torch_weights *weights, const char *layer)
{
    const struct thaw_tensor *t = thaw_torch_layer(weights, layer, "kernel", NULL);
    return t && t->rank >= 2 && t->count && t->dims[0] < 1 << 20 ? (int)t->dims[0] : 0;
}

/* --- names as they are --- */

const struct thaw_tensor *thaw_torch_tensor(const struct thaw_torch_weights *weights,
                                            const char *fmt, ...)
{
    char name[THAW_TORCH_NAME];
    size_t n = (size_t)snprintf(name, sizeof name, "%s", weights->prefix);
    va_list args;
    va_start(args, fmt);
    vsnprintf(name + n, sizeof name - n, fmt, args);
    va_end(args);
    return thaw_torch_find(weights->file, name);
}

bool thaw_torch_is(const struct thaw_torch_weights *weights, const char *name, int rank, long rows)
{
    const struct thaw_tensor *t = thaw_torch_tensor(weights, "%s", name);
    return t && t->rank == rank && (rows == 0 || t->dims[0] == rows);
}

void thaw_torch_stage(const struct thaw_torch_weights *weights, const int seen[3], int out[2])
{
    int left = seen[0];
    for (out[0] = 0; out[0] < 16; out[0]++)
        for (out[1] = 0; thaw_torch_tensor(weights, "blocks.%d.%d.conv_dw.weight", out[0], out[1]);
             out[1]++)
            if (left-- == 0)
                return;
}

const struct thaw_arch *
thaw_torch_arch(struct thaw_torch_weights *weights,
                struct thaw_graph *(*build)(const struct thaw_arch *,
                                            const struct thaw_arch_options *, struct thaw_error *),
                const struct thaw_arch *const *more, struct thaw_error *err)
{
    const struct thaw_arch_layers layers = {.torch = weights};
    for (int pass = 0; pass < 2; pass++)
        for (const struct thaw_arch *const *a = pass ? more : thaw_archs; a && *a; a++) {
            weights->variant = (*a)->variant;
            if ((*a)->build == build && (*a)->matches(*a, &layers))
                return *a;
        }
    weights->variant = NULL;
    thaw_fail(err, THAW_EINPUT, "widths or depths are none of the published ones");
    return NULL;
}
