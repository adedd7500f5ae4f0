/* Damaged safetensors files must never end the reader with a signal; see driver.c. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "io/safetensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    struct thaw_error err = {0};
    size_t elements = 0;
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    struct thaw_torch_file *file = thaw_safetensors_load(path, &err);
    if (!file && (err.code == THAW_OK || strncmp(err.text, path, strlen(path)) != 0))
        abort(); /* every refusal says which file and why */
    for (size_t i = 0; file && i < file->n_tensors; i++)
        elements += file->tensors[i].count;
    if (elements > size)
        abort(); /* memory stays in proportion to the file */
    thaw_torch_free(file);
    close(fd);
    return 0;
}
