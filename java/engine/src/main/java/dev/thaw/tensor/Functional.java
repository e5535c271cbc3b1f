package dev.thaw.tensor;

import static dev.thaw.tensor.Op.reads;
import static dev.thaw.tensor.Op.wrt;

import dev.thaw.backend.CrossEntropyOptions;
import dev.thaw.backend.Unary;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.Check;
import dev.thaw.memory.DType;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Every op that is no method of {@link Tensor}: activations, layers as functions, losses. */
public final class Functional {
  private Functional() {}

  // ---- activations ----

  /** max(0, x). */
  public static Tensor relu(Tensor x) {
    return Elementwise.apply(Unary.RELU, x);
  }

  /** x for x &gt; 0, else slope · x. */
  public static Tensor leakyRelu(Tensor x, double slope) {
    return Elementwise.apply(Unary.LEAKY_RELU, x, slope, 0);
  }

  /** x for x &gt; 0, else alpha · (eˣ − 1) (Clevert et al., arXiv 1511.07289). */
  public static Tensor elu(Tensor x, double alpha) {
    return Elementwise.apply(Unary.ELU, x, alpha, 0);
  }

  /** x · Φ(x) by the error function (Hendrycks and Gimpel, arXiv 1606.08415). */
  public static Tensor gelu(Tensor x) {
    return Elementwise.apply(Unary.GELU, x);
  }

  /** Gelu by tanh: x / 2 · (1 + tanh(√(2 / π) · (x + 0.044715 x³))). */
  public static Tensor geluTanh(Tensor x) {
    return Elementwise.apply(Unary.GELU_TANH, x);
  }

  /** x / (1 + e⁻ˣ). */
  public static Tensor silu(Tensor x) {
    return Elementwise.apply(Unary.SILU, x);
  }

  /** x · min(max(x + 3, 0), 6) / 6: silu without exponentials. */
  public static Tensor hardSwish(Tensor x) {
    return Elementwise.apply(Unary.HARD_SWISH, x);
  }

  /** 1 / (1 + e⁻ˣ). */
  public static Tensor sigmoid(Tensor x) {
    return Elementwise.apply(Unary.SIGMOID, x);
  }

  /** tanh x. */
  public static Tensor tanh(Tensor x) {
    return Elementwise.apply(Unary.TANH, x);
  }

  /** ln(1 + eˣ). */
  public static Tensor softplus(Tensor x) {
    return Elementwise.apply(Unary.SOFTPLUS, x);
  }

  /**
   * max(0, x) + slope · min(0, x), the slope learned (He et al., arXiv 1502.01852); in x's dtype.
   *
   * @param slope one number, or one per channel (the innermost dimension)
   */
  public static Tensor prelu(Tensor x, Tensor slope) {
    return relu(x).sub(relu(x.neg()).mul(slope));
  }

  // ---- layers ----

  /**
   * y = x wᵀ + b, in x's dtype; w and b may be float32 beside x in bfloat16.
   *
   * @param x [.., in]
   * @param w [out, in]
   * @param b [out], or null
   * @return [.., out]
   */
  public static Tensor linear(Tensor x, Tensor w, @Nullable Tensor b) {
    return Matmul.linear(x, w, b);
  }

  /**
   * Two-dimensional convolution, in x's dtype; w and b may be float32 beside x in bfloat16.
   *
   * @param x [n, h, w, in]
   * @param w [out, kh, kw, in / groups]
   * @param b [out], or null
   * @return [n, outH, outW, out]
   */
  public static Tensor conv2d(Tensor x, Tensor w, @Nullable Tensor b, Conv2dOptions options) {
    return Convolution.conv2d(x, w, b, options);
  }

  /** The largest of each window of pictures [n, h, w, c]. */
  public static Tensor maxPool2d(Tensor x, PoolOptions options) {
    return Pooling.max(x, options);
  }

  /** The mean of each window of pictures [n, h, w, c]. */
  public static Tensor avgPool2d(Tensor x, PoolOptions options) {
    return Pooling.average(x, options);
  }

  /** Means of outH x outW windows that divide the picture as evenly as can be. */
  public static Tensor adaptiveAvgPool2d(Tensor x, int outH, int outW) {
    return Pooling.adaptiveAverage(x, outH, outW);
  }

  /** Maxima of outH x outW windows that divide the picture as evenly as can be. */
  public static Tensor adaptiveMaxPool2d(Tensor x, int outH, int outW) {
    return Pooling.adaptiveMax(x, outH, outW);
  }

  /** The mean over each picture: [n, h, w, c] → [n, c]. */
  public static Tensor globalAvgPool2d(Tensor x) {
    return Pooling.adaptiveAverage(x, 1, 1).reshape(x.dim(0), x.dim(3));
  }

  /**
   * Batch normalisation with the statistics of this batch (Ioffe and Szegedy, arXiv 1502.03167);
   * the innermost dimension is the channel. Of x in bfloat16 all else may be float32, and running
   * statistics must be.
   *
   * @param w scale γ, [c]
   * @param b shift β, [c]
   * @param runningMean moved towards this batch's by {@code momentum}, or null to leave it
   * @param runningVariance likewise, with the unbiased variance
   */
  public static Tensor batchNorm(
      Tensor x,
      Tensor w,
      Tensor b,
      @Nullable Tensor runningMean,
      @Nullable Tensor runningVariance,
      double momentum,
      double eps) {
    return Normalisation.batch(x, w, b, runningMean, runningVariance, momentum, eps);
  }

  /** Batch normalisation with constant statistics: those that inference uses. */
  public static Tensor batchNorm(
      Tensor x, Tensor w, Tensor b, Tensor mean, Tensor variance, double eps) {
    return Normalisation.constant(x, w, b, mean, variance, eps);
  }

