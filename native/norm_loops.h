// Loops of batch and layer normalisation over dense rows.
#pragma once

#include <cstdint>

#include "isa.h"

namespace thaw {

// Channels may be few, so the batch loops walk rows of `wide` numbers: whole rows, several together where they are short.
// n is the number of elements, a multiple of the channels; per-channel arguments are repeated to fill `wide`.

// Sums of d and d^2 with d = x - x[first row], per column, in float: for pieces of at most 512 rows.
LOOP(void, norm_moments, float* sums, float* squares, const float* x, const float* shift, int64_t n, int64_t wide)

// Joins a piece of n rows to `count` rows that went before: their means and sums of squared distances from the mean, by the
// rule of Chan, Golub and LeVeque (1979). `repeats` is how often a channel stands in a walked row.
LOOP(void, norm_join, double* mean, double* spread, double count, const float* sums, const float* squares,
     const float* shift, double n, int64_t begin, int64_t end, int64_t channels, int64_t repeats)

// sums[c] += the same of a piece.
LOOP(void, norm_add, double* sums, const float* piece, int64_t begin, int64_t end, int64_t channels, int64_t repeats)

// y = (x - mean) * scale + beta, plus the residual if there is one, negative to 0 if relu.
LOOP(void, norm_apply, float* y, const float* x, const float* mean, const float* scale, const float* beta,
     const float* residual, bool relu, int64_t n, int64_t wide)

// Sums of dy and of dy (x - mean) per column; if relu, dy counts where (x - mean) * scale + beta > 0.
LOOP(void, norm_gradient_sums, float* sums, float* products, const float* dy, const float* x, const float* mean,
     const float* scale, const float* beta, bool relu, int64_t n, int64_t wide)

// dresidual = dy where y > 0, else 0, and its sums.
LOOP(void, norm_residual_sums, float* sums, float* products, float* dresidual, const float* dy, const float* x,
     const float* mean, const float* y, int64_t n, int64_t wide)

// dx = scale * (dy - offset - (x - mean) * slope); if relu, dy counts where (x - mean) * scale + beta > 0.
LOOP(void, norm_gradient, float* dx, const float* dy, const float* x, const float* mean, const float* scale,
     const float* beta, bool relu, const float* offset, const float* slope, int64_t n, int64_t wide)

// y = x * scale.
LOOP(void, norm_scale, float* y, const float* x, const float* scale, int64_t n, int64_t wide)

// y = (x / 255 - mean) / spread, each step rounded.
LOOP(void, norm_pixels, float* y, const unsigned char* x, const float* mean, const float* spread, int64_t n, int64_t wide)

// Layer normalisation, forward, of `rows` rows.
LOOP(void, norm_layer_forward, float* y, float* mean, float* rstd, const float* x, const float* gamma, const float* beta,
     int64_t rows, int64_t columns, double eps)

// Its dx, and the sums over these rows for dgamma and dbeta; null outputs are left out.
LOOP(void, norm_layer_backward, float* dx, float* dgamma, float* dbeta, const float* dy, const float* x, const float* gamma,
     const float* mean, const float* rstd, int64_t rows, int64_t columns)

}  // namespace thaw
