package dev.thaw.models;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.thaw.OnEveryDevice;
import dev.thaw.Place;
import dev.thaw.memory.Pool;
import dev.thaw.memory.Purpose;
import dev.thaw.memory.Scope;
import dev.thaw.nn.Module;
import dev.thaw.optim.Optimizer;
import dev.thaw.optim.Sgd;
import dev.thaw.tensor.Functional;
import dev.thaw.tensor.Generator;
import dev.thaw.tensor.Tensor;
import dev.thaw.tensor.TensorOn;

/** What eager execution holds at most, counted by the pool. */
final class MemoryPromisesTest {
  private static final int N = 4;
  private static final int SIZE = 32;

  private static Module resNet20(Place place) {
    return place.put(new CifarResNet(20, SIZE, SIZE, 3, 10));
  }

  private static Tensor pictures(Place place) {
    try (Scope scope = Scope.open()) {
      return scope.keep(Generator.current().normal(0, 1, N, SIZE, SIZE, 3).to(place.dtype()));
    }
  }

  /** The sixteen channels of conv1 and layer1: nothing in the net is larger. */
  private static long largestActivation(Place place) {
    return (long) N * SIZE * SIZE * 16 * place.dtype().bytes();
  }

  private static Tensor loss(Module model, Tensor x) {
    try (Scope scope = Scope.open()) {
      Tensor targets = Tensor.of(new long[] {0, 3, 1, 2});
      return scope.keep(Functional.crossEntropy(model.call(x), targets));
    }
  }

  @OnEveryDevice
  void inferencePeaksAtFourActivations(Place place) {
    try (Module model = resNet20(place).eval()) {
      Tensor x = pictures(place);
      Pool pool = place.pool();
      pool.resetPeak();
      long before = pool.liveBytes();
      try (Tensor.Gradients off = Tensor.noGrad();
          Scope scope = Scope.open()) {
        model.call(x);
      }
      long peak = pool.peakBytes() - before;
      long four = 4 * largestActivation(place);
      assertTrue(peak <= four, () -> "peak " + peak + ", four activations are " + four);
    }
  }

  @OnEveryDevice
  void aTrainingStepPeaksAtWhatIsSavedAndTwoGradients(Place place) {
    try (Module model = resNet20(place);
        Optimizer optimizer = new Sgd(model, 0.1, 0.9)) {
      optimizer.zeroGrad();
      Tensor x = pictures(place);
      Pool pool = place.pool();
      pool.resetPeak();
      // The parameters' own gradients and moments are laid out already.
      long before = pool.liveBytes();
      long saved;
      try (Tensor loss = loss(model, x)) {
        saved = pool.liveBytes() - before;
        long kept = TensorOn.tapeBytes(loss, Purpose.ACTIVATIONS) + loss.buffer().bytes();
        assertEquals(kept - x.buffer().bytes(), saved);
        loss.backward();
        optimizer.step();
      }
      long peak = pool.peakBytes() - before;
      long most = saved + 2 * largestActivation(place);
      assertTrue(peak <= most, () -> "peak " + peak + ", saved and two gradients are " + most);
      assertEquals(before, pool.liveBytes());
    }
  }

  @OnEveryDevice
  void backwardLetsGoOfWhatItHasRead(Place place) {
    try (Module model = resNet20(place);
        Optimizer optimizer = new Sgd(model, 0.1, 0.9)) {
      optimizer.zeroGrad();
      long before = place.pool().liveBytes();
      try (Scope step = Scope.open()) {
        Tensor loss = loss(model, pictures(place));
        loss.backward();
        long pictures = largestActivation(place) * 3 / 16;
        long left = place.pool().liveBytes() - before;
        assertEquals(pictures + loss.buffer().bytes(), left);
      }
      assertEquals(before, place.pool().liveBytes());
    }
  }

  @OnEveryDevice
  void aTapeThatIsNeverWalkedGoesWithItsLoss(Place place) {
    try (Module model = resNet20(place)) {
      Tensor x = pictures(place);
      long before = place.pool().liveBytes();
      loss(model, x).close();
      assertEquals(before, place.pool().liveBytes());
    }
  }
}
