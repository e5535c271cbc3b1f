package dev.thaw.cuda;

import static org.bytedeco.cuda.global.cublas.CUBLASLT_EPILOGUE_BGRADB;
import static org.bytedeco.cuda.global.cublas.CUBLASLT_EPILOGUE_BIAS;
import static org.bytedeco.cuda.global.cublas.CUBLASLT_EPILOGUE_DEFAULT;
import static org.bytedeco.cuda.global.cublas.CUBLASLT_EPILOGUE_RELU;
import static org.bytedeco.cuda.global.cublas.CUBLASLT_EPILOGUE_RELU_BIAS;
import static org.bytedeco.cuda.global.cublas.CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE;
import static org.bytedeco.cuda.global.cublas.CUBLASLT_MATMUL_DESC_BIAS_POINTER;
import static org.bytedeco.cuda.global.cublas.CUBLASLT_MATMUL_DESC_EPILOGUE;
import static org.bytedeco.cuda.global.cublas.CUBLASLT_MATMUL_DESC_TRANSA;
import static org.bytedeco.cuda.global.cublas.CUBLASLT_MATMUL_DESC_TRANSB;
import static org.bytedeco.cuda.global.cublas.CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES;
import static org.bytedeco.cuda.global.cublas.CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES;
import static org.bytedeco.cuda.global.cublas.CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES;
import static org.bytedeco.cuda.global.cublas.CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES;
import static org.bytedeco.cuda.global.cublas.CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES;
import static org.bytedeco.cuda.global.cublas.CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK;
import static org.bytedeco.cuda.global.cublas.CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT;
import static org.bytedeco.cuda.global.cublas.CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET;
import static org.bytedeco.cuda.global.cublas.CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE;
import static org.bytedeco.cuda.global.cublas.CUBLAS_COMPUTE_32F;
import static org.bytedeco.cuda.global.cublas.CUBLAS_COMPUTE_32F_FAST_TF32;
import static org.bytedeco.cuda.global.cublas.CUBLAS_OP_N;
import static org.bytedeco.cuda.global.cublas.CUBLAS_OP_T;
import static org.bytedeco.cuda.global.cublas.CUBLAS_STATUS_INVALID_VALUE;
import static org.bytedeco.cuda.global.cublas.CUBLAS_STATUS_NOT_SUPPORTED;
import static org.bytedeco.cuda.global.cublas.CUBLAS_STATUS_SUCCESS;
import static org.bytedeco.cuda.global.cublas.cublasLtMatmul;
import static org.bytedeco.cuda.global.cublas.cublasLtMatmulAlgoGetHeuristic;
import static org.bytedeco.cuda.global.cublas.cublasLtMatmulDescInit;
import static org.bytedeco.cuda.global.cublas.cublasLtMatmulDescSetAttribute;
import static org.bytedeco.cuda.global.cublas.cublasLtMatmulPreferenceInit;
import static org.bytedeco.cuda.global.cublas.cublasLtMatmulPreferenceSetAttribute;
import static org.bytedeco.cuda.global.cublas.cublasLtMatrixLayoutInit;
import static org.bytedeco.cuda.global.cublas.cublasLtMatrixLayoutSetAttribute;
import static org.bytedeco.cuda.global.cudart.CUDA_R_16BF;
import static org.bytedeco.cuda.global.cudart.CUDA_R_32F;

import dev.thaw.backend.GemmShape;
import dev.thaw.memory.DType;
import org.bytedeco.cuda.cublas.cublasLtMatmulAlgo_t;
import org.bytedeco.cuda.cublas.cublasLtMatmulDescOpaque_t;
import org.bytedeco.cuda.cublas.cublasLtMatmulHeuristicResult_t;
import org.bytedeco.cuda.cublas.cublasLtMatmulPreferenceOpaque_t;
import org.bytedeco.cuda.cublas.cublasLtMatrixLayoutOpaque_t;
import org.bytedeco.cuda.cudart.CUstream_st;
import org.bytedeco.javacpp.IntPointer;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.javacpp.Pointer;
import org.jspecify.annotations.Nullable;

/**
 * A {@link LtProduct} prepared: descriptors, the algorithm, and the pointers of its calls. One
 * thread at a time calls it.
 *
 * <p>The library counts matrices by columns. What lies row by row is to it the transpose, so it is
 * asked for Cᵀ = op(B)ᵀ op(A)ᵀ: its first operand is our B, its D is as high as C is wide, and the
 * bias, one number for each of its rows, is ours for each column. (It knows rows too, but adds no
 * bias to them.) Its second operand is our A, dyᵀ where the gradient of a bias is made beside that
 * of the weights.
 */
