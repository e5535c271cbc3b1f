package dev.thaw.cuda;

import static org.bytedeco.cuda.global.cublas.*;
import static org.bytedeco.cuda.global.cudart.CUDA_R_16BF;
import static org.bytedeco.cuda.global.cudart.CUDA_R_32F;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.thaw.Needs;
import dev.thaw.backend.TestBuffers;
import dev.thaw.backend.UnavailableException;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.DType;
import dev.thaw.memory.Purpose;
import java.util.function.Consumer;
import org.bytedeco.cuda.cublas.cublasLtMatmulDescOpaque_t;
import org.bytedeco.cuda.cublas.cublasLtMatmulHeuristicResult_t;
import org.bytedeco.cuda.cublas.cublasLtMatmulPreferenceOpaque_t;
import org.bytedeco.cuda.cublas.cublasLtMatrixLayoutOpaque_t;
import org.bytedeco.javacpp.IntPointer;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.javacpp.Pointer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Each mistake in a call of cuBLASLt is refused by the stand-in, in a line that names it. */
final class CublasLtStandInTest {
  private static final int M = 8;
  private static final int N = 4;
  private static final int K = 72;

  private static CudaBackend sim;
  private static CublasLt library;

  private final cublasLtMatmulDescOpaque_t operation = new cublasLtMatmulDescOpaque_t();
  private final cublasLtMatrixLayoutOpaque_t a = new cublasLtMatrixLayoutOpaque_t();
  private final cublasLtMatrixLayoutOpaque_t b = new cublasLtMatrixLayoutOpaque_t();
  private final cublasLtMatrixLayoutOpaque_t d = new cublasLtMatrixLayoutOpaque_t();
  private final cublasLtMatmulPreferenceOpaque_t limits = new cublasLtMatmulPreferenceOpaque_t();
  private final cublasLtMatmulHeuristicResult_t found = new cublasLtMatmulHeuristicResult_t(8);
  private final int[] count = new int[1];

  private TestBuffers buffers;

  /** Addresses and sizes of a call, to be spoiled. */
  private static final class Call {
    long a;
    long b;
    long d;
    long workspace;
    long workspaceBytes;
  }

  private final Call call = new Call();

  @BeforeAll
  static void open() throws UnavailableException {
    sim = (CudaBackend) Needs.device("cuda-sim");
    library = CublasLt.open(sim.card());
  }

  /** D = A B + bias, of 8 x 72 and 72 x 4, by columns. */
  @BeforeEach
  void right() {
    buffers = new TestBuffers(sim, DType.FLOAT32);
    assertEquals(0, cublasLtMatmulDescInit(operation, CUBLAS_COMPUTE_32F, CUDA_R_32F));
    assertEquals(0, cublasLtMatrixLayoutInit(a, CUDA_R_32F, M, K, M));
    assertEquals(0, cublasLtMatrixLayoutInit(b, CUDA_R_32F, K, N, K));
    assertEquals(0, cublasLtMatrixLayoutInit(d, CUDA_R_32F, M, N, M));
    assertEquals(0, cublasLtMatmulPreferenceInit(limits));
    operation(CUBLASLT_MATMUL_DESC_EPILOGUE, CUBLASLT_EPILOGUE_BIAS);
    bias(buffers.of(new double[M]).address());
    assertEquals(
        0,
        cublasLtMatmulPreferenceSetAttribute(
            limits,
            CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES,
            new LongPointer(1).put(1 << 20),
            Long.BYTES));
    call.a = buffers.of(new double[M * K]).address();
    call.b = buffers.of(new double[K * N]).address();
    call.d = buffers.output(M * N).address();
    call.workspaceBytes = 1 << 20;
    call.workspace = buffers.output(call.workspaceBytes / Float.BYTES).address();
  }

  @AfterEach
  void nothingLeft() {
    buffers.close();
  }

  private void operation(int attribute, int value) {
    assertEquals(
        0,
        cublasLtMatmulDescSetAttribute(
            operation, attribute, new IntPointer(1).put(value), Integer.BYTES));
  }

  private void bias(long address) {
    assertEquals(
        0,
        cublasLtMatmulDescSetAttribute(
            operation,
            CUBLASLT_MATMUL_DESC_BIAS_POINTER,
            new LongPointer(1).put(address),
            Long.BYTES));
  }

  private static void layout(cublasLtMatrixLayoutOpaque_t layout, int attribute, long value) {
    boolean whole =
        attribute == CUBLASLT_MATRIX_LAYOUT_LD
            || attribute == CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET;
    Pointer v = whole ? new LongPointer(1).put(value) : new IntPointer(1).put((int) value);
    assertEquals(
        0,
        cublasLtMatrixLayoutSetAttribute(layout, attribute, v, whole ? Long.BYTES : Integer.BYTES));
  }

