package dev.thaw.models;

import dev.thaw.memory.Check;
import dev.thaw.nn.Activation;
import dev.thaw.nn.BatchNorm;
import dev.thaw.nn.Conv2d;
import dev.thaw.nn.Init;
import dev.thaw.nn.Linear;
import dev.thaw.nn.Module;
import dev.thaw.nn.Pool2d;
import dev.thaw.nn.Sequential;
import dev.thaw.nn.Slot;
import dev.thaw.tensor.Conv2dOptions;
import dev.thaw.tensor.Functional;
import dev.thaw.tensor.Shape;
import dev.thaw.tensor.Tensor;

/**
 * Residual nets for small pictures (He et al., arXiv 1512.03385, section 4.2): three stages of 16,
 * 32, 64 channels, depth 6 n + 2. The shortcut has no parameters: every second pixel, missing
 * channels filled with zeros on both sides (option A).
 */
public final class CifarResNet extends Module {
  private final Slot conv1;
  private final Slot bn1;
  private final Slot relu = slot("relu", Activation.relu());
  private final Slot layer1;
  private final Slot layer2;
  private final Slot layer3;
  private final Slot avgpool;
  private final Slot linear;

  /** Of depth 20, 32, 44 or 56, for pictures of height x width x channels. */
  public CifarResNet(int depth, int height, int width, int channels, int classes) {
    Check.that(depth >= 8 && (depth - 2) % 6 == 0, "resnet: depth %d is not 6 n + 2", depth);
    int n = (depth - 2) / 6;
    conv1 = slot("conv1", conv(channels, 16, 1));
    bn1 = slot("bn1", new BatchNorm(16));
    layer1 = slot("layer1", stage(n, 16, 16));
    layer2 = slot("layer2", stage(n, 16, 32));
    layer3 = slot("layer3", stage(n, 32, 64));
    avgpool = slot("avgpool", Pool2d.globalAverage());
    linear = slot("linear", new Linear(64, classes));
    example(Shape.of(1, height, width, channels));
  }

  private static Sequential stage(int n, int in, int out) {
    Module[] blocks = new Module[n];
    for (int i = 0; i < n; i++) {
      blocks[i] = new Block(i == 0 ? in : out, out);
    }
    return new Sequential(blocks);
  }

  private static Conv2d conv(int in, int out, int stride) {
    return new Conv2d(
        in, out, 3, 3, Conv2dOptions.DEFAULT.stride(stride).padding(1), false, Init.kaiming());
  }

  @Override
  protected Tensor forward(Tensor x) {
    return through(x, conv1, bn1, relu, layer1, layer2, layer3, avgpool, linear);
  }

  /** y = relu(shortcut(x) + bn2(conv2(relu(bn1(conv1(x)))))). */
  private static final class Block extends Module {
    private final int in;
    private final int out;
    private final Slot conv1;
    private final Slot bn1;
    private final Slot relu = slot("relu", Activation.relu());
    private final Slot conv2;
    private final Slot bn2;

    Block(int in, int out) {
      this.in = in;
      this.out = out;
      conv1 = slot("conv1", conv(in, out, in == out ? 1 : 2));
      bn1 = slot("bn1", new BatchNorm(out));
      conv2 = slot("conv2", conv(out, out, 1));
      bn2 = slot("bn2", new BatchNorm(out));
    }

    @Override
    protected Tensor forward(Tensor x) {
      // The shortcut first: it is then ready to be the last convolution's residual in a plan.
      Tensor shortcut = in == out ? x : shortcut(x);
      Tensor f = through(x, conv1, bn1, relu, conv2, bn2);
      Tensor sum = f.add(shortcut);
      f.close();
      if (shortcut != x) {
        shortcut.close();
      }
      return Functional.relu(sum);
    }

    /** Every second pixel, (out − in) / 2 channels of zeros on either side. */
    private Tensor shortcut(Tensor x) {
      int side = (out - in) / 2;
      try (Tensor half = Functional.subsample(x, 2)) {
        return Functional.pad(
            half, new int[] {0, 0, 0, side}, new int[] {0, 0, 0, out - in - side}, 0);
      }
    }
  }
}
