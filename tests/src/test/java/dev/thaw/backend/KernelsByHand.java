package dev.thaw.backend;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import dev.thaw.memory.Buffer;
import dev.thaw.memory.DType;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** Kernels against numbers that one can work out on paper: a backend's test extends this. */
public abstract class KernelsByHand {
  private static final double NAN = Double.NaN;
  private static final double INF = Double.POSITIVE_INFINITY;

  private final Backend backend;
  private final DType dtype;
  private final double tolerance;

  /**
   * The device and the type to compute with.
   *
   * @param tolerance of each number that is rounded, relative to 1 + |expected|
   */
  protected KernelsByHand(Backend backend, DType dtype, double tolerance) {
    this.backend = backend;
    this.dtype = dtype;
    this.tolerance = tolerance;
  }

  private TestBuffers buffers() {
    return new TestBuffers(backend, dtype);
  }

  /** Holds that {@code x} is exactly {@code expected}. */
  private static void same(TestBuffers buffers, Buffer x, double... expected) {
    assertArrayEquals(expected, buffers.read(x));
  }

  // Elementwise

  @Test
  void unaryMayWriteWhereItReads() {
    try (TestBuffers buffers = buffers()) {
      Buffer x = buffers.changing(-1, 2, -3, NAN);
      backend.unary().forward(Unary.RELU, x, x, 0, 0);
      same(buffers, x, 0, 2, 0, NAN);
      Buffer dy = buffers.changing(5, 6, 7, 8);
      backend.unary().backward(Unary.RELU, dy, dy, x, 0, 0);
      same(buffers, dy, 0, 6, 0, 0);
    }
  }

  @Test
  void aConstantSlopeReadsNothing() {
    try (TestBuffers buffers = buffers()) {
      Buffer dy = buffers.of(1, -2, 4);
      Buffer dx = buffers.output(3);
      backend.unary().backward(Unary.AFFINE, dx, dy, buffers.of(NAN, NAN, NAN), 0.5, 9);
      same(buffers, dx, 0.5, -1, 2);
    }
  }

  /** Also where x is no number: there is no x in a norm's dbeta but by a ReLU. */
  @Test
  void allOfDyCountsBehindANormWithoutRelu() {
    try (TestBuffers buffers = buffers()) {
      DType exact = dtype == DType.BFLOAT16 ? DType.FLOAT32 : dtype;
      Buffer dbeta = buffers.output(exact, 1);
      Buffer unknown = buffers.of(exact, NAN);
      backend
          .norm()
          .batchBackward(
              null,
              null,
              dbeta,
              null,
              buffers.of(1, 2, 4, 8),
              buffers.of(1, NAN, 3, 4),
              buffers.of(exact, 1),
              null,
              unknown,
              unknown,
              null,
              4,
              1,
              1e-5);
      same(buffers, dbeta, 15);
    }
  }

  @Test
  void emptyBuffers() {
    try (TestBuffers buffers = buffers()) {
      backend.unary().forward(Unary.EXP, buffers.output(0), buffers.of(), 0, 0);
      Broadcast none = Broadcast.of("add", new int[] {0, 3}, new int[] {3});
      backend
          .binary()
          .forward(Binary.ADD, buffers.output(0), buffers.of(), buffers.of(1, 2, 3), none);
      Buffer sum = buffers.output(2);
      backend.reduce().reduce(Reduction.SUM, sum, buffers.of(), 1, 0, 2, 1);
      same(buffers, sum, 0, 0);
    }
  }

