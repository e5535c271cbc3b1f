package dev.thaw.cpu;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.thaw.backend.Backend;
import dev.thaw.backend.ConstantWeights;
import dev.thaw.backend.ConvKernels;
import dev.thaw.backend.ConvShape;
import dev.thaw.backend.Devices;
import dev.thaw.backend.TestBuffers;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.DType;
import dev.thaw.memory.Purpose;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
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
final class CpuConvTest {
  private static final Backend CPU = Devices.get("cpu");

  /** n, h, w, c, k, kh, kw, strides, pads, dilations, groups. */
  // spotless:off
  static Stream<ConvShape> shapes() {
    return Stream.of(
        new ConvShape(2, 5, 5, 3, 4, 3, 3, 1, 1, 1, 1, 1, 1, 1),      // the usual one
        new ConvShape(1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 1, 1, 1),      // one number
        new ConvShape(3, 8, 8, 1, 32, 3, 3, 1, 1, 1, 1, 1, 1, 1),     // one channel in
        new ConvShape(2, 7, 9, 32, 64, 3, 3, 1, 1, 1, 1, 1, 1, 1),
        new ConvShape(4, 13, 11, 32, 48, 3, 3, 1, 1, 1, 1, 1, 1, 1),  // by Winograd, odd sizes
        new ConvShape(3, 15, 18, 80, 32, 3, 3, 1, 1, 0, 0, 1, 1, 1),  // without padding
        new ConvShape(3, 14, 13, 48, 144, 3, 3, 1, 1, 2, 1, 1, 1, 1), // uneven padding
        new ConvShape(2, 9, 7, 16, 16, 3, 3, 2, 2, 1, 1, 1, 1, 1),    // strided
        new ConvShape(1, 11, 10, 5, 7, 3, 2, 2, 3, 1, 0, 1, 1, 1),    // nothing square, columns left over
        new ConvShape(2, 13, 13, 7, 5, 5, 5, 1, 1, 2, 2, 1, 1, 1),
        new ConvShape(1, 23, 23, 3, 64, 7, 7, 2, 2, 3, 3, 1, 1, 1),   // the stem of ResNet
        new ConvShape(2, 9, 9, 8, 8, 3, 3, 1, 1, 2, 2, 2, 2, 1),      // dilated
        new ConvShape(1, 12, 10, 6, 4, 3, 3, 2, 1, 3, 1, 3, 2, 1),    // dilated, strided, uneven
        new ConvShape(2, 6, 6, 6, 9, 3, 3, 1, 1, 1, 1, 1, 1, 3),      // groups of odd sizes
        new ConvShape(2, 7, 7, 64, 64, 3, 3, 2, 2, 1, 1, 1, 1, 32),   // ResNeXt
        new ConvShape(2, 9, 9, 17, 17, 3, 3, 1, 1, 1, 1, 1, 1, 17),   // depthwise
        new ConvShape(1, 9, 9, 32, 32, 5, 5, 2, 2, 2, 2, 1, 1, 32),
        new ConvShape(1, 8, 8, 16, 48, 3, 3, 1, 1, 1, 1, 1, 1, 16),   // depthwise, three out of each
        new ConvShape(1, 9, 9, 4, 4, 3, 3, 1, 1, 2, 2, 2, 2, 4),      // depthwise, dilated
        new ConvShape(2, 6, 5, 24, 40, 1, 1, 1, 1, 0, 0, 1, 1, 1),    // 1 x 1
        new ConvShape(2, 7, 7, 16, 32, 1, 1, 2, 2, 0, 0, 1, 1, 1),    // the shortcut of ResNet
        new ConvShape(1, 3, 3, 290, 258, 1, 1, 1, 1, 0, 0, 1, 1, 1),  // more weights than pixels
        new ConvShape(1, 4, 4, 2, 3, 1, 1, 1, 1, 2, 1, 1, 1, 1),      // 1 x 1 with padding
        new ConvShape(2, 4, 4, 3, 8, 4, 4, 1, 1, 0, 0, 1, 1, 1),      // the whole picture
        new ConvShape(1, 2, 2, 3, 4, 3, 3, 1, 1, 2, 2, 1, 1, 1),      // smaller than its padding
        new ConvShape(2, 16, 16, 3, 20, 8, 8, 8, 8, 0, 0, 1, 1, 1),   // patches
        new ConvShape(1, 1, 40, 3, 5, 1, 9, 1, 2, 0, 4, 1, 1, 1));    // a signal
  }
  // spotless:on

  @ParameterizedTest
  @MethodSource("shapes")
  void forward(ConvShape s) {
    double[] x = random(inputs(s), 1);
    double[] w = random(weights(s), 2);
    double[] bias = random(s.k(), 3);
    double[] residual = random(results(s), 4);
    double[] bare = forward(x, w, s);
    for (int i = 0; i < 12; i++) {
      boolean relu = i % 2 == 1;
      boolean biased = i / 2 % 2 == 1;
      int add = i / 4;
      double[] expected = bare.clone();
      for (int j = 0; j < expected.length; j++) {
        expected[j] += (biased ? bias[j % s.k()] : 0) + (add > 0 ? residual[j] : 0);
        expected[j] = relu ? Math.max(0, expected[j]) : expected[j];
      }
      try (TestBuffers buffers = new TestBuffers(CPU, DType.FLOAT32)) {
        Buffer y = add == 2 ? buffers.changing(residual) : buffers.output(expected.length);
        CPU.conv()
            .forward(
                y,
                buffers.of(x),
                buffers.of(w),
                biased ? buffers.of(bias) : null,
                add == 0 ? null : add == 1 ? buffers.of(residual) : y,
                relu,
                s);
        buffers.assertClose("y " + i, expected, y, tolerance(weights(s) / s.k()));
      }
    }
  }

