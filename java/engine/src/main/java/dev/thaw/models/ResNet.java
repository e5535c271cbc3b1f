package dev.thaw.models;

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
import dev.thaw.tensor.PoolOptions;
import dev.thaw.tensor.Shape;
import dev.thaw.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * Residual nets for large pictures (He et al., arXiv 1512.03385), version 1.5: a bottleneck's
 * stride is on its 3 x 3 convolution. Names are torchvision's.
 */
public final class ResNet extends Module {
  /**
   * What it is made of.
   *
   * @param blocks residual blocks of each of the four stages
   * @param bottleneck 1 x 1, 3 x 3, 1 x 1 with four times the channels, instead of two 3 x 3
   * @param width channels of the first stage, doubled in each next
   * @param smallPictures a 3 x 3 stem without pooling, for 32 x 32 pictures
   */
  public record Options(int[] blocks, boolean bottleneck, int width, boolean smallPictures) {}

  private final Slot conv1;
  private final Slot bn1;
  private final Slot relu = slot("relu", Activation.relu());
  private final Slot maxpool;
  private final Slot[] layers = new Slot[4];
  private final Slot avgpool;
  private final Slot fc;

  /** For pictures of height x width x channels. */
  public ResNet(int height, int width, int channels, int classes, Options options) {
    int c = options.width();
    conv1 =
        slot("conv1", options.smallPictures() ? conv(channels, c, 3, 1) : conv(channels, c, 7, 2));
    bn1 = slot("bn1", new BatchNorm(c));
    maxpool =
        slot(
            "maxpool",
            options.smallPictures()
                ? new dev.thaw.nn.Identity()
                : Pool2d.max(PoolOptions.of(3, 2, 1)));
    int in = c;
    for (int stage = 0; stage < 4; stage++) {
      Module[] blocks = new Module[options.blocks()[stage]];
      int planes = c << stage;
      int out = options.bottleneck() ? 4 * planes : planes;
      for (int i = 0; i < blocks.length; i++) {
        int stride = stage > 0 && i == 0 ? 2 : 1;
        blocks[i] =
            options.bottleneck()
                ? new Bottleneck(in, planes, stride)
                : new BasicBlock(in, planes, stride);
        in = out;
      }
      layers[stage] = slot("layer" + (stage + 1), new Sequential(blocks));
    }
    avgpool = slot("avgpool", Pool2d.globalAverage());
    fc = slot("fc", new Linear(in, classes));
    example(Shape.of(1, height, width, channels));
  }

  @Override
  protected Tensor forward(Tensor x) {
    return through(
        x, conv1, bn1, relu, maxpool, layers[0], layers[1], layers[2], layers[3], avgpool, fc);
  }

  private static Conv2d conv(int in, int out, int kernel, int stride) {
    return new Conv2d(
        in,
        out,
        kernel,
        kernel,
        Conv2dOptions.DEFAULT.stride(stride).padding(kernel / 2),
        false,
        Init.kaimingFanOut());
  }

  /** y = relu(shortcut(x) + F(x)). */
  private abstract static class Block extends Module {
    private final @Nullable Slot downsample;

    Block(int in, int out, int stride) {
      downsample =
          stride == 1 && in == out
              ? null
              : slot("downsample", new Sequential(conv(in, out, 1, stride), new BatchNorm(out)));
    }

    abstract Tensor residual(Tensor x);

    @Override
    protected final Tensor forward(Tensor x) {
      Tensor f = residual(x);
      Tensor shortcut = downsample == null ? x : downsample.call(x);
      Tensor sum = f.add(shortcut);
      f.close();
      if (shortcut != x) {
        shortcut.close();
      }
      return Functional.relu(sum);
    }
  }

  /** Two 3 x 3 convolutions. */
  private static final class BasicBlock extends Block {
    private final Slot conv1;
    private final Slot bn1;
    private final Slot relu = slot("relu", Activation.relu());
    private final Slot conv2;
    private final Slot bn2;

    BasicBlock(int in, int planes, int stride) {
      super(in, planes, stride);
      conv1 = slot("conv1", conv(in, planes, 3, stride));
      bn1 = slot("bn1", new BatchNorm(planes));
      conv2 = slot("conv2", conv(planes, planes, 3, 1));
      bn2 = slot("bn2", new BatchNorm(planes));
    }

    @Override
    Tensor residual(Tensor x) {
      return through(x, conv1, bn1, relu, conv2, bn2);
    }
  }

  /** 1 x 1 down, 3 x 3, 1 x 1 up. */
  private static final class Bottleneck extends Block {
    private final Slot[] chain;

    Bottleneck(int in, int planes, int stride) {
      super(in, 4 * planes, stride);
      Slot relu = slot("relu", Activation.relu());
      Slot conv1 = slot("conv1", conv(in, planes, 1, 1));
      Slot bn1 = slot("bn1", new BatchNorm(planes));
      Slot conv2 = slot("conv2", conv(planes, planes, 3, stride));
      Slot bn2 = slot("bn2", new BatchNorm(planes));
      Slot conv3 = slot("conv3", conv(planes, 4 * planes, 1, 1));
      Slot bn3 = slot("bn3", new BatchNorm(4 * planes));
      chain = new Slot[] {conv1, bn1, relu, conv2, bn2, relu, conv3, bn3};
    }

    @Override
    Tensor residual(Tensor x) {
      return through(x, chain);
    }
  }
}
