// A stand-in for libcublasLt.so.13: the functions that Thaw calls, without a card. Descriptors are read and checked as the
// documentation of cuBLASLt says; as there, setting an attribute looks at its size alone, and all else is refused when an
// algorithm is asked for or the product is to run. cublasLtGetStatusString says in one line what the thread's last refusal
// was about.
#include <cstdlib>
#include <cstring>
#include <memory>
#include <mutex>
#include <set>

#include "cublaslt_product.h"
#include "sim.h"

extern "C" CUresult cuGetErrorString(CUresult error, const char** text);

struct cublasLtContext {};

namespace thaw::lt {

namespace {

thread_local Refusal last;

cublasStatus_t answer(const Refusal& r) {
  if (!r.ok()) last = r;
  return r.status;
}

template <class D>
Refusal initialise(void* memory, size_t bytes, const D& descriptor) {
  if (memory == nullptr || bytes < sizeof(D)) return {CUBLAS_STATUS_ALLOC_FAILED, "too little memory for a descriptor"};
  std::memcpy(memory, &descriptor, sizeof(D));
  return {};
}

template <class D>
Refusal read(const void* memory, const char* what, D& descriptor) {
  if (memory == nullptr) return invalid(std::string(what) + " is null");
  std::memcpy(&descriptor, memory, sizeof(D));
  if (descriptor.tag != D::TAG) return invalid(std::string(what) + " was not initialised, or is something else");
  return {};
}

// Where an attribute lies in a descriptor.
struct Place {
  void* at = nullptr;
  size_t bytes = 0;
};

template <class V>
Place place(V& value) {
  return {&value, sizeof(V)};
}

Refusal set(const Place& place, int attribute, const void* value, size_t bytes) {
  if (place.at == nullptr) return invalid("attribute " + std::to_string(attribute) + " is none that the stand-in has");
  if (value == nullptr || bytes != place.bytes) {
    return invalid("attribute " + std::to_string(attribute) + " has " + std::to_string(place.bytes) + " bytes, found " +
                   (value == nullptr ? "null" : std::to_string(bytes)));
  }
  std::memcpy(place.at, value, bytes);
  return {};
}

Place find(Layout& l, int attribute) {
  switch (attribute) {
    case LAYOUT_TYPE: return place(l.type);
    case LAYOUT_ORDER: return place(l.order);
    case LAYOUT_ROWS: return place(l.rows);
    case LAYOUT_COLS: return place(l.cols);
    case LAYOUT_LD: return place(l.ld);
    case LAYOUT_BATCH_COUNT: return place(l.batch);
    case LAYOUT_STRIDED_BATCH_OFFSET: return place(l.stride);
    default: return {};
  }
}

Place find(Operation& o, int attribute) {
  switch (attribute) {
    case DESC_TRANSA: return place(o.trans_a);
    case DESC_TRANSB: return place(o.trans_b);
    case DESC_EPILOGUE: return place(o.epilogue);
    case DESC_BIAS_POINTER: return place(o.bias);
    case DESC_BIAS_DATA_TYPE: return place(o.bias_type);
    default: return {};
  }
}

Place find(Preference& p, int attribute) {
  switch (attribute) {
    case PREF_MAX_WORKSPACE_BYTES: return place(p.workspace);
    case PREF_REDUCTION_SCHEME_MASK: return place(p.schemes);
    case PREF_MIN_ALIGNMENT_A_BYTES: return place(p.align_a);
    case PREF_MIN_ALIGNMENT_B_BYTES: return place(p.align_b);
    case PREF_MIN_ALIGNMENT_C_BYTES: return place(p.align_c);
    case PREF_MIN_ALIGNMENT_D_BYTES: return place(p.align_d);
    default: return {};
  }
}

template <class D>
Refusal set_in(void* memory, const char* what, int attribute, const void* value, size_t bytes) {
  D descriptor;
  Refusal r = read(memory, what, descriptor);
  if (r.ok()) r = set(find(descriptor, attribute), attribute, value, bytes);
  if (r.ok()) std::memcpy(memory, &descriptor, sizeof(D));
  return r;
}

std::mutex mutex;
std::set<cublasLtHandle_t> handles;

Refusal read_all(cublasLtHandle_t handle, const void* operation, const void* a, const void* b, const void* c,
                 const void* d, Product& p) {
  {
    std::lock_guard<std::mutex> lock(mutex);
    if (handles.count(handle) == 0) return {CUBLAS_STATUS_NOT_INITIALIZED, "the handle was not made by cublasLtCreate"};
  }
  Refusal r = read(operation, "the operation", p.operation);
  if (r.ok()) r = read(a, "the layout of A", p.a);
  if (r.ok()) r = read(b, "the layout of B", p.b);
  if (r.ok()) r = read(c, "the layout of C", p.c);
  if (r.ok()) r = read(d, "the layout of D", p.d);
  return r.ok() ? p.check() : r;
}

Refusal offer(const Product& p, const void* preference, int wanted, cublasLtMatmulHeuristicResult_t* results, int* found) {
  Preference limits;
  Refusal r = read(preference, "the preference", limits);
  if (!r.ok()) return r;
  if (wanted <= 0 || results == nullptr || found == nullptr) return invalid("no place for algorithms");
  *found = 0;
  for (const cublasLtMatmulHeuristicResult_t& c : p.candidates(limits)) {
    if (*found < wanted) results[(*found)++] = c;
  }
  return {};
}

// What a version of the library may refuse though nothing is wrong with it.
bool refuses(const char* what) {
  const char* all = std::getenv("THAW_SIM_REFUSES");
  return all != nullptr && std::strcmp(all, what) == 0;
}

Refusal enqueue(const Call& call, CUstream stream) {
  auto* kept = new Call(call);
  const int code = thaw_sim_enqueue(
      stream, [](void* c) { static_cast<const Call*>(c)->run(); }, [](void* c) { delete static_cast<Call*>(c); }, kept);
  if (code == CUDA_SUCCESS) return {};
  const char* text = "";
  cuGetErrorString(static_cast<CUresult>(code), &text);
  return {CUBLAS_STATUS_EXECUTION_FAILED, text};
}

}  // namespace

}  // namespace thaw::lt

