/* Random changes to training pictures. One file in ops/ defines one `const struct thaw_augmentation
 * thaw_augmentation_<stem>`; a list of them has a text form. */
#ifndef THAW_VISION_AUGMENT_H
#define THAW_VISION_AUGMENT_H

#include <stddef.h>
#include <stdint.h>

#include "io/base/error.h"
#include "io/base/field.h"
#include "io/base/rng.h"
#include "vision/image.h"
#include "vision/warp.h"

struct thaw_augmentation {
    const char *name;
    const char *help;                /* one line */
    const struct thaw_field *fields; /* THAW_FIELD_FLOAT over the conf struct, with min and max */
    size_t conf_size;
    /* Exactly one of the two. A geometric operation says where the pixels of a w x h result come
     * from; neighbours in a list are joined into one map, so that the picture is sampled once. */
    struct thaw_warp (*map)(const void *conf, int width, int height, struct thaw_rng *rng);
    /* Any other changes the picture in place. `scratch` is as large; its content is free. */
    void (*apply)(const void *conf, struct thaw_image *image, struct thaw_image *scratch,
                  struct thaw_rng *rng);
};

/* Generated from the folder; NULL-ended. */
extern const struct thaw_augmentation *const thaw_augmentations[];

struct thaw_augment_step {
    const struct thaw_augmentation *op;
    void *conf; /* op->conf_size bytes */
};

struct thaw_augment {
    struct thaw_augment_step *steps;
    size_t n;
};

/* The text form: operations separated by commas, `op` or `op:key=value`, more fields of the same
 * operation as further `key=value` items; what is not given has its preset. "none" is the empty
 * list, "default" left-right flips and light changes of brightness and contrast. Example:
 * "flip:h=0.5,v=0.5,rotate:deg=10,noise". Unknown names are an error that lists the known ones;
 * values are checked. The caller releases after success. */
int thaw_augment_parse(struct thaw_augment *augment, const char *text, struct thaw_error *err);
/* Text that parses to the same list; every field is written. The caller frees. */
char *thaw_augment_text(const struct thaw_augment *augment, struct thaw_error *err);
void thaw_augment_release(struct thaw_augment *augment);

/* Applies the list to a picture of 0..255, which stays in that range. Random numbers depend on
 * seed, epoch, index of the image and position in the list, on nothing else. `scratch` has the
 * sides of `image` and room for its channels; the two may exchange their data. A grey picture of
 * one channel becomes what one of three equal channels would become in each. */
void thaw_augment_apply(const struct thaw_augment *augment, struct thaw_image *image,
                        struct thaw_image *scratch, uint64_t seed, uint32_t epoch, uint32_t index);

#endif
