/* Progress of long work on stderr: one line that renews itself on a terminal, a plain line now and
 * then elsewhere. Not for several threads at once. */
#ifndef THAW_APPS_PROGRESS_H
#define THAW_APPS_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>

struct thaw_progress {
    const char *what;
    const char *unit; /* "images" unless set after begin */
    size_t total, done;
    double begun, shown; /* seconds of the monotonic clock */
    bool terminal, drawn;
};

/* `what` is borrowed: "reading", "epoch 3/10". total 0: not known. Shows nothing yet. */
void thaw_progress_begin(struct thaw_progress *p, const char *what, size_t total);

/* `done` of `total`; `note` (NULL: none) stands at the end, e.g. "loss 0.41, accuracy 0.87". On a
 * terminal the line is drawn at most ten times a second; elsewhere a line appears every ten
 * seconds. */
void thaw_progress_update(struct thaw_progress *p, size_t done, const char *note);

/* Takes the line away on a terminal; prints nothing. Whoever wants a lasting line prints it after
 * this. */
void thaw_progress_end(struct thaw_progress *p);

/* "12 s", "3 min 05 s", "1 h 02 min" */
void thaw_progress_time(double seconds, char *text, size_t size);

/* Seconds of the monotonic clock. */
double thaw_progress_clock(void);

#endif
