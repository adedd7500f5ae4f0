/* What `thaw check` finds out about a folder of scans. */
#ifndef THAW_APPS_CHECK_H
#define THAW_APPS_CHECK_H

#include <stdio.h>

#include "io/base/json.h"
#include "vision/giveaway.h"
#include "vision/pairs.h"
#include "vision/parts.h"
#include "vision/survey.h"

enum { THAW_CHECK_PARTS = THAW_PARTS }; /* what is not divided is all train */

enum thaw_check_property {
    THAW_CHECK_SIZE,
    THAW_CHECK_KIND,
    THAW_CHECK_DEPTH,
    THAW_CHECK_COLOUR,
    THAW_CHECK_BYTES,
    THAW_CHECK_BORDER,
    THAW_CHECK_TEXT,
    THAW_CHECK_PROPERTIES
};

struct thaw_check_image {
    const struct thaw_dataset_image *image;
    int part;
    int kind; /* number of its class, or of its set of labels: into the kinds of the check */
    /* Bit p: an image of part p looks like this one, or is of its patient; its own part is there.
     */
    unsigned copies_in, patient_in;
};

/* Two images that look alike. */
struct thaw_check_pair {
    size_t a, b; /* a < b */
    float alike; /* 1 for equal samples */
    bool equal, mirrored;
    bool leak, conflict; /* they stand in two parts; they differ in class or labels */
};

struct thaw_check_value {
    double value;
    size_t n; /* images that have it */
};

/* Which values of a property there are. */
struct thaw_check_values {
    struct thaw_check_value *list; /* the commonest first */
    size_t n;
};

/* How well a property tells the class, or whether a label holds (then the labels of the rule are 1
 * and 0). */
struct thaw_check_giveaway {
    struct thaw_giveaway rule;
    bool telling; /* far better than guessing, and not by chance */
};

struct thaw_check {
    const char *root;
    int frame; /* looked at of each file; 0: the middle one */
    bool divided;
    bool by_label;  /* several classes, here called labels, can hold of an image */
    char *left_out; /* folders that are no part, as "a, b"; NULL: none */
    struct thaw_dataset sets[THAW_CHECK_PARTS];
    char *groups; /* sentence on how patients were found; NULL: none were */
    struct thaw_check_image *images;
    size_t n;
    char **kinds; /* what images are said to be: class, or labels joined by ';' */
    int n_kinds;
    struct thaw_survey survey;     /* of `images` */
    struct thaw_check_pair *pairs; /* leaks first, then conflicts, then the rest; likest first */
    size_t n_pairs;
    struct thaw_check_values values[THAW_CHECK_PROPERTIES];
    /* [n_asked][properties]: what tells the class (n_asked is 1), or each of n_asked labels. */
    struct thaw_check_giveaway (*giveaways)[THAW_CHECK_PROPERTIES];
    int n_asked;
    /* Images: that cannot be read, with rows of a table without one; that show nothing; beyond the
     * first of equal ones; with a copy of another class or other labels. */
    size_t unreadable, blank, repeated, conflicts;
    /* Images of part p that have a copy, or a patient, in an earlier part. */
    size_t leaks[THAW_CHECK_PARTS], patients[THAW_CHECK_PARTS];
    size_t severe; /* sum of what must not be: unreadable, conflicts, leaks, patients */
};

struct thaw_check_options {
    const char *group_by;        /* as in `thaw train`; NULL: recognise */
    const char *columns, *roots; /* of a table; NULL: the usual */
    bool multi_label;            /* as in `thaw train` */
    const char *no_finding;      /* goes with multi_label */
    float alike;
    int frame; /* of files with several pictures, from 1; 0: the middle one */
};

/* Looks at everything in the folder or table. The caller releases, also after an error. */
int thaw_check_find(struct thaw_check *c, const char *root, const struct thaw_check_options *o,
                    struct thaw_error *err);
void thaw_check_release(struct thaw_check *c);

/* The kinds of a check whose images are listed, and that of image i. */
int thaw_check_kinds(struct thaw_check *c, struct thaw_error *err);
const char *thaw_check_kind(const struct thaw_check *c, size_t i);

/* The giveaways of a check whose images have been looked at. cluster[n]: images that belong
 * together. */
int thaw_check_giveaways(struct thaw_check *c, const size_t *cluster, struct thaw_error *err);
const char *thaw_check_property_name(enum thaw_check_property p);
/* A value of a property as people would say it: "512 x 512", "JPEG". */
void thaw_check_property_text(enum thaw_check_property p, double value, char *text, size_t size);

/* --- output --- */

void thaw_check_text(FILE *to, const struct thaw_check *c);
json_t *thaw_check_json(const struct thaw_check *c); /* a new reference, or NULL */
int thaw_check_csv(const char *path, const struct thaw_check *c, struct thaw_error *err);
/* The pairs side by side; so many at most that they fit. */
int thaw_check_sheet(const char *path, const struct thaw_check *c, struct thaw_error *err);

#endif