  private int ask() {
    return cublasLtMatmulAlgoGetHeuristic(
        library.handle(), operation, a, b, d, d, limits, 8, found, count);
  }

  /** With the first algorithm that can be used and sums of pieces in a workspace, if any. */
  private int run() {
    int first = 0;
    while (found.position(first).state() != CUBLAS_STATUS_SUCCESS) {
      first++;
    }
    return cublasLtMatmul(
        library.handle(),
        operation,
        library.one(),
        Address.pointer(call.a),
        a,
        Address.pointer(call.b),
        b,
        library.zero(),
        Address.pointer(call.d),
        d,
        Address.pointer(call.d),
        d,
        found.algo(),
        Address.pointer(call.workspace),
        call.workspaceBytes,
        sim.card().stream());
  }

  private static void refused(int status, int expected, String line) {
    IllegalStateException e =
        assertThrows(IllegalStateException.class, () -> CublasLt.check("the call", status));
    String message = String.valueOf(e.getMessage());
    assertEquals(expected, status, message);
    assertTrue(message.contains(line), message);
    assertEquals(1, message.lines().count(), message);
  }

  /** Spoils descriptors before an algorithm is asked for. */
  private void refusedToAsk(int expected, String line, Runnable mistake) {
    assertEquals(0, ask());
    mistake.run();
    refused(ask(), expected, line);
  }

  /** Spoils addresses and sizes behind the choice of an algorithm. */
  private void refusedToRun(int expected, String line, Consumer<Call> mistake) {
    assertEquals(0, ask());
    assertEquals(0, run());
    mistake.accept(call);
    refused(run(), expected, line);
  }

  @Test
  void leadingDimension() {
    refusedToAsk(
        CUBLAS_STATUS_INVALID_VALUE,
        "layout of A: leading dimension 7, at least its 8 rows expected",
        () -> layout(a, CUBLASLT_MATRIX_LAYOUT_LD, 7));
  }

  @Test
  void transposed() {
    refusedToAsk(
        CUBLAS_STATUS_INVALID_VALUE,
        "op(B) is 4 x 72, 72 x 4 expected",
        () -> operation(CUBLASLT_MATMUL_DESC_TRANSB, CUBLAS_OP_T));
  }

  @Test
  void batchOfOneOperand() {
    refusedToAsk(
        CUBLAS_STATUS_INVALID_VALUE,
        "layout of A: a batch of 1, that of D is 2",
        () -> layout(d, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, 2));
  }

  @Test
  void resultsThatOverlap() {
    refusedToAsk(
        CUBLAS_STATUS_INVALID_VALUE,
        "layout of D: matrices 16 elements apart overlap, each has 32",
        () -> {
          for (cublasLtMatrixLayoutOpaque_t layout : new cublasLtMatrixLayoutOpaque_t[] {a, b, d}) {
            layout(layout, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, 2);
          }
          layout(d, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, 16);
        });
  }

  @Test
  void noBias() {
    refusedToAsk(
        CUBLAS_STATUS_INVALID_VALUE,
        "an epilogue with a bias, and the bias pointer is null",
        () -> bias(0));
  }

  @Test
  void typeOfTheBias() {
    refusedToAsk(
        CUBLAS_STATUS_NOT_SUPPORTED,
        "a bias of type 14, that of D is 0",
        () -> operation(CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE, CUDA_R_16BF));
  }

  @Test
  void types() {
    refusedToAsk(
        CUBLAS_STATUS_NOT_SUPPORTED,
        "types 14, 0, 0, 0 of A, B, C, D do not go together",
        () -> layout(a, CUBLASLT_MATRIX_LAYOUT_TYPE, CUDA_R_16BF));
  }

  @Test
  void epilogue() {
    refusedToAsk(
        CUBLAS_STATUS_NOT_SUPPORTED,
        "epilogue 36, DEFAULT, RELU, BIAS, RELU_BIAS or BGRADB expected",
        () -> operation(CUBLASLT_MATMUL_DESC_EPILOGUE, CUBLASLT_EPILOGUE_GELU_BIAS));
  }

  /** D = A B, B as its rows lie, and beside it the sums of these. */
  private void summed() {
    assertEquals(0, cublasLtMatrixLayoutInit(b, CUDA_R_32F, N, K, N));
    operation(CUBLASLT_MATMUL_DESC_TRANSB, CUBLAS_OP_T);
    operation(CUBLASLT_MATMUL_DESC_EPILOGUE, CUBLASLT_EPILOGUE_BGRADB);
    bias(buffers.output(N).address());
  }

  @Test
  void sumsWithNoPlace() {
    summed();
    refusedToAsk(
        CUBLAS_STATUS_INVALID_VALUE,
        "an epilogue with a bias, and the bias pointer is null",
        () -> bias(0));
  }

