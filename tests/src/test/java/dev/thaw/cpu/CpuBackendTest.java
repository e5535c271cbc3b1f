package dev.thaw.cpu;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.thaw.backend.Backend;
import dev.thaw.backend.CrossEntropyOptions;
import dev.thaw.backend.Devices;
import dev.thaw.backend.Reduction;
import dev.thaw.backend.TestBuffers;
import dev.thaw.backend.Unary;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.DType;
import dev.thaw.memory.Device;
import dev.thaw.memory.Purpose;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The device itself: loading, memory, copies, threads, refusals. */
final class CpuBackendTest {
  private static final Backend CPU = Devices.get("cpu");

  @Test
  void saysWhatItIs() {
    assertTrue(
        CPU.describe()
            .matches("oneDNN \\d+\\.\\d+\\.\\d+, loops for (generic|avx2|avx512), .*thread.*"),
        CPU.describe());
    assertTrue(CPU.computes(DType.FLOAT32));
    assertTrue(CPU.computes(DType.BFLOAT16));
    assertFalse(CPU.computes(DType.FLOAT64));
    IllegalStateException refused =
        assertThrows(IllegalStateException.class, () -> Devices.get(new Device("cpu", 1)));
    assertTrue(String.valueOf(refused.getMessage()).contains("use cpu"), refused::getMessage);
  }

  /** A library built with -ffast-math would have set flush-to-zero for the thread that loads it. */
  @Test
  void denormalsSurvive() throws InterruptedException {
    int n = 1 << 18;
    float tiny = Float.MIN_VALUE * 3;
    Runnable everywhere =
        () -> {
          float half = Float.MIN_NORMAL / (n / 131_072f);
          assertTrue(half > 0 && half < Float.MIN_NORMAL, "in Java");
          try (TestBuffers buffers = new TestBuffers(CPU, DType.FLOAT32)) {
            double[] values = new double[n];
            Arrays.fill(values, tiny);
            Buffer y = buffers.output(n);
            CPU.unary().forward(Unary.AFFINE, y, buffers.of(values), 1, 0);
            assertArrayEquals(values, buffers.read(y), "in loops, one thread or a team");
          }
        };
    everywhere.run();
    List<Throwable> failures = new ArrayList<>();
    Thread later = new Thread(everywhere);
    later.setUncaughtExceptionHandler((thread, failure) -> failures.add(failure));
    later.start();
    later.join();
    assertEquals(List.of(), failures);
  }

  @Test
  void copiesFromAndToEveryKindOfByteBuffer() {
    byte[] content = new byte[1001];
    for (int i = 0; i < content.length; i++) {
      content[i] = (byte) i;
    }
    Buffer x = CPU.pool().allocate(DType.UINT8, content.length, Purpose.WORKSPACE);
    Buffer part = x.slice(100, 200);
    byte[] expected = Arrays.copyOfRange(content, 100, 300);
    ByteBuffer direct = ByteBuffer.allocateDirect(1003).put(2, content).position(2);
    ByteBuffer heap = ByteBuffer.allocate(1003).put(2, content).position(2);
    List<ByteBuffer> sources =
        List.of(
            direct.slice(),
            direct.duplicate().limit(1003),
            heap.slice(),
            heap.duplicate(),
            heap.asReadOnlyBuffer(),
            direct.asReadOnlyBuffer());
    for (ByteBuffer source : sources) {
      CPU.index().fill(x, 0);
      int position = source.position();
      CPU.upload(x, source);
      assertEquals(position, source.position(), "position");
      for (ByteBuffer target : List.of(ByteBuffer.allocate(203), ByteBuffer.allocateDirect(203))) {
        target.position(3);
        CPU.download(target, part);
        assertEquals(3, target.position(), "position");
        byte[] found = new byte[200];
        target.get(found);
        assertArrayEquals(expected, found, source.toString());
      }
    }
    assertThrows(IllegalArgumentException.class, () -> CPU.upload(part, heap.duplicate()));
    assertThrows(
        IllegalArgumentException.class, () -> CPU.download(ByteBuffer.allocate(199), part));
    part.release();
    x.release();
  }

  @Test
  void memoryIsAligned() {
    List<Buffer> held = new ArrayList<>();
    for (long n : new long[] {0, 1, 100, 4096, 65_537, 1_000_003}) {
      Buffer x = CPU.pool().allocate(DType.FLOAT32, n, Purpose.WORKSPACE);
      held.add(x);
      assertEquals(0, x.address() % 64, "address of " + n);
    }
    held.forEach(Buffer::release);
    assertThrows(
        OutOfMemoryError.class,
        () -> CPU.pool().allocate(DType.UINT8, 1L << 55, Purpose.WORKSPACE));
  }

  @Test
  void refusesWhatItCannotCompute() {
    try (TestBuffers buffers = new TestBuffers(CPU, DType.FLOAT32)) {
      Buffer wide = buffers.output(DType.FLOAT64, 3);
      IllegalArgumentException e =
          assertThrows(
              IllegalArgumentException.class,
              () -> CPU.unary().forward(Unary.EXP, wide, wide, 0, 0));
      assertTrue(String.valueOf(e.getMessage()).contains("float32"), e::getMessage);
    }
  }

