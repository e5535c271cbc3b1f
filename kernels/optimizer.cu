// Optimizer steps: the norm of all gradients, and dev.thaw.backend.UpdateRule over all parameters in one launch. What
// changes from step to step is read from the state on the card, so that a recorded step can be replayed.
#include "common.cuh"

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

// Elements of a parameter that a block takes at once.
constexpr int CHUNK = 4096;

// A parameter: chunks first_chunk to first_chunk + ceil(elements / CHUNK) are its own.
template <class T>
struct Segment {
  T* value;
  const T* gradient;
  T* moment1;
  T* moment2;  // null for rules that have one
  long long elements;
  int group;
  int first_chunk;
};

DEVICE long long chunks_of(long long elements) { return (elements + CHUNK - 1) / CHUNK; }

struct Chunk {
  int segment, number;

  template <class T>
  DEVICE int length(const Segment<T>& s) const {
    const long long left = s.elements - (long long)number * CHUNK;
    return left < CHUNK ? (int)left : CHUNK;
  }
};

// Calls f(c, chunks[c]) for a block's share of the chunks. The next one is asked for before the last is worked on: where a
// chunk lies must be known before anything of it can be asked for.
template <class F>
DEVICE void each_chunk(const Chunk* chunks, int count, F f) {
  Chunk next = (int)blockIdx.x < count ? chunks[blockIdx.x] : Chunk{};
  for (int c = blockIdx.x; c < count; c += gridDim.x) {
    const Chunk chunk = next;
    if (c + (int)gridDim.x < count) next = chunks[c + gridDim.x];
    f(c, chunk);
  }
}

// --- The norm: sums of squares by chunk, then by segment, then of all, each in an order that never changes. ---

struct Squares {
  double sum, bad;  // bad: how many elements are not finite
};

// For all threads of a block, whose threads all call it.
template <class T>
DEVICE Squares squares_of(const T* x, long long n) {
  double sum = 0;
  const long long whole = aligned(x) ? n / Pack<T>::WIDTH : 0;
  for (long long i = threadIdx.x; i < whole; i += THREADS) {
    const Pack<T> p = packs(x)[i];
    for (const T& v : p.v) sum += (double)widen(v) * widen(v);
  }
  for (long long i = whole * Pack<T>::WIDTH + threadIdx.x; i < n; i += THREADS) sum += (double)widen(x[i]) * widen(x[i]);
  sum = over_block<Sum<double>>(sum);
  double bad = 0;
  // No finite float has a square that a double cannot hold, so a finite sum tells that all are.
  if (!(sum - sum == 0)) {
    for (long long i = threadIdx.x; i < n; i += THREADS) bad += widen(x[i]) - widen(x[i]) == 0 ? 0 : 1;
    bad = over_block<Sum<double>>(bad);
  }
  return {sum, bad};
}

template <class T>
DEVICE void update_squares(Squares* squares, const Segment<T>* segments, const int* active, const Chunk* chunks, int count) {
  each_chunk(chunks, count, [&](int c, const Chunk& chunk) {
    if (!active[chunk.segment]) return;
    const Segment<T> s = segments[chunk.segment];
    const Squares found = squares_of(s.gradient + (long long)chunk.number * CHUNK, chunk.length(s));
    if (threadIdx.x == 0) squares[c] = found;
  });
}

// One block: a warp adds up a segment, then a thread adds up the segments in their order, as whoever reads `of_segments` may.
template <class T>
DEVICE void update_norm(double* of_segments, double* state, const Squares* squares, const Segment<T>* segments,
                        const int* active, int count) {
  const double scale = state[GRADIENT_SCALE];
  double bad = 0;
  for (int i = threadIdx.x / WARP; i < count; i += WARPS) {
    double sum = 0;
    if (active[i]) {
      const long long end = segments[i].first_chunk + chunks_of(segments[i].elements);
      for (long long c = segments[i].first_chunk + threadIdx.x % WARP; c < end; c += WARP) {
        sum += squares[c].sum;
        bad += squares[c].bad;
      }
    }
    sum = over_warp<Sum<double>>(sum);
    if (threadIdx.x % WARP == 0) of_segments[i] = sum * scale * scale;
  }
  bad = over_block<Sum<double>>(bad);
  __shared__ double some[THREADS];
  double all = 0;
  for (int begin = 0; begin < count; begin += THREADS) {
    __syncthreads();
    const int i = begin + (int)threadIdx.x;
    if (i < count) some[threadIdx.x] = of_segments[i];
    __syncthreads();
    for (int k = 0; k < THREADS && k < count - begin; ++k) all += some[k];
  }
  if (threadIdx.x == 0) {
    const double norm = sqrt(all);
    const double limit = state[MAX_NORM];
    state[GRADIENT_NORM] = norm;
    state[NON_FINITE] = bad;
    state[SKIP] = norm - norm == 0 ? 0 : 1;
    state[CLIP_SCALE] = limit > 0 && norm > limit ? limit / norm : 1;
  }
}

