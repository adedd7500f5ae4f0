#include "io/pickle.h"

#include <stdlib.h>
#include <string.h>

#include "io/base/bytes.h"
#include "io/base/mem.h"
#include "io/pickle_machine.h"

/* A state dict takes about 40 steps a tensor. Every step makes at most one value, so this bounds
 * memory (some 90 MB) whatever the stream repeats, nests or copies. */
enum { MAX_STEPS = 1000000, BLOCK = 256, CODES = 256 };

/* What needs code, sets, or the text forms of protocol 0, which no writer of state dicts uses. */
static const struct thaw_pickle_instruction refused[] = {
    {'I', "INT", NULL, 0, 0},
    {'L', "LONG", NULL, 0, 0},
    {'F', "FLOAT", NULL, 0, 0},
    {'S', "STRING", NULL, 0, 0},
    {'V', "UNICODE", NULL, 0, 0},
    {'P', "PERSID", NULL, 0, 0},
    {'p', "PUT", NULL, 0, 0},
    {'g', "GET", NULL, 0, 0},
    {'i', "INST", NULL, 0, 0},
    {'o', "OBJ", NULL, 0, 0},
    {0x81, "NEWOBJ", NULL, 0, 0},
    {0x92, "NEWOBJ_EX", NULL, 0, 0},
    {0x82, "EXT1", NULL, 0, 0},
    {0x83, "EXT2", NULL, 0, 0},
    {0x84, "EXT4", NULL, 0, 0},
    {0x8f, "EMPTY_SET", NULL, 0, 0},
    {0x90, "ADDITEMS", NULL, 0, 0},
    {0x91, "FROZENSET", NULL, 0, 0},
    {0x96, "BYTEARRAY8", NULL, 0, 0},
    {0x97, "NEXT_BUFFER", NULL, 0, 0},
    {0x98, "READONLY_BUFFER", NULL, 0, 0},
    {0, NULL, NULL, 0, 0},
};

int thaw_pickle_bad(struct thaw_pickle_machine *m, const char *why)
{
    return thaw_fail(m->err, THAW_EINPUT, "damaged pickle: %s before byte %zu %s", m->now->name,
                     m->at, why);
}

int thaw_pickle_take(struct thaw_pickle_machine *m, uint64_t n, const unsigned char **bytes)
{
    if (n > m->size - m->at)
        return thaw_pickle_bad(m, "runs past the end");
    *bytes = m->data + m->at;
    m->at += (size_t)n;
    return 0;
}

int thaw_pickle_operand(struct thaw_pickle_machine *m, uint64_t *n)
{
    const unsigned char *bytes = NULL;
    if (thaw_pickle_take(m, (uint64_t)m->now->width, &bytes))
        return -1;
    *n = thaw_little_endian(bytes, (size_t)m->now->width);
    return 0;
}

int thaw_pickle_spend(struct thaw_pickle_machine *m, size_t steps)
{
    if (steps > MAX_STEPS - m->steps)
        return thaw_fail(m->err, THAW_EINPUT,
                         "pickle of more than %d steps: no state dict needs that", MAX_STEPS);
    m->steps += steps;
    return 0;
}

struct thaw_pickle_value *thaw_pickle_make(struct thaw_pickle_machine *m,
                                           enum thaw_pickle_kind kind)
{
    struct thaw_pickle *out = m->out;
    size_t block = out->n_values / BLOCK, place = out->n_values % BLOCK;
    if (place == 0 &&
        (thaw_grow(&out->blocks, &m->blocks_room, block + 1, sizeof *out->blocks, m->err) ||
         !(out->blocks[block] = thaw_new(BLOCK, sizeof **out->blocks, m->err))))
        return NULL;
    out->n_values++;
    struct thaw_pickle_value *v = out->blocks[block] + place;
    v->kind = kind;
    return v;
}

int thaw_pickle_push(struct thaw_pickle_machine *m, struct thaw_pickle_value *v)
{
    if (!v || thaw_grow(&m->stack, &m->stack_room, m->depth + 1, sizeof(*m->stack), m->err))
        return -1;
    m->stack[m->depth++] = v;
    return 0;
}

