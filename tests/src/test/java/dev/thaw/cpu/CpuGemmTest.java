package dev.thaw.cpu;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.thaw.backend.Backend;
import dev.thaw.backend.ConstantWeights;
import dev.thaw.backend.Devices;
import dev.thaw.backend.GemmShape;
import dev.thaw.backend.ProductsByHand;
import dev.thaw.backend.TestBuffers;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.DType;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** oneDNN's matrix products against three loops in double. */
final class CpuGemmTest extends ProductsByHand {
  private static final Backend CPU = Devices.get("cpu");

  CpuGemmTest() {
    super(CPU, CPU.gemm(), DType.FLOAT32);
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

  /** One row, as one picture in a dense layer: our own loops. */
  @ParameterizedTest
  @CsvSource({"1, 1", "10, 128", "7, 15", "33, 64", "128, 3136", "1000, 2049"})
  void oneRow(int n, int k) {
    GemmShape s = GemmShape.of(1, n, k, false, true);
    double[] a = random(k, 1);
    double[] b = random(n * k, 2);
    double[] bias = random(n, 3);
    for (int form = 0; form < 4; form++) {
      boolean relu = form % 2 == 1;
      double[] offset = form < 2 ? null : bias;
      try (TestBuffers buffers = new TestBuffers(CPU, DType.FLOAT32)) {
        Buffer c = buffers.output(n);
        Buffer add = offset == null ? null : buffers.of(offset);
        CPU.gemm().gemm(c, buffers.of(a), buffers.of(b), add, relu, s);
        buffers.assertClose("c", product(a, b, offset, relu, s), c, 1e-5);
        double[] found = buffers.read(c);
        for (int threads : new int[] {1, 2, 3, 7}) {
          Native.thaw_gemv(
              c.address(),
              buffers.of(b).address(),
              buffers.of(a).address(),
              add == null ? 0 : add.address(),
              relu ? 1 : 0,
              n,
              k,
              threads);
          assertArrayEquals(found, buffers.read(c), threads + " threads");
        }
      }
    }
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
}