final class LtGemm implements AutoCloseable {
  /** What an algorithm may use; as much as NVIDIA recommends for Hopper. */
  static final long WORKSPACE = 32 << 20;

  /** Algorithms asked for, the one thought fastest first. */
  private static final int CANDIDATES = 8;

  private final CublasLt library;
  private final LtProduct product;
  private final cublasLtMatmulDescOpaque_t operation = new cublasLtMatmulDescOpaque_t();
  private final cublasLtMatrixLayoutOpaque_t layoutB = new cublasLtMatrixLayoutOpaque_t();
  private final cublasLtMatrixLayoutOpaque_t layoutA = new cublasLtMatrixLayoutOpaque_t();
  private final cublasLtMatrixLayoutOpaque_t layoutC = new cublasLtMatrixLayoutOpaque_t();
  private final cublasLtMatmulHeuristicResult_t candidates =
      new cublasLtMatmulHeuristicResult_t(CANDIDATES);
  private @Nullable cublasLtMatmulAlgo_t algorithm;
  private String refusal = "none is offered";
  private final long workspaceBytes;

  private final LongPointer biasAddress = new LongPointer(1);
  private final Address b = Address.pointer(0);
  private final Address a = Address.pointer(0);
  private final Address c = Address.pointer(0);
  private final Address workspace = Address.pointer(0);

  /** Asks the library how it will compute {@code product}, once. */
  LtGemm(CublasLt library, LtProduct product) {
    this.library = library;
    this.product = product;
    GemmShape s = product.shape();
    describeOperation(s);
    int type = type(product.operands());
    layout(layoutB, type, s.transB() ? s.k() : s.n(), s.transB() ? s.n() : s.k(), s.sharedB());
    layout(layoutA, type, s.transA() ? s.m() : s.k(), s.transA() ? s.k() : s.m(), s.sharedA());
    layout(layoutC, type(product.result()), s.n(), s.m(), false);
    int best = choose();
    algorithm = best < 0 ? null : candidates.position(best).algo();
    workspaceBytes = best < 0 ? 0 : candidates.position(best).workspaceSize();
  }

  private void describeOperation(GemmShape s) {
    check(
        "cublasLtMatmulDescInit",
        cublasLtMatmulDescInit(
            operation,
            product.tf32() ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F,
            CUDA_R_32F));
    set(CUBLASLT_MATMUL_DESC_TRANSA, s.transB() ? CUBLAS_OP_T : CUBLAS_OP_N);
    set(CUBLASLT_MATMUL_DESC_TRANSB, s.transA() ? CUBLAS_OP_T : CUBLAS_OP_N);
    set(CUBLASLT_MATMUL_DESC_EPILOGUE, epilogue());
    if (product.bias() != LtProduct.Bias.NONE) {
      set(CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE, type(product.result()));
      // The choice of an algorithm looks at the alignment of this address, and at nothing behind.
      setBias(LtProduct.ALIGNED);
    }
  }

  private int epilogue() {
    boolean relu = product.relu();
    return switch (product.bias()) {
      case NONE -> relu ? CUBLASLT_EPILOGUE_RELU : CUBLASLT_EPILOGUE_DEFAULT;
      case ADDED -> relu ? CUBLASLT_EPILOGUE_RELU_BIAS : CUBLASLT_EPILOGUE_BIAS;
      case GRADIENT -> CUBLASLT_EPILOGUE_BGRADB;
    };
  }

  private void layout(
      cublasLtMatrixLayoutOpaque_t layout, int type, int rows, int columns, boolean shared) {
    check("cublasLtMatrixLayoutInit", cublasLtMatrixLayoutInit(layout, type, rows, columns, rows));
    try (IntPointer count = new IntPointer(1).put(product.shape().batch());
        LongPointer stride = new LongPointer(1).put(shared ? 0 : (long) rows * columns)) {
      check(
          "cublasLtMatrixLayoutSetAttribute",
          cublasLtMatrixLayoutSetAttribute(
              layout, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, count, Integer.BYTES));
      check(
          "cublasLtMatrixLayoutSetAttribute",
          cublasLtMatrixLayoutSetAttribute(
              layout, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, stride, Long.BYTES));
    }
  }

