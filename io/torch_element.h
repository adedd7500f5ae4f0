/* The element types of PyTorch storages, as bytes on disk (little-endian). */
#ifndef THAW_IO_TORCH_ELEMENT_H
#define THAW_IO_TORCH_ELEMENT_H

#include <stddef.h>

enum thaw_torch_type {
    THAW_TORCH_FLOAT,
    THAW_TORCH_DOUBLE,
    THAW_TORCH_HALF,
    THAW_TORCH_BFLOAT16,
    THAW_TORCH_LONG,
    THAW_TORCH_INT,
    THAW_TORCH_SHORT,
    THAW_TORCH_CHAR,
    THAW_TORCH_BYTE,
    THAW_TORCH_BOOL,
    THAW_TORCH_TYPES
};

struct thaw_torch_element {
    const char *name; /* of the storage type, without "Storage" */
    size_t width;     /* bytes */
    float (*read)(const unsigned char *bytes);
};

extern const struct thaw_torch_element thaw_torch_elements[THAW_TORCH_TYPES];

#endif
