/* Packs of reference data under tests/refs: a row of entries, each one line "NAME SIZE_A SIZE_B
 * NUMBER..." followed by SIZE_A and SIZE_B bytes. The script beside a pack says what they mean. */
#ifndef THAW_TESTS_PACK_H
#define THAW_TESTS_PACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum { THAW_PACK_NUMBERS = 12 };

struct thaw_pack_entry {
    char name[64];
    unsigned char *a, *b; /* malloc, of just that size (one byte when empty) */
    size_t a_size, b_size;
    double numbers[THAW_PACK_NUMBERS];
    int n_numbers;
};

/* The next entry of an open pack; false at its end, or when it is damaged. */
bool thaw_pack_next(FILE *pack, struct thaw_pack_entry *entry);
void thaw_pack_release(struct thaw_pack_entry *entry);

#endif
