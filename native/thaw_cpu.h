/* The CPU library: the list of everything that Java may call. dev.thaw.cpu.Native, and for convolutions NativeConv, repeat
 * it, and a test compares the two.
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

/* y[to] = x[from] over a walk: its sizes, then the steps in y, then those in x, in elements of 1, 2, 4 or 8 bytes. The rank
 * is at most THAW_MAX_RANK. */
#define THAW_MAX_RANK 16
THAW_API void thaw_copy_strided(void* y, const void* x, int element_bytes, int64_t y_offset, int64_t x_offset, const int* walk,
                                int rank, int threads);

/* Types are numbered as in dev.thaw.memory.DType: float32, float64, bfloat16, int32, int64, uint8. */
THAW_API void thaw_fill(void* y, int dtype, int64_t n, double value, int threads);
THAW_API void thaw_cast(void* y, int y_type, const void* x, int x_type, int64_t n, int threads);

/* ---- elementwise ------------------------------------------------------------------------------------------------ */

/* The number of a function of kernels/unary_ops.def, -1 when there is none of that name. */
THAW_API int thaw_unary_find(const char* name);

/* y = f(x; a, b); y may be x. */
THAW_API void thaw_unary_forward(int f, float* y, const float* x, int64_t n, double a, double b, int threads);

/* dx = dy f'(saved; a, b); dx may be dy. */
THAW_API void thaw_unary_backward(int f, float* dx, const float* dy, const float* saved, int64_t n, double a, double b,
                                  int threads);

/* y = f(a, b), y [rows, columns], operands with a step per row and column; f as in dev.thaw.backend.Binary. */
THAW_API void thaw_binary_2d(int f, float* y, const float* a, const float* b, int64_t rows, int64_t columns, int64_t a_row,
                             int64_t a_column, int64_t b_row, int64_t b_column, int threads);

/* The same of any rank: walk holds the sizes, then the steps of a, then those of b. */
THAW_API void thaw_binary_nd(int f, float* y, const float* a, const float* b, const int* walk, int rank, int threads);

/* ---- reductions of the middle of [outer, n, inner] ---------------------------------------------------------------- */

/* y = scale times the sum (0), the largest (1) or the smallest (2). */
THAW_API void thaw_reduce(int reduction, float* y, const float* x, int64_t outer, int64_t n, int64_t inner, double scale,
                          int threads);

/* y = the first place of the largest. */
THAW_API void thaw_argmax(int64_t* y, const float* x, int64_t outer, int64_t n, int64_t inner, int threads);

/* ---- product of a matrix and a vector ---------------------------------------------------------------------------- */

/* y = w x + bias, then max(0, .) if relu; w is [rows, k], bias may be null. */
THAW_API void thaw_gemv(float* y, const float* w, const float* x, const float* bias, int relu, int64_t rows, int64_t k,
                        int threads);

/* ---- convolution of pictures with few channels ------------------------------------------------------------------- */

/* y = x * w + bias, then max(0, .) if relu; bias null or k numbers. One group. */
THAW_API void thaw_stem_forward(float* y, const float* x, const float* w, const float* bias, int relu, int n, int h, int width,
                                int c, int k, int kh, int kw, int stride_h, int stride_w, int pad_h, int pad_w, int dilation_h,
                                int dilation_w, int threads);
/* dw, and db unless null. */
THAW_API void thaw_stem_backward(float* dw, float* db, const float* dy, const float* x, int n, int h, int width, int c, int k,
                                 int kh, int kw, int stride_h, int stride_w, int pad_h, int pad_w, int dilation_h,
                                 int dilation_w, int threads);

/* ---- 3 x 3 convolution of stride 1 by Winograd's F(2 x 2, 3 x 3); c and k are multiples of 16 --------------------- */

/* Turns weights [k, 3, 3, c] into u, 16 * c * k floats. */
THAW_API void thaw_winograd_weights(float* u, const float* w, int c, int k, int threads);
/* Turns them for the way back, a convolution of dy that gives dx, with k inputs and c filters. */
THAW_API void thaw_winograd_weights_back(float* u, const float* w, int c, int k, int threads);
/* y = x * w + bias + residual, then max(0, .) if relu; bias and residual null or given, residual may be y. */
THAW_API void thaw_winograd_forward(float* y, const float* x, const float* u, const float* bias, const float* residual,
                                    int relu, int n, int h, int width, int c, int k, int pad_h, int pad_w, int threads);

/* dw of the same convolution; u is room for 16 * c * k floats. */
THAW_API void thaw_winograd_gradient(float* dw, float* u, const float* dy, const float* x, int n, int h, int width, int c,
                                     int k, int pad_h, int pad_w, int threads);

