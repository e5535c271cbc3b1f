package dev.thaw.nn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.thaw.OnPlain;
import dev.thaw.tensor.Conv2dOptions;
import dev.thaw.tensor.PoolOptions;
import dev.thaw.tensor.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** A linear layer whose input has another size says which layer, from what, and what would fit. */
@ExtendWith(OnPlain.class)
final class LinearTest {
  private static String refusal(Module model, Tensor x) {
    return String.valueOf(
        assertThrows(IllegalArgumentException.class, () -> model.call(x)).getMessage());
  }

  /** The net that a tutorial's reader writes: no padding, one pooling forgotten. */
  private static final class Unpadded extends Module {
    private final Slot conv1 = slot("conv1", new Conv2d(1, 32, 3, Conv2dOptions.DEFAULT));
    private final Slot conv2 = slot("conv2", new Conv2d(32, 64, 3, Conv2dOptions.DEFAULT));
    private final Slot flatten = slot("flatten", new Flatten());
    private final Slot fc1 = slot("fc1", new Linear(3136, 10));

    @Override
    protected Tensor forward(Tensor x) {
      return through(x, conv1, conv2, flatten, fc1);
    }
  }

  @Test
  void aFlattenThatDoesNotFitIsExplained() {
    try (Module model = new Unpadded()) {
      assertEquals(
          "linear fc1 expects 3136 features, got 36864 = 24x24x64; make it Linear(36864, 10), or pad"
              + " and pool to 7x7x64",
          refusal(model, Tensor.zeros(1, 28, 28, 1)));
    }
  }

  @Test
  void inferenceSaysTheSame() {
    try (Module model = new Unpadded();
        var none = Tensor.noGrad()) {
      model.eval();
      assertEquals(
          "linear fc1 expects 3136 features, got 16384 = 16x16x64; make it Linear(16384, 10), or pad"
              + " and pool to 7x7x64",
          refusal(model, Tensor.zeros(2, 20, 20, 1)));
    }
  }

  @Test
  void noSizeIsProposedWhereNoneFits() {
    try (Module model =
        new Sequential(Pool2d.max(PoolOptions.of(2)), new Flatten(), new Linear(10, 2))) {
      assertEquals(
          "linear 2 expects 10 features, got 12 = 2x2x3; make it Linear(12, 2)",
          refusal(model, Tensor.zeros(1, 4, 4, 3)));
    }
  }

  @Test
  void otherInputsAreGivenByTheirShape() {
    try (Linear linear = new Linear(8, 2)) {
      assertEquals(
          "linear expects 8 features, got 7 in [3, 7]", refusal(linear, Tensor.zeros(3, 7)));
      assertEquals(
          "linear expects 8 features, got 3 in [1, 4, 4, 3]; flatten pictures first",
          refusal(linear, Tensor.zeros(1, 4, 4, 3)));
      assertEquals("linear expects 8 features, got 1 in []", refusal(linear, Tensor.scalar(1)));
    }
  }
}
