package dev.thaw.golden;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import dev.thaw.backend.Backend;
import dev.thaw.backend.ConvShape;
import dev.thaw.backend.CrossEntropyOptions;
import dev.thaw.backend.PoolShape;
import dev.thaw.backend.ResizeShape;
import dev.thaw.backend.Segment;
import dev.thaw.backend.SegmentTable;
import dev.thaw.backend.StepState;
import dev.thaw.backend.TestBuffers;
import dev.thaw.backend.Unary;
import dev.thaw.backend.UpdateRule;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.DType;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** Every kernel that PyTorch has too, over the golden files: a backend's test extends this. */
public abstract class KernelsAgainstPyTorch {
  private final Backend backend;
  private final DType dtype;
  private final double tolerance;

  /**
   * The device and the type to compute with.
   *
   * @param tolerance of each number, relative to 1 + |expected|
   */
  protected KernelsAgainstPyTorch(Backend backend, DType dtype, double tolerance) {
    this.backend = backend;
    this.dtype = dtype;
    this.tolerance = tolerance;
  }

  private TestBuffers buffers() {
    return new TestBuffers(backend, dtype);
  }

  private void check(TestBuffers buffers, Golden c, String key, Buffer actual) {
    buffers.assertClose(c + ": " + key, c.values(key), actual, tolerance);
  }

  private static @Nullable Buffer ifPresent(TestBuffers buffers, Golden c, String key) {
    return c.has(key) ? buffers.of(c.values(key)) : null;
  }

  @Test
  void unary() {
    for (Golden c : Golden.read("unary.txt")) {
      Unary f = Unary.valueOf(c.name().replace("_large", "").toUpperCase(Locale.ROOT));
      double a = c.number("a");
      double b = c.number("b");
      try (TestBuffers buffers = buffers()) {
        Buffer x = buffers.of(c.values("x"));
        Buffer dy = buffers.of(c.values("dy"));
        Buffer y = buffers.output(x.elements());
        Buffer dx = buffers.output(x.elements());
        backend.unary().forward(f, y, x, a, b);
        check(buffers, c, "y", y);
        backend.unary().backward(f, dx, dy, f.reads() == Unary.Reads.Y ? y : x, a, b);
        check(buffers, c, "dx", dx);
      }
    }
  }

  @Test
  void convolution() {
    for (Golden c : Golden.read("conv.txt")) {
      ConvShape s =
          new ConvShape(
              c.dim("x", 0),
              c.dim("x", 1),
              c.dim("x", 2),
              c.dim("x", 3),
              c.dim("w", 0),
              c.dim("w", 1),
              c.dim("w", 2),
              c.whole("stride", 0),
              c.whole("stride", 1),
              c.whole("padding", 0),
              c.whole("padding", 1),
              c.whole("dilation", 0),
              c.whole("dilation", 1),
              c.whole("groups", 0));
      assertArrayEquals(
          new int[] {c.dim("y", 1), c.dim("y", 2)}, new int[] {s.outH(), s.outW()}, c.name());
      try (TestBuffers buffers = buffers()) {
        Buffer x = buffers.of(c.values("x"));
        Buffer w = buffers.of(c.values("w"));
        Buffer dy = buffers.of(c.values("dy"));
        Buffer y = buffers.output(dy.elements());
        backend.conv().forward(y, x, w, buffers.of(c.values("bias")), null, false, s);
        check(buffers, c, "y", y);
        Buffer dx = buffers.output(x.elements());
        backend.conv().backwardData(dx, dy, w, null, s);
        check(buffers, c, "dx", dx);
        moreGradient(buffers, c, dy, w, s);
        statistics(buffers, c, x, w, s);
        Buffer dw = buffers.output(w.elements());
        Buffer db = buffers.output(s.k());
        backend.conv().backwardWeights(dw, db, dy, x, s);
        check(buffers, c, "dw", dw);
        check(buffers, c, "db", db);
        Buffer dwAlone = buffers.output(w.elements());
        backend.conv().backwardWeights(dwAlone, null, dy, x, s);
        check(buffers, c, "dw", dwAlone);
        epilogues(buffers, c, x, w, dy, s);
      }
    }
  }

