// The types and numbers of cuBLASLt's interface that the stand-in has, as cublasLt.h of CUDA 13 defines them.
#pragma once

#include <cstddef>
#include <cstdint>

extern "C" {
typedef enum cublasStatus_t {
  CUBLAS_STATUS_SUCCESS = 0,
  CUBLAS_STATUS_NOT_INITIALIZED = 1,
  CUBLAS_STATUS_ALLOC_FAILED = 3,
  CUBLAS_STATUS_INVALID_VALUE = 7,
  CUBLAS_STATUS_EXECUTION_FAILED = 13,
  CUBLAS_STATUS_NOT_SUPPORTED = 15
} cublasStatus_t;

typedef struct cublasLtContext* cublasLtHandle_t;

typedef struct {
  uint64_t data[8];
} cublasLtMatmulAlgo_t;

typedef struct {
  cublasLtMatmulAlgo_t algo;
  size_t workspaceSize;
  cublasStatus_t state;
  float wavesCount;
  int reserved[4];
} cublasLtMatmulHeuristicResult_t;
}

namespace thaw::lt {

// cudaDataType and cublasComputeType_t
constexpr int32_t R_32F = 0, R_16BF = 14;
constexpr int32_t COMPUTE_32F = 68, COMPUTE_32F_FAST_TF32 = 77;

constexpr int32_t OP_N = 0, OP_T = 1;
constexpr int32_t ORDER_COL = 0;

// cublasLtMatrixLayoutAttribute_t
constexpr int LAYOUT_TYPE = 0, LAYOUT_ORDER = 1, LAYOUT_ROWS = 2, LAYOUT_COLS = 3, LAYOUT_LD = 4,
              LAYOUT_BATCH_COUNT = 5, LAYOUT_STRIDED_BATCH_OFFSET = 6;

// cublasLtMatmulDescAttributes_t
constexpr int DESC_TRANSA = 3, DESC_TRANSB = 4, DESC_EPILOGUE = 7, DESC_BIAS_POINTER = 8, DESC_BIAS_DATA_TYPE = 26;

// cublasLtMatmulPreferenceAttributes_t
constexpr int PREF_MAX_WORKSPACE_BYTES = 1, PREF_REDUCTION_SCHEME_MASK = 3, PREF_MIN_ALIGNMENT_A_BYTES = 5,
              PREF_MIN_ALIGNMENT_B_BYTES = 6, PREF_MIN_ALIGNMENT_C_BYTES = 7, PREF_MIN_ALIGNMENT_D_BYTES = 8;

// cublasLtReductionScheme_t: how the sums of pieces of k are added up.
constexpr uint32_t REDUCTION_NONE = 0, REDUCTION_INPLACE = 1, REDUCTION_COMPUTE_TYPE = 2, REDUCTION_OUTPUT_TYPE = 4,
                   REDUCTION_MASK = 7;

// cublasLtEpilogue_t
constexpr uint32_t EPILOGUE_DEFAULT = 1, EPILOGUE_RELU = 2, EPILOGUE_BIAS = 4, EPILOGUE_RELU_BIAS = 6,
                   EPILOGUE_BGRADB = 512;

}  // namespace thaw::lt
