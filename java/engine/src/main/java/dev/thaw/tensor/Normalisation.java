package dev.thaw.tensor;

import static dev.thaw.tensor.Op.reads;
import static dev.thaw.tensor.Op.wrt;
import static dev.thaw.tensor.Op.wrtAll;

import dev.thaw.backend.Reduction;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.Check;
import dev.thaw.memory.DType;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Batch and layer normalisation: x̂ = (x − μ) / √(σ² + ε), y = x̂ · w + b. Of x in bfloat16 scale,
 * shift and statistics are float32, and so are the gradients of scale and shift. And pictures that
 * are bytes still.
 */
final class Normalisation {
  private Normalisation() {}

  /**
   * Statistics of this batch, per channel (the innermost dimension), over everything else; db = Σ
   * dy, dw = Σ dy · x̂, dx = w / √(σ² + ε) · (dy − mean(dy) − x̂ · mean(dy · x̂)).
   */
  static Tensor batch(
      Tensor x,
      Tensor w,
      Tensor b,
      @Nullable Tensor runningMean,
      @Nullable Tensor runningVariance,
      double momentum,
      double eps) {
    checkChannels("batchNorm", x, w, b);
    if (isNarrow(x, w, b)) {
      Tensor scale = Mixed.widened(w);
      Tensor shift = Mixed.widened(b);
      return batch(x, scale, shift, runningMean, runningVariance, momentum, eps);
    }
    int c = x.dim(-1);
    int rows = x.shape().elements(0, x.rank() - 1);
    Check.that(rows > 0, "batchNorm: an empty batch %s has no statistics", x.shape());
    Tensor mean = Tensor.empty(Shape.of(c), Mixed.exact(x), x.home());
    Tensor variance = Tensor.empty(Shape.of(c), Mixed.exact(x), x.home());
    x.backend().norm().statistics(mean.buffer(), variance.buffer(), x.buffer(), rows, c);
    if (runningMean != null && runningVariance != null) {
      checkChannels("batchNorm", x, runningMean, runningVariance);
      Check.that(
          !isNarrow(x, runningMean, runningVariance),
          "batchNorm: running statistics are %s and %s, expected float32",
          runningMean.dtype(),
          runningVariance.dtype());
      x.backend()
          .norm()
          .track(
              runningMean.buffer(),
              runningVariance.buffer(),
              mean.buffer(),
              variance.buffer(),
              rows,
              c,
              momentum);
    }
    Tensor y = normalised(x, w, b, mean, variance, rows, c, eps);
    return y.madeBy(
        "batchNorm",
        x.requiresGrad() || w.requiresGrad()
            ? wrtAll(
                List.of(x, w, b),
                reads(x, w, mean, variance),
                (dy, to) -> backward(to, dy, x, w, mean, variance, rows, c, eps))
            : shiftAlone(b, rows, c));
  }

  /** The given statistics are constants; dx = dy · w / √(σ² + ε), db = Σ dy, dw = Σ dy · x̂. */
  static Tensor constant(Tensor x, Tensor w, Tensor b, Tensor mean, Tensor variance, double eps) {
    checkChannels("batchNorm", x, w, b);
    checkChannels("batchNorm", x, mean, variance);
    if (isNarrow(x, w, b) || isNarrow(x, mean, variance)) {
      return constant(
          x, Mixed.widened(w), Mixed.widened(b), Mixed.widened(mean), Mixed.widened(variance), eps);
    }
    int c = x.dim(-1);
    int rows = x.shape().elements(0, x.rank() - 1);
    Tensor y = normalised(x, w, b, mean, variance, rows, c, eps);
    return y.madeBy(
        "batchNorm",
        wrt(
            x,
            reads(w, variance),
            (dy, dx) ->
                dy.backend()
                    .norm()
                    .constantBackward(
                        dx.buffer(), dy.buffer(), w.buffer(), variance.buffer(), rows, c, eps)),
        w.requiresGrad()
            ? wrtAll(
                List.of(w, b),
                reads(x, w, mean, variance),
                (dy, to) ->
                    backward(
                        new @Nullable Tensor[] {null, to[0], to[1]},
                        dy,
                        x,
                        w,
                        mean,
                        variance,
                        rows,
                        c,
                        eps))
            : shiftAlone(b, rows, c));
  }

  /** db = Σ dy: a shift that learns without its scale needs nothing kept. */
  private static Op.Rule shiftAlone(Tensor b, int rows, int c) {
    return wrt(
        b,
        reads(),
        (dy, db) ->
            dy.backend().reduce().reduce(Reduction.SUM, db.buffer(), dy.buffer(), 1, rows, c, 1));
  }

  private static Tensor normalised(
      Tensor x, Tensor w, Tensor b, Tensor mean, Tensor variance, int rows, int c, double eps) {
    Tensor y = Tensor.empty(x.shape(), x.dtype(), x.home());
    x.backend()
        .norm()
        .batchForward(
            y.buffer(),
            x.buffer(),
            w.buffer(),
            b.buffer(),
            mean.buffer(),
            variance.buffer(),
            null,
            false,
            rows,
            c,
            eps);
    return y;
  }