  /** y without its bias, and its mean and variance by channel. */
  private void statistics(TestBuffers buffers, Golden c, Buffer x, Buffer w, ConvShape s) {
    double[] y = c.values("y");
    double[] bias = c.values("bias");
    int rows = y.length / s.k();
    double[] mean = new double[s.k()];
    double[] variance = new double[s.k()];
    for (int i = 0; i < y.length; i++) {
      y[i] -= bias[i % s.k()];
      mean[i % s.k()] += y[i] / rows;
    }
    for (int i = 0; i < y.length; i++) {
      variance[i % s.k()] += Math.pow(y[i] - mean[i % s.k()], 2) / rows;
    }
    Buffer found = buffers.output(y.length);
    Buffer means = buffers.output(s.k());
    Buffer variances = buffers.output(s.k());
    backend.conv().forwardWithStatistics(found, means, variances, x, w, s);
    buffers.assertClose(c + ": y - bias", y, found, tolerance);
    buffers.assertClose(c + ": its mean", mean, means, tolerance);
    buffers.assertClose(c + ": its variance", variance, variances, 4 * tolerance);
  }

  /** dx + residual, beside the residual and over it. */
  private void moreGradient(TestBuffers buffers, Golden c, Buffer dy, Buffer w, ConvShape s) {
    double[] residual = c.values("x");
    double[] sum = c.values("dx");
    for (int i = 0; i < sum.length; i++) {
      sum[i] += residual[i];
    }
    Buffer beside = buffers.output(sum.length);
    backend.conv().backwardData(beside, dy, w, buffers.of(residual), s);
    buffers.assertClose(c + ": dx + residual", sum, beside, tolerance);
    Buffer over = buffers.changing(residual);
    backend.conv().backwardData(over, dy, w, over, s);
    buffers.assertClose(c + ": dx += residual", sum, over, tolerance);
  }

  /** max(0, x ∗ w + residual) and max(0, x ∗ w + bias + residual), the latter over the residual. */
  private void epilogues(
      TestBuffers buffers, Golden c, Buffer x, Buffer w, Buffer residual, ConvShape s) {
    double[] y = c.values("y");
    double[] bias = c.values("bias");
    double[] add = c.values("dy");
    double[] without = new double[y.length];
    double[] with = new double[y.length];
    for (int i = 0; i < y.length; i++) {
      without[i] = Math.max(0, y[i] - bias[i % bias.length] + add[i]);
      with[i] = Math.max(0, y[i] + add[i]);
    }
    Buffer result = buffers.output(y.length);
    backend.conv().forward(result, x, w, null, residual, true, s);
    buffers.assertClose(c + ": relu(y - bias + residual)", without, result, tolerance);
    Buffer inPlace = buffers.changing(add);
    backend.conv().forward(inPlace, x, w, buffers.of(bias), inPlace, true, s);
    buffers.assertClose(c + ": relu(y + residual)", with, inPlace, tolerance);
  }

  private static PoolShape poolShape(Golden c) {
    boolean adaptive = c.name().contains("adaptive");
    boolean counted = !c.name().startsWith("average_inside");
    return new PoolShape(
        c.dim("x", 0),
        c.dim("x", 1),
        c.dim("x", 2),
        c.dim("x", 3),
        c.dim("y", 1),
        c.dim("y", 2),
        adaptive ? 0 : c.whole("kernel", 0),
        adaptive ? 0 : c.whole("kernel", 1),
        adaptive ? 0 : c.whole("stride", 0),
        adaptive ? 0 : c.whole("stride", 1),
        adaptive ? 0 : c.whole("padding", 0),
        adaptive ? 0 : c.whole("padding", 1),
        counted,
        adaptive);
  }

  @Test
  void maxPooling() {
    for (Golden c : Golden.read("pool.txt", "max")) {
      PoolShape s = poolShape(c);
      try (TestBuffers buffers = buffers()) {
        Buffer x = buffers.of(c.values("x"));
        Buffer dy = buffers.of(c.values("dy"));
        Buffer y = buffers.output(dy.elements());
        Buffer where = buffers.output(DType.INT32, dy.elements());
        backend.pooling().maxForward(y, where, x, s);
        check(buffers, c, "y", y);
        check(buffers, c, "where", where);
        Buffer alone = buffers.output(dy.elements());
        backend.pooling().maxForward(alone, null, x, s);
        check(buffers, c, "y", alone);
        Buffer dx = buffers.output(x.elements());
        backend.pooling().maxBackward(dx, dy, where, null, s);
        check(buffers, c, "dx", dx);
      }
    }
  }

