#include "tests/pack.h"

#include <stdlib.h>
#include <string.h>

/* Exactly as large as the data, so that a sanitizer sees a read beyond its end. */
static unsigned char *read_block(FILE *pack, size_t size)
{
    unsigned char *block = malloc(size ? size : 1);
    if (block && fread(block, 1, size, pack) != size) {
        free(block);
        return NULL;
    }
    return block;
}

bool thaw_pack_next(FILE *pack, struct thaw_pack_entry *entry)
{
    char line[512];
    int used;
    memset(entry, 0, sizeof *entry);
    if (!fgets(line, sizeof line, pack) ||
        sscanf(line, "%63s %zu %zu%n", entry->name, &entry->a_size, &entry->b_size, &used) != 3)
        return false;
    char *at = line + used, *end;
    for (; entry->n_numbers < THAW_PACK_NUMBERS; at = end) {
        double number = strtod(at, &end);
        if (end == at)
            break;
        entry->numbers[entry->n_numbers++] = number;
    }
    entry->a = read_block(pack, entry->a_size);
    entry->b = entry->a ? read_block(pack, entry->b_size) : NULL;
    if (!entry->b)
        thaw_pack_release(entry);
    return entry->b;
}

void thaw_pack_release(struct thaw_pack_entry *entry)
{
    free(entry->a);
    free(entry->b);
    entry->a = entry->b = NULL;
}
