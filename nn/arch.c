#include "nn/arch.h"

#include <stdio.h>
#include <string.h>

const struct thaw_arch *thaw_arch_find(const char *name, struct thaw_error *err)
{
    char known[400] = "";
    for (int i = 0; thaw_archs[i]; i++) {
        if (!strcmp(thaw_archs[i]->name, name))
            return thaw_archs[i];
        size_t used = strlen(known);
        snprintf(known + used, sizeof known - used, "%s%s", i ? ", " : "", thaw_archs[i]->name);
    }
    thaw_fail(err, THAW_EUSAGE, "network family %s is not known; known are: %s", name, known);
    return NULL;
}

const struct thaw_arch *thaw_arch_of(const struct thaw_graph *graph)
{
    for (int i = 0; thaw_archs[i]; i++)
        if (thaw_archs[i]->matches(graph))
            return thaw_archs[i];
    return NULL;
}
