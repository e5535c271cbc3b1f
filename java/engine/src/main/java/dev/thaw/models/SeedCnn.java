package dev.thaw.models;

import dev.thaw.memory.Check;
import dev.thaw.nn.Activation;
import dev.thaw.nn.Conv2d;
import dev.thaw.nn.Flatten;
import dev.thaw.nn.Linear;
import dev.thaw.nn.Module;
import dev.thaw.nn.Pool2d;
import dev.thaw.nn.Slot;
import dev.thaw.tensor.Conv2dOptions;
import dev.thaw.tensor.PoolOptions;
import dev.thaw.tensor.Shape;
import dev.thaw.tensor.Tensor;

/**
 * Two convolutions, two linear layers: the small net of the first example. For 28 x 28 grey
 * pictures and ten classes it has 421,642 parameters.
 */
public final class SeedCnn extends Module {
  private static final Conv2dOptions SAME = Conv2dOptions.DEFAULT.padding(1);

  private final Slot conv1;
  private final Slot conv2;
  private final Slot fc1;
  private final Slot fc2;
  private final Slot relu = slot("relu", Activation.relu());
  private final Slot pool = slot("pool", Pool2d.max(PoolOptions.of(2)));
  private final Slot flatten = slot("flatten", new Flatten());

  /** For pictures of height x width x channels. */
  public SeedCnn(int height, int width, int channels, int classes) {
    Check.that(
        height >= 4 && width >= 4, "seed-cnn: pictures of %d x %d are too small", height, width);
    conv1 = slot("conv1", new Conv2d(channels, 32, 3, SAME));
    conv2 = slot("conv2", new Conv2d(32, 64, 3, SAME));
    fc1 = slot("fc1", new Linear(64 * (height / 4) * (width / 4), 128));
    fc2 = slot("fc2", new Linear(128, classes));
    example(Shape.of(1, height, width, channels));
  }

  @Override
  protected Tensor forward(Tensor x) {
    return through(x, conv1, relu, pool, conv2, relu, pool, flatten, fc1, relu, fc2);
  }
}
