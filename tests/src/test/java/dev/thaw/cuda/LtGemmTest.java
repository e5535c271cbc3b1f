package dev.thaw.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import dev.thaw.backend.Backend;
import dev.thaw.backend.GemmKernels;
import dev.thaw.backend.GemmShape;
import dev.thaw.backend.ProductsByHand;
import dev.thaw.backend.ReduceKernels;
import dev.thaw.backend.Reduction;
import dev.thaw.backend.TestBuffers;
import dev.thaw.backend.UnavailableException;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.DType;
import dev.thaw.memory.Pool;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * cuBLASLt's matrix products, with no help of our own kernels but where there is nothing to add.
 */
final class LtGemmTest extends ProductsByHand {
  private static final float NAN = Float.NaN;

  private static CudaBackend cuda;
  private static GemmKernels strict;
  private static final Counted sums = new Counted();

  @BeforeAll
  static void open() throws UnavailableException {

    cuda = OnACard.backend();
    strict = products(false);
  }

  LtGemmTest() {
    super(cuda, strict, DType.FLOAT32);
  }

  private static GemmKernels products(boolean tf32) throws UnavailableException {
    return products(cuda.workspace(), tf32);
  }

  private static GemmKernels products(Workspace workspace, boolean tf32)
      throws UnavailableException {
    return new LtGemmKernels(
        cuda.card(), workspace, CublasLt.open(cuda.card()), new NothingToAdd(), sums, () -> tf32);
  }

  /** Our own kernels, where there is nothing to add. */
  private static final class NothingToAdd implements GemmKernels {
    @Override
    public void gemm(
        Buffer c, Buffer a, Buffer b, @Nullable Buffer bias, boolean relu, GemmShape s) {
      assertEquals(0, s.k(), () -> "left to our own kernel: " + s);
      new CudaGemm(cuda.card(), cuda.kernels(), cuda.reduce()).gemm(c, a, b, bias, relu, s);
    }

    @Override
    public void backwardWeights(
        Buffer dw, @Nullable Buffer db, Buffer dy, Buffer x, int rows, int out, int in) {
      fail("left to our own kernel: " + rows + " rows, " + out + " x " + in);
    }
  }

  /** Our own sums, and how many there were. */
  private static final class Counted implements ReduceKernels {
    int calls;

    @Override
    public void reduce(Reduction r, Buffer y, Buffer x, int outer, int n, int inner, double scale) {
      calls++;
      cuda.reduce().reduce(r, y, x, outer, n, inner, scale);
    }

    @Override
    public void argmax(Buffer y, Buffer x, int outer, int n, int inner) {
      fail("argmax");
    }
  }

  @Test
  void productsOfBfloat16() {
    // Turing computes in none.
    if (cuda.card().capability() < 80) {
      return;
    }
    for (GemmShape s : shapes().toList()) {
      product(DType.BFLOAT16, DType.BFLOAT16, s, true, true);
      product(DType.BFLOAT16, DType.FLOAT32, s, true, false);
      product(DType.BFLOAT16, DType.FLOAT32, s, false, false);
    }
  }

  private static void product(
      DType operands, DType result, GemmShape s, boolean biased, boolean relu) {
    boolean exact = operands == DType.FLOAT32;
    double[] a = exact ? random(sizeA(s), 1) : cut(random(sizeA(s), 1));
    double[] b = exact ? random(sizeB(s), 2) : cut(random(sizeB(s), 2));
    double[] bias = exact ? random(s.n(), 3) : cut(random(s.n(), 3));
    double[] expected = product(a, b, biased ? bias : null, relu, s);
    double rounding = result == DType.BFLOAT16 ? 4e-3 : 0;
    try (TestBuffers buffers = new TestBuffers(cuda, operands)) {
      Buffer c = buffers.output(result, expected.length);
      Buffer add = biased ? buffers.of(result, bias) : null;
      strict.gemm(c, buffers.of(a), buffers.of(b), add, relu, s);
      buffers.assertClose(
          operands + " " + s + (biased ? " + bias" : "") + (relu ? ", relu" : ""),
          expected,
          c,
          rounding + 1e-6 + 6e-8 * s.k());
    }
  }

