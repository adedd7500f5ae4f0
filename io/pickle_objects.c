/* Instructions that in Python would import and call: here they only name. */
#include <stdbool.h>
#include <string.h>

#include "io/base/mem.h"
#include "io/pickle_machine.h"

static int refuse_global(struct thaw_pickle_machine *m, const char *module, size_t module_size,
                         const char *name, size_t name_size)
{
    char a[THAW_PICKLE_SHOWN], b[THAW_PICKLE_SHOWN];
    return thaw_fail(m->err, THAW_EINPUT, "calls %s.%s: refused: a state dict needs no code",
                     thaw_pickle_show(module, module_size, a),
                     thaw_pickle_show(name, name_size, b));
}

static bool equal(const char *text, size_t size, const char *known)
{
    return strlen(known) == size && memcmp(text, known, size) == 0;
}

static int push_global(struct thaw_pickle_machine *m, const char *module, size_t module_size,
                       const char *name, size_t name_size)
{
    const struct thaw_pickle_global *g = m->globals;
    while (g->module && !(equal(module, module_size, g->module) && equal(name, name_size, g->name)))
        g++;
    if (!g->module)
        return refuse_global(m, module, module_size, name, name_size);
    struct thaw_pickle_value *v = thaw_pickle_make(m, THAW_PICKLE_GLOBAL);
    if (v)
        v->global = g;
    return thaw_pickle_push(m, v);
}

static int line(struct thaw_pickle_machine *m, const char **text, size_t *size)
{
    const unsigned char *start = m->data + m->at;
    const unsigned char *end = memchr(start, '\n', m->size - m->at);
    if (!end)
        return thaw_pickle_bad(m, "runs past the end of the file");
    *text = (const char *)start;
    *size = (size_t)(end - start);
    m->at += *size + 1;
    return 0;
}

static int run_global(struct thaw_pickle_machine *m)
{
    const char *module = NULL, *name = NULL;
    size_t module_size = 0, name_size = 0;
    if (line(m, &module, &module_size) || line(m, &name, &name_size))
        return -1;
    return push_global(m, module, module_size, name, name_size);
}

static int run_stack_global(struct thaw_pickle_machine *m)
{
    struct thaw_pickle_value *name = thaw_pickle_pop_kind(m, THAW_PICKLE_TEXT);
    struct thaw_pickle_value *module = name ? thaw_pickle_pop_kind(m, THAW_PICKLE_TEXT) : NULL;
    return module ? push_global(m, module->text, module->size, name->text, name->size) : -1;
}

/* OrderedDict(), or OrderedDict([[key, value], ...]) as Python 2 writes it. */
static int push_mapping(struct thaw_pickle_machine *m, const struct thaw_pickle_value *args)
{
    struct thaw_pickle_value *v = thaw_pickle_make(m, THAW_PICKLE_DICT);
    const struct thaw_pickle_value *pairs = args->n_items ? args->items[0] : NULL;
    if (!v || !pairs)
        return thaw_pickle_push(m, v);
    if (args->n_items > 1 || pairs->kind != THAW_PICKLE_LIST)
        return thaw_pickle_bad(m, "makes a dict of something else than a list of pairs");
    /* Paid for item by item: the same list may come again and again from the memo. */
    size_t n = pairs->n_items;
    if (thaw_pickle_spend(m, n) || thaw_grow(&v->items, &v->room, 2 * n, sizeof *v->items, m->err))
        return -1;
    for (size_t i = 0; i < n; i++) {
        const struct thaw_pickle_value *pair = pairs->items[i];
        if ((pair->kind != THAW_PICKLE_LIST && pair->kind != THAW_PICKLE_TUPLE) ||
            pair->n_items != 2)
            return thaw_pickle_bad(m, "makes a dict of something else than a list of pairs");
        v->items[v->n_items++] = pair->items[0];
        v->items[v->n_items++] = pair->items[1];
    }
    return thaw_pickle_push(m, v);
}

static int run_reduce(struct thaw_pickle_machine *m)
{
    struct thaw_pickle_value *args = thaw_pickle_pop_kind(m, THAW_PICKLE_TUPLE);
    struct thaw_pickle_value *callee = args ? thaw_pickle_pop_kind(m, THAW_PICKLE_GLOBAL) : NULL;
    if (!callee)
        return -1;
    const struct thaw_pickle_global *g = callee->global;
    if (g->use == THAW_PICKLE_NAMED)
        return refuse_global(m, g->module, strlen(g->module), g->name, strlen(g->name));
    if (g->use == THAW_PICKLE_MAPPING)
        return push_mapping(m, args);
    struct thaw_pickle_value *v = thaw_pickle_make(m, THAW_PICKLE_CALL);
    if (v) {
        v->global = g;
        v->inner = args;
    }
    return thaw_pickle_push(m, v);
}

/* Attributes of an ordered dict: a state dict has "_metadata", which says nothing about the
 * weights. */
static int run_build(struct thaw_pickle_machine *m)
{
    struct thaw_pickle_value *state = thaw_pickle_pop_kind(m, THAW_PICKLE_DICT);
    struct thaw_pickle_value *dict = state ? thaw_pickle_pop_kind(m, THAW_PICKLE_DICT) : NULL;
    return dict ? thaw_pickle_push(m, dict) : -1;
}

static int run_outside(struct thaw_pickle_machine *m)
{
    struct thaw_pickle *out = m->out;
    struct thaw_pickle_value *id = thaw_pickle_pop(m);
    struct thaw_pickle_value *v = id ? thaw_pickle_make(m, THAW_PICKLE_OUTSIDE) : NULL;
    if (!v || thaw_grow(&out->outside, &m->outside_room, out->n_outside + 1, sizeof *out->outside,
                        m->err))
        return -1;
    v->inner = id;
    out->outside[out->n_outside++] = v;
    return thaw_pickle_push(m, v);
}

const struct thaw_pickle_instruction thaw_pickle_object_instructions[] = {
    {'c', "GLOBAL", run_global, 0, THAW_PICKLE_GLOBAL},
    {0x93, "STACK_GLOBAL", run_stack_global, 0, THAW_PICKLE_GLOBAL},
    {'R', "REDUCE", run_reduce, 0, THAW_PICKLE_CALL},
    {'b', "BUILD", run_build, 0, THAW_PICKLE_DICT},
    {'Q', "BINPERSID", run_outside, 0, THAW_PICKLE_OUTSIDE},
    {0, NULL, NULL, 0, 0},
};
