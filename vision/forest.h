/* Nearest neighbours among many keys without comparing all of them: a forest of random projection
 * trees (Dasgupta and Freund, "Random projection trees and low dimensional manifolds", STOC 2008;
 * here with cuts between two random points at the median). Alike pictures share a leaf of some tree
 * though all pictures of a set look alike: the cuts follow the data. */
#ifndef THAW_VISION_FOREST_H
#define THAW_VISION_FOREST_H

#include <stddef.h>
#include <stdint.h>

#include "io/base/error.h"
#include "vision/likeness.h"

enum { THAW_FOREST_NEAREST = 12 };

/* The keys of one picture. */
struct thaw_forest_keys {
    int8_t part[THAW_LIKENESS_PARTS][THAW_LIKENESS_KEY];
};

struct thaw_neighbour {
    uint32_t other;     /* index of the picture; UINT32_MAX ends a shorter list */
    int16_t alike;      /* cosine of the keys * 1000 */
    uint8_t part;       /* of this picture and */
    uint8_t other_part; /* of the other one: enum thaw_likeness_part */
    bool mirrored;      /* the other one has to be mirrored */
};

/* nearest[n][THAW_FOREST_NEAREST] becomes, for each picture, others whose keys have a cosine of at
 * least `least`, the most alike first, equal ones by their index: the nearest ones, save for those
 * that no tree put beside it. Whole is compared with whole, and whole with inner, each also
 * mirrored. Time grows as n log n, memory as n. The result depends on the arguments alone, not on
 * threads. */
int thaw_forest_search(const struct thaw_forest_keys *keys, size_t n, float least,
                       struct thaw_neighbour (*nearest)[THAW_FOREST_NEAREST],
                       struct thaw_error *err);

#endif
