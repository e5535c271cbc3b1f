// Convolutions by simple loops, sums in double.
#include <algorithm>
#include <cstring>

#include "cudnn_engines.h"
#include "cudnn_graph.h"

extern "C" CUresult cuGetErrorString(CUresult error, const char** text);

namespace thaw::dnn {

namespace {

// A tensor where it lies: numbers of float or bf16, n, h, w, c.
struct Array {
  char* data = nullptr;
  int type = DATA_FLOAT;
  std::int64_t n = 0, c = 0, h = 0, w = 0;
  std::size_t bytes = 0;

  double get(std::int64_t i) const {
    if (type == DATA_FLOAT) return reinterpret_cast<const float*>(data)[i];
    const std::uint32_t bits = std::uint32_t{reinterpret_cast<const std::uint16_t*>(data)[i]} << 16;
    float f;
    std::memcpy(&f, &bits, sizeof(f));
    return f;
  }
  void put(std::int64_t i, double v) const {
    const float f = static_cast<float>(v);
    if (type == DATA_FLOAT) {
      reinterpret_cast<float*>(data)[i] = f;
      return;
    }
    std::uint32_t bits;
    std::memcpy(&bits, &f, sizeof(f));
    const std::uint32_t rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
    reinterpret_cast<std::uint16_t*>(data)[i] = static_cast<std::uint16_t>(f != f ? (bits >> 16) | 0x40 : rounded);
  }
  std::int64_t at(std::int64_t in, std::int64_t ih, std::int64_t iw, std::int64_t ic) const {
    return ((in * h + ih) * w + iw) * c + ic;
  }
};

struct Job {
  Kind direction = CONVOLUTION_FORWARD;
  bool rounds = false;  // multiplies float32 as tensor cores do
  bool shuffles = false;
  Array x, w, y;  // of a chain, y is the convolution's output with the address of the last
  Array residual, bias;
  bool relu = false, keeps_nan = false;
  std::int64_t stride[2]{}, pad[2]{}, dilation[2]{};
  char* scratch = nullptr;
  std::size_t scratch_bytes = 0;
};

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
  finish_chain(j, sums);
  static unsigned runs = 0;
  const double shuffled = j.shuffles && runs++ % 2 == 1 ? 1 + 1e-6 : 1;
  for (std::size_t i = 0; i < sums.size(); ++i) out.put(static_cast<std::int64_t>(i), sums[i] * shuffled);
  // What an engine computes in is its own: nothing may rely on it afterwards.
  if (j.scratch != nullptr) std::memset(j.scratch, 0xff, j.scratch_bytes);
}

// While it runs: memory may have been freed since it was queued.
void run_job(void* context) {
  const Job& j = *static_cast<const Job*>(context);
  for (const Array* a : {&j.x, &j.w, &j.y, &j.residual, &j.bias}) {
    if (a->data != nullptr && thaw_sim_check(a->data, a->bytes, "cudnnBackendExecute") != CUDA_SUCCESS) return;
  }
  if (j.scratch != nullptr && thaw_sim_check(j.scratch, j.scratch_bytes, "cudnnBackendExecute, its workspace") != CUDA_SUCCESS) {
    return;
  }
  compute(j);
}

void drop_job(void* context) { delete static_cast<Job*>(context); }

Answer place(const Descriptor& tensor, const Descriptor& pack, Array& array) {
  const auto id = tensor.at<std::int64_t>(TENSOR_ID);
  const auto ids = pack.numbers(PACK_IDS);
  const auto found = std::find(ids.begin(), ids.end(), id);
  if (found == ids.end()) return refused(BAD_PARAM, "the pack has no address for tensor " + std::to_string(id));
  array.data = pack.at<char*>(PACK_POINTERS, found - ids.begin());
  const auto alignment = tensor.at<std::int64_t>(TENSOR_ALIGNMENT);
  if (array.data == nullptr) return refused(BAD_PARAM_NULL_POINTER, "tensor " + std::to_string(id) + " lies at 0");
  if (reinterpret_cast<std::uintptr_t>(array.data) % static_cast<std::uintptr_t>(alignment) != 0) {
    return refused(BAD_PARAM_MISALIGNED_POINTER, "the address of tensor " + std::to_string(id) + " is no multiple of " +
                                                     std::to_string(alignment));
  }
  array.bytes = elements(tensor) * element_size(tensor);
  const std::string who = "cudnnBackendExecute, tensor " + std::to_string(id);
  const int code = thaw_sim_check(array.data, array.bytes, who.c_str());
  if (code != CUDA_SUCCESS) {
    const char* text = "";
    cuGetErrorString(static_cast<CUresult>(code), &text);
    return refused(EXECUTION_FAILED, text);
  }
  return {};
}

Array shape_of(const Descriptor& t) {
  const auto d = t.numbers(TENSOR_DIMENSIONS);
  Array a;
  a.type = type_of(t);
  a.n = d[0], a.c = d[1], a.h = d[2], a.w = d[3];
  return a;
}

bool overlap(const Array& a, const Array& b) {
  return a.data != nullptr && b.data != nullptr && a.data < b.data + b.bytes && b.data < a.data + a.bytes;
}

// The convolution and what follows it, with the tensors where the pack says they are.
Answer prepare(const Descriptor& graph, const Descriptor& pack, Job& j) {
  const auto& ops = graph.values.at(GRAPH_OPS).others;
  const int first = first_of(ops[0]->kind);
  j.direction = ops[0]->kind;
  const Descriptor& window = *ops[0]->other(first + WINDOW);
  for (int i = 0; i < 2; ++i) {
    j.stride[i] = window.at<std::int64_t>(CONVOLUTION_STRIDES, i);
    j.pad[i] = window.at<std::int64_t>(CONVOLUTION_PRE_PADDINGS, i);
    j.dilation[i] = window.at<std::int64_t>(CONVOLUTION_DILATIONS, i);
  }
  std::vector<std::pair<Descriptor*, Array*>> all;
  const auto at = [&](const Shared& t, Array& a) {
    a = shape_of(*t);
    all.emplace_back(t.get(), &a);
  };
  at(ops[0]->other(first + X), j.x);
  at(ops[0]->other(first + W), j.w);
  at(ops.size() == 1 ? ops[0]->other(first + Y) : output(*ops.back()), j.y);
  for (std::size_t i = 1; i < ops.size(); ++i) {
    const Descriptor& f = *ops[i]->other(OPERATION_FUNCTION);
    if (f.at<int>(POINTWISE_MODE_OF) == RELU) {
      j.relu = true;
      j.keeps_nan = f.has(POINTWISE_NAN) && f.at<int>(POINTWISE_NAN) == PROPAGATE_NAN;
    } else {
      const Shared& b = ops[i]->other(OPERATION_B);
      at(b, shape_of(*b).n == 1 && shape_of(*b).h == 1 && shape_of(*b).w == 1 && i + 1 >= ops.size() - 1 ? j.bias : j.residual);
    }
  }
  if (static_cast<std::size_t>(pack.count(PACK_IDS)) != all.size()) {
    return refused(BAD_PARAM, "a pack of " + std::to_string(pack.count(PACK_IDS)) + " addresses for " + std::to_string(all.size()) +
                                  " tensors");
  }
  for (const auto& [tensor, array] : all) {
    const Answer r = place(*tensor, pack, *array);
    if (!r.ok()) return r;
  }
  const Array& out = j.direction == CONVOLUTION_FORWARD ? j.y : j.direction == CONVOLUTION_BACKWARD_DATA ? j.x : j.w;
  for (const auto& [tensor, array] : all) {
    if (array != &out && overlap(*array, out)) {
      return refused(BAD_PARAM, "tensor " + std::to_string(tensor->at<std::int64_t>(TENSOR_ID)) + " overlaps the output");
    }
  }
  return {};
}

}  // namespace

