/* Data sets made of others. */
#include <stdlib.h>
#include <string.h>

#include "io/base/mem.h"
#include "vision/dataset.h"

static int copy_image(struct thaw_dataset *data, const struct thaw_dataset_image *from,
                      struct thaw_error *err)
{
    size_t classes = (size_t)data->n_classes;
    struct thaw_dataset_image *image = &data->images[data->n++];
    image->label = from->label;
    image->none = from->none;
    if (data->by_label && !(image->has = thaw_new(classes, sizeof *image->has, err)))
        return -1;
    if (data->by_label)
        memcpy(image->has, from->has, classes * sizeof *image->has);
    image->path = thaw_strdup(from->path, err);
    image->relative = thaw_strdup(from->relative, err);
    image->group = from->group ? thaw_strdup(from->group, err) : NULL;
    return image->path && image->relative && (image->group || !from->group) ? 0 : -1;
}

int thaw_dataset_pick(struct thaw_dataset *data, const struct thaw_dataset *from, const bool *take,
                      struct thaw_error *err)
{
    size_t n = 0;
    for (size_t i = 0; i < from->n; i++)
        n += take[i];
    *data = (struct thaw_dataset){.by_label = from->by_label};
    data->root = thaw_strdup(from->root, err);
    data->classes = thaw_new((size_t)from->n_classes, sizeof *data->classes, err);
    data->images = thaw_new(n, sizeof *data->images, err);
    bool done = data->root && data->classes && data->images;
    for (int c = 0; done && c < from->n_classes; c++)
        done = (data->classes[data->n_classes++] = thaw_strdup(from->classes[c], err)) != NULL;
    for (size_t i = 0; done && i < from->n; i++)
        done = !take[i] || copy_image(data, &from->images[i], err) == 0;
    if (!done)
        thaw_dataset_release(data);
    return done ? 0 : -1;
}

int thaw_dataset_join(struct thaw_dataset *data, struct thaw_dataset *more, struct thaw_error *err)
{
    size_t images = data->n, lost = data->n_lost;
    if (thaw_grow(&data->images, &images, data->n + more->n, sizeof *data->images, err) ||
        thaw_grow(&data->lost, &lost, data->n_lost + more->n_lost, sizeof *data->lost, err))
        return -1;
    if (more->n)
        memcpy(data->images + data->n, more->images, more->n * sizeof *data->images);
    if (more->n_lost)
        memcpy(data->lost + data->n_lost, more->lost, more->n_lost * sizeof *data->lost);
    data->n += more->n;
    data->n_lost += more->n_lost;
    more->n = more->n_lost = 0;
    return 0;
}
