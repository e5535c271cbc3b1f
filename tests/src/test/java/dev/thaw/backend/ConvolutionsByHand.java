package dev.thaw.backend;

import dev.thaw.memory.Buffer;
import dev.thaw.memory.DType;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Convolutions against the definition, in double: a backend's test extends this. {@link
 * TestBuffers} holds that inputs and guards stay as they are and that workspaces go back to the
 * pool.
 */
public abstract class ConvolutionsByHand {
  private final Backend backend;
  private final ConvKernels kernels;
  private final DType dtype;

  /** The device, its kernels, and the type to compute with, FLOAT32 or BFLOAT16. */
  protected ConvolutionsByHand(Backend backend, ConvKernels kernels, DType dtype) {
    this.backend = backend;
    this.kernels = kernels;
    this.dtype = dtype;
  }

  /** n, h, w, c, k, kh, kw, strides, pads, dilations, groups. */
  // spotless:off
  protected static Stream<ConvShape> shapes() {
    return Stream.of(
        new ConvShape(2, 5, 5, 3, 4, 3, 3, 1, 1, 1, 1, 1, 1, 1),      // the usual one
        new ConvShape(1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 1, 1, 1),      // one number
        new ConvShape(3, 8, 8, 1, 32, 3, 3, 1, 1, 1, 1, 1, 1, 1),     // one channel in
        new ConvShape(2, 7, 9, 32, 64, 3, 3, 1, 1, 1, 1, 1, 1, 1),
        new ConvShape(4, 13, 11, 32, 48, 3, 3, 1, 1, 1, 1, 1, 1, 1),  // by Winograd, odd sizes
        new ConvShape(3, 15, 18, 80, 32, 3, 3, 1, 1, 0, 0, 1, 1, 1),  // without padding
        new ConvShape(3, 14, 13, 48, 144, 3, 3, 1, 1, 2, 1, 1, 1, 1), // uneven padding
        new ConvShape(2, 9, 7, 16, 16, 3, 3, 2, 2, 1, 1, 1, 1, 1),    // strided
        new ConvShape(4, 15, 14, 64, 80, 3, 3, 2, 2, 1, 1, 1, 1, 1),  // strided, by Winograd
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
    double[] x = numbers(inputs(s), 1);
    double[] w = numbers(weights(s), 2);
    double[] bias = numbers(s.k(), 3);
    double[] residual = numbers(results(s), 4);
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
      try (TestBuffers buffers = new TestBuffers(backend, dtype)) {
        Buffer y = add == 2 ? buffers.changing(residual) : buffers.output(expected.length);
        kernels.forward(
            y,
            buffers.of(x),
            buffers.of(w),
            biased ? buffers.of(bias) : null,
            add == 0 ? null : add == 1 ? buffers.of(residual) : y,
            relu,
            s);
        buffers.assertClose("y " + i, expected, y, allowed(weights(s) / s.k()));
      }
    }
  }

  /**
   * y as forward has it, and its mean and variance by channel, of BFLOAT16 before rounding or
   * after.
   */
  @ParameterizedTest
  @MethodSource("shapes")
  void forwardWithStatistics(ConvShape s) {
    double[] x = numbers(inputs(s), 10);
    double[] w = numbers(weights(s), 11);
    double[] expected = forward(x, w, s);
    int rows = results(s) / s.k();
    double[] mean = new double[s.k()];
    double[] variance = new double[s.k()];
    for (int i = 0; i < expected.length; i++) {
      mean[i % s.k()] += expected[i] / rows;
    }
    for (int i = 0; i < expected.length; i++) {
      double gap = expected[i] - mean[i % s.k()];
      variance[i % s.k()] += gap * gap / rows;
    }
    double tolerance = allowed(weights(s) / s.k());
    double rounding = dtype == DType.BFLOAT16 ? 0x1p-6 : 1e-5;
    try (TestBuffers buffers = new TestBuffers(backend, dtype)) {
      Buffer y = buffers.output(expected.length);
      DType statistics = dtype == DType.BFLOAT16 ? DType.FLOAT32 : dtype;
      Buffer means = buffers.output(statistics, s.k());
      Buffer variances = buffers.output(statistics, s.k());
      kernels.forwardWithStatistics(y, means, variances, buffers.of(x), buffers.of(w), s);
      buffers.assertClose("y", expected, y, tolerance);
      buffers.assertClose("mean", mean, means, rounding);
      buffers.assertClose("variance", variance, variances, rounding);
    }
  }

