// Measurements of a buffer: sums of squares and absolutes, the largest, what is not finite; and a hash of its bytes. Each block
// leaves what it found, one block puts that together in an order that never changes.
#include "common.cuh"

// --- Measurements, in double. ---

struct Largest {
  static DEVICE double of(double a, double b) { return a > b ? a : b; }
};

// By a thread: in double only what a float would round.
struct Measuring {
  double squares = 0.0, absolutes = 0.0;
  float largest = 0.0f;
  unsigned wrong = 0;

  DEVICE void take(float x) {
    const float a = fabs(x);
    if (a < __int_as_float(0x7f800000)) {
      squares += (double)a * a;
      absolutes += a;
      largest = a > largest ? a : largest;
    } else {
      ++wrong;
    }
  }
};

// In the order of dev.thaw.backend.StatsKernels.
struct Measured {
  double squares, absolutes, largest, wrong;

  DEVICE void join(const double* other) {
    squares += other[0];
    absolutes += other[1];
    largest = Largest::of(largest, other[2]);
    wrong += other[3];
  }

  // Of the block.
  DEVICE void store(double* y) {
    squares = over_block<Sum<double>>(squares);
    absolutes = over_block<Sum<double>>(absolutes);
    largest = over_block<Largest>(largest);
    wrong = over_block<Sum<double>>(wrong);
    if (threadIdx.x == 0) {
      y[0] = squares;
      y[1] = absolutes;
      y[2] = largest;
      y[3] = wrong;
    }
  }
};

// y [blocks, 4].
template <class T>
DEVICE void measure(double* y, const T* x, long long n) {
  constexpr int W = Pack<T>::WIDTH;
  Measuring own;
  const long long whole = aligned(x) ? n / W : 0;
  for (long long i = first(); i < whole; i += step()) {
    const Floats<W> p = load<W>(x + i * W);
    for (const float v : p.v) own.take(v);
  }
  for (long long i = whole * W + first(); i < n; i += step()) own.take(widen(x[i]));
  Measured m = {own.squares, own.absolutes, (double)own.largest, (double)own.wrong};
  m.store(y + 4 * blockIdx.x);
}

KERNEL(measure_f32, double* y, const float* x, long long n) { measure(y, x, n); }
KERNEL(measure_bf16, double* y, const bf16* x, long long n) { measure(y, x, n); }

KERNEL(measure_total, double* y, const double* partial, int blocks) {
  Measured m = {};
  for (int b = threadIdx.x; b < blocks; b += THREADS) m.join(partial + 4 * b);
  m.store(y);
}

// --- The hash: mix(bytes) + sum of mix(word i + (i + 1) 0x9e37..), see dev.thaw.backend.StatsKernels. ---

using Word = unsigned long long;

DEVICE Word mix(Word z) {
  z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9ull;
  z = (z ^ z >> 27) * 0x94D049BB133111EBull;
  return z ^ z >> 31;
}

// Eight bytes, wherever they begin; behind the end are zeros. Little endian, as the card is.
DEVICE Word word(const unsigned char* x, long long i, long long bytes) {
  const unsigned char* at = x + 8 * i;
  const bool whole = 8 * i + 8 <= bytes;
  if (whole && (Word)at % 8 == 0) return *(const Word*)at;
  if (whole && (Word)at % 4 == 0) return ((const unsigned*)at)[0] | (Word)((const unsigned*)at)[1] << 32;
  Word w = 0;
  for (int k = 0; k < 8 && 8 * i + k < bytes; ++k) w |= (Word)at[k] << 8 * k;
  return w;
}

DEVICE Word place_of_word(long long i) { return (Word)(i + 1) * 0x9E3779B97F4A7C15ull; }

// y [blocks].
KERNEL(hash, Word* y, const unsigned char* x, long long bytes) {
  Word sum = 0;
  const long long words = (bytes + 7) / 8;
  const long long pairs = aligned(x) ? bytes / 16 : 0;
  for (long long i = first(); i < pairs; i += step()) {
    const Pack<Word> p = packs((const Word*)x)[i];
    sum += mix(p.v[0] + place_of_word(2 * i)) + mix(p.v[1] + place_of_word(2 * i + 1));
  }
  for (long long i = 2 * pairs + first(); i < words; i += step()) sum += mix(word(x, i, bytes) + place_of_word(i));
  sum = over_block<Sum<Word>>(sum);
  if (threadIdx.x == 0) y[blockIdx.x] = sum;
}

KERNEL(hash_total, Word* y, const Word* partial, long long bytes, int blocks) {
  Word sum = 0;
  for (int b = threadIdx.x; b < blocks; b += THREADS) sum += partial[b];
  sum = over_block<Sum<Word>>(sum);
  if (threadIdx.x == 0) *y = sum + mix(bytes);
}