/* ---- the same by F(4 x 4, 3 x 3), stride 1 or 2, forward with constant weights ------------------------------------- */

/* Turns weights [k, 3, 3, c] into u, 36 * c * k floats. */
THAW_API void thaw_winograd4_weights(float* u, const float* w, int c, int k, int stride, int threads);
/* y = x * w + bias + residual, then max(0, .) if relu; bias and residual null or given, residual may be y. */
THAW_API void thaw_winograd4_forward(float* y, const float* x, const float* u, const float* bias, const float* residual,
                                     int relu, int n, int h, int width, int c, int k, int stride, int pad_h, int pad_w,
                                     int threads);

/* ---- convolution of colour pictures, 7 columns and stride 2 along the row, by Cook and Toom's method --------------- */

/* Turns weights [k, kh, 7, 3] into u, 39 * kh * k floats; k is a multiple of 16. */
THAW_API void thaw_cook_toom_weights(float* u, const float* w, int k, int kh);
/* y = x * w + bias + residual, then max(0, .) if relu; bias and residual null or given, residual may be y. */
THAW_API void thaw_cook_toom_forward(float* y, const float* x, const float* u, const float* bias, const float* residual,
                                     int relu, int n, int h, int width, int k, int kh, int stride_h, int pad_h, int pad_w,
                                     int threads);

/* ---- 1 x 1 convolution that adds a residual; k is a multiple of 16 -------------------------------------------------- */

/* Packs weights [k, c] into u, c * k floats. */
THAW_API void thaw_pointwise_weights(float* u, const float* w, int c, int k, int threads);
/* y = x * w + bias + residual, then max(0, .) if relu; bias and residual null or given, residual may be y. */
THAW_API void thaw_pointwise_forward(float* y, const float* x, const float* u, const float* bias, const float* residual,
                                     int relu, int n, int h, int width, int c, int k, int stride_h, int stride_w,
                                     int threads);

/* ---- pooling of pictures [n, h, w, c] ------------------------------------------------------------------------------ */

/* where may be null. */
THAW_API void thaw_pool_max_forward(float* y, int32_t* where, const float* x, int n, int h, int w, int c, int out_h, int out_w,
                                    int kh, int kw, int stride_h, int stride_w, int pad_h, int pad_w, int adaptive,
                                    int threads);
/* y null, or what forward returned: then only maxima above 0 pass their gradient on. */
THAW_API void thaw_pool_max_backward(float* dx, const float* dy, const int32_t* where, const float* y, int n, int h, int w,
                                     int c, int out_h, int out_w, int kh, int kw, int stride_h, int stride_w, int pad_h,
                                     int pad_w, int adaptive, int threads);
THAW_API void thaw_pool_average_forward(float* y, const float* x, int n, int h, int w, int c, int out_h, int out_w, int kh,
                                        int kw, int stride_h, int stride_w, int pad_h, int pad_w, int count_padding,
                                        int adaptive, int threads);
THAW_API void thaw_pool_average_backward(float* dx, const float* dy, int n, int h, int w, int c, int out_h, int out_w, int kh,
                                         int kw, int stride_h, int stride_w, int pad_h, int pad_w, int count_padding,
                                         int adaptive, int threads);

/* ---- normalisation --------------------------------------------------------------------------------------------------- */

THAW_API void thaw_norm_statistics(float* mean, float* variance, const float* x, int64_t rows, int64_t channels, int threads);
THAW_API void thaw_norm_track(float* running_mean, float* running_variance, const float* mean, const float* variance,
                              int64_t rows, int64_t channels, double momentum);
/* residual may be null. */
THAW_API void thaw_norm_batch_forward(float* y, const float* x, const float* gamma, const float* beta, const float* mean,
                                      const float* variance, const float* residual, int relu, int64_t rows,
                                      int64_t channels, double eps, int threads);

/* dx, dgamma, dbeta may be null; beta is null unless forward had the relu and no residual, dresidual and y are null unless
 * it had both. */
THAW_API void thaw_norm_batch_backward(float* dx, float* dgamma, float* dbeta, float* dresidual, const float* dy,
                                       const float* x, const float* gamma, const float* beta, const float* mean,
                                       const float* variance, const float* y, int64_t rows, int64_t channels, double eps,
                                       int threads);
THAW_API void thaw_norm_constant_backward(float* dx, const float* dy, const float* gamma, const float* variance, int64_t rows,
                                          int64_t channels, double eps, int threads);
THAW_API void thaw_norm_layer_forward(float* y, float* mean, float* rstd, const float* x, const float* gamma,
                                      const float* beta, int64_t rows, int64_t columns, double eps, int threads);

