package dev.thaw.cpu;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.thaw.backend.Backend;
import dev.thaw.backend.ConstantWeights;
import dev.thaw.backend.ConvKernels;
import dev.thaw.backend.ConvShape;
import dev.thaw.backend.ConvolutionsByHand;
import dev.thaw.backend.Devices;
import dev.thaw.backend.TestBuffers;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.DType;
import dev.thaw.memory.Purpose;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * oneDNN's convolutions against the definition, in double. {@link TestBuffers} holds that inputs
 * and guards stay as they are and that workspaces go back to the pool.
 */
final class CpuConvTest extends ConvolutionsByHand {
  private static final Backend CPU = Devices.get("cpu");

  CpuConvTest() {
    super(CPU, CPU.conv(), DType.FLOAT32);
  }

  /** Weights that are packed once give the bits of weights that are packed in every call. */
  @Test
  void packedOnce() {
    ConvShape s = new ConvShape(2, 9, 9, 24, 40, 3, 3, 1, 1, 1, 1, 1, 1, 1);
    Epilogue epilogue = new Epilogue(true, Epilogue.Residual.SEPARATE, true);
    try (TestBuffers buffers = new TestBuffers(CPU, DType.FLOAT32);
        Product forward = new ConvForward(s, epilogue, 1).prepare();
        Product again = new ConvForward(s, epilogue, 1).prepare();
        Product backward = new ConvBackwardData(s, 1).prepare()) {
      long x = buffers.of(random(inputs(s), 1)).address();
      long w = buffers.of(random(weights(s), 2)).address();
      long bias = buffers.of(random(s.k(), 3)).address();
      long dy = buffers.of(random(results(s), 4)).address();
      Buffer y = buffers.output(results(s));
      Buffer dx = buffers.output(inputs(s));
      long workspace = workspace(buffers, forward.workspaceBytes());
      forward.execute(y.address(), x, w, bias, dy, workspace);
      double[] expected = buffers.read(y);
      long packed = forward.pack(workspace(buffers, forward.packedBytes()), w, workspace);
      for (Product instance : List.of(forward, again)) {
        instance.executePacked(y.address(), x, packed, bias, dy, workspace);
        assertArrayEquals(expected, buffers.read(y));
      }
      workspace = workspace(buffers, backward.workspaceBytes());
      backward.execute(dx.address(), dy, w, 0, 0, workspace);
      expected = buffers.read(dx);
      packed = backward.pack(workspace(buffers, backward.packedBytes()), w, workspace);
      backward.executePacked(dx.address(), dy, packed, 0, 0, workspace);
      assertArrayEquals(expected, buffers.read(dx));
    }
  }

  /** Constant weights give what weights as they lie give, also when other threads than packed. */
  @ParameterizedTest
  @MethodSource("packable")
  void constantWeights(ConvShape s) {
    double[] residual = random(results(s), 4);
    for (int i = 0; i < 8; i++) {
      boolean relu = i % 2 == 1;
      boolean biased = i / 2 % 2 == 1;
      boolean adds = i / 4 == 1;
      try (TestBuffers buffers = new TestBuffers(CPU, DType.FLOAT32)) {
        Buffer x = buffers.of(random(inputs(s), 1));
        Buffer w = buffers.of(random(weights(s), 2));
        Buffer bias = biased ? buffers.of(random(s.k(), 3)) : null;
        Buffer add = adds ? buffers.of(residual) : null;
        Buffer y = buffers.output(results(s));
        CPU.conv().forward(y, x, w, bias, add, relu, s);
        double[] expected = buffers.read(y);
        ConstantWeights packed;
        try (CpuThreads.Limit one = CpuThreads.limit(1)) {
          packed = CPU.conv().constant(w, biased, adds, relu, s);
        }
        if (packed == null) {
          continue;
        }
        try (packed) {
          for (int threads : new int[] {1, 2}) {
            try (CpuThreads.Limit limit = CpuThreads.limit(threads)) {
              Buffer found = buffers.output(results(s));
              CPU.conv().forwardConstant(found, x, packed, bias, add, relu, s);
              // Either may be off.
              buffers.assertClose("y " + i, expected, found, 2 * tolerance(weights(s) / s.k()));
            }
          }
          assertTrue(packed.bytes() >= Float.BYTES * (long) weights(s), s::toString);
        }
      }
    }
  }

  static Stream<ConvShape> packable() {
    return Stream.concat(
        shapes(),
        Stream.of(
            new ConvShape(1, 14, 14, 256, 256, 3, 3, 1, 1, 1, 1, 1, 1, 1),
            new ConvShape(2, 14, 14, 256, 512, 1, 1, 2, 2, 0, 0, 1, 1, 1),
            new ConvShape(4, 28, 28, 64, 80, 1, 1, 2, 2, 0, 0, 1, 1, 1),
            new ConvShape(1, 56, 56, 64, 256, 1, 1, 1, 1, 0, 0, 1, 1, 1),
            new ConvShape(1, 64, 64, 3, 64, 7, 7, 2, 2, 3, 3, 1, 1, 1)));
  }

