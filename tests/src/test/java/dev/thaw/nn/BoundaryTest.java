package dev.thaw.nn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.thaw.OnEveryDevice;
import dev.thaw.Place;
import dev.thaw.golden.Distance;
import dev.thaw.memory.Purpose;
import dev.thaw.memory.Scope;
import dev.thaw.models.CifarResNet;
import dev.thaw.models.SeedCnn;
import dev.thaw.optim.Optimizer;
import dev.thaw.optim.Sgd;
import dev.thaw.plan.TrainingPlan;
import dev.thaw.tensor.Functional;
import dev.thaw.tensor.Generator;
import dev.thaw.tensor.Shape;
import dev.thaw.tensor.Tensor;
import dev.thaw.tensor.TensorOn;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/** Where backward ends, and what is kept for it. */
final class BoundaryTest {
  private static final int N = 4;
  private static final String DX = "ConvKernels.backwardData";
  private static final String DW = "ConvKernels.backwardWeights";

  private static Tensor pictures(Place place, int h, int w, int c) {
    return Generator.current().normal(0, 1, N, h, w, c).to(place.dtype());
  }

  /** The loss alone outlives this call, with what its tape holds. */
  private static Tensor loss(Module model, Tensor x) {
    try (Scope scope = Scope.open()) {
      Tensor targets = Tensor.of(new long[] {0, 3, 1, 2});
      return scope.keep(Functional.crossEntropy(model.call(x), targets));
    }
  }

  private static long saved(Tensor loss) {
    return TensorOn.tapeBytes(loss, Purpose.ACTIVATIONS);
  }

  /** How often backward of one step calls each kernel. */
  private static Map<String, Integer> kernels(Place place, Module model, Tensor x) {
    model.parameters().values().forEach(p -> p.value().slot().clear());
    TrainingPlan.Outcome step = TrainingPlan.record(place.backend(), model, () -> step(model, x));
    try (TrainingPlan plan = Objects.requireNonNull(step.plan(), step::obstacle)) {
      return plan.kernels();
    }
  }

  private static void step(Module model, Tensor x) {
    Tensor logits = model.call(x);
    logits.square().mean().backward();
  }

  private static int count(Map<String, Integer> kernels, String name) {
    return kernels.getOrDefault(name, 0);
  }

  @OnEveryDevice
  void aFrozenPrefixHoldsNothingAfterForward(Place place) {
    try (Module prefix = place.put(new CifarResNet(8, 16, 16, 3, 4))) {
      prefix.freeze();
      Tensor x = pictures(place, 16, 16, 3);
      long before = place.pool().liveBytes();
      Tensor y = prefix.call(x);
      assertFalse(y.requiresGrad());
      assertEquals(List.of(), TensorOn.tapeOps(y));
      assertEquals(before + y.buffer().bytes(), place.pool().liveBytes());
    }
  }

  @OnEveryDevice
  void belowTheLowestTrainableParameterNothingIsKept(Place place) {
    try (Module model = place.put(new SeedCnn(16, 12, 1, 4))) {
      for (String layer : List.of("conv1", "conv2", "fc1")) {
        model.module(layer).freeze();
      }
      Tensor x = pictures(place, 16, 12, 1);
      long before = place.pool().liveBytes();
      Tensor loss = loss(model, x);
      // fc2 keeps its input for dw; cross-entropy the log-probabilities, their divisor, the labels.
      int size = place.dtype().bytes();
      long expected = (long) N * 128 * size + (long) N * 4 * size + size + N * 8L;
      assertEquals(expected, saved(loss));
      assertEquals(before + expected + size, place.pool().liveBytes());
      assertEquals(List.of("crossEntropy", "linear"), TensorOn.tapeOps(loss));
      loss.backward();
      model.parameters().forEach((name, p) -> hasGradient(name.startsWith("fc2"), p));
    }
  }

  @OnEveryDevice
  void theFirstTrainableLayerMakesNoDx(Place place) {
    try (Module model = place.put(new SeedCnn(16, 12, 1, 4))) {
      Tensor x = pictures(place, 16, 12, 1);
      Map<String, Integer> whole = kernels(place, model, x);
      assertEquals(1, count(whole, DX), "conv2 alone: conv1 reads the pictures");
      assertEquals(2, count(whole, DW));
      model.module("conv1").freeze();
      Map<String, Integer> upper = kernels(place, model, x);
      assertEquals(0, count(upper, DX), "conv2 is the first that is trained");
      assertEquals(1, count(upper, DW));
      model.module("conv2").freeze();
      Map<String, Integer> top = kernels(place, model, x);
      assertEquals(0, count(top, DX) + count(top, DW));
      assertEquals(0, count(top, "PoolKernels.maxBackward"));
    }
  }