  private static void backward(
      @Nullable Tensor[] to,
      Tensor dy,
      Tensor x,
      Tensor w,
      Tensor mean,
      Tensor variance,
      int rows,
      int c,
      double eps) {
    dy.backend()
        .norm()
        .batchBackward(
            buffer(to[0]),
            buffer(to[1]),
            buffer(to[2]),
            null,
            dy.buffer(),
            x.buffer(),
            w.buffer(),
            null,
            mean.buffer(),
            variance.buffer(),
            null,
            rows,
            c,
            eps);
  }

  /** Statistics of each row of the last dimension (Ba, Kiros, Hinton, arXiv 1607.06450). */
  static Tensor layer(Tensor x, Tensor w, Tensor b, double eps) {
    checkChannels("layerNorm", x, w, b);
    if (isNarrow(x, w, b)) {
      return layer(x, Mixed.widened(w), Mixed.widened(b), eps);
    }
    int columns = x.dim(-1);
    int rows = x.shape().elements(0, x.rank() - 1);
    Check.that(columns > 0, "layerNorm: no elements in a row of %s", x.shape());
    Tensor y = Tensor.empty(x.shape(), x.dtype(), x.home());
    Tensor mean = Tensor.empty(Shape.of(rows), Mixed.exact(x), x.home());
    Tensor rstd = Tensor.empty(Shape.of(rows), Mixed.exact(x), x.home());
    x.backend()
        .norm()
        .layerForward(
            y.buffer(),
            mean.buffer(),
            rstd.buffer(),
            x.buffer(),
            w.buffer(),
            b.buffer(),
            rows,
            columns,
            eps);
    return y.madeBy(
        "layerNorm",
        x.requiresGrad() || w.requiresGrad()
            ? wrtAll(
                List.of(x, w, b),
                reads(x, w, mean, rstd),
                (dy, to) ->
                    dy.backend()
                        .norm()
                        .layerBackward(
                            buffer(to[0]),
                            buffer(to[1]),
                            buffer(to[2]),
                            dy.buffer(),
                            x.buffer(),
                            w.buffer(),
                            mean.buffer(),
                            rstd.buffer(),
                            rows,
                            columns))
            : shiftAlone(b, rows, columns));
  }

  /** y = (x / 255 − mean) / std in {@code dtype}; no rule, for bytes have no derivative. */
  static Tensor pixels(Tensor x, Tensor mean, Tensor std, DType dtype) {
    if (mean.dtype() == DType.BFLOAT16 || std.dtype() == DType.BFLOAT16) {
      return pixels(x, Mixed.widened(mean), Mixed.widened(std), dtype);
    }
    Arithmetic.checkDevices("normalizePixels", x, mean);
    Arithmetic.checkAlike("normalizePixels", mean, std);
    Check.that(
        x.dtype() == DType.UINT8 && x.rank() >= 1,
        "normalizePixels: expected pictures of bytes, got %s %s",
        x.dtype(),
        x.shape());
    DType exact = dtype == DType.BFLOAT16 ? DType.FLOAT32 : dtype;
    Check.that(
        dtype.isFloating() && mean.dtype() == exact,
        "normalizePixels: to %s with mean and std in %s",
        dtype,
        mean.dtype());
    Shape channels = Shape.of(x.dim(-1));
    Check.that(
        mean.shape().equals(channels) && std.shape().equals(channels),
        "normalizePixels: %s and %s do not fit the channels of %s",
        mean.shape(),
        std.shape(),
        x.shape());
    Check.that(
        !mean.requiresGrad() && !std.requiresGrad(),
        "normalizePixels: mean and std are constants here; detach them");
    int rows = x.shape().elements(0, x.rank() - 1);
    Tensor y = Tensor.empty(x.shape(), dtype, x.home());
    x.backend().norm().pixels(y.buffer(), x.buffer(), mean.buffer(), std.buffer(), rows, x.dim(-1));
    return y;
  }

  private static @Nullable Buffer buffer(@Nullable Tensor x) {
    return x == null ? null : x.buffer();
  }

  /** Whether one of x's companions is bfloat16, as x is, where kernels want float32. */
  private static boolean isNarrow(Tensor x, Tensor w, Tensor b) {
    return Mixed.exact(x) != x.dtype() && (w.dtype() == x.dtype() || b.dtype() == x.dtype());
  }

  private static void checkChannels(String op, Tensor x, Tensor w, Tensor b) {
    Mixed.checkWeight(op, x, w);
    Mixed.checkWeight(op, x, b);
    Elementwise.checkFloating(op, x);
    Check.that(x.rank() >= 2, "%s: needs at least two dimensions, got %s", op, x.shape());
    Shape channels = Shape.of(x.dim(-1));
    Check.that(
        w.shape().equals(channels) && b.shape().equals(channels),
        "%s: %s and %s do not fit the channels of %s",
        op,
        w.shape(),
        b.shape(),
        x.shape());
  }
}
