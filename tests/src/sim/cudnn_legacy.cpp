// cuDNN's older functions for convolutions, one a direction. The engine does not call them: the check of a card measures
// its graphs against them. In cuDNN they lie in libcudnn_ops and libcudnn_cnn; here they have those libraries' symbol
// versions, which is what the loader goes by.
#include <algorithm>
#include <set>

#include "cudnn_calls.h"
#include "cudnn_job.h"

namespace thaw::dnn {

namespace {

enum { NHWC = 1 };
enum MathType { DEFAULT_MATH = 0, TENSOR_OP_MATH = 1, ALLOW_CONVERSION = 2, FMA_MATH = 3 };
enum { NON_DETERMINISTIC = 0, DETERMINISTIC = 1 };

struct Tensor {
  bool said = false;
  int format = 0, type = 0, n = 0, c = 0, h = 0, w = 0;  // of weights, n are the outputs
};

struct Window {
  bool said = false;
  int pad[2]{}, stride[2]{}, dilation[2]{}, mode = 0, precision = 0, groups = 1, math = DEFAULT_MATH;
};

// The live ones of a kind.
template <class D>
std::set<D*>& live() {
  static std::set<D*> all;
  return all;
}

// Weights are no tensors to cuDNN.
struct Weights : Tensor {};

template <class D>
int create(void** place) {
  return call([&]() -> Answer {
    if (place == nullptr) return refused(BAD_PARAM_NULL_POINTER, "nowhere to put the descriptor");
    *place = *live<D>().insert(new D).first;
    return {};
  });
}

template <class D>
D* find(const void* handle) {
  auto* d = static_cast<D*>(const_cast<void*>(handle));
  return live<D>().count(d) != 0 ? d : nullptr;
}

Answer no_descriptor() { return refused(BAD_PARAM_NULL_POINTER, "no such descriptor, or it was destroyed"); }

template <class D>
int destroy(void* handle) {
  return call([&]() -> Answer {
    D* d = find<D>(handle);
    if (d == nullptr) return no_descriptor();
    live<D>().erase(d);
    delete d;
    return {};
  });
}

template <class D>
int describe(void* handle, int format, int type, int n, int c, int h, int w) {
  return call([&]() -> Answer {
    D* d = find<D>(handle);
    if (d == nullptr) return no_descriptor();
    if (format != NHWC) return refused(NOT_SUPPORTED, "format " + std::to_string(format) + ", the stand-in knows NHWC only");
    if (type != DATA_FLOAT && type != DATA_BFLOAT16) {
      return refused(NOT_SUPPORTED_DATA_TYPE, "type " + std::to_string(type) + ", float or bf16 expected");
    }
    if (std::min({n, c, h, w}) < 1) return refused(BAD_PARAM, "a dimension below 1");
    static_cast<Tensor&>(*d) = {true, format, type, n, c, h, w};
    return {};
  });
}

Array array_of(const Tensor& t, const void* data) {
  Array a;
  a.data = static_cast<char*>(const_cast<void*>(data));
  a.type = t.type;
  a.n = t.n, a.c = t.c, a.h = t.h, a.w = t.w;
  a.bytes = static_cast<std::size_t>(a.n * a.c * a.h * a.w) * (t.type == DATA_FLOAT ? 4 : 2);
  return a;
}

// What has to fit together, and then the job, with its stream.
Answer prepare(Kind direction, void* handle, const void* xs, const void* x, const void* ws, const void* w, const void* window,
               const void* ys, const void* y, Job& job, CUstream& stream) {
  const Context* c = context(handle);
  if (c == nullptr) return no_context();
  if (!c->streams) return refused(BAD_PARAM_STREAM_MISMATCH, "cudnnSetStream was not called");
  stream = c->stream;
  const Tensor *dx = find<Tensor>(xs), *dy = find<Tensor>(ys);
  const Tensor* dw = find<Weights>(ws);
  const Window* v = find<Window>(window);
  if (dx == nullptr || dy == nullptr || dw == nullptr || v == nullptr) return no_descriptor();
  if (!dx->said || !dy->said || !dw->said || !v->said) return refused(BAD_PARAM, "a descriptor that was not set");
  if (dx->type != dw->type || dx->type != dy->type) return refused(NOT_SUPPORTED_DATA_TYPE, "tensors of several types");
  if (v->mode != CROSS_CORRELATION || v->precision != DATA_FLOAT) {
    return refused(NOT_SUPPORTED, "the stand-in knows cross-correlations with sums of float only");
  }
  if (dx->n != dy->n || dy->c != dw->n || dx->c != dw->c * v->groups || dw->n % v->groups != 0) {
    return refused(BAD_PARAM_SHAPE_MISMATCH, "pictures or channels do not go together");
  }
  const int from[2] = {dx->h, dx->w}, tap[2] = {dw->h, dw->w}, to[2] = {dy->h, dy->w};
  for (int i = 0; i < 2; ++i) {
    const int span = from[i] + 2 * v->pad[i] - (tap[i] - 1) * v->dilation[i] - 1;
    if (span < 0 || to[i] != span / v->stride[i] + 1) return refused(BAD_PARAM_SHAPE_MISMATCH, "y is not as large as the window says");
  }
  job.direction = direction;
  job.x = array_of(*dx, x), job.w = array_of(*dw, w), job.y = array_of(*dy, y);
  std::copy(v->pad, v->pad + 2, job.pad);
  std::copy(v->stride, v->stride + 2, job.stride);
  std::copy(v->dilation, v->dilation + 2, job.dilation);
  job.rounds = v->math == DEFAULT_MATH || v->math == ALLOW_CONVERSION;
  const Array* tensors[] = {&job.x, &job.w, &job.y};
  for (const Array* a : tensors) {
    if (a->data == nullptr) return refused(BAD_PARAM_NULL_POINTER, "a tensor lies at 0");
    const Answer r = in_memory(*a, "a convolution of cuDNN");
    if (!r.ok()) return r;
    for (const Array* b : tensors) {
      if (a != b && overlap(*a, *b)) return refused(BAD_PARAM, "two tensors overlap");
    }
  }
  return {};
}

// cudnnConvolutionFwdAlgoPerf_t and its siblings.
struct Found {
  int algorithm, status;
  float time;
  std::size_t memory;
  int determinism, math;
  int reserved[3];
};

// The fastest does not repeat to the bit; the next wants room for its output in float; the last needs nothing.
enum Algorithm { SHUFFLES = 0, WITH_ROOM = 1, PLAIN = 2 };

std::size_t room_of(int algorithm, const Job& job) {
  const Array& out = job.direction == CONVOLUTION_FORWARD ? job.y : job.direction == CONVOLUTION_BACKWARD_DATA ? job.x : job.w;
  return algorithm == WITH_ROOM ? static_cast<std::size_t>(out.n * out.c * out.h * out.w) * sizeof(float) : 0;
}

Answer run(Job& job, CUstream stream, int algorithm, void* room, std::size_t bytes) {
  if (algorithm < SHUFFLES || algorithm > PLAIN) return refused(NOT_SUPPORTED, "no algorithm " + std::to_string(algorithm));
  job.shuffles = algorithm == SHUFFLES;
  job.scratch_bytes = room_of(algorithm, job);
  if (bytes < job.scratch_bytes) {
    return refused(BAD_PARAM_SIZE_INSUFFICIENT, "a workspace of " + std::to_string(bytes) + " bytes, needed are " +
                                                    std::to_string(job.scratch_bytes));
  }
  job.scratch = static_cast<char*>(room);
  const Answer r = check_scratch(job);
  return r.ok() ? enqueue(job, stream) : r;
}

int find(Kind direction, void* handle, const void* xs, const void* x, const void* ws, const void* w, const void* window,
         const void* ys, const void* y, int most, int* count, Found* found, void* room, std::size_t bytes) {
  return call([&]() -> Answer {
    if (count == nullptr || found == nullptr || most < 1) return refused(BAD_PARAM, "nowhere to put algorithms");
    Job job;
    CUstream stream;
    Answer r = prepare(direction, handle, xs, x, ws, w, window, ys, y, job, stream);
    const int math = r.ok() ? find<Window>(window)->math : 0;
    *count = 0;
    for (int a = SHUFFLES; r.ok() && a <= PLAIN && *count < most; ++a) {
      const std::size_t needed = room_of(a, job);
      if (needed > bytes) continue;
      r = run(job, stream, a, room, bytes);
      found[(*count)++] = {a, SUCCESS, 0.1f * static_cast<float>(a + 1), needed, a == SHUFFLES ? NON_DETERMINISTIC : DETERMINISTIC, math, {}};
    }
    if (r.ok() && *count < most) found[(*count)++] = {7, NOT_SUPPORTED, -1, 0, DETERMINISTIC, math, {}};
    return r;
  });
}

int convolve(Kind direction, void* handle, const void* alpha, const void* xs, const void* x, const void* ws, const void* w,
             const void* window, int algorithm, void* room, std::size_t bytes, const void* beta, const void* ys, const void* y) {
  return call([&]() -> Answer {
    if (alpha == nullptr || beta == nullptr) return refused(BAD_PARAM_NULL_POINTER, "alpha or beta is null");
    if (*static_cast<const float*>(alpha) != 1 || *static_cast<const float*>(beta) != 0) {
      return refused(NOT_SUPPORTED, "the stand-in knows alpha 1 and beta 0 only");
    }
    Job job;
    CUstream stream;
    const Answer r = prepare(direction, handle, xs, x, ws, w, window, ys, y, job, stream);
    return r.ok() ? run(job, stream, algorithm, room, bytes) : r;
  });
}

}  // namespace

}  // namespace thaw::dnn

