package dev.thaw.nn;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.thaw.OnEveryDevice;
import dev.thaw.Place;
import dev.thaw.backend.CrossEntropyOptions;
import dev.thaw.golden.Distance;
import dev.thaw.tensor.Functional;
import dev.thaw.tensor.Tensor;
import java.util.Objects;

/** Cross-entropy by hand. */
final class CrossEntropyTest {
  private static final CrossEntropyOptions PLAIN = CrossEntropyOptions.DEFAULT;

  @OnEveryDevice
  void goesThroughLogSoftmax(Place place) {
    // exp(2000) is infinite, and log(exp(-2000)) would be -infinity.
    double[] logits = {2000, 0, -2000, 1000, 1000, -1000};
    Tensor x = place.tensor(logits, 2, 3).requiresGrad(true);
    Tensor loss = Functional.crossEntropy(x, Tensor.of(new long[] {2, 1}));
    double[] expected = {(4000 + Math.log(2)) / 2};
    Distance.LAYER.check(place, "loss", expected, loss);
    loss.backward();
    double[] dx = {0.5, 0, -0.5, 0.25, -0.25, 0};
    Distance.LAYER.check(place, "dx", dx, Objects.requireNonNull(x.grad()));
  }

  @OnEveryDevice
  void theMeanIsOverValidLabels(Place place) {
    double[] logits = {1, 0, 5, 5, 0, 3};
    Tensor x = place.tensor(logits, 3, 2).requiresGrad(true);
    Tensor loss = Functional.crossEntropy(x, Tensor.of(new long[] {0, -100, 0}));
    double first = Math.log(1 + Math.exp(-1));
    double third = Math.log(1 + Math.exp(3));
    Distance.LAYER.check(place, "loss", new double[] {(first + third) / 2}, loss);
    loss.backward();
    double[] dx = Objects.requireNonNull(x.grad()).toDoubles();
    assertEquals(0, dx[2]);
    assertEquals(0, dx[3]);
  }

  @OnEveryDevice
  void classWeightsChangeTheDenominator(Place place) {
    double[] logits = {1, 0, 0, 3};
    Tensor weights = place.tensor(new double[] {3, 0.5}, 2);
    Tensor targets = Tensor.of(new long[] {0, 1});
    Tensor loss = Functional.crossEntropy(place.tensor(logits, 2, 2), targets, weights, PLAIN);
    double first = Math.log(1 + Math.exp(-1));
    double second = Math.log(1 + Math.exp(-3));
    double[] expected = {(3 * first + 0.5 * second) / 3.5};
    Distance.LAYER.check(place, "loss", expected, loss);
  }
}
