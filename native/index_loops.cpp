// Copies, casts, transpositions.
#include "index_loops.h"

#include <algorithm>
#include <cstring>
#include <type_traits>

#include "vmath.h"

namespace thaw {
namespace THAW_ISA {
namespace {

struct Bfloat16 {
  uint16_t bits;
};

// x as a float, for rounding once more: what float cannot hold leaves its mark in the lowest bit, so that a tie of the second
// rounding is one of x too (Boldo and Melquiond, Emulation of FMA and correctly rounded sums, 2008).
VMATH float odd(float x) { return x; }
VMATH float odd(double x) {
  const float f = static_cast<float>(x);
  const double error = x - static_cast<double>(f);
  const bool inexact = error != 0 && error == error;
  const bool beyond = f != 0 && (error < 0) == (f > 0);
  return inexact ? float_of((bits_of(f) - (beyond ? 1 : 0)) | 1) : f;
}

template <class To, class From>
VMATH To cast_one(From x) {
  if constexpr (std::is_same_v<To, From>) {
    return x;
  } else if constexpr (std::is_same_v<To, Bfloat16>) {
    const float f = odd(static_cast<std::conditional_t<std::is_same_v<From, float>, float, double>>(x));
    const uint32_t i = static_cast<uint32_t>(bits_of(f));
    // Half of what is cut, and one less on a tie whose upper half is even. NaN stays NaN whatever its low bits.
    const uint32_t rounded = (i + 0x7fff + ((i >> 16) & 1)) >> 16;
    const uint32_t quiet = (i >> 16) | 0x40;
    return {static_cast<uint16_t>(f != f ? quiet : rounded)};
  } else if constexpr (std::is_same_v<From, Bfloat16>) {
    return static_cast<To>(float_of(static_cast<int32_t>(static_cast<uint32_t>(x.bits) << 16)));
  } else if constexpr (std::is_same_v<To, uint8_t> && std::is_floating_point_v<From>) {
    return static_cast<uint8_t>(static_cast<int32_t>(x));
  } else {
    return static_cast<To>(x);
  }
}

template <class To, class From>
void cast_all(void* y, const void* x, int64_t n) {
  To* to = static_cast<To*>(y);
  const From* from = static_cast<const From*>(x);
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) to[i] = cast_one<To>(from[i]);
}

template <class To>
void cast_to(void* y, const void* x, int x_type, int64_t n) {
  switch (x_type) {
    case FLOAT32: return cast_all<To, float>(y, x, n);
    case FLOAT64: return cast_all<To, double>(y, x, n);
    case BFLOAT16: return cast_all<To, Bfloat16>(y, x, n);
    case INT32: return cast_all<To, int32_t>(y, x, n);
    case INT64: return cast_all<To, int64_t>(y, x, n);
    default: return cast_all<To, uint8_t>(y, x, n);
  }
}

// Small enough that a block of rows and a block of columns lie in the first-level cache together.
constexpr int64_t BLOCK = 16;

template <class T>
void transpose(void* y, const void* x, int64_t rows, int64_t columns, int64_t y_row, int64_t x_row) {
  T* to = static_cast<T*>(y);
  const T* from = static_cast<const T*>(x);
  for (int64_t j0 = 0; j0 < columns; j0 += BLOCK) {
    const int64_t j1 = std::min(columns, j0 + BLOCK);
    for (int64_t i0 = 0; i0 < rows; i0 += BLOCK) {
      const int64_t i1 = std::min(rows, i0 + BLOCK);
      if (i1 - i0 == BLOCK && j1 - j0 == BLOCK) {
        T block[BLOCK][BLOCK];
        for (int64_t j = 0; j < BLOCK; ++j) {
          std::memcpy(block[j], from + (j0 + j) * x_row + i0, sizeof block[j]);
        }
        for (int64_t i = 0; i < BLOCK; ++i) {
          T* row = to + (i0 + i) * y_row + j0;
          for (int64_t j = 0; j < BLOCK; ++j) row[j] = block[j][i];
        }
      } else {
        for (int64_t i = i0; i < i1; ++i) {
          for (int64_t j = j0; j < j1; ++j) to[i * y_row + j] = from[j * x_row + i];
        }
      }
    }
  }
}

template <class T>
void strided(void* y, int64_t y_step, const void* x, int64_t x_step, int64_t n) {
  T* to = static_cast<T*>(y);
  const T* from = static_cast<const T*>(x);
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) to[i * y_step] = from[i * x_step];
}

}  // namespace

void index_cast(void* y, int y_type, const void* x, int x_type, int64_t n) {
  switch (y_type) {
    case FLOAT32: return cast_to<float>(y, x, x_type, n);
    case FLOAT64: return cast_to<double>(y, x, x_type, n);
    case BFLOAT16: return cast_to<Bfloat16>(y, x, x_type, n);
    case INT32: return cast_to<int32_t>(y, x, x_type, n);
    case INT64: return cast_to<int64_t>(y, x, x_type, n);
    default: return cast_to<uint8_t>(y, x, x_type, n);
  }
}

void index_transpose(void* y, const void* x, int size, int64_t rows, int64_t columns, int64_t y_row, int64_t x_row) {
  switch (size) {
    case 1: return transpose<uint8_t>(y, x, rows, columns, y_row, x_row);
    case 2: return transpose<uint16_t>(y, x, rows, columns, y_row, x_row);
    case 4: return transpose<uint32_t>(y, x, rows, columns, y_row, x_row);
    default: return transpose<uint64_t>(y, x, rows, columns, y_row, x_row);
  }
}

void index_strided(void* y, int64_t y_step, const void* x, int64_t x_step, int size, int64_t n) {
  switch (size) {
    case 1: return strided<uint8_t>(y, y_step, x, x_step, n);
    case 2: return strided<uint16_t>(y, y_step, x, x_step, n);
    case 4: return strided<uint32_t>(y, y_step, x, x_step, n);
    default: return strided<uint64_t>(y, y_step, x, x_step, n);
  }
}

void index_add(float* y, const float* x, int64_t n) {
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) y[i] += x[i];
}

void index_add_scaled(float* y, const float* x, float share, int64_t n) {
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) y[i] += share * x[i];
}

void index_mix(float* y, const float* const* x, const float* shares, int count, int64_t n) {
  if (count == 4) {
    const float *x0 = x[0], *x1 = x[1], *x2 = x[2], *x3 = x[3];
    const float a = shares[0], b = shares[1], c = shares[2], d = shares[3];
#pragma GCC ivdep
    for (int64_t i = 0; i < n; ++i) y[i] = (a * x0[i] + b * x1[i]) + (c * x2[i] + d * x3[i]);
    return;
  }
  for (int k = 0; k < count; ++k) {
    const float* from = x[k];
    const float share = shares[k];
    if (k == 0) {
#pragma GCC ivdep
      for (int64_t i = 0; i < n; ++i) y[i] = share * from[i];
    } else {
#pragma GCC ivdep
      for (int64_t i = 0; i < n; ++i) y[i] += share * from[i];
    }
  }
}

}  // namespace THAW_ISA
}  // namespace thaw
