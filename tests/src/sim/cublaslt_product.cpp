// The checks, the algorithms and the numbers of the stand-in for cuBLASLt.
#include "cublaslt_product.h"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstring>

#include "sim.h"

extern "C" CUresult cuGetErrorString(CUresult error, const char** text);

namespace thaw::lt {

namespace {

std::string text(uint64_t n) { return std::to_string(n); }

std::string size(uint64_t rows, uint64_t cols) { return text(rows) + " x " + text(cols); }

std::string hex(const void* p) {
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "%p", p);
  return buffer;
}

Refusal check_layout(const Layout& l, const char* name) {
  const std::string who = std::string("layout of ") + name + ": ";
  if (l.type != R_32F && l.type != R_16BF) {
    return unsupported(who + "type " + std::to_string(l.type) + ", float or bf16 expected");
  }
  if (l.order != ORDER_COL) return unsupported(who + "the stand-in knows matrices by columns only");
  if (l.rows < 1 || l.cols < 1 || l.rows > INT32_MAX || l.cols > INT32_MAX) {
    return invalid(who + size(l.rows, l.cols) + " elements");
  }
  if (l.ld < static_cast<int64_t>(l.rows)) {
    return invalid(who + "leading dimension " + std::to_string(l.ld) + ", at least its " + text(l.rows) + " rows expected");
  }
  if (l.batch < 1) return invalid(who + "a batch of " + std::to_string(l.batch));
  if (l.stride < 0) return invalid(who + "matrices " + std::to_string(l.stride) + " elements apart");
  return {};
}

Refusal check_size(const char* name, uint64_t rows, uint64_t cols, uint64_t wanted_rows, uint64_t wanted_cols) {
  if (rows == wanted_rows && cols == wanted_cols) return {};
  return invalid(std::string(name) + " is " + size(rows, cols) + ", " + size(wanted_rows, wanted_cols) + " expected");
}

constexpr uint32_t MOST_ALIGNED = 256;

// The largest power of two up to MOST_ALIGNED that divides it.
uint32_t alignment_of(const void* p) {
  const uintptr_t bits = reinterpret_cast<uintptr_t>(p) | MOST_ALIGNED;
  return static_cast<uint32_t>(bits & (0 - bits));
}

float widen(const char* p, int32_t type) {
  uint32_t bits = 0;
  if (type == R_16BF) {
    uint16_t half;
    std::memcpy(&half, p, sizeof half);
    bits = static_cast<uint32_t>(half) << 16;
  } else {
    std::memcpy(&bits, p, sizeof bits);
  }
  float x;
  std::memcpy(&x, &bits, sizeof x);
  return x;
}

// Cuts the last `dropped` bits off, to the nearest, ties to even; a NaN stays one.
float rounded(float x, int dropped) {
  if (x != x) return x;
  uint32_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  const uint32_t unit = 1u << dropped;
  bits = (bits + unit / 2 - 1 + ((bits >> dropped) & 1)) & ~(unit - 1);
  std::memcpy(&x, &bits, sizeof x);
  return x;
}

float rounded_to(int32_t type, float x) { return type == R_16BF ? rounded(x, 16) : x; }

void narrow(char* p, int32_t type, float x) {
  const float y = rounded_to(type, x);
  uint32_t bits;
  std::memcpy(&bits, &y, sizeof bits);
  if (type == R_32F) {
    std::memcpy(p, &bits, sizeof bits);
    return;
  }
  const auto half = static_cast<uint16_t>((bits >> 16) | (y != y ? 0x40 : 0));
  std::memcpy(p, &half, sizeof half);
}

std::string driver_text(int code) {
  const char* text = "";
  cuGetErrorString(static_cast<CUresult>(code), &text);
  return text;
}

bool same(const Layout& x, const Layout& y) {
  return x.type == y.type && x.rows == y.rows && x.cols == y.cols && x.ld == y.ld && x.batch == y.batch &&
         x.stride == y.stride;
}

bool overlap(const char* p, size_t n, const char* q, size_t m) { return p < q + m && q < p + n; }

// How often a product ran whose pieces of k are added as they come.
std::atomic<uint64_t> unordered{0};

}  // namespace

size_t extent(const Layout& l) {
  const uint64_t last = static_cast<uint64_t>(l.batch - 1) * l.stride + (l.cols - 1) * l.ld + l.rows;
  return last * bytes_of(l.type);
}