using namespace thaw::dnn;

THAW_API int cudnnCreateTensorDescriptor(void** place) { return create<Tensor>(place); }
THAW_API int cudnnDestroyTensorDescriptor(void* d) { return destroy<Tensor>(d); }
THAW_API int cudnnSetTensor4dDescriptor(void* d, int format, int type, int n, int c, int h, int w) {
  return describe<Tensor>(d, format, type, n, c, h, w);
}

THAW_API int cudnnCreateFilterDescriptor(void** place) { return create<Weights>(place); }
THAW_API int cudnnDestroyFilterDescriptor(void* d) { return destroy<Weights>(d); }
THAW_API int cudnnSetFilter4dDescriptor(void* d, int type, int format, int k, int c, int h, int w) {
  return describe<Weights>(d, format, type, k, c, h, w);
}

THAW_API int cudnnCreateConvolutionDescriptor(void** place) { return create<Window>(place); }
THAW_API int cudnnDestroyConvolutionDescriptor(void* d) { return destroy<Window>(d); }
THAW_API int cudnnSetConvolution2dDescriptor(void* d, int pad_h, int pad_w, int stride_h, int stride_w, int dilation_h,
                                             int dilation_w, int mode, int precision) {
  return call([&]() -> Answer {
    Window* v = find<Window>(d);
    if (v == nullptr) return no_descriptor();
    if (std::min(pad_h, pad_w) < 0 || std::min({stride_h, stride_w, dilation_h, dilation_w}) < 1) {
      return refused(BAD_PARAM, "a padding below 0, or a stride or dilation below 1");
    }
    *v = {true, {pad_h, pad_w}, {stride_h, stride_w}, {dilation_h, dilation_w}, mode, precision, 1, DEFAULT_MATH};
    return {};
  });
}
THAW_API int cudnnSetConvolutionGroupCount(void* d, int groups) {
  return call([&]() -> Answer {
    Window* v = find<Window>(d);
    if (v == nullptr) return no_descriptor();
    if (groups < 1) return refused(BAD_PARAM, "fewer groups than 1");
    v->groups = groups;
    return {};
  });
}
THAW_API int cudnnSetConvolutionMathType(void* d, int math) {
  return call([&]() -> Answer {
    Window* v = find<Window>(d);
    if (v == nullptr) return no_descriptor();
    if (math < DEFAULT_MATH || math > FMA_MATH) return refused(BAD_PARAM, "no such math type: " + std::to_string(math));
    v->math = math;
    return {};
  });
}