  /** Slices that begin at any element, each operand in its turn and all at once. */
  @ParameterizedTest
  @ValueSource(ints = {40, 72})
  void slices(int k) {
    GemmShape s = new GemmShape(2, 12, 16, k, false, true, false, false);
    double[] a = random(sizeA(s), 1);
    double[] b = random(sizeB(s), 2);
    double[] bias = random(s.n(), 3);
    double[] expected = product(a, b, bias, true, s);
    for (int askew = 0; askew < 16; askew++) {
      for (int by = 1; by < 4; by++) {
        try (TestBuffers buffers = new TestBuffers(cuda, DType.FLOAT32)) {
          Buffer whole = buffers.changing(new double[expected.length + 4]);
          Buffer c = whole.slice((askew & 1) != 0 ? by : 0, expected.length);
          Buffer x = slice(buffers, a, (askew & 2) != 0 ? by : 0);
          Buffer w = slice(buffers, b, (askew & 4) != 0 ? by : 0);
          Buffer add = slice(buffers, bias, (askew & 8) != 0 ? by : 0);
          strict.gemm(c, x, w, add, true, s);
          buffers.assertClose("slices " + askew + " by " + by, expected, c, 1e-5);
          for (Buffer part : List.of(c, x, w, add)) {
            part.release();
          }
        }
      }
    }
  }

  /**
   * The gradient of a bias beside that of the weights: in one launch where places are aligned, as
   * an optimizer's are; else, wherever they begin, in two.
   */
  @Test
  void gradientsOfADenseLayerWhereverTheyLie() {
    int rows = 40;
    int out = 12;
    int in = 16;
    double[] dy = random(rows * out, 1);
    double[] x = random(rows * in, 2);
    double[] dw = product(dy, x, null, false, GemmShape.of(out, in, rows, true, false));
    double[] db = new double[out];
    for (int i = 0; i < dy.length; i++) {
      db[i % out] += dy[i];
    }
    for (int askew = 0; askew < 16; askew++) {
      for (int by = 1; by < 4; by++) {
        try (TestBuffers buffers = new TestBuffers(cuda, DType.FLOAT32)) {
          Buffer weights = buffers.changing(new double[dw.length + 4]);
          Buffer w = weights.slice((askew & 1) != 0 ? by : 0, dw.length);
          Buffer bias = buffers.changing(new double[db.length + 4]);
          Buffer b = bias.slice((askew & 2) != 0 ? by : 0, db.length);
          Buffer incoming = slice(buffers, dy, (askew & 4) != 0 ? by : 0);
          Buffer input = slice(buffers, x, (askew & 8) != 0 ? by : 0);
          int before = sums.calls;
          strict.backwardWeights(w, b, incoming, input, rows, out, in);
          String name = "slices " + askew + " by " + by;
          if (askew == 2 || cuda.device().kind().equals("cuda-sim")) {
            assertEquals(askew == 0 ? 0 : 1, sums.calls - before, name);
          }
          buffers.assertClose(name + ": dw", dw, w, 1e-5);
          buffers.assertClose(name + ": db", db, b, 1e-5);
          for (Buffer part : List.of(w, b, incoming, input)) {
            part.release();
          }
        }
      }
    }
  }

  /** Of activations in bf16 a float, which the sum of these has no other way. */
  @Test
  void gradientsOfADenseLayerInBfloat16() {
    // Turing computes in none.
    if (cuda.card().capability() < 80) {
      return;
    }
    try (TestBuffers buffers = new TestBuffers(cuda, DType.BFLOAT16)) {
      Buffer dy = buffers.of(256, 1, 1, 0.5, 0.0078125, 2);
      Buffer x = buffers.of(1, 1, 3);
      for (DType result : new DType[] {DType.FLOAT32, DType.BFLOAT16}) {
        boolean exact = result == DType.FLOAT32;
        Buffer dw = buffers.output(result, 2);
        Buffer db = buffers.output(result, 2);
        int before = sums.calls;
        strict.backwardWeights(dw, db, dy, x, 3, 2, 1);
        assertArrayEquals(new double[] {exact ? 257.0234375 : 258, 7.5}, buffers.read(dw));
        assertArrayEquals(new double[] {exact ? 257.0078125 : 258, 3.5}, buffers.read(db));
        if (cuda.device().kind().equals("cuda-sim")) {
          assertEquals(before, sums.calls);
        }
      }
    }
  }

