// A matrix product as the descriptors of cuBLASLt give it: what is wrong with it, the algorithms for it, and its numbers.
// The descriptors live in memory of the caller's, of the sizes that cublasLt.h says, and begin with a tag.
#pragma once

#include <string>
#include <vector>

#include "cublaslt_types.h"

namespace thaw::lt {

struct Refusal {
  cublasStatus_t status = CUBLAS_STATUS_SUCCESS;
  std::string message;

  bool ok() const { return status == CUBLAS_STATUS_SUCCESS; }
};

inline Refusal invalid(std::string message) { return {CUBLAS_STATUS_INVALID_VALUE, std::move(message)}; }

inline Refusal unsupported(std::string message) { return {CUBLAS_STATUS_NOT_SUPPORTED, std::move(message)}; }

struct Layout {
  static constexpr uint64_t TAG = 0x74756f79614c;
  uint64_t tag;
  int32_t type, order;
  uint64_t rows, cols;
  int64_t ld;
  int64_t stride;
  int32_t batch;
};

struct Operation {
  static constexpr uint64_t TAG = 0x6e6f697461726570;
  uint64_t tag;
  int32_t compute, scale;
  int32_t trans_a, trans_b;
  uint32_t epilogue;
  int32_t bias_type;
  void* bias;
};

struct Preference {
  static constexpr uint64_t TAG = 0x65636e6572656665;
  uint64_t tag;
  uint64_t workspace;
  uint32_t schemes;
  uint32_t align_a, align_b, align_c, align_d;
};

struct Algorithm {
  static constexpr uint64_t TAG = 0x6d687469726f676c;
  uint64_t tag;
  uint64_t product;  // Product::fingerprint() of the one it was offered for
  uint64_t workspace;
  uint32_t scheme;
  uint32_t pieces;  // of k
  // What was promised of the addresses when it was chosen.
  uint16_t align_a, align_b, align_c, align_d, align_bias;
};

static_assert(sizeof(Layout) <= 64 && sizeof(Operation) <= 256 && sizeof(Preference) <= 64 && sizeof(Algorithm) <= 64,
              "they must fit the library's own");

// D = alpha op(A) op(B) + beta C + bias, then max(0, .); or no bias, and beside it the sums of op(B) over k.
struct Product {
  Operation operation;
  Layout a, b, c, d;

  // What the library finds wrong before it knows addresses.
  Refusal check() const;
  uint64_t fingerprint() const;

  uint64_t m() const { return d.rows; }
  uint64_t n() const { return d.cols; }
  uint64_t k() const { return operation.trans_a == OP_N ? a.cols : a.rows; }
  bool biased() const { return (operation.epilogue & EPILOGUE_BIAS) != 0; }
  bool summed() const { return operation.epilogue == EPILOGUE_BGRADB; }
  // Of the bias, or of the sums in its place.
  uint64_t bias_bytes() const;
  bool rectified() const { return (operation.epilogue & EPILOGUE_RELU) != 0; }

  // The algorithms that `preference` allows, "fastest" first, and among them one whose state is an error.
  std::vector<cublasLtMatmulHeuristicResult_t> candidates(const Preference& preference) const;
};

struct Call {
  Product product;
  Algorithm algorithm;
  float alpha, beta;
  const char* a;
  const char* b;
  const char* c;
  char* d;
  char* workspace;

  // What is wrong with the addresses and the algorithm.
  Refusal check(uint64_t workspace_bytes) const;

  // Whether everything still lies in live allocations, and then the numbers.
  void run() const;

 private:
  bool in_memory() const;
  void one(uint64_t i) const;
  void sums() const;
};

inline size_t bytes_of(int32_t type) { return type == R_32F ? 4 : 2; }

// From the first byte to the last of all matrices.
size_t extent(const Layout& layout);

}  // namespace thaw::lt