Refusal Product::check() const {
  const struct {
    const Layout& layout;
    const char* name;
  } all[] = {{a, "A"}, {b, "B"}, {c, "C"}, {d, "D"}};
  for (const auto& one : all) {
    const Refusal r = check_layout(one.layout, one.name);
    if (!r.ok()) return r;
    if (one.layout.batch != d.batch) {
      return invalid(std::string("layout of ") + one.name + ": a batch of " + std::to_string(one.layout.batch) +
                     ", that of D is " + std::to_string(d.batch));
    }
  }
  const Operation& o = operation;
  if (o.compute != COMPUTE_32F && o.compute != COMPUTE_32F_FAST_TF32) {
    return unsupported("compute type " + std::to_string(o.compute) + ", CUBLAS_COMPUTE_32F or _32F_FAST_TF32 expected");
  }
  if (o.scale != R_32F) return unsupported("alpha and beta of type " + std::to_string(o.scale) + ", float expected");
  if (a.type != b.type || c.type != d.type || (a.type == R_32F && d.type != R_32F)) {
    return unsupported("types " + std::to_string(a.type) + ", " + std::to_string(b.type) + ", " + std::to_string(c.type) +
                       ", " + std::to_string(d.type) + " of A, B, C, D do not go together");
  }
  if (o.compute == COMPUTE_32F_FAST_TF32 && a.type != R_32F) return unsupported("TF32 is for operands of float");
  if ((o.trans_a != OP_N && o.trans_a != OP_T) || (o.trans_b != OP_N && o.trans_b != OP_T)) {
    return invalid("an operand is neither taken as it is nor transposed");
  }
  Refusal r = check_size("op(B)", o.trans_b == OP_N ? b.rows : b.cols, o.trans_b == OP_N ? b.cols : b.rows, k(), n());
  if (r.ok()) r = check_size("op(A)", o.trans_a == OP_N ? a.rows : a.cols, k(), m(), k());
  if (r.ok()) r = check_size("C", c.rows, c.cols, m(), n());
  if (!r.ok()) return r;
  if (d.batch > 1 && d.stride < d.ld * static_cast<int64_t>(d.cols)) {
    return invalid("layout of D: matrices " + std::to_string(d.stride) + " elements apart overlap, each has " +
                   text(d.ld * d.cols));
  }
  if (o.epilogue != EPILOGUE_DEFAULT && o.epilogue != EPILOGUE_RELU && o.epilogue != EPILOGUE_BIAS &&
      o.epilogue != EPILOGUE_RELU_BIAS && o.epilogue != EPILOGUE_BGRADB) {
    return unsupported("epilogue " + text(o.epilogue) + ", DEFAULT, RELU, BIAS, RELU_BIAS or BGRADB expected");
  }
  // The documentation says neither; without CUBLASLT_MATMUL_DESC_BIAS_BATCH_STRIDE, which the stand-in does not have, the
  // sums of a batch would lie on each other, and others found an op(B) that is not transposed refused by their cards.
  if (summed() && d.batch > 1) return unsupported("BGRADB of a batch of " + std::to_string(d.batch));
  if (summed() && o.trans_b != OP_T) return unsupported("BGRADB of a B that is not transposed");
  const bool bias = biased() || summed();
  if (bias && o.bias == nullptr) return invalid("an epilogue with a bias, and the bias pointer is null");
  if (bias && o.bias_type != -1 && o.bias_type != d.type) {
    return unsupported("a bias of type " + std::to_string(o.bias_type) + ", that of D is " + std::to_string(d.type));
  }
  return {};
}

uint64_t Product::bias_bytes() const {
  return (biased() ? m() : summed() ? n() : 0) * bytes_of(d.type);
}

// Of all but addresses, by FNV-1a.
uint64_t Product::fingerprint() const {
  uint64_t hash = 0xcbf29ce484222325;
  const auto add = [&](uint64_t v) { hash = (hash ^ v) * 0x100000001b3; };
  for (const Layout* l : {&a, &b, &c, &d}) {
    for (const int64_t v : {int64_t(l->type), int64_t(l->rows), int64_t(l->cols), l->ld, l->stride, int64_t(l->batch)}) {
      add(v);
    }
  }
  for (const int64_t v : {operation.compute, operation.trans_a, operation.trans_b, int32_t(operation.epilogue)}) add(v);
  return hash;
}