  @Test
  void binaryFunctions() {
    try (TestBuffers buffers = buffers()) {
      double[] a = {4, -2, 9, 0, NAN};
      double[] b = {2, 2, 0.5, 0, 1};
      binary(buffers, Binary.ADD, a, b, 6, 0, 9.5, 0, NAN);
      binary(buffers, Binary.SUB, a, b, 2, -4, 8.5, 0, NAN);
      binary(buffers, Binary.MUL, a, b, 8, -4, 4.5, 0, NAN);
      binary(buffers, Binary.DIV, a, b, 2, -1, 18, NAN, NAN);
      binary(buffers, Binary.MIN, a, b, 2, -2, 0.5, 0, NAN);
      binary(buffers, Binary.MAX, a, b, 4, 2, 9, 0, NAN);
      binary(buffers, Binary.POW, a, b, 16, 4, 3, 1, NAN);
      binary(buffers, Binary.SHARE, a, b, 1, 0, 1, 0.5, 0);
      binary(buffers, Binary.EQUAL, a, b, 0, 0, 0, 1, 0);
    }
  }

  private void binary(TestBuffers buffers, Binary f, double[] a, double[] b, double... expected) {
    Buffer y = buffers.output(a.length);
    Broadcast shape = Broadcast.of("binary", new int[] {a.length}, new int[] {b.length});
    backend.binary().forward(f, y, buffers.of(a), buffers.of(b), shape);
    buffers.assertClose(f.name(), expected, y, tolerance);
  }

  @Test
  void broadcasting() {
    try (TestBuffers buffers = buffers()) {
      broadcast(buffers, new int[] {2, 3}, new int[] {3});
      broadcast(buffers, new int[] {3}, new int[] {2, 3});
      broadcast(buffers, new int[] {2, 1}, new int[] {1, 3});
      broadcast(buffers, new int[] {2, 3, 1, 2}, new int[] {3, 4, 1});
      broadcast(buffers, new int[] {}, new int[] {2, 2});
      broadcast(buffers, new int[] {1, 5, 1}, new int[] {4, 1, 6});
    }
  }

  /** y = a − b, element by element from its definition. */
  private void broadcast(TestBuffers buffers, int[] a, int[] b) {
    double[] u = numbers(product(a), 7);
    double[] v = numbers(product(b), 3);
    int rank = Math.max(a.length, b.length);
    int[] dims = new int[rank];
    for (int i = 1; i <= rank; i++) {
      dims[rank - i] = Math.max(size(a, i), size(b, i));
    }
    double[] expected = new double[product(dims)];
    for (int n = 0; n < expected.length; n++) {
      expected[n] = u[source(n, dims, a)] - v[source(n, dims, b)];
    }
    Buffer y = buffers.output(expected.length);
    Broadcast shape = Broadcast.of("sub", a, b);
    backend.binary().forward(Binary.SUB, y, buffers.of(u), buffers.of(v), shape);
    same(buffers, y, expected);
    if (Arrays.equals(a, dims)) {
      Buffer inPlace = buffers.changing(u);
      backend.binary().forward(Binary.SUB, inPlace, inPlace, buffers.of(v), shape);
      same(buffers, inPlace, expected);
    }
  }

  private static int size(int[] dims, int fromEnd) {
    return fromEnd <= dims.length ? dims[dims.length - fromEnd] : 1;
  }

  private static int product(int[] dims) {
    return Arrays.stream(dims).reduce(1, (a, b) -> a * b);
  }

  /** Where element n of a result of sizes {@code dims} comes from in an operand. */
  private static int source(int n, int[] dims, int[] operand) {
    int at = 0;
    int step = 1;
    int rest = n;
    for (int i = 1; i <= dims.length; i++) {
      int index = rest % dims[dims.length - i];
      rest /= dims[dims.length - i];
      at += size(operand, i) == 1 ? 0 : index * step;
      step *= size(operand, i);
    }
    return at;
  }

  /** Small whole numbers, so that sums of products are exact in every order. */
  private static double[] numbers(int n, int seed) {
    return IntStream.range(0, n).mapToDouble(i -> (i * 37 + seed * 11) % 17 - 8).toArray();
  }

  // Reductions

