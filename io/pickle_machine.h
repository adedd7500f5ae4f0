/* The stack machine behind io/pickle.h; only io/pickle*.c include this. All functions that can fail
 * set the machine's error and return -1 or NULL. */
#ifndef THAW_IO_PICKLE_MACHINE_H
#define THAW_IO_PICKLE_MACHINE_H

#include "io/pickle.h"

struct thaw_pickle_machine {
    const unsigned char *data;
    size_t size, at, steps;
    const struct thaw_pickle_instruction *now;
    const struct thaw_pickle_global *globals;
    struct thaw_pickle *out;
    size_t blocks_room, outside_room;
    struct thaw_pickle_value **stack, **memo;
    size_t depth, stack_room, n_memo, memo_room;
    size_t *marks; /* depth of the stack at each MARK */
    size_t n_marks, marks_room;
    struct thaw_error *err;
};

struct thaw_pickle_instruction {
    unsigned char code;
    const char *name; /* as in Python's pickletools; NULL ends a table */
    int (*run)(struct thaw_pickle_machine *m);
    int width;                  /* bytes of the number that follows the code; TUPLE1..3: items */
    enum thaw_pickle_kind kind; /* of what is made or changed */
};

extern const struct thaw_pickle_instruction thaw_pickle_data_instructions[];
extern const struct thaw_pickle_instruction thaw_pickle_object_instructions[];

/* "damaged pickle: INSTRUCTION at byte N WHY"; returns -1. */
int thaw_pickle_bad(struct thaw_pickle_machine *m, const char *why);

/* The next n bytes of the stream. */
int thaw_pickle_take(struct thaw_pickle_machine *m, uint64_t n, const unsigned char **bytes);
/* The unsigned number of the instruction's width that follows it. */
int thaw_pickle_operand(struct thaw_pickle_machine *m, uint64_t *n);

/* Counts steps against the limit, for work that repeats what was paid for once. */
int thaw_pickle_spend(struct thaw_pickle_machine *m, size_t steps);

struct thaw_pickle_value *thaw_pickle_make(struct thaw_pickle_machine *m,
                                           enum thaw_pickle_kind kind);
/* A NULL value fails, its error being set by who could not make it. */
int thaw_pickle_push(struct thaw_pickle_machine *m, struct thaw_pickle_value *v);
struct thaw_pickle_value *thaw_pickle_pop(struct thaw_pickle_machine *m);
struct thaw_pickle_value *thaw_pickle_pop_kind(struct thaw_pickle_machine *m,
                                               enum thaw_pickle_kind kind);
/* Depth that instructions may not go below: the last mark's. */
size_t thaw_pickle_floor(const struct thaw_pickle_machine *m);

#endif