THAW_API int cudnnFindConvolutionForwardAlgorithmEx(void* handle, const void* xs, const void* x, const void* ws, const void* w,
                                                    const void* window, const void* ys, void* y, int most, int* count,
                                                    Found* found, void* room, std::size_t bytes) {
  return find(CONVOLUTION_FORWARD, handle, xs, x, ws, w, window, ys, y, most, count, found, room, bytes);
}
THAW_API int cudnnFindConvolutionBackwardDataAlgorithmEx(void* handle, const void* ws, const void* w, const void* ys,
                                                         const void* dy, const void* window, const void* xs, void* dx, int most,
                                                         int* count, Found* found, void* room, std::size_t bytes) {
  return find(CONVOLUTION_BACKWARD_DATA, handle, xs, dx, ws, w, window, ys, dy, most, count, found, room, bytes);
}
THAW_API int cudnnFindConvolutionBackwardFilterAlgorithmEx(void* handle, const void* xs, const void* x, const void* ys,
                                                           const void* dy, const void* window, const void* ws, void* dw,
                                                           int most, int* count, Found* found, void* room, std::size_t bytes) {
  return find(CONVOLUTION_BACKWARD_FILTER, handle, xs, x, ws, dw, window, ys, dy, most, count, found, room, bytes);
}

THAW_API int cudnnConvolutionForward(void* handle, const void* alpha, const void* xs, const void* x, const void* ws,
                                     const void* w, const void* window, int algorithm, void* room, std::size_t bytes,
                                     const void* beta, const void* ys, void* y) {
  return convolve(CONVOLUTION_FORWARD, handle, alpha, xs, x, ws, w, window, algorithm, room, bytes, beta, ys, y);
}
THAW_API int cudnnConvolutionBackwardData(void* handle, const void* alpha, const void* ws, const void* w, const void* ys,
                                          const void* dy, const void* window, int algorithm, void* room, std::size_t bytes,
                                          const void* beta, const void* xs, void* dx) {
  return convolve(CONVOLUTION_BACKWARD_DATA, handle, alpha, xs, dx, ws, w, window, algorithm, room, bytes, beta, ys, dy);
}
THAW_API int cudnnConvolutionBackwardFilter(void* handle, const void* alpha, const void* xs, const void* x, const void* ys,
                                            const void* dy, const void* window, int algorithm, void* room, std::size_t bytes,
                                            const void* beta, const void* ws, void* dw) {
  return convolve(CONVOLUTION_BACKWARD_FILTER, handle, alpha, xs, x, ws, dw, window, algorithm, room, bytes, beta, ys, dy);
}