  @Test
  void reductionsOfTheMiddle() {
    try (TestBuffers buffers = buffers()) {
      Buffer x = buffers.of(1, 2, 3, 4, 5, 6, -1, -2, -3, -4, -5, NAN);
      Buffer y = buffers.output(4);
      backend.reduce().reduce(Reduction.SUM, y, x, 2, 3, 2, 0.5);
      same(buffers, y, 4.5, 6, -4.5, NAN);
      backend.reduce().reduce(Reduction.MAX, y, x, 2, 3, 2, 1);
      same(buffers, y, 5, 6, -1, NAN);
      backend.reduce().reduce(Reduction.MIN, y, x, 2, 3, 2, -1);
      same(buffers, y, -1, -2, 5, NAN);
      Buffer row = buffers.output(3);
      backend.reduce().reduce(Reduction.SUM, row, buffers.of(1, 2, 3, 4, 5, 6), 3, 2, 1, 1);
      same(buffers, row, 3, 7, 11);
    }
  }

  @Test
  void aLongSumKeepsItsSmallTerms() {
    try (TestBuffers buffers = buffers()) {
      double[] x = new double[100_001];
      Arrays.fill(x, 0.125);
      x[0] = 1 << 20;
      Buffer y = buffers.output(1);
      backend.reduce().reduce(Reduction.SUM, y, buffers.of(x), 1, x.length, 1, 1);
      buffers.assertClose("sum", new double[] {(1 << 20) + 12_500}, y, tolerance);
    }
  }

  @Test
  void argmaxTakesTheFirst() {
    try (TestBuffers buffers = buffers()) {
      Buffer y = buffers.output(DType.INT64, 2);
      backend.reduce().argmax(y, buffers.of(1, 3, 3, -5, -9, -5), 2, 3, 1);
      same(buffers, y, 1, 0);
      backend.reduce().argmax(y, buffers.of(1, NAN, NAN, INF, 7, 8), 2, 3, 1);
      same(buffers, y, 1, 0);
      backend.reduce().argmax(y, buffers.of(1, 9, 5, 2, 3, 9), 1, 3, 2);
      same(buffers, y, 1, 0);
      backend.reduce().argmax(y, buffers.of(-INF, -INF, -INF, -INF, -INF, -1), 2, 3, 1);
      same(buffers, y, 0, 2);
    }
  }

  // Matrix products

  @Test
  void gemmInEveryArrangement() {
    for (int flags = 0; flags < 64; flags++) {
      boolean transA = (flags & 1) != 0;
      boolean transB = (flags & 2) != 0;
      boolean sharedA = (flags & 4) != 0;
      boolean sharedB = (flags & 8) != 0;
      boolean relu = (flags & 16) != 0;
      boolean biased = (flags & 32) != 0;
      gemm(new GemmShape(3, 5, 7, 6, transA, transB, sharedA, sharedB), biased, relu);
    }
  }

  @Test
  void gemmOfOddSizes() {
    gemm(GemmShape.of(1, 1, 1, false, false), true, false);
    gemm(GemmShape.of(1, 33, 257, false, true), false, false);
    gemm(GemmShape.of(65, 1, 31, true, false), true, true);
    gemm(GemmShape.of(2, 3, 0, false, false), true, false);
    gemm(GemmShape.of(2, 3, 0, false, true), false, true);
    gemm(GemmShape.of(0, 3, 2, false, false), true, false);
    gemm(GemmShape.of(2, 0, 3, false, true), false, false);
    gemm(GemmShape.of(70, 90, 110, true, true), false, false);
  }

  private void gemm(GemmShape s, boolean biased, boolean relu) {
    try (TestBuffers buffers = buffers()) {
      double[] a = numbers((s.sharedA() ? 1 : s.batch()) * s.m() * s.k(), 1);
      double[] b = numbers((s.sharedB() ? 1 : s.batch()) * s.k() * s.n(), 2);
      double[] bias = numbers(s.n(), 5);
      double[] c = new double[s.batch() * s.m() * s.n()];
      for (int n = 0; n < c.length; n++) {
        int j = n % s.n();
        int i = n / s.n() % s.m();
        int p = n / s.n() / s.m();
        c[n] = biased ? bias[j] : 0;
        for (int k = 0; k < s.k(); k++) {
          int ai = (s.sharedA() ? 0 : p * s.m() * s.k());
          int bi = (s.sharedB() ? 0 : p * s.k() * s.n());
          c[n] +=
              a[ai + (s.transA() ? k * s.m() + i : i * s.k() + k)]
                  * b[bi + (s.transB() ? j * s.k() + k : k * s.n() + j)];
        }
        c[n] = relu ? Math.max(0, c[n]) : c[n];
      }
      Buffer y = buffers.output(c.length);
      @Nullable Buffer add = biased ? buffers.of(bias) : null;
      backend.gemm().gemm(y, buffers.of(a), buffers.of(b), add, relu, s);
      buffers.assertClose(s + (relu ? " relu" : ""), c, y, 0);
    }
  }