/* dx, dgamma, dbeta may be null. */
THAW_API void thaw_norm_layer_backward(float* dx, float* dgamma, float* dbeta, const float* dy, const float* x,
                                       const float* gamma, const float* mean, const float* rstd, int64_t rows,
                                       int64_t columns, int threads);

/* y = (x / 255 - mean) / deviation by channel, of the bytes of pictures. */
THAW_API void thaw_norm_pixels(float* y, const unsigned char* x, const float* mean, const float* deviation, int64_t rows,
                               int64_t channels, int threads);

/* ---- softmax ----------------------------------------------------------------------------------------------------------- */

THAW_API void thaw_softmax_forward(float* y, const float* x, int log, int64_t rows, int64_t columns, int threads);
THAW_API void thaw_softmax_backward(float* dx, const float* dy, const float* y, int log, int64_t rows, int64_t columns,
                                    int threads);

/* Targets are int64 if wide_targets, else int32; weights may be null. Returns -1, or the first row whose target is neither a
 * class nor `ignored`: then nothing was written. */
THAW_API int64_t thaw_cross_entropy(float* loss, float* total, float* log_probabilities, const float* logits,
                                    const void* targets, int wide_targets, const float* weights, double smoothing,
                                    int64_t ignored, int64_t rows, int64_t columns, int threads);
THAW_API int64_t thaw_cross_entropy_backward(float* dlogits, const float* dloss, const float* total,
                                             const float* log_probabilities, const void* targets, int wide_targets,
                                             const float* weights, double smoothing, int64_t ignored, int64_t rows,
                                             int64_t columns, int threads);

/* ---- along an index of [outer, n, inner] -------------------------------------------------------------------------------- */

/* The index is int64 if wide, else int32. Returns -1, or the first place of the index that is not in [0, n): then nothing was
 * written. */
THAW_API int64_t thaw_take(void* y, const void* x, int element_bytes, const void* index, int wide, int64_t outer, int64_t n,
                           int64_t count, int64_t inner, int threads);
THAW_API int64_t thaw_take_backward(float* dx, const float* dy, const void* index, int wide, int64_t outer, int64_t n,
                                    int64_t count, int64_t inner, int threads);
THAW_API int64_t thaw_gather(void* y, const void* x, int element_bytes, const void* index, int wide, int64_t outer, int64_t n,
                             int64_t count, int64_t inner, int threads);
THAW_API int64_t thaw_gather_backward(float* dx, const float* dy, const void* index, int wide, int64_t outer, int64_t n,
                                      int64_t count, int64_t inner, int threads);

/* ---- resizing of pictures [n, h, w, c] ------------------------------------------------------------------------------------ */

THAW_API void thaw_resize_forward(float* y, const float* x, int n, int h, int w, int c, int out_h, int out_w, int bilinear,
                                  int align_corners, int threads);
THAW_API void thaw_resize_backward(float* dx, const float* dy, int n, int h, int w, int c, int out_h, int out_w, int bilinear,
                                   int align_corners, int threads);

/* ---- random numbers: dev.thaw.backend.Philox ------------------------------------------------------------------------------- */

THAW_API void thaw_uniform(float* y, int64_t n, int64_t seed, int stream, int call, int threads);

/* call_base, which may be null, points to a number that is added to `call`. */
THAW_API void thaw_dropout(float* y, const float* x, const double* call_base, int64_t n, double p, int64_t seed, int stream,
                           int call, int threads);

/* ---- optimizer steps -------------------------------------------------------------------------------------------------------- */

/* One parameter; Java writes an array of these into native memory. */
typedef struct {
  float* value;
  const float* gradient;
  float* moment1;
  float* moment2; /* null where the rule has one */
  int64_t elements;
  int32_t group;  /* in the step's state */
  int32_t active; /* 0 leaves it out */
} thaw_segment;

/* state is dev.thaw.backend.StepState, float64; squares has one float64 per segment. */
THAW_API void thaw_update_norm(double* squares, double* state, const thaw_segment* table, int count, int threads);

/* Rules are numbered as in dev.thaw.backend.UpdateRule; steps has one number per segment. */
THAW_API void thaw_update_step(int rule, const thaw_segment* table, int32_t* steps, int count, const double* state,
                               int threads);
THAW_API void thaw_update_max_norm(float* value, int64_t rows, int64_t columns, double limit, int threads);

/* ---- measurements -------------------------------------------------------------------------------------------------------------- */

/* y: four float64, dev.thaw.backend.StatsKernels. */
THAW_API void thaw_stats_measure(double* y, const float* x, int64_t n, int threads);
THAW_API int64_t thaw_stats_hash(const void* x, int64_t bytes, int threads);

#ifdef __cplusplus
}
#endif

#endif
