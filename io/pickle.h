/* A restricted reader of Python pickles (PEP 307, PEP 3154; the binary instructions of protocols 2
 * to 5): a stream becomes a tree of plain values. Nothing is ever called or imported: a call stays
 * in the tree as a value that says what would have been called with what, and only the globals that
 * the caller lists can be named at all. Everything else is refused by name.
 *
 * A hostile stream costs time and memory in proportion to its own size, up to a fixed number of
 * steps. Values may share parts or contain themselves: who walks the tree must not do so blindly.
 */
#ifndef THAW_IO_PICKLE_H
#define THAW_IO_PICKLE_H

#include <stddef.h>
#include <stdint.h>

#include "io/base/error.h"

enum thaw_pickle_use {
    THAW_PICKLE_NAMED,  /* may stand as a value, e.g. a type */
    THAW_PICKLE_CALLED, /* may also be called: gives a THAW_PICKLE_CALL */
    THAW_PICKLE_MAPPING /* a call gives a dict: of no argument, or of one list of pairs */
};

/* A global that may occur; the caller's table ends with module NULL. */
struct thaw_pickle_global {
    const char *module, *name;
    enum thaw_pickle_use use;
    int tag; /* the caller's own meaning */
};

enum thaw_pickle_kind {
    THAW_PICKLE_NONE,
    THAW_PICKLE_BOOL,
    THAW_PICKLE_INT,
    THAW_PICKLE_LONG, /* an integer of more than 64 bits: its bytes, little-endian two's complement
                       */
    THAW_PICKLE_FLOAT,
    THAW_PICKLE_TEXT,
    THAW_PICKLE_BYTES,
    THAW_PICKLE_TUPLE,
    THAW_PICKLE_LIST,
    THAW_PICKLE_DICT,   /* items: key, value, key, value ... in the order they were set */
    THAW_PICKLE_GLOBAL, /* one of the caller's */
    THAW_PICKLE_CALL,   /* global = what is called, inner = the tuple of arguments */
    THAW_PICKLE_OUTSIDE /* a persistent id (an object kept outside the stream): inner = the id */
};

struct thaw_pickle_value {
    enum thaw_pickle_kind kind;
    union {
        int64_t integer; /* BOOL, INT */
        double number;   /* FLOAT */
        const struct thaw_pickle_global *global;
    };
    char *text;  /* TEXT, BYTES, LONG; a zero byte follows, others may be inside */
    size_t size; /* of text */
    struct thaw_pickle_value *inner;
    struct thaw_pickle_value **items; /* TUPLE, LIST, DICT */
    size_t n_items, room;
};

struct thaw_pickle {
    struct thaw_pickle_value *root;
    struct thaw_pickle_value *
        *outside; /* every OUTSIDE value of the stream, also the unreachable */
    size_t n_outside;
    struct thaw_pickle_value **blocks; /* where the values live */
    size_t n_values;
};

/* Reads one pickle at the start of `data`; *used is its length. Errors name the instruction and its
 * place, not the file. The caller frees; the values point into the result and into `globals`. */
struct thaw_pickle *thaw_pickle_parse(const unsigned char *data, size_t size, size_t *used,
                                      const struct thaw_pickle_global *globals,
                                      struct thaw_error *err);
void thaw_pickle_free(struct thaw_pickle *pickle);

/* The value of a dict under a text key (the last one set), or NULL. */
const struct thaw_pickle_value *thaw_pickle_find(const struct thaw_pickle_value *dict,
                                                 const char *key);

/* A text of at most 80 bytes for error messages, with everything but printable ASCII as '?'. */
enum { THAW_PICKLE_SHOWN = 81 };
const char *thaw_pickle_show(const char *text, size_t size, char shown[THAW_PICKLE_SHOWN]);

#endif
