/* Ctrl-C, a request to end and a closed terminal, for commands that stop at a good place. */
#ifndef THAW_APPS_INTERRUPT_H
#define THAW_APPS_INTERRUPT_H

#include <stdbool.h>

/* From now on the first such signal is only noted; the second one ends the program as usual.
 * Signals that were ignored before (nohup) stay so. */
void thaw_interrupt_watch(void);

bool thaw_interrupted(void);

#endif