  // Kernels that move values

  @Test
  void copyWalks() {
    for (DType type : DType.values()) {
      try (TestBuffers buffers = buffers()) {
        Buffer x = buffers.of(type, 1, 2, 3, 4, 5, 6);
        Buffer y = buffers.changing(type, 9, 9, 9, 9, 9, 9, 9, 9);
        // The transpose of [2, 3] behind the first element.
        backend.index().copy(y, strided(1, 2, 1), x, strided(0, 1, 3), new int[] {3, 2});
        same(buffers, y, 9, 1, 4, 2, 5, 3, 6, 9);
        // The last column of [2, 3], repeated.
        Buffer repeated = buffers.output(type, 6);
        backend.index().copy(repeated, strided(0, 3, 1), x, strided(2, 3, 0), new int[] {2, 3});
        same(buffers, repeated, 3, 3, 3, 6, 6, 6);
        // Backwards, and every other place.
        Buffer gaps = buffers.changing(type, 0, 0, 0, 0, 0);
        backend.index().copy(gaps, strided(0, 2), x, strided(5, -2), new int[] {3});
        same(buffers, gaps, 6, 0, 4, 0, 2);
        Buffer one = buffers.output(type, 1);
        backend.index().copy(one, strided(0), x, strided(3), new int[0]);
        same(buffers, one, 4);
        backend.index().copy(one, strided(0, 1), x, strided(0, 1), new int[] {0});
        same(buffers, one, 4);
      }
    }
  }

  private static Strided strided(long offset, int... strides) {
    return new Strided(offset, strides);
  }

  @Test
  void fillOfEveryType() {
    for (DType type : DType.values()) {
      try (TestBuffers buffers = buffers()) {
        Buffer y = buffers.output(type, 5);
        backend.index().fill(y, 7);
        same(buffers, y, 7, 7, 7, 7, 7);
      }
    }
  }

  @Test
  void castRoundsToEvenAndTruncates() {
    try (TestBuffers buffers = buffers()) {
      // Neighbours of 1 in bfloat16 are 1 / 128 apart above; 1 + 1 / 256 lies in the middle.
      double[] x = {1, 1 + 0x1p-8, 1 + 0x3p-8, 1 + 0x1p-8 + 0x1p-20, -1 - 0x1p-8, 0x1p-130};
      Buffer half = buffers.output(DType.BFLOAT16, x.length);
      backend.index().cast(half, buffers.of(DType.FLOAT32, x));
      same(buffers, half, 1, 1, 1 + 0x1p-6, 1 + 0x1p-7, -1, 0x1p-130);
      Buffer special = buffers.output(DType.BFLOAT16, 3);
      backend.index().cast(special, buffers.of(DType.FLOAT32, INF, NAN, Float.MAX_VALUE));
      same(buffers, special, INF, NAN, INF);
      Buffer back = buffers.output(DType.FLOAT32, x.length);
      backend.index().cast(back, half);
      same(buffers, back, 1, 1, 1 + 0x1p-6, 1 + 0x1p-7, -1, 0x1p-130);
      Buffer whole = buffers.output(DType.INT32, 4);
      backend.index().cast(whole, buffers.of(1.75, -1.75, 0.5, -3));
      same(buffers, whole, 1, -1, 0, -3);
      Buffer pixels = buffers.output(3);
      backend.index().cast(pixels, buffers.of(DType.UINT8, 0, 127, 255));
      same(buffers, pixels, 0, 127, 255);
      Buffer labels = buffers.output(DType.INT32, 3);
      backend.index().cast(labels, buffers.of(DType.INT64, -100, 0, 16_777_217));
      same(buffers, labels, -100, 0, 16_777_217);
      Buffer wide = buffers.output(DType.INT64, 3);
      backend.index().cast(wide, labels);
      same(buffers, wide, -100, 0, 16_777_217);
    }
  }

