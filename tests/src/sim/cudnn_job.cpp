// Convolutions by simple loops, sums in double.
#include "cudnn_job.h"

extern "C" CUresult cuGetErrorString(CUresult error, const char** text);

namespace thaw::dnn {

namespace {

// 10 bits of fraction.
double tf32(double v) {
  float f = static_cast<float>(v);
  std::uint32_t bits;
  std::memcpy(&bits, &f, sizeof(f));
  bits = (bits + 0x1000) & ~std::uint32_t{0x1fff};
  std::memcpy(&f, &bits, sizeof(f));
  return f;
}

// f(y's index, x's index, w's index, count) for each run of products along the channels of a group.
template <class F>
void each_row(const Job& j, const F& f) {
  const std::int64_t groups = j.x.c / j.w.c, outputs = j.w.n / groups;
  for (std::int64_t n = 0; n < j.y.n; ++n) {
    for (std::int64_t h = 0; h < j.y.h; ++h) {
      for (std::int64_t w = 0; w < j.y.w; ++w) {
        for (std::int64_t r = 0; r < j.w.h; ++r) {
          const std::int64_t xh = h * j.stride[0] - j.pad[0] + r * j.dilation[0];
          if (xh < 0 || xh >= j.x.h) continue;
          for (std::int64_t q = 0; q < j.w.w; ++q) {
            const std::int64_t xw = w * j.stride[1] - j.pad[1] + q * j.dilation[1];
            if (xw < 0 || xw >= j.x.w) continue;
            for (std::int64_t k = 0; k < j.y.c; ++k) {
              f(j.y.at(n, h, w, k), j.x.at(n, xh, xw, k / outputs * j.w.c), j.w.at(k, r, q, 0), j.w.c);
            }
          }
        }
      }
    }
  }
}

void finish_chain(const Job& j, std::vector<double>& y) {
  for (std::size_t i = 0; i < y.size(); ++i) {
    const auto at = static_cast<std::int64_t>(i);
    if (j.residual.data != nullptr) y[i] += j.residual.get(at);
    if (j.bias.data != nullptr) y[i] += j.bias.get(at % j.y.c);
    if (j.relu && !(y[i] > 0) && !(j.keeps_nan && y[i] != y[i])) y[i] = 0;
  }
}

// From the numbers that y was rounded from.
void add_up(const Job& j, const std::vector<double>& y) {
  std::vector<double> sums(j.y.c), squares(j.y.c);
  for (std::size_t i = 0; i < y.size(); ++i) {
    sums[i % sums.size()] += y[i];
    squares[i % sums.size()] += y[i] * y[i];
  }
  for (std::size_t c = 0; c < sums.size(); ++c) {
    j.sums.put(static_cast<std::int64_t>(c), sums[c]);
    j.squares.put(static_cast<std::int64_t>(c), squares[c]);
  }
}

void compute(const Job& j) {
  const Array& out = j.direction == CONVOLUTION_FORWARD ? j.y : j.direction == CONVOLUTION_BACKWARD_DATA ? j.x : j.w;
  std::vector<double> sums(static_cast<std::size_t>(out.n * out.c * out.h * out.w));
  const auto read = [&](const Array& a) {
    std::vector<double> v(static_cast<std::size_t>(&a == &out ? 0 : a.n * a.c * a.h * a.w));
    for (std::size_t i = 0; i < v.size(); ++i) {
      const double x = a.get(static_cast<std::int64_t>(i));
      v[i] = j.rounds && a.type == DATA_FLOAT ? tf32(x) : x;
    }
    return v;
  };
  const std::vector<double> xs = read(j.x), ws = read(j.w), ys = read(j.y);
  switch (j.direction) {
    case CONVOLUTION_FORWARD:
      each_row(j, [&](auto y, auto x, auto w, auto count) {
        double sum = 0;
        for (std::int64_t c = 0; c < count; ++c) sum += xs[x + c] * ws[w + c];
        sums[y] += sum;
      });
      break;
    case CONVOLUTION_BACKWARD_DATA:
      each_row(j, [&](auto y, auto x, auto w, auto count) {
        for (std::int64_t c = 0; c < count; ++c) sums[x + c] += ys[y] * ws[w + c];
      });
      break;
    default:
      each_row(j, [&](auto y, auto x, auto w, auto count) {
        for (std::int64_t c = 0; c < count; ++c) sums[w + c] += ys[y] * xs[x + c];
      });
  }
  if (j.adds) {
    for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += out.get(static_cast<std::int64_t>(i));
  }
  finish_chain(j, sums);
  static unsigned runs = 0;
  const double shuffled = j.shuffles && runs++ % 2 == 1 ? 1 + 1e-6 : 1;
  for (std::size_t i = 0; i < sums.size(); ++i) out.put(static_cast<std::int64_t>(i), sums[i] * shuffled);
  if (j.sums.data != nullptr) add_up(j, sums);
  // What an engine computes in is its own: nothing may rely on it afterwards.
  if (j.scratch != nullptr) std::memset(j.scratch, 0xff, j.scratch_bytes);
}

// While it runs: memory may have been freed since it was queued.
void run_job(void* context) {
  const Job& j = *static_cast<const Job*>(context);
  for (const Array* a : arrays(j)) {
    if (a->data != nullptr && thaw_sim_check(a->data, a->bytes, "cudnnBackendExecute") != CUDA_SUCCESS) return;
  }
  if (j.scratch != nullptr && thaw_sim_check(j.scratch, j.scratch_bytes, "cudnnBackendExecute, its workspace") != CUDA_SUCCESS) {
    return;
  }
  compute(j);
}

void drop_job(void* context) { delete static_cast<Job*>(context); }

}  // namespace

std::vector<const Array*> arrays(const Job& j) {
  return {&j.x, &j.w, &j.y, &j.residual, &j.bias, &j.sums, &j.squares};
}

bool overlap(const Array& a, const Array& b) {
  return a.data != nullptr && b.data != nullptr && a.data < b.data + b.bytes && b.data < a.data + a.bytes;
}

Answer in_memory(const Array& a, const std::string& who) {
  const int code = thaw_sim_check(a.data, a.bytes, who.c_str());
  if (code == CUDA_SUCCESS) return {};
  const char* text = "";
  cuGetErrorString(static_cast<CUresult>(code), &text);
  return refused(EXECUTION_FAILED, text);
}

Answer check_scratch(const Job& job) {
  if (job.scratch_bytes == 0) return {};
  if (job.scratch == nullptr) return refused(BAD_PARAM_NULL_POINTER, "the workspace lies at 0");
  Array room;
  room.data = job.scratch, room.bytes = job.scratch_bytes;
  if (!in_memory(room, "cuDNN's workspace").ok()) {
    return refused(BAD_PARAM_SIZE_INSUFFICIENT, "no " + std::to_string(job.scratch_bytes) + " bytes at the workspace's address");
  }
  for (const Array* a : arrays(job)) {
    if (overlap(*a, room)) return refused(BAD_PARAM, "a tensor overlaps the workspace");
  }
  return {};
}

Answer enqueue(const Job& job, CUstream stream) {
  const int code = thaw_sim_enqueue(stream, run_job, drop_job, new Job(job));
  if (code != CUDA_SUCCESS) return refused(EXECUTION_FAILED, "the driver refused the work, " + std::to_string(code));
  return {};
}

}  // namespace thaw::dnn