  @Test
  void typeOfSums() {
    summed();
    refusedToAsk(
        CUBLAS_STATUS_NOT_SUPPORTED,
        "a bias of type 14, that of D is 0",
        () -> operation(CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE, CUDA_R_16BF));
  }

  @Test
  void sumsOfColumns() {
    summed();
    refusedToAsk(
        CUBLAS_STATUS_NOT_SUPPORTED,
        "BGRADB of a B that is not transposed",
        () -> {
          assertEquals(0, cublasLtMatrixLayoutInit(b, CUDA_R_32F, K, N, K));
          operation(CUBLASLT_MATMUL_DESC_TRANSB, CUBLAS_OP_N);
        });
  }

  @Test
  void sumsOfABatch() {
    summed();
    refusedToAsk(
        CUBLAS_STATUS_NOT_SUPPORTED,
        "BGRADB of a batch of 2",
        () -> {
          for (cublasLtMatrixLayoutOpaque_t layout : new cublasLtMatrixLayoutOpaque_t[] {a, b, d}) {
            layout(layout, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, 2);
          }
          layout(d, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, M * N);
        });
  }

  /** The sums are written: they may not lie in an operand, nor end behind their buffer. */
  @Test
  void placeOfSums() {
    summed();
    refusedToRun(
        CUBLAS_STATUS_INVALID_VALUE,
        "cublasLtMatmul: A and the bias overlap",
        call -> bias(call.a + 256));
    bias(call.d);
    refused(run(), CUBLAS_STATUS_INVALID_VALUE, "the bias overlap");
    Buffer last = sim.pool().allocate(DType.FLOAT32, N, Purpose.WORKSPACE);
    long behind = last.address() + 256;
    last.release();
    bias(behind);
    refused(run(), CUBLAS_STATUS_EXECUTION_FAILED, "cublasLtMatmul: the bias");
  }

  @Test
  void alignmentOfSums() {
    summed();
    refusedToRun(
        CUBLAS_STATUS_INVALID_VALUE,
        "cublasLtMatmul: the bias at ",
        call -> bias(buffers.output(N + 1).address() + 4));
  }

  /** For which Thaw has a kernel of its own. */
  @Test
  void sumsThatHaveNoAlgorithm() {
    summed();
    assertEquals(0, ask());
    assertTrue(count[0] > 1, "one of them usable: " + count[0]);
    bias(buffers.output(N + 1).address() + 4);
    assertEquals(0, ask());
    assertEquals(1, count[0], "the one that failed");
  }

  @Test
  void sizeOfAnAttribute() {
    int status =
        cublasLtMatrixLayoutSetAttribute(
            a, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, new LongPointer(1).put(2), Long.BYTES);
    refused(status, CUBLAS_STATUS_INVALID_VALUE, "attribute 5 has 4 bytes, found 8");
  }

  @Test
  void descriptorThatIsNone() {
    refusedToAsk(
        CUBLAS_STATUS_INVALID_VALUE,
        "the layout of B was not initialised, or is something else",
        () -> Pointer.memset(b, 0, b.sizeof()));
  }

  @Test
  void algorithmOfAnotherProduct() {
    refusedToRun(
        CUBLAS_STATUS_INVALID_VALUE,
        "the algorithm was chosen for another product",
        call -> operation(CUBLASLT_MATMUL_DESC_EPILOGUE, CUBLASLT_EPILOGUE_RELU_BIAS));
  }

  /** Nothing was said of addresses, which promises 256 bytes; the bias's was seen. */
  @Test
  void alignment() {
    refusedToRun(
        CUBLAS_STATUS_INVALID_VALUE,
        " is not aligned to the 256 bytes that were promised when the algorithm was chosen",
        call -> call.b += 4);
    call.b -= 4;
    bias(buffers.of(new double[M + 1]).address() + 4);
    refused(run(), CUBLAS_STATUS_INVALID_VALUE, "cublasLtMatmul: the bias at ");
  }

  @Test
  void workspace() {
    refusedToRun(
        CUBLAS_STATUS_INVALID_VALUE,
        "a workspace of 8 bytes, the algorithm needs ",
        call -> call.workspaceBytes = 8);
    call.workspaceBytes = 1 << 20;
    call.workspace = call.a;
    refused(run(), CUBLAS_STATUS_INVALID_VALUE, "and the workspace overlap");
  }

  @Test
  void behindTheEnd() {
    Buffer last = sim.pool().allocate(DType.FLOAT32, M * N, Purpose.WORKSPACE);
    long behind = last.address() + 256;
    last.release();
    refusedToRun(CUBLAS_STATUS_EXECUTION_FAILED, "cublasLtMatmul: D", call -> call.d = behind);
  }

  @Test
  void resultInAnOperand() {
    refusedToRun(
        CUBLAS_STATUS_INVALID_VALUE,
        "cublasLtMatmul: A and D overlap",
        call -> call.d = call.a + 256);
  }
}
