package dev.thaw.cpu;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.thaw.backend.Backend;
import dev.thaw.backend.ConstantWeights;
import dev.thaw.backend.Devices;
import dev.thaw.backend.GemmShape;
import dev.thaw.backend.TestBuffers;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.DType;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** oneDNN's matrix products against three loops in double. */
final class CpuGemmTest {
  private static final Backend CPU = Devices.get("cpu");

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

  /** Every size with every way to store and to share the operands. */
  static Stream<GemmShape> shapes() {
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
    double[] a = random(sizeA(s), 1);
    double[] b = random(sizeB(s), 2);
    double[] bias = random(s.n(), 3);
    for (boolean biased : new boolean[] {false, true}) {
      for (boolean relu : new boolean[] {false, true}) {
        double[] expected = product(a, b, biased ? bias : null, relu, s);
        try (TestBuffers buffers = new TestBuffers(CPU, DType.FLOAT32)) {
          Buffer c = buffers.output(expected.length);
          CPU.gemm()
              .gemm(c, buffers.of(a), buffers.of(b), biased ? buffers.of(bias) : null, relu, s);
          buffers.assertClose("c", expected, c, 1e-6 + 6e-8 * s.k());
        }
      }
    }
  }

  /** A sum of no products is 0. */
  @Test
  void noInnerSize() {
    try (TestBuffers buffers = new TestBuffers(CPU, DType.FLOAT32)) {
      Buffer none = buffers.of();
      Buffer c = buffers.output(12);
      GemmShape s = new GemmShape(2, 2, 3, 0, false, true, false, false);
      CPU.gemm().gemm(c, none, none, null, false, s);
      assertArrayEquals(new double[12], buffers.read(c));
      double nan = Double.NaN;
      CPU.gemm().gemm(c, none, none, buffers.of(1, -2, nan), true, s);
      assertArrayEquals(new double[] {1, 0, nan, 1, 0, nan, 1, 0, nan, 1, 0, nan}, buffers.read(c));
      CPU.gemm().gemm(c, none, none, buffers.of(1, -2, 3), false, s);
      assertArrayEquals(new double[] {1, -2, 3, 1, -2, 3, 1, -2, 3, 1, -2, 3}, buffers.read(c));
    }
  }

  @Test
  void noResult() {
    try (TestBuffers buffers = new TestBuffers(CPU, DType.FLOAT32)) {
      Buffer none = buffers.output(0);
      Buffer six = buffers.of(1, 2, 3, 4, 5, 6);
      CPU.gemm().gemm(none, none, six, null, false, GemmShape.of(0, 2, 3, false, false));
      CPU.gemm().gemm(none, six, none, none, true, GemmShape.of(2, 0, 3, true, true));
      GemmShape noBatch = new GemmShape(0, 2, 2, 3, false, false, true, false);
      CPU.gemm().gemm(none, six, none, null, false, noBatch);
    }
  }

  /** A shared B makes one tall product of many, unless A's rows do not follow each other. */
  @Test
  void sharedOperandsShrinkTheBatch() {
    assertEquals(
        GemmShape.of(15, 4, 3, false, true),
        CpuGemm.simplest(new GemmShape(5, 3, 4, 3, false, true, false, true)));
    GemmShape transposed = new GemmShape(5, 3, 4, 3, true, true, false, true);
    assertEquals(transposed, CpuGemm.simplest(transposed));
    assertEquals(
        GemmShape.of(3, 4, 3, true, true),
        CpuGemm.simplest(new GemmShape(5, 3, 4, 3, true, true, true, true)));
  }