// --- The step. ---

// A segment's numbers for this step: of its group, and of its own step count where Adam corrects for it.
struct Settings {
  float gradient_scale, limit, rate, decay, beta1, beta2, eps;
  float one_minus_beta1, one_minus_beta2, adam_rate, adam_root, shrink;
  int nesterov, is_first;

  // At the t-th step, counted from 1.
  DEVICE Settings(const double* state, int group, int t) {
    const double* g = state + GROUPS + group * GROUP_SLOTS;
    gradient_scale = (float)(state[GRADIENT_SCALE] * state[CLIP_SCALE]);
    limit = (float)state[CLIP_VALUE];
    rate = (float)g[RATE];
    decay = (float)g[WEIGHT_DECAY];
    beta1 = (float)g[BETA1];
    beta2 = (float)g[BETA2];
    eps = (float)g[EPS];
    one_minus_beta1 = (float)(1 - g[BETA1]);
    one_minus_beta2 = (float)(1 - g[BETA2]);
    adam_rate = (float)(g[RATE] / (1 - pow(g[BETA1], (double)t)));
    adam_root = (float)(1 / sqrt(1 - pow(g[BETA2], (double)t)));
    shrink = (float)(g[RATE] * g[WEIGHT_DECAY]);
    nesterov = g[NESTEROV] != 0;
    is_first = t == 1;
  }
};

// Counts the step of every active segment; the step itself follows in a launch of its own, when all counts are right.
template <class T>
DEVICE void update_count(Settings* settings, int* steps, const Segment<T>* segments, const int* active,
                         const double* state, int count) {
  if (state[SKIP] != 0) return;
  for (long long i = first(); i < count; i += step()) {
    if (active[i]) settings[i] = Settings(state, segments[i].group, ++steps[i]);
  }
}

// The rules: g is scaled and clipped already; m and v are a parameter's first and second moment.

struct Sgd {
  static constexpr int moments = 1;
  static DEVICE void move(float& theta, float g, float& m, float&, const Settings& s) {
    g += s.decay * theta;
    m = s.is_first ? g : s.beta1 * m + g;
    theta -= s.rate * (s.nesterov ? g + s.beta1 * m : m);
  }
};

// theta -= rate m^ / (sqrt(v^) + eps), with m^ = m / (1 - beta1^t) and v^ = v / (1 - beta2^t).
DEVICE void adam(float& theta, float g, float& m, float& v, const Settings& s) {
  m = s.beta1 * m + s.one_minus_beta1 * g;
  v = s.beta2 * v + s.one_minus_beta2 * g * g;
  theta -= s.adam_rate * m / (sqrt(v) * s.adam_root + s.eps);
}

struct Adam {
  static constexpr int moments = 2;
  static DEVICE void move(float& theta, float g, float& m, float& v, const Settings& s) {
    adam(theta, g + s.decay * theta, m, v, s);
  }
};

struct AdamW {
  static constexpr int moments = 2;
  static DEVICE void move(float& theta, float g, float& m, float& v, const Settings& s) {
    theta -= s.shrink * theta;
    adam(theta, g, m, v, s);
  }
};

struct RmsProp {
  static constexpr int moments = 2;
  static DEVICE void move(float& theta, float g, float& v, float& u, const Settings& s) {
    g += s.decay * theta;
    v = s.beta1 * v + s.one_minus_beta1 * g * g;
    u = s.beta2 * u + g / (sqrt(v) + s.eps);
    theta -= s.rate * u;
  }
};