  private static Buffer slice(TestBuffers buffers, double[] values, int by) {
    double[] all = new double[by + values.length];
    System.arraycopy(values, 0, all, by, values.length);
    return buffers.of(all).slice(by, values.length);
  }

  /**
   * What the library says that it needs beside the operands is what it gets: a workspace of this
   * product alone, larger than the smallest there is, so that one that is short ends too early.
   */
  @Test
  void aWorkspaceAsLargeAsTheLibrarySays() throws UnavailableException {
    int n = 300;
    GemmShape s = GemmShape.of(n, n, 64, false, true);
    double[] a = random(sizeA(s), 1);
    double[] b = random(sizeB(s), 2);
    Pool own =
        new Pool(cuda.device(), (bytes, dtype) -> CudaStorage.allocate(cuda.card(), bytes), false);
    Workspace workspace = new Workspace(own);
    try (TestBuffers buffers = new TestBuffers(cuda, DType.FLOAT32)) {
      Buffer c = buffers.output((long) n * n);
      products(workspace, false).gemm(c, buffers.of(a), buffers.of(b), null, false, s);
      buffers.assertClose("c", product(a, b, null, false, s), c, 1e-5);
    }
    if (cuda.device().kind().equals("cuda-sim")) {
      assertTrue(workspace.bytes() > 1 << 20, "the stand-in asks for one: " + workspace.bytes());
    }
  }

  /** Sums of many numbers, in the same order every time. */
  @Test
  void repeatsToTheBit() {
    GemmShape s = GemmShape.of(7, 10, 4099, false, true);
    double[] a = random(sizeA(s), 1);
    double[] b = random(sizeB(s), 2);
    try (TestBuffers buffers = new TestBuffers(cuda, DType.FLOAT32)) {
      Buffer x = buffers.of(a);
      Buffer w = buffers.of(b);
      Buffer c = buffers.output(70);
      strict.gemm(c, x, w, null, false, s);
      double[] first = buffers.read(c);
      for (int i = 0; i < 8; i++) {
        strict.gemm(c, x, w, null, false, s);
        assertArrayEquals(first, buffers.read(c));
      }
    }
  }

  /** max(0, NaN) is NaN, so that what went wrong stays visible. */
  @Test
  void reluKeepsNaN() {
    GemmShape s = GemmShape.of(2, 4, 2, false, false);
    try (TestBuffers buffers = new TestBuffers(cuda, DType.FLOAT32)) {
      Buffer c = buffers.output(8);
      Buffer a = buffers.of(1, 2, NAN, 1);
      Buffer b = buffers.of(1, -1, 0, 1, 1, -1, 0, 1);
      strict.gemm(c, a, b, buffers.of(0, 0, 0, NAN), true, s);
      assertArrayEquals(new double[] {3, 0, 0, NAN, NAN, NAN, NAN, NAN}, buffers.read(c));
      strict.gemm(c, a, b, null, true, s);
      assertArrayEquals(new double[] {3, 0, 0, 3, NAN, NAN, NAN, NAN}, buffers.read(c));
    }
  }

  /** float32 keeps its 23 bits of fraction, unless TF32 is asked for. */
  @Test
  void float32IsNotCut() throws UnavailableException {
    int n = 64;
    GemmShape s = GemmShape.of(n, n, n, false, true);
    double[] fine = new double[n * n];
    Arrays.fill(fine, 1 + Math.scalb(1.0, -13));
    double[] ones = new double[n * n];
    Arrays.fill(ones, 1);
    double[] expected = new double[n * n];
    Arrays.fill(expected, n + Math.scalb(n, -13));
    try (TestBuffers buffers = new TestBuffers(cuda, DType.FLOAT32)) {
      Buffer c = buffers.output(expected.length);
      strict.gemm(c, buffers.of(fine), buffers.of(ones), null, false, s);
      assertArrayEquals(expected, buffers.read(c));
      products(true).gemm(c, buffers.of(fine), buffers.of(ones), null, false, s);
      buffers.assertClose("tf32", expected, c, 1e-3);
    }
  }

