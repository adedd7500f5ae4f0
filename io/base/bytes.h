/* Unsigned numbers of up to 8 bytes as files hold them, whatever the order of this machine. */
#ifndef THAW_IO_BASE_BYTES_H
#define THAW_IO_BASE_BYTES_H

#include <stddef.h>
#include <stdint.h>

/* The highest byte first. */
static inline uint64_t thaw_big_endian(const unsigned char *at, size_t bytes)
{
    uint64_t value = 0;
    for (size_t i = 0; i < bytes; i++)
        value = value << 8 | at[i];
    return value;
}

/* The lowest byte first. */
static inline uint64_t thaw_little_endian(const unsigned char *at, size_t bytes)
{
    uint64_t value = 0;
    for (size_t i = bytes; i-- > 0;)
        value = value << 8 | at[i];
    return value;
}

#endif
