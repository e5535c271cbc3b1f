// Optimizer steps: one call, and one team of threads, for all parameters together.
#include <algorithm>
#include <cmath>

#include "parallel.h"
#include "scratch.h"
#include "thaw_cpu.h"
#include "update_loops.h"

using namespace thaw;

namespace {

// dev.thaw.backend.StepState.
enum State {
  SKIP,
  CLIP_SCALE,
  MAX_NORM,
  CLIP_VALUE,
  GRADIENT_NORM,
  NON_FINITE,
  CALL_BASE,
  GRADIENT_SCALE,
  GROUPS,
  GROUP_SLOTS = 8
};
enum Group { RATE, WEIGHT_DECAY, BETA1, BETA2, EPS, NESTEROV };

// Floats in a piece: threads share pieces, small parameters and large ones alike.
constexpr int64_t PIECE = 16384;

// Where the pieces of each segment begin in a numbering of all; none for a segment that is not active.
struct Pieces {
  Pieces(const thaw_segment* table, int count) : first(count + 1) {
    first[0] = 0;
    for (int i = 0; i < count; ++i) {
      first[i + 1] = first[i] + (table[i].active ? (table[i].elements + PIECE - 1) / PIECE : 0);
    }
    total = first[count];
  }

  // Calls f(segment, piece, first element, elements) for pieces [begin, end).
  template <class F>
  void each(const thaw_segment* table, int64_t begin, int64_t end, const F& f) const {
    int segment = 0;
    for (int64_t p = begin; p < end; ++p) {
      while (first[segment + 1] <= p) ++segment;
      const int64_t at = (p - first[segment]) * PIECE;
      f(segment, p, at, std::min(PIECE, table[segment].elements - at));
    }
  }

  Scratch<int64_t> first;
  int64_t total;
};

Step step_of(const double* state, int group, int t) {
  const double* g = state + GROUPS + group * GROUP_SLOTS;
  Step s;
  s.gradient_scale = static_cast<float>(state[GRADIENT_SCALE] * state[CLIP_SCALE]);
  s.limit = static_cast<float>(state[CLIP_VALUE]);
  s.rate = static_cast<float>(g[RATE]);
  s.decay = static_cast<float>(g[WEIGHT_DECAY]);
  s.beta1 = static_cast<float>(g[BETA1]);
  s.beta2 = static_cast<float>(g[BETA2]);
  s.eps = static_cast<float>(g[EPS]);
  s.one_minus_beta1 = static_cast<float>(1 - g[BETA1]);
  s.one_minus_beta2 = static_cast<float>(1 - g[BETA2]);
  s.adam_rate = static_cast<float>(g[RATE] / (1 - std::pow(g[BETA1], t)));
  s.adam_root = static_cast<float>(1 / std::sqrt(1 - std::pow(g[BETA2], t)));
  s.nesterov = g[NESTEROV] != 0;
  s.first = t == 1;
  return s;
}

}  // namespace

void thaw_update_norm(double* squares, double* state, const thaw_segment* table, int count, int threads) {
  const Pieces pieces(table, count);
  const Scratch<double> sums(pieces.total);
  const Scratch<int64_t> bads(pieces.total);
  split(threads, pieces.total, 1, [&](int64_t begin, int64_t end) {
    pieces.each(table, begin, end, [&](int segment, int64_t piece, int64_t at, int64_t n) {
      bads[piece] = 0;
      sums[piece] = BEST(update_squares)(&bads[piece], table[segment].gradient + at, n);
    });
  });
  const double scale = state[GRADIENT_SCALE];
  double all = 0;
  int64_t bad = 0;
  for (int i = 0; i < count; ++i) {
    double sum = 0;
    for (int64_t p = pieces.first[i]; p < pieces.first[i + 1]; ++p) {
      sum += sums[p];
      bad += bads[p];
    }
    squares[i] = sum * scale * scale;
    all += squares[i];
  }
  const double norm = std::sqrt(all);
  const double limit = state[MAX_NORM];
  state[GRADIENT_NORM] = norm;
  state[NON_FINITE] = static_cast<double>(bad);
  state[SKIP] = std::isfinite(norm) ? 0 : 1;
  state[CLIP_SCALE] = limit > 0 && norm > limit ? limit / norm : 1;
}

void thaw_update_step(int rule, const thaw_segment* table, int32_t* steps, int count, const double* state, int threads) {
  if (state[SKIP] != 0) return;
  const Pieces pieces(table, count);
  const Scratch<Step> settings(count);
  for (int i = 0; i < count; ++i) {
    if (table[i].active) settings[i] = step_of(state, table[i].group, ++steps[i]);
  }
  split(threads, pieces.total, 1, [&](int64_t begin, int64_t end) {
    pieces.each(table, begin, end, [&](int segment, int64_t, int64_t at, int64_t n) {
      const thaw_segment& s = table[segment];
      BEST(update_step)(rule, s.value + at, s.gradient + at, s.moment1 + at, s.moment2 == nullptr ? nullptr : s.moment2 + at,
                        settings[segment], n);
    });
  });
}

void thaw_update_max_norm(float* value, int64_t rows, int64_t columns, double limit, int threads) {
  split(threads, rows, 1, [=](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      float* row = value + r * columns;
      int64_t bad = 0;
      const double norm = std::sqrt(BEST(update_squares)(&bad, row, columns));
      if (norm > limit) BEST(update_scale)(row, static_cast<float>(limit / norm), columns);
    }
  });
}
