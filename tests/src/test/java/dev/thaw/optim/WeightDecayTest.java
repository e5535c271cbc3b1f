package dev.thaw.optim;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import dev.thaw.OnEveryDevice;
import dev.thaw.Place;
import dev.thaw.golden.Distance;
import dev.thaw.memory.Scope;
import dev.thaw.nn.BatchNorm;
import dev.thaw.nn.Linear;
import dev.thaw.nn.Module;
import dev.thaw.nn.Sequential;
import java.util.Objects;
import java.util.function.BiFunction;

/** What weight decay pulls to 0 when nobody says otherwise: matrices and kernels, nothing else. */
final class WeightDecayTest {
  @OnEveryDevice
  void decoupledDecaySparesBiasesAndNorms(Place place) {
    sparesBiasesAndNorms(place, 0.5 * 0.25, (model, decay) -> new AdamW(model, 0.5, decay));
  }

  @OnEveryDevice
  void decayThatJoinsTheGradientSparesThemToo(Place place) {
    sparesBiasesAndNorms(
        place,
        0.5 * 0.25,
        (model, decay) -> new Sgd(model, Grouping.of(Sgd.group(0.5, 0, decay, false))));
  }

  /** Gradients of 0 leave decay alone. */
  private static void sparesBiasesAndNorms(
      Place place, double step, BiFunction<Module, Double, Optimizer> optimize) {
    BatchNorm norm = new BatchNorm(2);
    Linear linear = new Linear(2, 2, true, (shape, g) -> new float[] {1, -2, 3, 4});
    Objects.requireNonNull(linear.bias()).set(new float[] {5, 6});
    norm.bias().set(new float[] {7, 8});
    try (Module model = place.put(new Sequential(linear, norm));
        Optimizer optimizer = optimize.apply(model, 0.25)) {
      optimizer.zeroGrad();
      try (Scope scope = Scope.open()) {
        model.call(place.tensor(new double[] {1, 2, 3, 5}, 2, 2)).square().sum().backward();
      }
      optimizer.gradientScale(0);
      optimizer.step();
      double kept = 1 - step;
      double[] weight = {kept, -2 * kept, 3 * kept, 4 * kept};
      Distance.LAYER.check(place, "weight", weight, linear.weight().value());
      assertArrayEquals(new float[] {5, 6}, Objects.requireNonNull(linear.bias()).values());
      assertArrayEquals(new float[] {1, 1}, norm.weight().values());
      assertArrayEquals(new float[] {7, 8}, norm.bias().values());
    }
  }
}