template <class Rule, class T>
DEVICE void move(T& value, T gradient, T& moment1, T& moment2, const Settings& s) {
  float theta = widen(value), m = widen(moment1), v = widen(moment2);
  float g = widen(gradient) * s.gradient_scale;
  if (s.limit > 0) g = min_of(max_of(g, -s.limit), s.limit);
  Rule::move(theta, g, m, v, s);
  value = narrow<T>(theta);
  moment1 = narrow<T>(m);
  moment2 = narrow<T>(v);
}

template <class Rule, class T>
DEVICE void update_step(const Segment<T>* segments, const int* active, const Chunk* chunks, const Settings* settings,
                        const double* state, int count) {
  if (state[SKIP] != 0) return;
  constexpr bool two = Rule::moments == 2;
  each_chunk(chunks, count, [&](int, const Chunk& chunk) {
    if (!active[chunk.segment]) return;
    const Segment<T> segment = segments[chunk.segment];
    const Settings s = settings[chunk.segment];
    const long long begin = (long long)chunk.number * CHUNK;
    const int n = chunk.length(segment);
    T* value = segment.value + begin;
    const T* gradient = segment.gradient + begin;
    T* moment1 = segment.moment1 + begin;
    T* moment2 = two ? segment.moment2 + begin : moment1;
    const int whole = aligned(value, gradient, moment1, moment2) ? n / Pack<T>::WIDTH : 0;
    for (int i = threadIdx.x; i < whole; i += THREADS) {
      const Pack<T> g = packs(gradient)[i];
      Pack<T> theta = packs(value)[i], m = packs(moment1)[i], v = m;
      if (two) v = packs(moment2)[i];
      for (int k = 0; k < Pack<T>::WIDTH; ++k) move<Rule>(theta.v[k], g.v[k], m.v[k], v.v[k], s);
      packs(value)[i] = theta;
      packs(moment1)[i] = m;
      if (two) packs(moment2)[i] = v;
    }
    for (int i = whole * Pack<T>::WIDTH + threadIdx.x; i < n; i += THREADS) {
      T none = moment1[i];
      move<Rule>(value[i], gradient[i], moment1[i], two ? moment2[i] : none, s);
    }
  });
}

// --- The limit of a row's norm: a block takes a row. ---

template <class T>
DEVICE void update_max_norm(T* value, int rows, int columns, double limit) {
  for (int r = blockIdx.x; r < rows; r += gridDim.x) {
    T* row = value + (long long)r * columns;
    const double norm = sqrt(squares_of(row, columns).sum);
    if (!(norm > limit)) continue;
    const float scale = (float)(limit / norm);
    for (int i = threadIdx.x; i < columns; i += THREADS) row[i] = narrow<T>(widen(row[i]) * scale);
  }
}

#define UPDATE_RULE(rule, Rule, T, type)                                                                         \
  KERNEL(update_##rule##_##type, const Segment<T>* segments, const int* active, const Chunk* chunks,             \
         const Settings* settings, const double* state, int count) {                                             \
    update_step<Rule>(segments, active, chunks, settings, state, count);                                         \
  }
#define UPDATE(T, type)                                                                                          \
  KERNEL(update_squares_##type, Squares* squares, const Segment<T>* segments, const int* active,                 \
         const Chunk* chunks, int count) {                                                                       \
    update_squares(squares, segments, active, chunks, count);                                                    \
  }                                                                                                              \
  KERNEL(update_norm_##type, double* of_segments, double* state, const Squares* squares,                         \
         const Segment<T>* segments, const int* active, int count) {                                             \
    update_norm(of_segments, state, squares, segments, active, count);                                           \
  }                                                                                                              \
  KERNEL(update_count_##type, Settings* settings, int* steps, const Segment<T>* segments, const int* active,     \
         const double* state, int count) {                                                                       \
    update_count(settings, steps, segments, active, state, count);                                               \
  }                                                                                                              \
  UPDATE_RULE(sgd, Sgd, T, type)                                                                                 \
  UPDATE_RULE(adam, Adam, T, type)                                                                               \
  UPDATE_RULE(adamw, AdamW, T, type)                                                                             \
  UPDATE_RULE(rmsprop, RmsProp, T, type)                                                                         \
  KERNEL(update_max_norm_##type, T* value, int rows, int columns, double limit) {                                \
    update_max_norm(value, rows, columns, limit);                                                                \
  }
UPDATE(float, f32)
UPDATE(bf16, bf16)
