/* Instructions that make plain values, and the machine's stack and memo. */
#include <string.h>

#include "io/base/bytes.h"
#include "io/base/mem.h"
#include "io/pickle_machine.h"

/* Moves the stack's top, from `from` on, to the end of the container's items. */
static int move_items(struct thaw_pickle_machine *m, struct thaw_pickle_value *v, size_t from)
{
    size_t n = m->depth - from;
    if (n == 0)
        return 0;
    if (thaw_grow(&v->items, &v->room, v->n_items + n, sizeof(*v->items), m->err))
        return -1;
    memcpy(v->items + v->n_items, m->stack + from, n * sizeof(*v->items));
    v->n_items += n;
    m->depth = from;
    return 0;
}

static int pop_mark(struct thaw_pickle_machine *m, size_t *from)
{
    if (m->n_marks == 0)
        return thaw_pickle_bad(m, "finds no mark");
    *from = m->marks[--m->n_marks];
    return 0;
}

static int run_mark(struct thaw_pickle_machine *m)
{
    if (thaw_grow(&m->marks, &m->marks_room, m->n_marks + 1, sizeof *m->marks, m->err))
        return -1;
    m->marks[m->n_marks++] = m->depth;
    return 0;
}

static int run_pop_mark(struct thaw_pickle_machine *m)
{
    return pop_mark(m, &m->depth);
}

static int run_pop(struct thaw_pickle_machine *m)
{
    return thaw_pickle_pop(m) ? 0 : -1;
}

static int run_dup(struct thaw_pickle_machine *m)
{
    struct thaw_pickle_value *v = thaw_pickle_pop(m);
    return v ? thaw_pickle_push(m, v) || thaw_pickle_push(m, v) ? -1 : 0 : -1;
}

static int run_stop(struct thaw_pickle_machine *m)
{
    return (m->out->root = thaw_pickle_pop(m)) ? 0 : -1;
}

static int run_protocol(struct thaw_pickle_machine *m)
{
    uint64_t version = 0;
    if (thaw_pickle_operand(m, &version))
        return -1;
    return version <= 5 ? 0 : thaw_pickle_bad(m, "names a protocol above 5");
}

/* Frames only say how much to read ahead. */
static int run_frame(struct thaw_pickle_machine *m)
{
    uint64_t length = 0;
    return thaw_pickle_operand(m, &length);
}

/* NONE, and the empty containers. */
static int run_empty(struct thaw_pickle_machine *m)
{
    return thaw_pickle_push(m, thaw_pickle_make(m, m->now->kind));
}

static int push_integer(struct thaw_pickle_machine *m, enum thaw_pickle_kind kind, int64_t n)
{
    struct thaw_pickle_value *v = thaw_pickle_make(m, kind);
    if (v)
        v->integer = n;
    return thaw_pickle_push(m, v);
}

static int run_true(struct thaw_pickle_machine *m)
{
    return push_integer(m, THAW_PICKLE_BOOL, 1);
}

static int run_false(struct thaw_pickle_machine *m)
{
    return push_integer(m, THAW_PICKLE_BOOL, 0);
}

/* One and two bytes are unsigned, four are signed. */
static int run_int(struct thaw_pickle_machine *m)
{
    uint64_t n = 0;
    if (thaw_pickle_operand(m, &n))
        return -1;
    return push_integer(m, THAW_PICKLE_INT, m->now->width == 4 ? (int32_t)n : (int64_t)n);
}

static int push_text(struct thaw_pickle_machine *m, enum thaw_pickle_kind kind, const void *bytes,
                     size_t size)
{
    struct thaw_pickle_value *v = thaw_pickle_make(m, kind);
    if (!v || !(v->text = thaw_new(size + 1, 1, m->err)))
        return -1;
    memcpy(v->text, bytes, size);
    v->size = size;
    return thaw_pickle_push(m, v);
}

static int run_text(struct thaw_pickle_machine *m)
{
    const unsigned char *bytes = NULL;
    uint64_t n = 0;
    if (thaw_pickle_operand(m, &n) || thaw_pickle_take(m, n, &bytes))
        return -1;
    return push_text(m, m->now->kind, bytes, (size_t)n);
}

