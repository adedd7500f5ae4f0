/* The nearest known word to one that was mistyped. */
#ifndef THAW_APPS_SUGGEST_H
#define THAW_APPS_SUGGEST_H

#include <stddef.h>

/* Starts zeroed but for `word`. */
struct thaw_suggest {
    const char *word;
    const char *best; /* NULL while nothing is near enough; borrowed */
    size_t distance;
};

/* Takes the candidate when it is nearer than those before: in letters put in, left out, changed or
 * swapped with the next (Damerau's distance), and at most a third of the word. A candidate that
 * begins with the word is always near. */
void thaw_suggest_try(struct thaw_suggest *s, const char *candidate);

#endif