  @Test
  void typesThatDoNotGoTogether() {
    GemmShape s = GemmShape.of(1, 1, 1, false, false);
    try (TestBuffers buffers = new TestBuffers(cuda, DType.FLOAT32)) {
      Buffer one = buffers.of(1);
      Buffer half = buffers.of(DType.BFLOAT16, 1);
      for (Buffer[] operands : new Buffer[][] {{one, half, one}, {half, half, one}}) {
        assertThrows(
            UnsupportedOperationException.class,
            () -> strict.gemm(half, operands[0], operands[1], operands[2], false, s));
      }
    }
  }

  /** More products than are kept prepared, and the first ones again. */
  @Test
  void everNewSizes() {
    for (int round = 0; round < 2; round++) {
      for (int m = 1; m <= 520; m++) {
        GemmShape s = GemmShape.of(m, 1, 1, false, false);
        double[] a = random(m, m);
        try (TestBuffers buffers = new TestBuffers(cuda, DType.FLOAT32)) {
          Buffer c = buffers.output(m);
          strict.gemm(c, buffers.of(a), buffers.of(2), null, false, s);
          buffers.assertClose("m = " + m, product(a, new double[] {2}, null, false, s), c, 1e-6);
        }
      }
    }
  }

  /** One prepared product, a bias for each thread. */
  @Test
  void manyThreadsAtOnce() throws Exception {
    GemmShape s = GemmShape.of(5, 16, 80, false, true);
    double[] a = random(sizeA(s), 1);
    double[] b = random(sizeB(s), 2);
    ExecutorService threads = Executors.newFixedThreadPool(4);
    try (TestBuffers buffers = new TestBuffers(cuda, DType.FLOAT32)) {
      Buffer x = buffers.of(a);
      Buffer w = buffers.of(b);
      List<Future<?>> running = new ArrayList<>();
      for (int t = 0; t < 4; t++) {
        double[] bias = random(s.n(), 10 + t);
        double[] expected = product(a, b, bias, false, s);
        Buffer add = buffers.of(bias);
        Buffer c = buffers.output(expected.length);
        running.add(
            threads.submit(
                () -> {
                  for (int i = 0; i < 25; i++) {
                    strict.gemm(c, x, w, add, false, s);
                    buffers.assertClose("c", expected, c, 1e-5);
                  }
                }));
      }
      for (Future<?> future : running) {
        future.get();
      }
    } finally {
      threads.shutdown();
    }
  }

  /** In a CUDA graph: the product is computed anew from what its buffers hold by then. */
  @Test
  void captured() {
    GemmShape s = GemmShape.of(4, 8, 100, false, true);
    double[] a = random(sizeA(s), 1);
    double[] b = random(sizeB(s), 2);
    double[] bias = random(s.n(), 3);
    try (TestBuffers buffers = new TestBuffers(cuda, DType.FLOAT32)) {
      Buffer x = buffers.changing(new double[a.length]);
      Buffer w = buffers.of(b);
      Buffer add = buffers.of(bias);
      Buffer c = buffers.output(32);
      Runnable call = () -> strict.gemm(c, x, w, add, true, s);
      call.run();
      try (Backend.Replay replay = Objects.requireNonNull(cuda.capture(call))) {
        for (int seed = 4; seed < 6; seed++) {
          double[] next = random(a.length, seed);
          cuda.upload(x, floats(next));
          replay.run();
          buffers.assertClose("replay", product(next, b, bias, true, s), c, 1e-5);
        }
      }
    }
  }

  private static ByteBuffer floats(double[] values) {
    ByteBuffer bytes =
        ByteBuffer.allocateDirect(Float.BYTES * values.length).order(ByteOrder.nativeOrder());
    for (double v : values) {
      bytes.putFloat((float) v);
    }
    return bytes.flip();
  }

  /** To what BFLOAT16 has. */
  private static double[] cut(double[] values) {
    return Arrays.stream(values)
        .map(v -> Float.intBitsToFloat(Float.floatToRawIntBits((float) v) & 0xFFFF0000))
        .toArray();
  }
}