  private static void hasGradient(boolean expected, Parameter parameter) {
    assertEquals(expected, parameter.value().grad() != null);
  }

  @OnEveryDevice
  void aFrozenLayerInTheMiddlePassesDxOnAndKeepsNoInput(Place place) {
    try (Module model = place.put(new SeedCnn(16, 12, 1, 4))) {
      Tensor x = pictures(place, 16, 12, 1);
      long trainable;
      try (Tensor loss = loss(model, x)) {
        trainable = saved(loss);
      }
      model.module("conv2").freeze();
      try (Tensor loss = loss(model, x)) {
        long input = (long) N * 8 * 6 * 32 * place.dtype().bytes();
        assertEquals(trainable - input, saved(loss));
        loss.backward();
      }
      model.parameters().forEach((name, p) -> hasGradient(!name.startsWith("conv2"), p));
      Map<String, Integer> kernels = kernels(place, model, x);
      assertEquals(1, count(kernels, DX), "conv2's");
      assertEquals(1, count(kernels, DW), "conv1's");
    }
  }

  @OnEveryDevice
  void gradientsAndMomentsAreOfTrainableParametersOnly(Place place) {
    try (Module model = place.put(new SeedCnn(16, 12, 1, 4))) {
      model.module("fc1").freeze();
      try (Optimizer optimizer = new Sgd(model, 0.1, 0.9)) {
        long gradients = place.pool().liveBytes(Purpose.GRADIENTS);
        optimizer.zeroGrad();
        long expected = 0;
        for (Parameter p : model.parameters().values()) {
          long bytes = p.shape().elements() * place.dtype().bytes();
          expected += p.isFrozen() ? 0 : (bytes + 63) / 64 * 64;
        }
        assertEquals(expected, place.pool().liveBytes(Purpose.GRADIENTS) - gradients);
        assertTrue(optimizer.moments().keySet().stream().noneMatch(k -> k.startsWith("fc1")));
      }
    }
  }

  /** y = w ∘ x twice, by two names of one parameter. */
  private static final class Tied extends Module {
    private final Parameter first;
    private final Parameter second;

    Tied() {
      Parameter shared = new Parameter(Shape.of(3), new float[] {2, 3, 5}, FileOrder.IDENTITY);
      first = parameter("first", shared);
      second = parameter("second", shared);
    }

    @Override
    protected Tensor forward(Tensor x) {
      return x.mul(first.value()).mul(second.value());
    }
  }

  @OnEveryDevice
  void whatIsTiedIsFrozenThroughAnyName(Place place) {
    try (Tied model = place.put(new Tied());
        Optimizer optimizer = new Sgd(model, 0.5, 0)) {
      assertEquals(3, model.parameterCount());
      assertEquals(List.of("first"), optimizer.trainable());
      Tensor x = place.tensor(new double[] {1, -1, 0.5}, 3);
      optimizer.zeroGrad();
      model.call(x).sum().backward();
      // d(w² x)/dw = 2 w x, from both uses.
      Tensor grad = Objects.requireNonNull(model.first.value().grad());
      Distance.LAYER.check(place, "grad", new double[] {4, -6, 5}, grad);
      Objects.requireNonNull(model.parameters().get("second")).freeze(true);
      assertTrue(model.first.isFrozen());
      assertFalse(model.call(x).requiresGrad());
    }
  }

  @OnEveryDevice
  void aGradientThatSeveralInputsShareIsNotOverwritten(Place place) {
    Tensor x = place.tensor(new double[] {1, 2}, 2).requiresGrad(true);
    Tensor a = x.mul(3);
    // The sum hands one gradient to a and to x; what then arrives at x must not change a's.
    Tensor sum = a.add(x).add(a.reshape(1, 2).reshape(2));
    sum.mul(place.tensor(new double[] {1, 10}, 2)).sum().backward();
    Tensor grad = Objects.requireNonNull(x.grad());
    Distance.LAYER.check(place, "dx", new double[] {7, 70}, grad);
  }

  @OnEveryDevice
  void noOpWritesOverWhatAnotherBranchSaved(Place place) {
    Tensor x = place.tensor(new double[] {-1, 2}, 2).requiresGrad(true);
    Tensor y = x.square();
    Tensor z = Functional.relu(y.neg().add(3)).add(y.sqrt());
    double[] before = y.toDoubles();
    z.sum().backward();
    assertEquals(before[0], y.toDoubles()[0]);
    assertEquals(before[1], y.toDoubles()[1]);
    // z = max(0, 3 - x²) + |x|: -2x + sign x where x² < 3, else sign x.
    Tensor grad = Objects.requireNonNull(x.grad());
    Distance.LAYER.check(place, "dx", new double[] {1, 1}, grad);
  }
}
