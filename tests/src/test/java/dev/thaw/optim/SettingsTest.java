package dev.thaw.optim;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.thaw.OnEveryDevice;
import dev.thaw.Place;
import dev.thaw.memory.Scope;
import dev.thaw.nn.Linear;
import dev.thaw.nn.Module;
import dev.thaw.nn.Sequential;

/** The rate by which a weight moves is the one that was set last, however often it stayed. */
final class SettingsTest {
  private static double moved(Place place, Module model, Linear layer, Optimizer optimizer) {
    float before = layer.weight().values()[0];
    try (Scope scope = Scope.open()) {
      optimizer.zeroGrad();
      // A gradient of 1.
      model.call(place.tensor(new double[] {1}, 1, 1)).sum().backward();
      optimizer.step();
    }
    return before - layer.weight().values()[0];
  }

  @OnEveryDevice
  void followsEveryChange(Place place) {
    Linear first = new Linear(1, 1, false, (shape, g) -> new float[] {1});
    Linear second = new Linear(1, 1, false, (shape, g) -> new float[] {1});
    try (Module model = place.put(new Sequential(first, second));
        Optimizer optimizer = new Sgd(model, 0.25, 0)) {
      second.weight().freeze(true);
      assertEquals(0.25, moved(place, model, first, optimizer), 1e-6);
      assertEquals(0.25, moved(place, model, first, optimizer), 1e-6);
      optimizer.factor(0.5);
      assertEquals(0.125, moved(place, model, first, optimizer), 1e-6);
      assertEquals(0.125, moved(place, model, first, optimizer), 1e-6);
      optimizer.factor(1);
      assertEquals(0.25, moved(place, model, first, optimizer), 1e-6);
      optimizer.gradientScale(2);
      assertEquals(0.5, moved(place, model, first, optimizer), 1e-6);
      // Laid out anew, the same rates are written once more.
      second.weight().freeze(false);
      second.weight().freeze(true);
      assertEquals(0.5, moved(place, model, first, optimizer), 1e-6);
    }
  }
}