  @ParameterizedTest
  @MethodSource("shapes")
  void backwardData(ConvShape s) {
    double[] dy = random(results(s), 5);
    double[] w = random(weights(s), 6);
    double[] dx = new double[inputs(s)];
    eachProduct(s, (xi, wi, yi) -> dx[xi] += dy[yi] * w[wi]);
    try (TestBuffers buffers = new TestBuffers(CPU, DType.FLOAT32)) {
      Buffer found = buffers.output(dx.length);
      CPU.conv().backwardData(found, buffers.of(dy), buffers.of(w), s);
      buffers.assertClose("dx", dx, found, tolerance(s.kh() * s.kw() * s.k() / s.groups()));
    }
  }

  @ParameterizedTest
  @MethodSource("shapes")
  void backwardWeights(ConvShape s) {
    double[] x = random(inputs(s), 7);
    double[] dy = random(results(s), 8);
    double[] dw = new double[weights(s)];
    eachProduct(s, (xi, wi, yi) -> dw[wi] += dy[yi] * x[xi]);
    double[] db = new double[s.k()];
    for (int i = 0; i < dy.length; i++) {
      db[i % s.k()] += dy[i];
    }
    double tolerance = tolerance(results(s) / s.k());
    for (boolean biased : new boolean[] {false, true}) {
      try (TestBuffers buffers = new TestBuffers(CPU, DType.FLOAT32)) {
        Buffer found = buffers.output(dw.length);
        Buffer sums = biased ? buffers.output(s.k()) : null;
        CPU.conv().backwardWeights(found, sums, buffers.of(dy), buffers.of(x), s);
        buffers.assertClose("dw", dw, found, tolerance);
        if (sums != null) {
          buffers.assertClose("db", db, sums, tolerance);
        }
      }
    }
  }

  /** An empty batch has results of no elements, and gradients of zeros. */
  @Test
  void emptyBatch() {
    ConvShape s = new ConvShape(0, 5, 5, 3, 4, 3, 3, 1, 1, 1, 1, 1, 1, 1);
    try (TestBuffers buffers = new TestBuffers(CPU, DType.FLOAT32)) {
      Buffer w = buffers.of(random(weights(s), 1));
      Buffer none = buffers.output(0);
      CPU.conv().forward(none, none, w, buffers.of(1, 2, 3, 4), null, true, s);
      CPU.conv().backwardData(none, none, w, s);
      Buffer dw = buffers.output(weights(s));
      Buffer db = buffers.output(4);
      CPU.conv().backwardWeights(dw, db, none, none, s);
      buffers.assertClose("dw", new double[weights(s)], dw, 0);
      buffers.assertClose("db", new double[4], db, 0);
    }
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
      conv.backwardData(dx, dy, w, s);
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

  /** What every sum of products is allowed to be off, relative to 1 + |expected|. */
  private static double tolerance(int terms) {
    return 1e-6 + 6e-8 * terms;
  }

  private static double[] random(int n, long seed) {
    Random random = new Random(seed);
    double[] y = new double[n];
    for (int i = 0; i < n; i++) {
      y[i] = random.nextFloat() * 2 - 1;
    }
    return y;
  }

  private static int inputs(ConvShape s) {
    return s.n() * s.h() * s.w() * s.c();
  }

  private static int weights(ConvShape s) {
    return s.k() * s.kh() * s.kw() * (s.c() / s.groups());
  }

  private static int results(ConvShape s) {
    return s.n() * s.outH() * s.outW() * s.k();
  }

  private static double[] forward(double[] x, double[] w, ConvShape s) {
    double[] y = new double[results(s)];
    eachProduct(s, (xi, wi, yi) -> y[yi] += x[xi] * w[wi]);
    return y;
  }

  /** Where one product's factors lie, and the result it is added to. */
  private interface Term {
    void at(int x, int w, int y);
  }

  /** The definition of a convolution: which input meets which weight in which result. */
  private static void eachProduct(ConvShape s, Term term) {
    int cg = s.c() / s.groups();
    int yi = 0;
    for (int n = 0; n < s.n(); n++) {
      for (int i = 0; i < s.outH(); i++) {
        for (int j = 0; j < s.outW(); j++) {
          for (int k = 0; k < s.k(); k++, yi++) {
            int g = k / (s.k() / s.groups());
            for (int r = 0; r < s.kh(); r++) {
              for (int q = 0; q < s.kw(); q++) {
                int h = i * s.strideH() - s.padH() + r * s.dilationH();
                int w = j * s.strideW() - s.padW() + q * s.dilationW();
                if (h >= 0 && h < s.h() && w >= 0 && w < s.w()) {
                  int xi = ((n * s.h() + h) * s.w() + w) * s.c() + g * cg;
                  int wi = ((k * s.kh() + r) * s.kw() + q) * cg;
                  for (int c = 0; c < cg; c++) {
                    term.at(xi + c, wi + c, yi);
                  }
                }
              }
            }
          }
        }
      }
    }
  }
}
