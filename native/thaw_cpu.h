/* The CPU library: the list of everything that Java may call. dev.thaw.cpu.Native repeats it, and a test compares the two.
 *
 * Buffers are dense and row-major, float32 unless said otherwise, 64-byte aligned only where Java allocated them whole.
 * Arguments come as outputs, inputs, sizes, scalars; `threads` is how many threads the loop may take, and no result
 * depends on it. Nothing here throws, and nothing keeps a pointer after it returned.
 */
#ifndef THAW_CPU_H
#define THAW_CPU_H

#include <stdint.h>

#define THAW_API __attribute__((visibility("default")))

#ifdef __cplusplus
extern "C" {
#endif

/* ---- the library ---------------------------------------------------------------------------------------------- */

/* Goes up when a function below changes its meaning; Java refuses a library of another version. */
THAW_API int thaw_abi_version(void);

/* Chooses the best instruction set that the processor has and that is not above `wanted` (0 generic, 1 AVX2, 2 AVX-512).
 * Returns what it chose. Called once, before any loop. */
THAW_API int thaw_choose_isa(int wanted);

/* The instruction set in use. */
THAW_API int thaw_isa(void);

/* Tells OpenMP how many threads the calling thread's next team has: oneDNN asks OpenMP. */
THAW_API void thaw_set_threads(int threads);

/* ---- memory ---------------------------------------------------------------------------------------------------- */

/* Address of a 64-byte aligned block, 0 when there is no memory. Its pages appear when they are first touched. */
THAW_API int64_t thaw_allocate(int64_t bytes);

/* Gives a block back. */
THAW_API void thaw_free(int64_t address, int64_t bytes);

/* y = x, byte by byte; the two do not overlap. */
THAW_API void thaw_copy(void* y, const void* x, int64_t bytes, int threads);

#ifdef __cplusplus
}
#endif

#endif