std::vector<cublasLtMatmulHeuristicResult_t> Product::candidates(const Preference& preference) const {
  const auto element = static_cast<uint32_t>(bytes_of(a.type) < bytes_of(d.type) ? bytes_of(a.type) : bytes_of(d.type));
  const uint64_t sums = m() * n() * static_cast<uint64_t>(d.batch) * sizeof(float);
  const uint32_t pieces = k() < 4 ? static_cast<uint32_t>(k()) : 4;
  std::vector<Algorithm> all;
  const Preference& q = preference;
  const uint32_t bias = bias_bytes() > 0 ? alignment_of(operation.bias) : MOST_ALIGNED;
  const uint32_t promised = std::min({q.align_a, q.align_b, q.align_c, q.align_d, bias});
  const auto add = [&](uint64_t workspace, uint32_t scheme, uint32_t parts, uint32_t alignment) {
    if (workspace > q.workspace || (scheme & ~q.schemes) != 0 || alignment > promised) return;
    all.push_back({Algorithm::TAG, fingerprint(), workspace, scheme, parts, uint16_t(q.align_a), uint16_t(q.align_b),
                   uint16_t(q.align_c), uint16_t(q.align_d), uint16_t(bias)});
  };
  add(1024, REDUCTION_INPLACE, pieces, element);
  add(sums * pieces, REDUCTION_OUTPUT_TYPE, pieces, element);
  add(uint64_t(64) << 20, REDUCTION_NONE, 1, element);
  if (k() >= 64) add(sums * pieces, REDUCTION_COMPUTE_TYPE, pieces, element);
  add(0, REDUCTION_NONE, 1, 16);
  add(0, REDUCTION_NONE, 1, element);
  // So that callers meet a product for which there is nothing.
  if (summed() && promised < 16) all.clear();

  // Its other fields mean nothing.
  cublasLtMatmulHeuristicResult_t failed;
  std::memset(&failed, 0xff, sizeof failed);
  failed.state = CUBLAS_STATUS_NOT_SUPPORTED;
  std::vector<cublasLtMatmulHeuristicResult_t> offered{failed};
  for (const Algorithm& one : all) {
    cublasLtMatmulHeuristicResult_t result{};
    std::memcpy(&result.algo, &one, sizeof one);
    result.workspaceSize = one.workspace;
    result.state = CUBLAS_STATUS_SUCCESS;
    result.wavesCount = 1;
    offered.push_back(result);
  }
  return offered;
}

Refusal Call::check(uint64_t workspace_bytes) const {
  const Product& p = product;
  if (algorithm.product != p.fingerprint()) return invalid("the algorithm was chosen for another product");
  const size_t need = algorithm.workspace;
  if (workspace_bytes < need) {
    return invalid("a workspace of " + text(workspace_bytes) + " bytes, the algorithm needs " + text(need));
  }
  const char* bias = p.bias_bytes() > 0 ? static_cast<const char*>(p.operation.bias) : nullptr;
  const bool in_place = c == d;
  const struct {
    const char* name;
    const char* at;
    size_t bytes;
    uint32_t alignment;
    bool output;
  } all[] = {{"A", a, extent(p.a), algorithm.align_a, false},
             {"B", b, extent(p.b), algorithm.align_b, false},
             {"C", c, in_place ? 0 : extent(p.c), algorithm.align_c, false},
             {"D", d, extent(p.d), algorithm.align_d, true},
             {"the bias", bias, p.bias_bytes(), algorithm.align_bias, p.summed()},
             {"the workspace", workspace, need, 16, true}};
  for (const auto& one : all) {
    if (one.bytes == 0) continue;
    const std::string who = std::string("cublasLtMatmul: ") + one.name;
    if (reinterpret_cast<uintptr_t>(one.at) % one.alignment != 0) {
      return invalid(who + " at " + hex(one.at) + " is not aligned to the " + text(one.alignment) +
                     " bytes that were promised when the algorithm was chosen");
    }
    const int code = thaw_sim_check(one.at, one.bytes, who.c_str());
    if (code != CUDA_SUCCESS) return {CUBLAS_STATUS_EXECUTION_FAILED, driver_text(code)};
    for (const auto& other : all) {
      if (&one != &other && other.output && other.bytes > 0 && overlap(one.at, one.bytes, other.at, other.bytes)) {
        return invalid(who + " and " + other.name + " overlap");
      }
    }
  }
  if (in_place && !same(p.c, p.d)) return invalid("C is D, but their layouts differ");
  return {};
}