  @Test
  void averagePooling() {
    for (Golden c : Golden.read("pool.txt", "average")) {
      PoolShape s = poolShape(c);
      try (TestBuffers buffers = buffers()) {
        Buffer x = buffers.of(c.values("x"));
        Buffer dy = buffers.of(c.values("dy"));
        Buffer y = buffers.output(dy.elements());
        Buffer dx = buffers.output(x.elements());
        backend.pooling().averageForward(y, x, s);
        check(buffers, c, "y", y);
        backend.pooling().averageBackward(dx, dy, s);
        check(buffers, c, "dx", dx);
      }
    }
  }

  @Test
  void batchNormInTraining() {
    for (Golden c : Golden.read("norm.txt", "batch")) {
      int rows = c.dim("x", 0);
      int channels = c.dim("x", 1);
      boolean relu = c.number("relu") == 1;
      double eps = c.number("eps");
      try (TestBuffers buffers = buffers()) {
        Buffer x = buffers.of(c.values("x"));
        Buffer gamma = buffers.of(c.values("gamma"));
        Buffer beta = buffers.of(c.values("beta"));
        Buffer dy = buffers.of(c.values("dy"));
        Buffer mean = buffers.output(channels);
        Buffer variance = buffers.output(channels);
        backend.norm().statistics(mean, variance, x, rows, channels);
        check(buffers, c, "mean", mean);
        check(buffers, c, "variance", variance);
        Buffer runningMean = buffers.changing(c.values("running_mean"));
        Buffer runningVariance = buffers.changing(c.values("running_variance"));
        backend
            .norm()
            .track(
                runningMean, runningVariance, mean, variance, rows, channels, c.number("momentum"));
        check(buffers, c, "new_mean", runningMean);
        check(buffers, c, "new_variance", runningVariance);
        Buffer y = buffers.output(x.elements());
        backend
            .norm()
            .batchForward(y, x, gamma, beta, mean, variance, null, relu, rows, channels, eps);
        check(buffers, c, "y", y);
        Buffer masked = relu ? beta : null;
        Buffer dx = buffers.output(x.elements());
        Buffer dgamma = buffers.output(channels);
        Buffer dbeta = buffers.output(channels);
        backend
            .norm()
            .batchBackward(
                dx, dgamma, dbeta, null, dy, x, gamma, masked, mean, variance, null, rows, channels,
                eps);
        check(buffers, c, "dx", dx);
        check(buffers, c, "dgamma", dgamma);
        check(buffers, c, "dbeta", dbeta);
        Buffer alone = buffers.output(x.elements());
        backend
            .norm()
            .batchBackward(
                alone, null, null, null, dy, x, gamma, masked, mean, variance, null, rows, channels,
                eps);
        check(buffers, c, "dx", alone);
      }
    }
  }

  @Test
  void batchNormWithResidual() {
    for (Golden c : Golden.read("norm.txt", "residual")) {
      int rows = c.dim("x", 0);
      int channels = c.dim("x", 1);
      double eps = c.number("eps");
      try (TestBuffers buffers = buffers()) {
        Buffer x = buffers.of(c.values("x"));
        Buffer gamma = buffers.of(c.values("gamma"));
        Buffer beta = buffers.of(c.values("beta"));
        Buffer residual = buffers.of(c.values("residual"));
        Buffer dy = buffers.of(c.values("dy"));
        Buffer mean = buffers.output(channels);
        Buffer variance = buffers.output(channels);
        backend.norm().statistics(mean, variance, x, rows, channels);
        Buffer y = buffers.output(x.elements());
        backend
            .norm()
            .batchForward(y, x, gamma, beta, mean, variance, residual, true, rows, channels, eps);
        check(buffers, c, "y", y);
        // Wanted are all, or those of gamma and beta, or those of x and the residual.
        for (int wanted = 0; wanted < 3; wanted++) {
          Buffer dx = wanted == 1 ? null : buffers.output(x.elements());
          Buffer dgamma = wanted == 2 ? null : buffers.output(channels);
          Buffer dbeta = wanted == 2 ? null : buffers.output(channels);
          Buffer dresidual = buffers.output(x.elements());
          backend
              .norm()
              .batchBackward(
                  dx, dgamma, dbeta, dresidual, dy, x, gamma, null, mean, variance, y, rows,
                  channels, eps);
          check(buffers, c, "dresidual", dresidual);
          if (dx != null) {
            check(buffers, c, "dx", dx);
          }
          if (dgamma != null && dbeta != null) {
            check(buffers, c, "dgamma", dgamma);
            check(buffers, c, "dbeta", dbeta);
          }
        }
      }
    }
  }