  /** Two threads give what one gives up to rounding, and the same bits whenever they are two. */
  @Test
  void twoThreads() {
    ConvShape s = new ConvShape(4, 13, 13, 20, 36, 3, 3, 1, 1, 1, 1, 1, 1, 1);
    double[] x = random(inputs(s), 1);
    double[] w = random(weights(s), 2);
    double[] dy = random(results(s), 3);
    double[] y1 = prepared(s, x, w, dy, 1);
    double[] y2 = prepared(s, x, w, dy, 2);
    for (int i = 0; i < y1.length; i++) {
      if (Math.abs(y1[i] - y2[i]) > tolerance(results(s)) * (1 + Math.abs(y1[i]))) {
        throw new AssertionError("[" + i + "]: one thread " + y1[i] + ", two threads " + y2[i]);
      }
    }
    assertArrayEquals(y2, prepared(s, x, w, dy, 2));
  }

  /** y, dx, dw and db, one after the other. */
  private static double[] prepared(ConvShape s, double[] x, double[] w, double[] dy, int threads) {
    try (TestBuffers buffers = new TestBuffers(CPU, DType.FLOAT32);
        Product forward = new ConvForward(s, Epilogue.NONE, threads).prepare();
        Product backwardData = new ConvBackwardData(s, threads).prepare();
        ConvBackwardWeights.Call backwardWeights =
            new ConvBackwardWeights(s, true, threads).prepare()) {
      Buffer y = buffers.output(dy.length);
      Buffer dx = buffers.output(x.length);
      Buffer dw = buffers.output(w.length);
      Buffer db = buffers.output(s.k());
      long bx = buffers.of(x).address();
      long bw = buffers.of(w).address();
      long bdy = buffers.of(dy).address();
      forward.execute(y.address(), bx, bw, 0, 0, workspace(buffers, forward.workspaceBytes()));
      backwardData.execute(
          dx.address(), bdy, bw, 0, 0, workspace(buffers, backwardData.workspaceBytes()));
      backwardWeights.execute(
          dw.address(),
          db.address(),
          bdy,
          bx,
          workspace(buffers, backwardWeights.workspaceBytes()));
      return Stream.of(y, dx, dw, db)
          .flatMapToDouble(part -> Arrays.stream(buffers.read(part)))
          .toArray();
    }
  }

  /** Threads that compute at once do not see each other, nor each other's workspace. */
  @Test
  void manyThreadsAtOnce() throws Exception {
    List<ConvShape> shapes = shapes().toList();
    List<double[]> expected = new ArrayList<>();
    for (ConvShape s : shapes) {
      expected.add(everything(CPU.conv(), s));
    }
    ExecutorService threads = Executors.newFixedThreadPool(8);
    try {
      List<Future<?>> running = new ArrayList<>();
      for (int t = 0; t < 8; t++) {
        int first = t * 3;
        running.add(
            threads.submit(
                () -> {
                  for (int i = 0; i < 2 * shapes.size(); i++) {
                    int j = (first + i) % shapes.size();
                    assertArrayEquals(expected.get(j), everything(CPU.conv(), shapes.get(j)));
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

  /** More shapes than are kept: the calls that were dropped are prepared again. */
  @Test
  void forgetsShapes() {
    CpuConv conv = new CpuConv(CPU.pool(), 4);
    List<ConvShape> shapes = shapes().toList();
    for (int round = 0; round < 2; round++) {
      for (ConvShape s : shapes) {
        assertArrayEquals(everything(CPU.conv(), s), everything(conv, s));
      }
    }
  }

  /** y, dx, dw and db, one after the other, of numbers that depend on the shape alone. */
  private static double[] everything(ConvKernels conv, ConvShape s) {
    int inputs = inputs(s);
    // Not TestBuffers: it counts what all threads hold.
    List<Buffer> held = new ArrayList<>();
    try {
      Buffer x = upload(held, random(inputs, 1));
      Buffer w = upload(held, random(weights(s), 2));
      Buffer dy = upload(held, random(results(s), 3));
      Buffer y = upload(held, new double[results(s)]);
      Buffer dx = upload(held, new double[inputs]);
      Buffer dw = upload(held, new double[weights(s)]);
      Buffer db = upload(held, new double[s.k()]);
      conv.forward(y, x, w, null, dy, true, s);
      conv.backwardData(dx, dy, w, null, s);
      conv.backwardWeights(dw, db, dy, x, s);
      return Stream.of(y, dx, dw, db).flatMapToDouble(CpuConvTest::download).toArray();
    } finally {
      held.forEach(Buffer::release);
    }
  }

  static Buffer upload(List<Buffer> held, double[] values) {
    Buffer y = CPU.pool().allocate(DType.FLOAT32, values.length, Purpose.WORKSPACE);
    held.add(y);
    FloatBuffer view = CpuStorage.view(y.address(), (int) y.bytes()).asFloatBuffer();
    for (double v : values) {
      view.put((float) v);
    }
    return y;
  }

  static DoubleStream download(Buffer x) {
    FloatBuffer view = CpuStorage.view(x.address(), (int) x.bytes()).asFloatBuffer();
    return IntStream.range(0, view.limit()).mapToDouble(view::get);
  }

  private static long workspace(TestBuffers buffers, long bytes) {
    // Outputs of TestBuffers lie between guards, 64 floats from an aligned start.
    return buffers.output((bytes + 3) / 4).address();
  }
}