  @ParameterizedTest
  @MethodSource("shapes")
  void backwardData(ConvShape s) {
    double[] dy = numbers(results(s), 5);
    double[] w = numbers(weights(s), 6);
    double[] dx = new double[inputs(s)];
    eachProduct(s, (xi, wi, yi) -> dx[xi] += dy[yi] * w[wi]);
    double[] residual = numbers(dx.length, 9);
    double[] sums = dx.clone();
    for (int i = 0; i < sums.length; i++) {
      sums[i] += residual[i];
    }
    double tolerance = allowed(s.kh() * s.kw() * s.k() / s.groups());
    try (TestBuffers buffers = new TestBuffers(backend, dtype)) {
      Buffer found = buffers.output(dx.length);
      Buffer ofY = buffers.of(dy);
      Buffer ofW = buffers.of(w);
      kernels.backwardData(found, ofY, ofW, null, s);
      buffers.assertClose("dx", dx, found, tolerance);
      Buffer elsewhere = buffers.output(dx.length);
      kernels.backwardData(elsewhere, ofY, ofW, buffers.of(residual), s);
      // Rounded twice, maybe.
      tolerance += dtype == DType.BFLOAT16 ? 0x1p-8 : 0;
      buffers.assertClose("dx + residual", sums, elsewhere, tolerance);
      // Twice: a search, too, must not write where the residual lies.
      for (int i = 0; i < 2; i++) {
        Buffer there = buffers.changing(residual);
        kernels.backwardData(there, ofY, ofW, there, s);
        buffers.assertClose("dx += " + i, sums, there, tolerance);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("shapes")
  void backwardWeights(ConvShape s) {
    double[] x = numbers(inputs(s), 7);
    double[] dy = numbers(results(s), 8);
    double[] dw = new double[weights(s)];
    eachProduct(s, (xi, wi, yi) -> dw[wi] += dy[yi] * x[xi]);
    double[] db = new double[s.k()];
    for (int i = 0; i < dy.length; i++) {
      db[i % s.k()] += dy[i];
    }
    double tolerance = allowed(results(s) / s.k());
    for (boolean biased : new boolean[] {false, true}) {
      try (TestBuffers buffers = new TestBuffers(backend, dtype)) {
        Buffer found = buffers.output(dw.length);
        Buffer sums = biased ? buffers.output(s.k()) : null;
        kernels.backwardWeights(found, sums, buffers.of(dy), buffers.of(x), s);
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
    try (TestBuffers buffers = new TestBuffers(backend, dtype)) {
      Buffer w = buffers.of(numbers(weights(s), 1));
      Buffer none = buffers.output(0);
      kernels.forward(none, none, w, buffers.of(1, 2, 3, 4), null, true, s);
      kernels.backwardData(none, none, w, null, s);
      kernels.backwardData(none, none, w, none, s);
      Buffer dw = buffers.output(weights(s));
      Buffer db = buffers.output(4);
      kernels.backwardWeights(dw, db, none, none, s);
      buffers.assertClose("dw", new double[weights(s)], dw, 0);
      buffers.assertClose("db", new double[4], db, 0);
    }
  }

  /** {@link #tolerance}, and the rounding of the result. */
  private double allowed(int terms) {
    return tolerance(terms) + (dtype == DType.BFLOAT16 ? 0x1p-8 : 0);
  }

  /** {@link #random}; for bfloat16, numbers that it has. */
  private double[] numbers(int n, long seed) {
    double[] y = random(n, seed);
    for (int i = 0; dtype == DType.BFLOAT16 && i < n; i++) {
      y[i] = Math.rint(128 * y[i]) / 128;
    }
    return y;
  }

  /** What every sum of products is allowed to be off, relative to 1 + |expected|. */
  protected static double tolerance(int terms) {
    return 1e-6 + 6e-8 * terms;
  }

  /** Floats from −1 to 1. */
  protected static double[] random(int n, long seed) {
    Random random = new Random(seed);
    double[] y = new double[n];
    for (int i = 0; i < n; i++) {
      y[i] = random.nextFloat() * 2 - 1;
    }
    return y;
  }

  /** Elements of x. */
  protected static int inputs(ConvShape s) {
    return s.n() * s.h() * s.w() * s.c();
  }

  /** Elements of w. */
  protected static int weights(ConvShape s) {
    return s.k() * s.kh() * s.kw() * (s.c() / s.groups());
  }

  /** Elements of y. */
  protected static int results(ConvShape s) {
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