  @Test
  void batchNormWithConstantStatistics() {
    for (Golden c : Golden.read("norm.txt", "constant")) {
      int rows = c.dim("x", 0);
      int channels = c.dim("x", 1);
      boolean relu = c.number("relu") == 1;
      double eps = c.number("eps");
      try (TestBuffers buffers = buffers()) {
        Buffer x = buffers.of(c.values("x"));
        Buffer gamma = buffers.of(c.values("gamma"));
        Buffer beta = buffers.of(c.values("beta"));
        Buffer mean = buffers.of(c.values("mean"));
        Buffer variance = buffers.of(c.values("variance"));
        Buffer dy = buffers.of(c.values("dy"));
        Buffer y = buffers.output(x.elements());
        backend
            .norm()
            .batchForward(y, x, gamma, beta, mean, variance, null, relu, rows, channels, eps);
        check(buffers, c, "y", y);
        Buffer masked = dy;
        if (relu) {
          masked = buffers.output(x.elements());
          backend.unary().backward(Unary.RELU, masked, dy, y, 0, 0);
        }
        Buffer dx = buffers.output(x.elements());
        backend.norm().constantBackward(dx, masked, gamma, variance, rows, channels, eps);
        check(buffers, c, "dx", dx);
        // The statistics' own gradient is in dx alone, so gamma's and beta's are those of training.
        Buffer dgamma = buffers.output(channels);
        Buffer dbeta = buffers.output(channels);
        backend
            .norm()
            .batchBackward(
                null,
                dgamma,
                dbeta,
                null,
                dy,
                x,
                gamma,
                relu ? beta : null,
                mean,
                variance,
                null,
                rows,
                channels,
                eps);
        check(buffers, c, "dgamma", dgamma);
        check(buffers, c, "dbeta", dbeta);
      }
    }
  }

  @Test
  void layerNorm() {
    for (Golden c : Golden.read("norm.txt", "layer")) {
      int rows = c.dim("x", 0);
      int columns = c.dim("x", 1);
      try (TestBuffers buffers = buffers()) {
        Buffer x = buffers.of(c.values("x"));
        Buffer gamma = buffers.of(c.values("gamma"));
        Buffer beta = buffers.of(c.values("beta"));
        Buffer dy = buffers.of(c.values("dy"));
        Buffer y = buffers.output(x.elements());
        Buffer mean = buffers.output(rows);
        Buffer rstd = buffers.output(rows);
        backend.norm().layerForward(y, mean, rstd, x, gamma, beta, rows, columns, c.number("eps"));
        check(buffers, c, "y", y);
        check(buffers, c, "mean", mean);
        check(buffers, c, "rstd", rstd);
        Buffer dx = buffers.output(x.elements());
        Buffer dgamma = buffers.output(columns);
        Buffer dbeta = buffers.output(columns);
        backend.norm().layerBackward(dx, dgamma, dbeta, dy, x, gamma, mean, rstd, rows, columns);
        check(buffers, c, "dx", dx);
        check(buffers, c, "dgamma", dgamma);
        check(buffers, c, "dbeta", dbeta);
        Buffer alone = buffers.output(x.elements());
        backend.norm().layerBackward(alone, null, null, dy, x, gamma, mean, rstd, rows, columns);
        check(buffers, c, "dx", alone);
        Buffer dgammaAlone = buffers.output(columns);
        backend
            .norm()
            .layerBackward(null, dgammaAlone, null, dy, x, gamma, mean, rstd, rows, columns);
        check(buffers, c, "dgamma", dgammaAlone);
      }
    }
  }

  @Test
  void softmax() {
    softmax("softmax", false);
    softmax("log_softmax", true);
  }

  private void softmax(String kind, boolean log) {
    for (Golden c : Golden.read("softmax.txt", kind)) {
      int rows = c.dim("x", 0);
      int columns = c.dim("x", 1);
      try (TestBuffers buffers = buffers()) {
        Buffer x = buffers.of(c.values("x"));
        Buffer y = buffers.output(x.elements());
        Buffer dx = buffers.output(x.elements());
        backend.softmax().forward(y, x, log, rows, columns);
        check(buffers, c, "y", y);
        backend.softmax().backward(dx, buffers.of(c.values("dy")), y, log, rows, columns);
        check(buffers, c, "dx", dx);
      }
    }
  }