  /** More than one launch takes, from nothing to two chunks and a bit, some at odd addresses. */
  @Test
  void manyCastsAreThoseOfEachAlone() {
    int count = 130;
    Buffer[] xs = new Buffer[count];
    Buffer[] ys = new Buffer[count];
    try (TestBuffers buffers = buffers()) {
      for (int i = 0; i < count; i++) {
        int n = i % 32 == 5 ? 8191 + i / 32 : i % 7;
        double[] x = new double[n + 1];
        Arrays.setAll(x, k -> Float.intBitsToFloat((n + k) * 0x9E3779B9));
        xs[i] = buffers.of(DType.FLOAT32, x).slice(i % 2, n);
        ys[i] = buffers.output(DType.BFLOAT16, n + 1).slice(i / 2 % 2, n);
      }
      backend.index().castAll(ys, xs);
      for (int i = 0; i < count; i++) {
        Buffer alone = buffers.output(DType.BFLOAT16, xs[i].elements());
        backend.index().cast(alone, xs[i]);
        assertArrayEquals(buffers.read(alone), buffers.read(ys[i]), "cast " + i);
        xs[i].release();
        ys[i].release();
      }
      backend.index().castAll(new Buffer[0], new Buffer[0]);
    }
  }

  @Test
  void takeRows() {
    for (DType type : DType.values()) {
      try (TestBuffers buffers = buffers()) {
        Buffer x = buffers.of(type, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12);
        Buffer y = buffers.output(type, 12);
        backend.index().take(y, x, buffers.of(DType.INT64, 2, 0, 2), 2, 3, 3, 2);
        same(buffers, y, 5, 6, 1, 2, 5, 6, 11, 12, 7, 8, 11, 12);
        Buffer one = buffers.output(type, 2);
        backend.index().take(one, x, buffers.of(DType.INT32, 5), 1, 6, 1, 2);
        same(buffers, one, 11, 12);
      }
    }
    try (TestBuffers buffers = buffers()) {
      Buffer dx = buffers.output(12);
      Buffer dy = buffers.of(1, 2, 3, 4, 5, 6, 10, 20, 30, 40, 50, 60);
      backend.index().takeBackward(dx, dy, buffers.of(DType.INT64, 2, 0, 2), 2, 3, 3, 2);
      same(buffers, dx, 3, 4, 0, 0, 6, 8, 30, 40, 0, 0, 60, 80);
    }
  }