  /** In C an index is an address: one from outside must be refused before it is used. */
  @Test
  void refusesIndicesAndTargetsFromOutside() {
    try (TestBuffers buffers = new TestBuffers(CPU, DType.FLOAT32)) {
      Buffer x = buffers.of(1, 2, 3, 4);
      Buffer y = buffers.output(3);
      for (DType dtype : List.of(DType.INT32, DType.INT64)) {
        for (int wrong : new int[] {-1, 4, Integer.MAX_VALUE, Integer.MIN_VALUE}) {
          Buffer index = buffers.of(dtype, 0, wrong, 3);
          String message = "index " + wrong + " at 1 is not in [0, 4)";
          refused(message, () -> CPU.index().take(y, x, index, 1, 4, 3, 1));
          refused(message, () -> CPU.index().gather(y, x, index, 1, 4, 3, 1));
          refused(message, () -> CPU.index().takeBackward(x, y, index, 1, 4, 3, 1));
          refused(message, () -> CPU.index().gatherBackward(x, y, index, 1, 4, 3, 1));
          Buffer one = buffers.output(1);
          refused(
              "target " + wrong + " of row 1 is not in [0, 1)",
              () ->
                  CPU.softmax()
                      .crossEntropy(
                          one,
                          one,
                          y,
                          buffers.of(1, 2, 3),
                          index,
                          null,
                          CrossEntropyOptions.DEFAULT,
                          3,
                          1));
        }
      }
    }
  }

  private static void refused(String message, Runnable call) {
    IllegalArgumentException e = assertThrows(IllegalArgumentException.class, call::run);
    assertTrue(String.valueOf(e.getMessage()).contains(message), e::getMessage);
  }

  @Test
  void manyThreadsAtOnceGetWhatOneGets() throws InterruptedException, ExecutionException {
    int n = 300_000;
    double[] values = new double[n];
    for (int i = 0; i < n; i++) {
      values[i] = Math.sin(i);
    }
    try (TestBuffers buffers = new TestBuffers(CPU, DType.FLOAT32)) {
      Buffer x = buffers.of(values);
      List<double[]> results = new ArrayList<>();
      ExecutorService clients = Executors.newFixedThreadPool(8);
      List<Future<double[]>> runs = new ArrayList<>();
      for (int client = 0; client < 8; client++) {
        int limit = client % 3 + 1;
        Buffer y = buffers.output(n);
        Buffer sum = buffers.output(3);
        runs.add(
            clients.submit(
                () -> {
                  try (var few = CpuThreads.limit(limit)) {
                    for (int i = 0; i < 20; i++) {
                      CPU.unary().forward(Unary.TANH, y, x, 0, 0);
                      CPU.reduce().reduce(Reduction.SUM, sum, y, 1, n / 3, 3, 1);
                    }
                    assertTrue(CpuThreads.current() <= limit);
                  }
                  return CpuBackendTest.join(buffers.read(y), buffers.read(sum));
                }));
      }
      for (Future<double[]> run : runs) {
        results.add(run.get());
      }
      clients.shutdown();
      for (double[] result : results) {
        assertArrayEquals(results.get(0), result);
      }
    }
  }

  private static double[] join(double[] a, double[] b) {
    double[] all = Arrays.copyOf(a, a.length + b.length);
    System.arraycopy(b, 0, all, a.length, b.length);
    return all;
  }

  @Test
  void limitsNest() {
    int all = CpuThreads.current();
    try (var one = CpuThreads.limit(1)) {
      assertEquals(1, CpuThreads.current());
      try (var many = CpuThreads.limit(1000)) {
        assertEquals(CpuThreads.configured(), CpuThreads.current());
      }
      assertEquals(1, CpuThreads.forBytes(1L << 40));
    }
    assertEquals(all, CpuThreads.current());
    assertEquals(1, CpuThreads.forBytes(1000));
    assertThrows(IllegalArgumentException.class, () -> CpuThreads.limit(0));
  }

  /** Several virtual machines may start at once, and one may have been killed while it wrote. */
  @Test
  void unpackingRepairsAndRaces(@TempDir Path cache)
      throws IOException, InterruptedException, ExecutionException {
    byte[] library = new byte[300_000];
    Arrays.fill(library, (byte) 7);
    Path file = NativeLibrary.extract("lib.so", library, cache);
    assertArrayEquals(library, Files.readAllBytes(file));
    Files.write(file, new byte[10]);
    ExecutorService machines = Executors.newFixedThreadPool(4);
    List<Future<Path>> runs = new ArrayList<>();
    for (int i = 0; i < 16; i++) {
      runs.add(machines.submit(() -> NativeLibrary.extract("lib.so", library, cache)));
    }
    for (Future<Path> run : runs) {
      assertEquals(file, run.get());
    }
    machines.shutdown();
    assertArrayEquals(library, Files.readAllBytes(file));
    try (Stream<Path> files = Files.list(file.getParent())) {
      assertEquals(List.of(file), files.toList(), "nothing is left aside");
    }
    library[5]++;
    assertTrue(
        !file.equals(NativeLibrary.extract("lib.so", library, cache)), "other bytes, other folder");
  }
}