  @Test
  void crossEntropy() {
    for (Golden c : Golden.read("softmax.txt", "cross_entropy")) {
      int rows = c.dim("x", 0);
      int columns = c.dim("x", 1);
      CrossEntropyOptions options = new CrossEntropyOptions(c.number("smoothing"), -100);
      for (DType type : List.of(DType.INT32, DType.INT64)) {
        try (TestBuffers buffers = buffers()) {
          Buffer x = buffers.of(c.values("x"));
          Buffer targets = buffers.of(type, c.values("targets"));
          Buffer weights = ifPresent(buffers, c, "weights");
          Buffer loss = buffers.output(1);
          Buffer total = buffers.output(1);
          Buffer log = buffers.output(x.elements());
          backend
              .softmax()
              .crossEntropy(loss, total, log, x, targets, weights, options, rows, columns);
          check(buffers, c, "y", loss);
          Buffer dx = buffers.output(x.elements());
          backend
              .softmax()
              .crossEntropyBackward(
                  dx,
                  buffers.of(c.number("dloss")),
                  total,
                  log,
                  targets,
                  weights,
                  options,
                  rows,
                  columns);
          check(buffers, c, "dx", dx);
        }
      }
    }
  }

  @Test
  void resize() {
    for (Golden c : Golden.read("resize.txt")) {
      ResizeShape s =
          new ResizeShape(
              c.dim("x", 0),
              c.dim("x", 1),
              c.dim("x", 2),
              c.dim("x", 3),
              c.dim("y", 1),
              c.dim("y", 2),
              c.name().startsWith("bilinear"),
              c.name().startsWith("bilinear_corners"));
      try (TestBuffers buffers = buffers()) {
        Buffer x = buffers.of(c.values("x"));
        Buffer dy = buffers.of(c.values("dy"));
        Buffer y = buffers.output(dy.elements());
        Buffer dx = buffers.output(x.elements());
        backend.index().resize(y, x, s);
        check(buffers, c, "y", y);
        backend.index().resizeBackward(dx, dy, s);
        check(buffers, c, "dx", dx);
      }
    }
  }

  @Test
  void tenOptimizerSteps() {
    for (Golden c : Golden.read("update.txt")) {
      UpdateRule rule = UpdateRule.valueOf(c.name().split(" ", 2)[0].toUpperCase(Locale.ROOT));
      int n = c.dim("start", 0);
      try (TestBuffers buffers = buffers()) {
        Buffer value = buffers.changing(c.values("start"));
        Buffer gradient = buffers.changing(new double[n]);
        Buffer first = buffers.changing(new double[n]);
        Buffer second = buffers.changing(new double[n]);
        List<Buffer> moments = List.of(first, second).subList(0, rule.moments());
        Buffer state = buffers.changing(DType.FLOAT64, new double[StepState.SLOTS]);
        try (SegmentTable table =
            backend.update().table(List.of(new Segment(value, gradient, moments, 1)))) {
          for (int step = 0; step < 10; step++) {
            copy(buffers, gradient, row(c.values("gradients"), step, n), dtype);
            copy(buffers, state, stateOf(c, step), DType.FLOAT64);
            backend.update().step(rule, table, state);
            buffers.assertClose(
                c + ": value after step " + step,
                row(c.values("values"), step, n),
                value,
                tolerance);
          }
          assertArrayEquals(new double[] {10}, buffers.read(table.steps()), c.name());
        }
      }
    }
  }

  private static double[] row(double[] values, int i, int n) {
    return Arrays.copyOfRange(values, i * n, (i + 1) * n);
  }

  /** The rate is halved after the fifth step; what is not said stays 0, and scales are 1. */
  private static double[] stateOf(Golden c, int step) {
    double[] state = new double[StepState.SLOTS];
    state[StepState.CLIP_SCALE] = 1;
    state[StepState.GRADIENT_SCALE] = 1;
    int group = StepState.GROUPS + StepState.GROUP_SLOTS;
    state[group + StepState.RATE] = step < 5 ? c.number("rate") : c.number("rate") / 2;
    state[group + StepState.WEIGHT_DECAY] = c.number("decay");
    state[group + StepState.BETA1] = c.number("beta1");
    state[group + StepState.BETA2] = c.number("beta2");
    state[group + StepState.EPS] = c.number("eps");
    state[group + StepState.NESTEROV] = c.number("nesterov");
    return state;
  }

  private void copy(TestBuffers buffers, Buffer y, double[] values, DType type) {
    backend.index().cast(y, buffers.of(type, values));
  }
}