static int run_long(struct thaw_pickle_machine *m)
{
    const unsigned char *bytes = NULL;
    uint64_t n = 0;
    if (thaw_pickle_operand(m, &n) || thaw_pickle_take(m, n, &bytes))
        return -1;
    if (n > 8)
        return push_text(m, THAW_PICKLE_LONG, bytes, (size_t)n);
    uint64_t bits = thaw_little_endian(bytes, (size_t)n);
    if (n > 0 && n < 8 && bytes[n - 1] & 0x80)
        bits |= UINT64_MAX << (8 * n);
    return push_integer(m, THAW_PICKLE_INT, (int64_t)bits);
}

static int run_float(struct thaw_pickle_machine *m)
{
    const unsigned char *bytes = NULL;
    if (thaw_pickle_take(m, 8, &bytes))
        return -1;
    uint64_t bits = thaw_big_endian(bytes, 8); /* unlike everything else */
    struct thaw_pickle_value *v = thaw_pickle_make(m, THAW_PICKLE_FLOAT);
    if (v)
        memcpy(&v->number, &bits, sizeof bits);
    return thaw_pickle_push(m, v);
}

/* TUPLE, LIST, DICT: all that stands above the mark. */
static int run_collect(struct thaw_pickle_machine *m)
{
    size_t from = 0;
    if (pop_mark(m, &from))
        return -1;
    if (m->now->kind == THAW_PICKLE_DICT && (m->depth - from) % 2)
        return thaw_pickle_bad(m, "finds a key without a value");
    struct thaw_pickle_value *v = thaw_pickle_make(m, m->now->kind);
    return v && move_items(m, v, from) == 0 ? thaw_pickle_push(m, v) : -1;
}

static int run_small_tuple(struct thaw_pickle_machine *m)
{
    size_t n = (size_t)m->now->width, floor = thaw_pickle_floor(m);
    if (m->depth - floor < n)
        return thaw_pickle_bad(m, "finds too few values on the stack");
    struct thaw_pickle_value *v = thaw_pickle_make(m, THAW_PICKLE_TUPLE);
    return v && move_items(m, v, m->depth - n) == 0 ? thaw_pickle_push(m, v) : -1;
}

/* Puts the values from `from` on into the list or dict below them. */
static int add(struct thaw_pickle_machine *m, size_t from)
{
    size_t floor = thaw_pickle_floor(m);
    if (from <= floor || from > m->depth)
        return thaw_pickle_bad(m, "finds too few values on the stack");
    struct thaw_pickle_value *v = m->stack[from - 1];
    if (v->kind != m->now->kind)
        return thaw_pickle_bad(m, "finds a value of the wrong kind");
    if (v->kind == THAW_PICKLE_DICT && (m->depth - from) % 2)
        return thaw_pickle_bad(m, "finds a key without a value");
    return move_items(m, v, from);
}

static int run_add_one(struct thaw_pickle_machine *m)
{
    size_t n = m->now->kind == THAW_PICKLE_DICT ? 2 : 1;
    return m->depth < n ? thaw_pickle_bad(m, "finds too few values on the stack")
                        : add(m, m->depth - n);
}

static int run_add_all(struct thaw_pickle_machine *m)
{
    size_t from = 0;
    return pop_mark(m, &from) ? -1 : add(m, from);
}

static int remember(struct thaw_pickle_machine *m, uint64_t place)
{
    struct thaw_pickle_value *v = thaw_pickle_pop(m);
    if (!v || thaw_pickle_push(m, v))
        return -1;
    if (place > m->steps) /* writers count up, so no place can be far ahead of the steps done */
        return thaw_pickle_bad(m, "names a memo place that no writer would");
    if (thaw_grow(&m->memo, &m->memo_room, (size_t)place + 1, sizeof *m->memo, m->err))
        return -1;
    m->memo[place] = v;
    if (place >= m->n_memo)
        m->n_memo = (size_t)place + 1;
    return 0;
}

static int run_put(struct thaw_pickle_machine *m)
{
    uint64_t place = 0;
    return thaw_pickle_operand(m, &place) ? -1 : remember(m, place);
}