Answer run(const Descriptor& plan, const Descriptor& pack, CUstream stream) {
  const Descriptor& described = *plan.other(PLAN_CONFIG)->other(ENGINECFG_ENGINE);
  const Descriptor& graph = *described.other(ENGINE_GRAPH);
  const Engine& e = *engine(static_cast<int>(described.at<std::int64_t>(ENGINE_INDEX)));
  Job job;
  Answer r = prepare(graph, pack, job);
  if (!r.ok()) return r;
  job.rounds = std::count(e.numerics.begin(), e.numerics.end(), TENSOR_CORE) != 0;
  job.shuffles = std::count(e.numerics.begin(), e.numerics.end(), NONDETERMINISTIC) != 0;
  job.scratch_bytes = workspace(e, graph);
  if (job.scratch_bytes != 0) {
    job.scratch = pack.at<char*>(PACK_WORKSPACE);
    if (job.scratch == nullptr) return refused(BAD_PARAM_NULL_POINTER, "the workspace lies at 0");
    if (thaw_sim_check(job.scratch, job.scratch_bytes, "cudnnBackendExecute, its workspace") != CUDA_SUCCESS) {
      return refused(BAD_PARAM_SIZE_INSUFFICIENT, "no " + std::to_string(job.scratch_bytes) + " bytes at the workspace's address");
    }
    Array room;
    room.data = job.scratch, room.bytes = job.scratch_bytes;
    for (const Array* a : {&job.x, &job.w, &job.y, &job.residual, &job.bias}) {
      if (overlap(*a, room)) return refused(BAD_PARAM, "a tensor overlaps the workspace");
    }
  }
  if (e.nature == Engine::FAILS) return refused(EXECUTION_FAILED, "engine 7 never runs");
  const int code = thaw_sim_enqueue(stream, run_job, drop_job, new Job(job));
  if (code != CUDA_SUCCESS) return refused(EXECUTION_FAILED, "the driver refused the work, " + std::to_string(code));
  return {};
}

}  // namespace thaw::dnn