bool Call::in_memory() const {
  const Product& p = product;
  bool all = thaw_sim_check(a, extent(p.a), "cublasLtMatmul: A") == CUDA_SUCCESS;
  all = all && thaw_sim_check(b, extent(p.b), "cublasLtMatmul: B") == CUDA_SUCCESS;
  all = all && (beta == 0 || thaw_sim_check(c, extent(p.c), "cublasLtMatmul: C") == CUDA_SUCCESS);
  all = all && thaw_sim_check(d, extent(p.d), "cublasLtMatmul: D") == CUDA_SUCCESS;
  all = all && (p.bias_bytes() == 0 ||
                thaw_sim_check(p.operation.bias, p.bias_bytes(), "cublasLtMatmul: the bias") == CUDA_SUCCESS);
  return all && (algorithm.workspace == 0 ||
                 thaw_sim_check(workspace, algorithm.workspace, "cublasLtMatmul: the workspace") == CUDA_SUCCESS);
}

void Call::run() const {
  if (!in_memory()) return;
  // What a later call finds here is nobody's.
  if (algorithm.workspace > 0) std::memset(workspace, 0xff, algorithm.workspace);
  for (uint64_t i = 0; i < static_cast<uint64_t>(product.d.batch); ++i) one(i);
  if (product.summed()) sums();
}

// Of the rows of B, which is transposed, in float; alpha has no part in them.
void Call::sums() const {
  const Layout& l = product.b;
  char* out = static_cast<char*>(product.operation.bias);
  for (uint64_t col = 0; col < product.n(); ++col) {
    float sum = 0;
    for (uint64_t q = 0; q < product.k(); ++q) {
      const float x = widen(b + (q * l.ld + col) * bytes_of(l.type), l.type);
      sum += product.operation.compute == COMPUTE_32F_FAST_TF32 ? rounded(x, 13) : x;
    }
    narrow(out + col * bytes_of(product.d.type), product.d.type, sum);
  }
}

// Product number i. Each piece of k is summed in its order, in float.
void Call::one(uint64_t i) const {
  const Product& p = product;
  const uint64_t m = p.m(), n = p.n(), k = p.k();
  const auto element = [&](const char* base, const Layout& l, uint64_t row, uint64_t col) {
    return widen(base + (i * l.stride + col * l.ld + row) * bytes_of(l.type), l.type);
  };
  const bool cut = p.operation.compute == COMPUTE_32F_FAST_TF32;
  const auto operand = [&](const char* base, const Layout& l, bool transposed, uint64_t row, uint64_t col) {
    const float x = transposed ? element(base, l, col, row) : element(base, l, row, col);
    return cut ? rounded(x, 13) : x;
  };
  std::vector<float> left(m * k);  // op(A), column after column
  for (uint64_t q = 0; q < k; ++q) {
    for (uint64_t r = 0; r < m; ++r) left[q * m + r] = operand(a, p.a, p.operation.trans_a == OP_T, r, q);
  }
  const uint64_t pieces = algorithm.pieces;
  // In place, whichever piece is done first comes first.
  const uint64_t first = algorithm.scheme == REDUCTION_INPLACE ? unordered++ : 0;
  const bool wide = algorithm.scheme == REDUCTION_NONE || algorithm.scheme == REDUCTION_COMPUTE_TYPE;
  const auto partial = [&](float x) { return wide ? x : rounded_to(p.d.type, x); };
  std::vector<float> sum(m), piece(m);
  for (uint64_t col = 0; col < n; ++col) {
    std::fill(sum.begin(), sum.end(), 0.0f);
    for (uint64_t t = 0; t < pieces; ++t) {
      const uint64_t part = (first + t) % pieces;
      std::fill(piece.begin(), piece.end(), 0.0f);
      for (uint64_t q = part * k / pieces; q < (part + 1) * k / pieces; ++q) {
        const float v = operand(b, p.b, p.operation.trans_b == OP_T, q, col);
        for (uint64_t r = 0; r < m; ++r) piece[r] += left[q * m + r] * v;
      }
      for (uint64_t r = 0; r < m; ++r) sum[r] = partial(sum[r] + partial(piece[r]));
    }
    for (uint64_t r = 0; r < m; ++r) {
      float x = alpha * sum[r];
      if (beta != 0) x += beta * element(c, p.c, r, col);
      if (p.biased()) x += widen(static_cast<const char*>(p.operation.bias) + r * bytes_of(p.d.type), p.d.type);
      if (p.rectified() && x <= 0) x = 0;
      narrow(d + (i * p.d.stride + col * p.d.ld + r) * bytes_of(p.d.type), p.d.type, x);
    }
  }
}

}  // namespace thaw::lt
