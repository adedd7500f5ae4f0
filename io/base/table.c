#include "io/base/table.h"

#include <stdio.h>
#include <string.h>

static const char *name_of(const void *entry)
{
    const char *name;
    memcpy(&name, entry, sizeof name);
    return name;
}

/* The names, separated by ", ", cut to fit. */
static void list_names(const void *table, char *text, size_t size)
{
    size_t used = 0;
    text[0] = 0;
    for (const void *const *entry = table; *entry && used < size; entry++)
        used +=
            (size_t)snprintf(text + used, size - used, "%s%s", used ? ", " : "", name_of(*entry));
}

const void *thaw_table_find(const void *table, const char *name, const char *what,
                            struct thaw_error *err)
{
    for (const void *const *entry = table; *entry; entry++)
        if (strcmp(name_of(*entry), name) == 0)
            return *entry;
    char known[512];
    list_names(table, known, sizeof known);
    thaw_fail(err, THAW_EUSAGE, "unknown %s '%s'; known: %s", what, name, known);
    return NULL;
}
