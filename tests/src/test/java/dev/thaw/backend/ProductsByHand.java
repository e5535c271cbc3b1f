package dev.thaw.backend;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import dev.thaw.memory.Buffer;
import dev.thaw.memory.DType;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Matrix products against three loops in double: a backend's test extends this. */
public abstract class ProductsByHand {
  /** batch, m, n, k. */
  private static final int[][] SIZES = {
    {1, 1, 1, 1},
    {1, 4, 4, 4},
    {1, 3, 5, 7},
    {1, 1, 33, 17},
    {1, 33, 1, 17},
    {1, 17, 33, 1},
    {1, 64, 10, 128},
    {1, 65, 31, 257},
    {1, 2, 256, 3},
    {3, 4, 5, 6},
    {2, 1, 7, 9},
    {2, 17, 1, 5},
    {4, 16, 33, 1},
    {5, 33, 17, 64},
  };

  private final Backend backend;
  private final GemmKernels kernels;
  private final DType dtype;

  /** The device, its kernels, and the type to compute with, FLOAT32 or BFLOAT16. */
  protected ProductsByHand(Backend backend, GemmKernels kernels, DType dtype) {
    this.backend = backend;
    this.kernels = kernels;
    this.dtype = dtype;
  }

  /** Every size with every way to store and to share the operands. */
  protected static Stream<GemmShape> shapes() {
    return Arrays.stream(SIZES)
        .flatMap(
            size ->
                IntStream.range(0, size[0] == 1 ? 4 : 16)
                    .mapToObj(
                        flags ->
                            new GemmShape(
                                size[0],
                                size[1],
                                size[2],
                                size[3],
                                (flags & 1) != 0,
                                (flags & 2) != 0,
                                (flags & 4) != 0,
                                (flags & 8) != 0)));
  }

  @ParameterizedTest
  @MethodSource("shapes")
  void products(GemmShape s) {
    double[] a = numbers(sizeA(s), 1);
    double[] b = numbers(sizeB(s), 2);
    double[] bias = numbers(s.n(), 3);
    for (boolean biased : new boolean[] {false, true}) {
      for (boolean relu : new boolean[] {false, true}) {
        double[] expected = product(a, b, biased ? bias : null, relu, s);
        try (TestBuffers buffers = new TestBuffers(backend, dtype)) {
          Buffer c = buffers.output(expected.length);
          kernels.gemm(c, buffers.of(a), buffers.of(b), biased ? buffers.of(bias) : null, relu, s);
          buffers.assertClose(
              "c", expected, c, 1e-6 + 6e-8 * s.k() + (dtype == DType.BFLOAT16 ? 0x1p-8 : 0));
        }
      }
    }
  }

  /** A sum of no products is 0. */
  @Test
  void noInnerSize() {
    try (TestBuffers buffers = new TestBuffers(backend, dtype)) {
      Buffer none = buffers.of();
      Buffer c = buffers.output(12);
      GemmShape s = new GemmShape(2, 2, 3, 0, false, true, false, false);
      kernels.gemm(c, none, none, null, false, s);
      assertArrayEquals(new double[12], buffers.read(c));
      double nan = Double.NaN;
      kernels.gemm(c, none, none, buffers.of(1, -2, nan), true, s);
      assertArrayEquals(new double[] {1, 0, nan, 1, 0, nan, 1, 0, nan, 1, 0, nan}, buffers.read(c));
      kernels.gemm(c, none, none, buffers.of(1, -2, 3), false, s);
      assertArrayEquals(new double[] {1, -2, 3, 1, -2, 3, 1, -2, 3, 1, -2, 3}, buffers.read(c));
    }
  }

