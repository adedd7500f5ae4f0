/* Files of safetensors (https://huggingface.co/docs/safetensors): the length of a header, the
 * header as JSON, the numbers. */
#ifndef THAW_IO_SAFETENSORS_H
#define THAW_IO_SAFETENSORS_H

#include "io/torch_file.h"

/* The same values as thaw_torch_load makes of a state dict, in the order of the header; free with
 * thaw_torch_free. Types F64, F32, F16, BF16, BOOL and integers of up to 64 bits, of which U16, U32
 * and U64 are not read.
 *
 * Refused, by file, tensor and reason: a header that is longer than the file or than 100 MB, that
 * is not JSON, that has a name twice; tensors whose shape and place contradict each other, that
 * reach beyond the file, overlap, or leave bytes between them. Memory stays in proportion to the
 * file. */
struct thaw_torch_file *thaw_safetensors_load(const char *path, struct thaw_error *err);

/* True when the first bytes of a file (9 are enough) may be those of one. */
bool thaw_safetensors_sniff(const unsigned char *head, size_t size);

#endif