  /** Layer normalisation over the innermost dimension (Ba et al., arXiv 1607.06450). */
  public static Tensor layerNorm(Tensor x, Tensor w, Tensor b, double eps) {
    return Normalisation.layer(x, w, b, eps);
  }

  /**
   * x / (1 − p) with probability 1 − p, else 0 (Srivastava et al., JMLR 2014); dx = dy under the
   * same mask, which is drawn again instead of kept.
   */
  public static Tensor dropout(Tensor x, double p, Generator generator) {
    Check.that(p >= 0 && p < 1, "dropout: probability %s not in [0, 1)", p);
    Elementwise.checkFloating("dropout", x);
    int call = generator.next();
    return masked(x, p, generator, call)
        .madeBy("dropout", wrt(x, reads(), dy -> masked(dy, p, generator, call)));
  }

  private static Tensor masked(Tensor x, double p, Generator generator, int call) {
    Tensor y = Tensor.empty(x.shape(), x.dtype(), x.home());
    Buffer state = generator.state();
    long seed = generator.seed();
    x.backend().random().dropout(y.buffer(), x.buffer(), state, p, seed, Generator.DROPOUT, call);
    return y;
  }

  /**
   * Rows of {@code table} [entries, width] at {@code index}: [.., width], in the table's dtype; to
   * go on in bfloat16 convert the rows, so that gradients of a row add up in float32.
   */
  public static Tensor embedding(Tensor table, Tensor index) {
    return Sampling.take(table, index, 0);
  }

  /** Slices of x at positions {@code index} along {@code axis}. */
  public static Tensor take(Tensor x, Tensor index, int axis) {
    return Sampling.take(x, index, axis);
  }

  /** y[.., i, ..] = x[.., index[.., i, ..], ..], the index shaped like y. */
  public static Tensor gather(Tensor x, int axis, Tensor index) {
    return Sampling.gather(x, axis, index);
  }

  /** Tensors side by side along {@code axis}. */
  public static Tensor concat(List<Tensor> parts, int axis) {
    return Layout.concat(parts, axis);
  }

  /** x with a rim of {@code value}, widths per dimension. */
  public static Tensor pad(Tensor x, int[] before, int[] after, double value) {
    return Layout.pad(x, before, after, value);
  }

  /** Every {@code step}-th row and column of pictures, from the first on. */
  public static Tensor subsample(Tensor x, int step) {
    return Layout.subsample(x, step);
  }

  /** One row per example; pictures in PyTorch's order c, h, w. */
  public static Tensor flatten(Tensor x) {
    return Layout.flatten(x);
  }

  /** Pictures at another size by the nearest pixel. */
  public static Tensor resizeNearest(Tensor x, int outH, int outW) {
    return Sampling.resize(x, outH, outW, false, false);
  }

  /** Pictures at another size by linear interpolation of four pixels. */
  public static Tensor resizeBilinear(Tensor x, int outH, int outW, boolean alignCorners) {
    return Sampling.resize(x, outH, outW, true, alignCorners);
  }

  /**
   * (x / 255 − mean) / std for pictures that are bytes still, the innermost dimension being the
   * channel. Each step is rounded, in float32 for a result in bfloat16; so the values are those of
   * a host that computes the same. There is no derivative: bytes do not change by a little.
   *
   * @param x uint8, [.., c]
   * @param mean on the 0..1 scale, [c], a constant like {@code std}
   * @param dtype of the result
   */
  public static Tensor normalizePixels(Tensor x, Tensor mean, Tensor std, DType dtype) {
    return Normalisation.pixels(x, mean, std, dtype);
  }

  /** x / max(‖x‖, eps) along {@code axis}. */
  public static Tensor normalize(Tensor x, int axis, double eps) {
    Tensor norm = Reductions.norm(x, new int[] {axis}, true);
    return x.div(norm.clip(eps, Double.MAX_VALUE));
  }

  // ---- losses ----

  /** eˣ / Σ eˣ along {@code axis}; of bfloat16 in float32, as every loss. */
  public static Tensor softmax(Tensor x, int axis) {
    return Losses.softmax(x, axis, false);
  }

  /** x − ln Σ eˣ along {@code axis}; of bfloat16 in float32, as every loss. */
  public static Tensor logSoftmax(Tensor x, int axis) {
    return Losses.softmax(x, axis, true);
  }

  /**
   * The mean of −log softmax(logits) at the targets.
   *
   * @param logits [n, classes]
   * @param targets [n], int64 class numbers
   * @return a scalar
   */
  public static Tensor crossEntropy(Tensor logits, Tensor targets) {
    return Losses.crossEntropy(logits, targets, null, CrossEntropyOptions.DEFAULT);
  }

  /**
   * As {@link #crossEntropy(Tensor, Tensor)} with class weights, label smoothing and an ignored
   * label: {@code logSoftmax}, then the weighted mean over valid rows as PyTorch counts it.
   *
   * @param weights [classes], or null
   */
  public static Tensor crossEntropy(
      Tensor logits, Tensor targets, @Nullable Tensor weights, CrossEntropyOptions options) {
    return Losses.crossEntropy(logits, targets, weights, options);
  }

  /** The mean binary cross-entropy of logistic units; targets in [0, 1], shaped like logits. */
  public static Tensor bceWithLogits(Tensor logits, Tensor targets) {
    return Losses.binaryCrossEntropy(logits, targets);
  }

  /** mean((x − targets)²). */
  public static Tensor mseLoss(Tensor x, Tensor targets) {
    return Losses.meanSquaredError(x, targets);
  }

  /** The mean Huber loss: quadratic up to delta, linear beyond. */
  public static Tensor huberLoss(Tensor x, Tensor targets, double delta) {
    return Losses.huber(x, targets, delta);
  }
}