  @Test
  void gatherElements() {
    try (TestBuffers buffers = buffers()) {
      // x [2, 3, 2], index and y [2, 2, 2].
      Buffer x = buffers.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12);
      Buffer index = buffers.of(DType.INT64, 2, 0, 2, 1, 0, 2, 1, 1);
      Buffer y = buffers.output(8);
      backend.index().gather(y, x, index, 2, 3, 2, 2);
      same(buffers, y, 5, 2, 5, 4, 7, 12, 9, 10);
      Buffer dx = buffers.output(12);
      Buffer dy = buffers.of(1, 2, 3, 4, 5, 6, 7, 8);
      backend.index().gatherBackward(dx, dy, index, 2, 3, 2, 2);
      same(buffers, dx, 0, 2, 0, 4, 4, 0, 5, 0, 7, 8, 0, 6);
    }
  }

  // Measurements

  @Test
  void measureLeavesOutWhatIsNotFinite() {
    try (TestBuffers buffers = buffers()) {
      Buffer y = buffers.output(DType.FLOAT64, StatsKernels.COUNT);
      backend.stats().measure(y, buffers.of(3, -4, NAN, INF, -INF, 0));
      same(buffers, y, 25, 7, 4, 3);
      backend.stats().measure(y, buffers.of(NAN));
      same(buffers, y, 0, 0, 0, 1);
      backend.stats().measure(y, buffers.of());
      same(buffers, y, 0, 0, 0, 0);
    }
  }

  @Test
  void hashIsTheSameNumberEverywhere() {
    try (TestBuffers buffers = buffers()) {
      double[] bytes = IntStream.range(0, 200_003).mapToDouble(i -> (i * 31) & 255).toArray();
      double[] few = IntStream.rangeClosed(1, 13).asDoubleStream().toArray();
      // Worked out by another program from the definition in StatsKernels.
      assertEquals(0L, hash(buffers, buffers.of(DType.UINT8)));
      assertEquals(0x38b2be568b28d394L, hash(buffers, buffers.of(DType.UINT8, 0)));
      assertEquals(0x15c97e752813ed09L, hash(buffers, buffers.of(DType.UINT8, few)));
      assertEquals(0xab9fb3f701b48090L, hash(buffers, buffers.of(DType.FLOAT32, 1, -2, 0.5)));
      assertEquals(0xc2611ac57d4d6aedL, hash(buffers, buffers.of(DType.FLOAT64, 1, -2, 0.5)));
      assertEquals(0x3aa0fa01f5d2000dL, hash(buffers, buffers.of(DType.UINT8, bytes)));
      assertNotEquals(
          hash(buffers, buffers.of(DType.INT32, 1, 2)),
          hash(buffers, buffers.of(DType.INT32, 2, 1)));
    }
  }

  private long hash(TestBuffers buffers, Buffer x) {
    Buffer y = buffers.output(DType.INT64, 1);
    backend.stats().hash(y, x);
    ByteBuffer bytes = ByteBuffer.allocateDirect(Long.BYTES).order(ByteOrder.nativeOrder());
    backend.download(bytes, y);
    return bytes.getLong(0);
  }

  // Random numbers

  @Test
  void uniformsArePhilox() {
    try (TestBuffers buffers = buffers()) {
      // The generator's published first block for counter 0 and key 0.
      int[] first = {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8};
      Buffer y = buffers.output(4);
      backend.random().uniform(y, 0, 0, 0);
      same(buffers, y, Arrays.stream(first).mapToDouble(x -> (x >>> 8) * 0x1p-24).toArray());
      Buffer many = buffers.output(70_003);
      backend.random().uniform(many, -5, 3, 9);
      Philox philox = new Philox(-5, 3, 9);
      same(buffers, many, IntStream.range(0, 70_003).mapToDouble(philox::uniform).toArray());
    }
  }

  @Test
  void dropoutIsItsOwnDerivative() {
    try (TestBuffers buffers = buffers()) {
      int n = 4099;
      double[] ones = new double[n];
      Arrays.fill(ones, 3);
      Buffer x = buffers.of(ones);
      Buffer state = buffers.of(DType.FLOAT64, stepState(StepState.CALL_BASE, 40));
      Buffer y = buffers.output(n);
      backend.random().dropout(y, x, state, 0.25, 8, 1, 2);
      Philox philox = new Philox(8, 1, 42);
      double[] expected = new double[n];
      for (int i = 0; i < n; i++) {
        expected[i] = philox.uniform(i) >= 0.25 ? 4 : 0;
      }
      buffers.assertClose("dropout", expected, y, tolerance);
      Buffer withoutState = buffers.output(n);
      backend.random().dropout(withoutState, x, null, 0.25, 8, 1, 42);
      assertArrayEquals(buffers.read(y), buffers.read(withoutState));
      Buffer all = buffers.output(n);
      backend.random().dropout(all, x, null, 0, 8, 1, 42);
      same(buffers, all, ones);
    }
  }

  private static double[] stepState(int slot, double value) {
    double[] state = new double[StepState.SLOTS];
    state[slot] = value;
    return state;
  }
}