  /** The place of the first candidate that can be used, or -1. */
  private int choose() {
    try (cublasLtMatmulPreferenceOpaque_t limits = new cublasLtMatmulPreferenceOpaque_t()) {
      check("cublasLtMatmulPreferenceInit", cublasLtMatmulPreferenceInit(limits));
      try (LongPointer most = new LongPointer(1).put(WORKSPACE)) {
        check(
            "cublasLtMatmulPreferenceSetAttribute",
            cublasLtMatmulPreferenceSetAttribute(
                limits, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, most, Long.BYTES));
      }
      // In one sequence, or in pieces of k whose sums, in float, a second kernel adds in order. The
      // other schemes round sums of pieces to the type of C.
      limit(
          limits,
          CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK,
          CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE);
      limit(limits, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, product.alignB());
      limit(limits, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, product.alignA());
      limit(limits, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, product.alignC());
      limit(limits, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, product.alignC());
      int[] found = new int[1];
      int status =
          cublasLtMatmulAlgoGetHeuristic(
              library.handle(),
              operation,
              layoutB,
              layoutA,
              layoutC,
              layoutC,
              limits,
              CANDIDATES,
              candidates,
              found);
      if (refuses("cublasLtMatmulAlgoGetHeuristic", status)) {
        return -1;
      }
      check("cublasLtMatmulAlgoGetHeuristic for " + product, status);
      return firstUsable(found[0]);
    }
  }

  /** The documentation does not say all that a version refuses, nor by which of the two. */
  private boolean refuses(String call, int status) {
    if (status != CUBLAS_STATUS_NOT_SUPPORTED && status != CUBLAS_STATUS_INVALID_VALUE) {
      return false;
    }
    refusal = call + ": " + CublasLt.name(status);
    return true;
  }

  private int firstUsable(int found) {
    for (int i = 0; i < found; i++) {
      candidates.position(i);
      if (candidates.state() == CUBLAS_STATUS_SUCCESS && candidates.workspaceSize() <= WORKSPACE) {
        return i;
      }
    }
    return -1;
  }

  private static void limit(cublasLtMatmulPreferenceOpaque_t limits, int attribute, int value) {
    try (IntPointer v = new IntPointer(1).put(value)) {
      check(
          "cublasLtMatmulPreferenceSetAttribute",
          cublasLtMatmulPreferenceSetAttribute(limits, attribute, v, Integer.BYTES));
    }
  }

  private void set(int attribute, int value) {
    try (IntPointer v = new IntPointer(1).put(value)) {
      check(
          "cublasLtMatmulDescSetAttribute",
          cublasLtMatmulDescSetAttribute(operation, attribute, v, Integer.BYTES));
    }
  }

  private void setBias(long address) {
    biasAddress.put(address);
    check(
        "cublasLtMatmulDescSetAttribute",
        cublasLtMatmulDescSetAttribute(
            operation, CUBLASLT_MATMUL_DESC_BIAS_POINTER, biasAddress, Long.BYTES));
  }

  private static int type(DType dtype) {
    return Kernels.choose(dtype, CUDA_R_32F, CUDA_R_16BF);
  }

  /** Whether the library has an algorithm for it. */
  boolean isServed() {
    return algorithm != null;
  }

  /** Why it has none. */
  String refusal() {
    return refusal;
  }

  /** What {@link #run} needs of workspace. */
  long workspaceBytes() {
    return workspaceBytes;
  }

  /**
   * Queues the product; allocates nothing.
   *
   * @param cAddress of the alignment it was prepared for, as the operands' are
   * @param biasAt aligned to {@link LtProduct#ALIGNED}; 0 for none
   * @param workspaceAt {@link #workspaceBytes} that the stream's next call may use again
   * @return false, and nothing was queued, where the library refuses what it has offered; from then
   *     on it is not served
   */
  boolean run(
      long cAddress,
      long aAddress,
      long bAddress,
      long biasAt,
      long workspaceAt,
      CUstream_st stream) {
    if (product.bias() != LtProduct.Bias.NONE && biasAt != biasAddress.get()) {
      setBias(biasAt);
    }
    int status =
        cublasLtMatmul(
            library.handle(),
            operation,
            library.one(),
            b.at(bAddress),
            layoutB,
            a.at(aAddress),
            layoutA,
            library.zero(),
            c.at(cAddress),
            layoutC,
            c,
            layoutC,
            algorithm,
            workspace.at(workspaceAt),
            workspaceBytes,
            stream);
    if (refuses("cublasLtMatmul", status)) {
      algorithm = null;
      return false;
    }
    if (status != CUBLAS_STATUS_SUCCESS) {
      CublasLt.check("cublasLtMatmul of " + product, status);
    }
    return true;
  }

  private static void check(String call, int status) {
    CublasLt.check(call, status);
  }

  /** Frees descriptors and algorithm; calls that are queued do not need them. */
  @Override
  public void close() {
    for (Pointer p : new Pointer[] {operation, layoutB, layoutA, layoutC, biasAddress}) {
      p.close();
    }
    candidates.position(0).close();
  }
}