  /** A B that was packed once serves every call, with a residual too. */
  @Test
  void packedOnce() {
    GemmShape s = GemmShape.of(20, 70, 90, false, true);
    double[] a = random(sizeA(s), 1);
    double[] b = random(sizeB(s), 2);
    double[] bias = random(s.n(), 3);
    double[] residual = random(s.m() * s.n(), 4);
    double[] expected = product(a, b, bias, false, s);
    for (int i = 0; i < expected.length; i++) {
      expected[i] = Math.max(0, expected[i] + residual[i]);
    }
    for (Epilogue.Residual kind : List.of(Epilogue.Residual.IN_PLACE, Epilogue.Residual.SEPARATE)) {
      Matmul recipe = new Matmul(s, new Epilogue(true, kind, true), true, 1);
      try (TestBuffers buffers = new TestBuffers(CPU, DType.FLOAT32);
          Product first = recipe.prepare();
          Product second = recipe.prepare()) {
        long workspace = buffers.output((first.workspaceBytes() + 3) / 4).address();
        long packed = buffers.output((first.packedBytes() + 3) / 4).address();
        packed = first.pack(packed, buffers.of(b).address(), workspace);
        long add = buffers.of(residual).address();
        for (Product instance : List.of(first, second)) {
          Buffer c = buffers.changing(residual);
          instance.executePacked(
              c.address(),
              buffers.of(a).address(),
              packed,
              buffers.of(bias).address(),
              add,
              workspace);
          buffers.assertClose("c", expected, c, 1e-5);
        }
      }
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 7, 400})
  void constantWeights(int rows) {
    GemmShape s = GemmShape.of(rows, 300, 500, false, true);
    double[] a = random(sizeA(s), 1);
    double[] b = random(sizeB(s), 2);
    double[] bias = random(s.n(), 3);
    double[] expected = product(a, b, bias, false, s);
    for (int i = 0; i < expected.length; i++) {
      expected[i] = Math.max(0, expected[i]);
    }
    try (TestBuffers buffers = new TestBuffers(CPU, DType.FLOAT32);
        CpuThreads.Limit one = CpuThreads.limit(1);
        ConstantWeights packed = CPU.gemm().constant(buffers.of(b), true, true, s)) {
      for (int threads : new int[] {1, 2}) {
        try (CpuThreads.Limit limit = CpuThreads.limit(threads)) {
          Buffer c = buffers.output(expected.length);
          if (packed == null) {
            CPU.gemm().gemm(c, buffers.of(a), buffers.of(b), buffers.of(bias), true, s);
          } else {
            CPU.gemm().gemmConstant(c, buffers.of(a), packed, buffers.of(bias), true, s);
          }
          buffers.assertClose("c", expected, c, 1e-5);
        }
      }
    }
  }

  @Test
  void twoThreads() {
    GemmShape s = GemmShape.of(100, 130, 170, true, false);
    double[] a = random(sizeA(s), 1);
    double[] b = random(sizeB(s), 2);
    double[] expected = product(a, b, null, false, s);
    try (TestBuffers buffers = new TestBuffers(CPU, DType.FLOAT32);
        Product two = new Matmul(s, Epilogue.NONE, false, 2).prepare()) {
      Buffer c = buffers.output(expected.length);
      long workspace = buffers.output((two.workspaceBytes() + 3) / 4).address();
      two.execute(c.address(), buffers.of(a).address(), buffers.of(b).address(), 0, 0, workspace);
      buffers.assertClose("c", expected, c, 1e-5);
    }
  }

  @Test
  void manyThreadsAtOnce() throws Exception {
    List<GemmShape> shapes = shapes().toList();
    List<double[]> expected = shapes.stream().map(s -> compute(CPU, s)).toList();
    ExecutorService threads = Executors.newFixedThreadPool(8);
    try {
      List<Future<?>> running = new ArrayList<>();
      for (int t = 0; t < 8; t++) {
        int first = t * 11;
        running.add(
            threads.submit(
                () -> {
                  for (int i = 0; i < 2 * shapes.size(); i++) {
                    int j = (first + i) % shapes.size();
                    assertArrayEquals(expected.get(j), compute(CPU, shapes.get(j)));
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

  private static double[] compute(Backend cpu, GemmShape s) {
    List<Buffer> held = new ArrayList<>();
    try {
      Buffer a = CpuConvTest.upload(held, random(sizeA(s), 1));
      Buffer b = CpuConvTest.upload(held, random(sizeB(s), 2));
      Buffer c = CpuConvTest.upload(held, new double[s.batch() * s.m() * s.n()]);
      cpu.gemm().gemm(c, a, b, null, true, s);
      return CpuConvTest.download(c).toArray();
    } finally {
      held.forEach(Buffer::release);
    }
  }

  private static double[] product(
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

  private static int sizeA(GemmShape s) {
    return (s.sharedA() ? 1 : s.batch()) * s.m() * s.k();
  }

  private static int sizeB(GemmShape s) {
    return (s.sharedB() ? 1 : s.batch()) * s.k() * s.n();
  }

  private static double[] random(int n, long seed) {
    Random random = new Random(seed);
    return random.doubles(n, -1, 1).map(v -> (float) v).toArray();
  }
}
