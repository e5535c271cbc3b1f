package dev.thaw.nn;

import dev.thaw.memory.Check;
import dev.thaw.tensor.Conv2dOptions;
import dev.thaw.tensor.Functional;
import dev.thaw.tensor.Generator;
import dev.thaw.tensor.Shape;
import dev.thaw.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/** Convolution of pictures [n, h, w, inChannels] with a square or rectangular kernel. */
public final class Conv2d extends Module {
  private final int inChannels;
  private final int outChannels;
  private final Conv2dOptions options;
  private final Parameter weight;
  private final @Nullable Parameter bias;

  /** A square kernel with bias, started as PyTorch does. */
  public Conv2d(int inChannels, int outChannels, int kernelSize, Conv2dOptions options) {
    this(inChannels, outChannels, kernelSize, kernelSize, options, true, Init.fanInUniform());
  }

  /** With or without bias, with the given start of the weight. */
  public Conv2d(
      int inChannels,
      int outChannels,
      int kernelH,
      int kernelW,
      Conv2dOptions options,
      boolean bias,
      Init init) {
    Check.that(
        inChannels > 0
            && outChannels > 0
            && inChannels % options.groups() == 0
            && outChannels % options.groups() == 0,
        "conv2d: %d to %d channels in %d groups",
        inChannels,
        outChannels,
        options.groups());
    Check.that(kernelH > 0 && kernelW > 0, "conv2d: kernel %d x %d", kernelH, kernelW);
    this.inChannels = inChannels;
    this.outChannels = outChannels;
    this.options = options;
    Shape shape = Shape.of(outChannels, kernelH, kernelW, inChannels / options.groups());
    float[] values = init.values(shape, Generator.current());
    weight = parameter("weight", new Parameter(shape, values, FileOrder.OIHW));
    this.bias = bias ? parameter("bias", bias(outChannels, shape.elements(1, 4))) : null;
  }

  /** Uniform within ±1 / √fanIn, as PyTorch. */
  static Parameter bias(int out, int fanIn) {
    double bound = 1 / Math.sqrt(fanIn);
    return new Parameter(
        Shape.of(out), Generator.current().uniforms(-bound, bound, out), FileOrder.IDENTITY);
  }

  /** Channels of x. */
  public int inChannels() {
    return inChannels;
  }

  /** Channels of y. */
  public int outChannels() {
    return outChannels;
  }

  /** How it walks. */
  public Conv2dOptions options() {
    return options;
  }

  /** Weights, [outChannels, kernelH, kernelW, inChannels / groups]. */
  public Parameter weight() {
    return weight;
  }

  /** Bias, [outChannels], or null. */
  public @Nullable Parameter bias() {
    return bias;
  }

  @Override
  protected Tensor forward(Tensor x) {
    Check.that(
        x.rank() == 4 && x.dim(3) == inChannels,
        "conv2d expects pictures [n, h, w, %d], got %s",
        inChannels,
        x.shape());
    return Functional.conv2d(x, weight.value(), bias == null ? null : bias.value(), options);
  }
}