static int run_memoize(struct thaw_pickle_machine *m)
{
    return remember(m, m->n_memo);
}

static int run_get(struct thaw_pickle_machine *m)
{
    uint64_t place = 0;
    if (thaw_pickle_operand(m, &place))
        return -1;
    if (place >= m->n_memo || !m->memo[place])
        return thaw_pickle_bad(m, "names an empty memo place");
    return thaw_pickle_push(m, m->memo[place]);
}

const struct thaw_pickle_instruction thaw_pickle_data_instructions[] = {
    {0x80, "PROTO", run_protocol, 1, 0},
    {0x95, "FRAME", run_frame, 8, 0},
    {'.', "STOP", run_stop, 0, 0},
    {'(', "MARK", run_mark, 0, 0},
    {'0', "POP", run_pop, 0, 0},
    {'1', "POP_MARK", run_pop_mark, 0, 0},
    {'2', "DUP", run_dup, 0, 0},
    {'N', "NONE", run_empty, 0, THAW_PICKLE_NONE},
    {0x88, "NEWTRUE", run_true, 0, THAW_PICKLE_BOOL},
    {0x89, "NEWFALSE", run_false, 0, THAW_PICKLE_BOOL},
    {'K', "BININT1", run_int, 1, THAW_PICKLE_INT},
    {'M', "BININT2", run_int, 2, THAW_PICKLE_INT},
    {'J', "BININT", run_int, 4, THAW_PICKLE_INT},
    {0x8a, "LONG1", run_long, 1, THAW_PICKLE_LONG},
    {0x8b, "LONG4", run_long, 4, THAW_PICKLE_LONG},
    {'G', "BINFLOAT", run_float, 0, THAW_PICKLE_FLOAT},
    {0x8c, "SHORT_BINUNICODE", run_text, 1, THAW_PICKLE_TEXT},
    {'X', "BINUNICODE", run_text, 4, THAW_PICKLE_TEXT},
    {0x8d, "BINUNICODE8", run_text, 8, THAW_PICKLE_TEXT},
    {'U', "SHORT_BINSTRING", run_text, 1, THAW_PICKLE_TEXT}, /* Python 2's str: names there */
    {'T', "BINSTRING", run_text, 4, THAW_PICKLE_TEXT},
    {'C', "SHORT_BINBYTES", run_text, 1, THAW_PICKLE_BYTES},
    {'B', "BINBYTES", run_text, 4, THAW_PICKLE_BYTES},
    {0x8e, "BINBYTES8", run_text, 8, THAW_PICKLE_BYTES},
    {')', "EMPTY_TUPLE", run_empty, 0, THAW_PICKLE_TUPLE},
    {0x85, "TUPLE1", run_small_tuple, 1, THAW_PICKLE_TUPLE},
    {0x86, "TUPLE2", run_small_tuple, 2, THAW_PICKLE_TUPLE},
    {0x87, "TUPLE3", run_small_tuple, 3, THAW_PICKLE_TUPLE},
    {'t', "TUPLE", run_collect, 0, THAW_PICKLE_TUPLE},
    {']', "EMPTY_LIST", run_empty, 0, THAW_PICKLE_LIST},
    {'l', "LIST", run_collect, 0, THAW_PICKLE_LIST},
    {'a', "APPEND", run_add_one, 0, THAW_PICKLE_LIST},
    {'e', "APPENDS", run_add_all, 0, THAW_PICKLE_LIST},
    {'}', "EMPTY_DICT", run_empty, 0, THAW_PICKLE_DICT},
    {'d', "DICT", run_collect, 0, THAW_PICKLE_DICT},
    {'s', "SETITEM", run_add_one, 0, THAW_PICKLE_DICT},
    {'u', "SETITEMS", run_add_all, 0, THAW_PICKLE_DICT},
    {'q', "BINPUT", run_put, 1, 0},
    {'r', "LONG_BINPUT", run_put, 4, 0},
    {0x94, "MEMOIZE", run_memoize, 0, 0},
    {'h', "BINGET", run_get, 1, 0},
    {'j', "LONG_BINGET", run_get, 4, 0},
    {0, NULL, NULL, 0, 0},
};
