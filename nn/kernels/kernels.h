/* Loops of our own, where a primitive is missing or slow. Tensors are [N][blocks][H][W][block]
 * (nn/shape.h); channels beyond C are zero in what comes in and in what goes out. Sums run in an
 * order that does not depend on the number of threads. Nothing here allocates or fails. */
#ifndef THAW_NN_KERNELS_H
#define THAW_NN_KERNELS_H

#include <stdint.h>

#include "nn/act.h"
#include "nn/kernels/arrays.h"
#include "nn/shape.h"

/* Compiles a hot loop for several instruction sets; the machine chooses when the program starts.
 * Sanitizers start too late for that. */
#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && defined(__gnu_linux__) &&   \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define THAW_HOT                                                                                   \
    __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default"), noinline))
#else
#define THAW_HOT
#endif
/* Loops written in vectors are compiled for one instruction set, helpers included (the compiler
 * takes vectors apart before it makes clones), and called only where the machine has it. */
#if defined(__GNUC__) && defined(__x86_64__)
#define THAW_TARGET_AVX512 __attribute__((target("arch=x86-64-v4")))
#define THAW_TARGET_AVX2   __attribute__((target("arch=x86-64-v3")))
static inline bool thaw_cpu_has_avx512(void)
{
    return __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl");
}
static inline bool thaw_cpu_has_avx2(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}
#else
#define THAW_TARGET_AVX512
#define THAW_TARGET_AVX2
static inline bool thaw_cpu_has_avx512(void)
{
    return true;
}
static inline bool thaw_cpu_has_avx2(void)
{
    return true;
}
#endif
#define THAW_INLINE static inline __attribute__((always_inline))

/* n samples of a value. */
struct thaw_tensor {
    size_t n, blocks, h, w, block, c;
};
struct thaw_tensor thaw_tensor_of(struct thaw_shape shape, struct thaw_layout layout, int n);
static inline size_t thaw_tensor_sample(const struct thaw_tensor *t)
{
    return t->blocks * t->h * t->w * t->block;
}
static inline size_t thaw_tensor_channels(const struct thaw_tensor *t) /* rounded up */
{
    return t->blocks * t->block;
}
/* Offset in a sample. */
static inline size_t thaw_tensor_at(const struct thaw_tensor *t, size_t y, size_t x, size_t c)
{
    return (((c / t->block) * t->h + y) * t->w + x) * t->block + c % t->block;
}

/* Writes zeros to the channels beyond C. */
void thaw_kernel_zero_tail(const struct thaw_tensor *t, float *data);

/* out = act(in); in place allowed. The tail gets act(0). */
void thaw_act_forward(const struct thaw_act *act, const float *in, float *out, size_t count);
/* dout *= act'; value is the output when thaw_act_from_output(act), else the input. */
void thaw_act_backward(const struct thaw_act *act, const float *value, float *dout, size_t count);
/* The same over bfloat16. */
void thaw_act_backward_bf16(const struct thaw_act *act, const uint16_t *value, uint16_t *dout,
                            size_t count);
/* act(0) is not 0: the tail must be cleared after thaw_act_forward. */
bool thaw_act_moves_zero(const struct thaw_act *act);

/* out = act(k in + b) per channel; k and b [channels rounded up], zero beyond C; b may be NULL. In
 * place allowed. */
void thaw_kernel_affine(const struct thaw_tensor *t, const float *k, const float *b,
                        const struct thaw_act *act, const float *in, float *out);

/* out = k a + m (x - shift) + b per channel; all six vectors and tensors as above. */
void thaw_kernel_affine_two(const struct thaw_tensor *t, const float *k, const float *a,
                            const float *m, const float *x, const float *shift, const float *b,
                            float *out);

/* Sums over samples and sides, per channel [rounded up]. partial: thaw_kernel_sums_scratch()
 * bytes. */
size_t thaw_kernel_sums_scratch(const struct thaw_tensor *t);
/* sum[c] = sum of a; product[c] = sum of a (b - shift[c]). b NULL: no products; shift NULL: 0. */
void thaw_kernel_sums(const struct thaw_tensor *t, const float *a, const float *b,
                      const float *shift, double *partial, double *sum, double *product);
/* squares[c] = sum of (a - shift[c])^2. */
void thaw_kernel_squares(const struct thaw_tensor *t, const float *a, const float *shift,
                         double *partial, double *squares);

#endif
