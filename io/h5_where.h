/* What the files around libhdf5 share beside io/h5.h: words for errors. */
#ifndef THAW_IO_H5_WHERE_H
#define THAW_IO_H5_WHERE_H

#include "io/h5.h"

/* The path of an open object in its file, "?" when it has none. */
struct thaw_h5_where {
    char text[160];
};
struct thaw_h5_where thaw_h5_where(thaw_h5 object);

/* "damaged HDF5 file: cannot read WHAT of 'PATH'" */
int thaw_h5_damaged(struct thaw_error *err, const char *what, thaw_h5 object);

#endif