  @Test
  void noResult() {
    try (TestBuffers buffers = new TestBuffers(backend, dtype)) {
      Buffer none = buffers.output(0);
      Buffer six = buffers.of(1, 2, 3, 4, 5, 6);
      kernels.gemm(none, none, six, null, false, GemmShape.of(0, 2, 3, false, false));
      kernels.gemm(none, six, none, none, true, GemmShape.of(2, 0, 3, true, true));
      GemmShape noBatch = new GemmShape(0, 2, 2, 3, false, false, true, false);
      kernels.gemm(none, six, none, null, false, noBatch);
    }
  }

  /** dw and db, with and without db, in every type that they may have. */
  @ParameterizedTest
  @CsvSource({
    "1, 1, 1",
    "4, 4, 4",
    "3, 5, 7",
    "64, 10, 128",
    "257, 31, 65",
    "5, 33, 1",
    "100, 1, 17",
    "0, 3, 4",
    "6, 3, 0",
    "6, 0, 3"
  })
  void gradientsOfADenseLayer(int rows, int out, int in) {
    double[] dy = numbers(rows * out, 1);
    double[] x = numbers(rows * in, 2);
    double[] dw = product(dy, x, null, false, GemmShape.of(out, in, rows, true, false));
    double[] db = new double[out];
    for (int i = 0; i < dy.length; i++) {
      db[i % out] += dy[i];
    }
    List<DType> results =
        dtype == DType.BFLOAT16 ? List.of(DType.FLOAT32, DType.BFLOAT16) : List.of(dtype);
    for (DType result : results) {
      double tolerance = 1e-6 + 6e-8 * rows + (result == DType.BFLOAT16 ? 0x1p-8 : 0);
      try (TestBuffers buffers = new TestBuffers(backend, dtype)) {
        Buffer weights = buffers.output(result, dw.length);
        Buffer bias = buffers.output(result, out);
        Buffer incoming = buffers.of(dy);
        Buffer input = buffers.of(x);
        kernels.backwardWeights(weights, bias, incoming, input, rows, out, in);
        buffers.assertClose("dw", dw, weights, tolerance);
        buffers.assertClose("db", db, bias, tolerance);
        Buffer alone = buffers.output(result, dw.length);
        kernels.backwardWeights(alone, null, incoming, input, rows, out, in);
        buffers.assertClose("dw alone", dw, alone, tolerance);
      }
    }
  }

  /** {@link #random}; for bfloat16, numbers that it has. */
  private double[] numbers(int n, long seed) {
    double[] y = random(n, seed);
    for (int i = 0; dtype == DType.BFLOAT16 && i < n; i++) {
      y[i] = Math.rint(128 * y[i]) / 128;
    }
    return y;
  }

  /** The definition. */
  protected static double[] product(
      double[] a, double[] b, double @Nullable [] bias, boolean relu, GemmShape s) {
    double[] c = new double[s.batch() * s.m() * s.n()];
    for (int x = 0; x < c.length; x++) {
      int j = x % s.n();
      int i = x / s.n() % s.m();
      int p = x / s.n() / s.m();
      int atA = s.sharedA() ? 0 : p * s.m() * s.k();
      int atB = s.sharedB() ? 0 : p * s.k() * s.n();
      double sum = bias == null ? 0 : bias[j];
      for (int q = 0; q < s.k(); q++) {
        sum +=
            a[atA + (s.transA() ? q * s.m() + i : i * s.k() + q)]
                * b[atB + (s.transB() ? j * s.k() + q : q * s.n() + j)];
      }
      c[x] = relu ? Math.max(0, sum) : sum;
    }
    return c;
  }

  /** Elements of A. */
  protected static int sizeA(GemmShape s) {
    return (s.sharedA() ? 1 : s.batch()) * s.m() * s.k();
  }

  /** Elements of B. */
  protected static int sizeB(GemmShape s) {
    return (s.sharedB() ? 1 : s.batch()) * s.k() * s.n();
  }

  /** Floats from −1 to 1. */
  protected static double[] random(int n, long seed) {
    Random random = new Random(seed);
    return random.doubles(n, -1, 1).map(v -> (float) v).toArray();
  }
}