using namespace thaw::lt;

#define EXPORT extern "C" __attribute__((visibility("default")))

EXPORT size_t cublasLtGetVersion() { return 130000; }

EXPORT const char* cublasLtGetStatusName(cublasStatus_t status) {
  switch (status) {
    case CUBLAS_STATUS_SUCCESS: return "CUBLAS_STATUS_SUCCESS";
    case CUBLAS_STATUS_NOT_INITIALIZED: return "CUBLAS_STATUS_NOT_INITIALIZED";
    case CUBLAS_STATUS_ALLOC_FAILED: return "CUBLAS_STATUS_ALLOC_FAILED";
    case CUBLAS_STATUS_INVALID_VALUE: return "CUBLAS_STATUS_INVALID_VALUE";
    case CUBLAS_STATUS_EXECUTION_FAILED: return "CUBLAS_STATUS_EXECUTION_FAILED";
    case CUBLAS_STATUS_NOT_SUPPORTED: return "CUBLAS_STATUS_NOT_SUPPORTED";
  }
  return "no status of cuBLAS";
}

EXPORT const char* cublasLtGetStatusString(cublasStatus_t status) {
  return !last.ok() && last.status == status ? last.message.c_str() : cublasLtGetStatusName(status);
}

EXPORT cublasStatus_t cublasLtCreate(cublasLtHandle_t* handle) {
  if (handle == nullptr) return answer(invalid("no place for a handle"));
  std::lock_guard<std::mutex> lock(mutex);
  *handle = *handles.insert(new cublasLtContext).first;
  return CUBLAS_STATUS_SUCCESS;
}

EXPORT cublasStatus_t cublasLtMatrixLayoutInit_internal(void* memory, size_t bytes, int32_t type, uint64_t rows,
                                                        uint64_t cols, int64_t ld) {
  return answer(initialise(memory, bytes, Layout{Layout::TAG, type, ORDER_COL, rows, cols, ld, 0, 1}));
}

EXPORT cublasStatus_t cublasLtMatrixLayoutSetAttribute(void* layout, int attribute, const void* value, size_t bytes) {
  return answer(set_in<Layout>(layout, "the layout", attribute, value, bytes));
}

EXPORT cublasStatus_t cublasLtMatmulDescInit_internal(void* memory, size_t bytes, int32_t compute, int32_t scale) {
  return answer(initialise(
      memory, bytes, Operation{Operation::TAG, compute, scale, OP_N, OP_N, EPILOGUE_DEFAULT, -1, nullptr}));
}

EXPORT cublasStatus_t cublasLtMatmulDescSetAttribute(void* operation, int attribute, const void* value, size_t bytes) {
  return answer(set_in<Operation>(operation, "the operation", attribute, value, bytes));
}

EXPORT cublasStatus_t cublasLtMatmulPreferenceInit_internal(void* memory, size_t bytes) {
  return answer(initialise(memory, bytes, Preference{Preference::TAG, 0, REDUCTION_MASK, 256, 256, 256, 256}));
}

EXPORT cublasStatus_t cublasLtMatmulPreferenceSetAttribute(void* preference, int attribute, const void* value,
                                                           size_t bytes) {
  return answer(set_in<Preference>(preference, "the preference", attribute, value, bytes));
}

EXPORT cublasStatus_t cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t handle, const void* operation, const void* a,
                                                     const void* b, const void* c, const void* d,
                                                     const void* preference, int wanted,
                                                     cublasLtMatmulHeuristicResult_t* results, int* found) {
  Product p;
  Refusal r = read_all(handle, operation, a, b, c, d, p);
  if (r.ok() && refuses("products")) r = invalid("THAW_SIM_REFUSES is set");
  return answer(r.ok() ? offer(p, preference, wanted, results, found) : r);
}

EXPORT cublasStatus_t cublasLtMatmul(cublasLtHandle_t handle, const void* operation, const void* alpha, const void* a,
                                     const void* a_layout, const void* b, const void* b_layout, const void* beta,
                                     const void* c, const void* c_layout, void* d, const void* d_layout,
                                     const cublasLtMatmulAlgo_t* algorithm, void* workspace, size_t workspace_bytes,
                                     CUstream stream) {
  Call call{};
  Refusal r = read_all(handle, operation, a_layout, b_layout, c_layout, d_layout, call.product);
  if (r.ok()) r = read(algorithm, "the algorithm", call.algorithm);
  if (r.ok() && (alpha == nullptr || beta == nullptr)) r = invalid("alpha or beta is null");
  if (!r.ok()) return answer(r);
  std::memcpy(&call.alpha, alpha, sizeof call.alpha);
  std::memcpy(&call.beta, beta, sizeof call.beta);
  call.a = static_cast<const char*>(a);
  call.b = static_cast<const char*>(b);
  call.c = static_cast<const char*>(c);
  call.d = static_cast<char*>(d);
  call.workspace = static_cast<char*>(workspace);
  r = call.check(workspace_bytes);
  // An algorithm that was offered need not work.
  if (r.ok() && call.product.summed() && refuses("gradients")) r = {CUBLAS_STATUS_NOT_SUPPORTED, "THAW_SIM_REFUSES is set"};
  return answer(r.ok() ? enqueue(call, stream) : r);
}