size_t thaw_pickle_floor(const struct thaw_pickle_machine *m)
{
    return m->n_marks ? m->marks[m->n_marks - 1] : 0;
}

struct thaw_pickle_value *thaw_pickle_pop(struct thaw_pickle_machine *m)
{
    if (m->depth <= thaw_pickle_floor(m)) {
        thaw_pickle_bad(m, "finds too few values on the stack");
        return NULL;
    }
    return m->stack[--m->depth];
}

struct thaw_pickle_value *thaw_pickle_pop_kind(struct thaw_pickle_machine *m,
                                               enum thaw_pickle_kind kind)
{
    struct thaw_pickle_value *v = thaw_pickle_pop(m);
    if (v && v->kind != kind) {
        thaw_pickle_bad(m, "finds a value of the wrong kind");
        return NULL;
    }
    return v;
}

static void enter(const struct thaw_pickle_instruction **by_code,
                  const struct thaw_pickle_instruction *table)
{
    for (; table->name; table++)
        by_code[table->code] = table;
}

static int run(struct thaw_pickle_machine *m)
{
    const struct thaw_pickle_instruction *by_code[CODES] = {0};
    enter(by_code, refused);
    enter(by_code, thaw_pickle_data_instructions);
    enter(by_code, thaw_pickle_object_instructions);
    while (!m->out->root) {
        if (m->at == m->size)
            return thaw_fail(m->err, THAW_EINPUT, "damaged pickle: ends without STOP");
        size_t start = m->at;
        unsigned char code = m->data[m->at++];
        m->now = by_code[code];
        if (!m->now)
            return thaw_fail(m->err, THAW_EINPUT,
                             "damaged pickle: unknown instruction 0x%02x at byte %zu", code, start);
        if (!m->now->run)
            return thaw_fail(m->err, THAW_EINPUT,
                             "pickle instruction %s at byte %zu: refused: a state dict needs only "
                             "tensors, dicts and plain values",
                             m->now->name, start);
        if (thaw_pickle_spend(m, 1) || m->now->run(m))
            return -1;
    }
    return 0;
}

struct thaw_pickle *thaw_pickle_parse(const unsigned char *data, size_t size, size_t *used,
                                      const struct thaw_pickle_global *globals,
                                      struct thaw_error *err)
{
    struct thaw_pickle_machine m = {.data = data, .size = size, .globals = globals, .err = err};
    m.out = thaw_new(1, sizeof *m.out, err);
    if (m.out && run(&m)) {
        thaw_pickle_free(m.out);
        m.out = NULL;
    }
    free(m.stack);
    free(m.memo);
    free(m.marks);
    *used = m.at;
    return m.out;
}

void thaw_pickle_free(struct thaw_pickle *pickle)
{
    if (!pickle)
        return;
    /* Over the blocks, not down the tree: values may share parts or contain themselves. */
    for (size_t i = 0; i < pickle->n_values; i++) {
        struct thaw_pickle_value *v = &pickle->blocks[i / BLOCK][i % BLOCK];
        free(v->text);
        free(v->items);
    }
    for (size_t i = 0; i * BLOCK < pickle->n_values; i++)
        free(pickle->blocks[i]);
    free(pickle->blocks);
    free(pickle->outside);
    free(pickle);
}

const struct thaw_pickle_value *thaw_pickle_find(const struct thaw_pickle_value *dict,
                                                 const char *key)
{
    for (size_t i = dict->n_items; i >= 2; i -= 2) {
        const struct thaw_pickle_value *k = dict->items[i - 2];
        if (k->kind == THAW_PICKLE_TEXT && k->size == strlen(key) &&
            memcmp(k->text, key, k->size) == 0)
            return dict->items[i - 1];
    }
    return NULL;
}

const char *thaw_pickle_show(const char *text, size_t size, char shown[THAW_PICKLE_SHOWN])
{
    size_t n = size < THAW_PICKLE_SHOWN - 1 ? size : THAW_PICKLE_SHOWN - 1;
    for (size_t i = 0; i < n; i++)
        shown[i] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
    shown[n] = 0;
    return shown;
}
