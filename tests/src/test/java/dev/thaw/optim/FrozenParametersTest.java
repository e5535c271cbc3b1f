package dev.thaw.optim;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.thaw.OnEveryDevice;
import dev.thaw.Place;
import dev.thaw.golden.Distance;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.Purpose;
import dev.thaw.memory.Scope;
import dev.thaw.models.Mlp;
import dev.thaw.models.SeedCnn;
import dev.thaw.nn.Linear;
import dev.thaw.nn.Module;
import dev.thaw.nn.Parameter;
import dev.thaw.nn.Sequential;
import dev.thaw.tensor.Functional;
import dev.thaw.tensor.Generator;
import dev.thaw.tensor.Shape;
import dev.thaw.tensor.Tensor;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.DoubleUnaryOperator;

/** What optimizers leave alone, and when they take it up again. */
final class FrozenParametersTest {
  /** fc1.weight [5, 4], fc1.bias [5], fc2.weight [3, 5], fc2.bias [3]. */
  private static Module net(Place place) {
    return place.put(new Mlp(Shape.of(1, 4), 3, new Mlp.Options(2, 5, "tanh", "default")));
  }

  private static Parameter parameter(Module model, String name) {
    return Objects.requireNonNull(model.parameters().get(name), name);
  }

  /** Gradients of one batch, added to what is there. */
  private static void backward(Place place, Module model) {
    try (Scope step = Scope.open()) {
      Tensor x = new Generator(5).normal(0, 1, 6, 4).to(place.dtype());
      Functional.crossEntropy(model.call(x), Tensor.of(new long[] {0, 1, 2, 2, 1, 0})).backward();
    }
  }

  private static void step(Place place, Module model, Optimizer optimizer) {
    optimizer.zeroGrad();
    backward(place, model);
    optimizer.step();
  }

  private static Map<String, double[]> values(Module model) {
    Map<String, double[]> values = new LinkedHashMap<>();
    model.parameters().forEach((name, p) -> values.put(name, p.value().toDoubles()));
    return values;
  }

  private static double[] of(Map<String, double[]> values, String name) {
    return Objects.requireNonNull(values.get(name), name);
  }

  private static double[] gradient(Module model, String name) {
    return Objects.requireNonNull(parameter(model, name).value().grad(), name).toDoubles();
  }

  /** One step, in which fc1.weight goes down by so much for each gradient. */
  private static void stepMoves(
      Place place, Module model, Optimizer optimizer, DoubleUnaryOperator by) {
    double[] expected = of(values(model), "fc1.weight");
    step(place, model, optimizer);
    double[] g = gradient(model, "fc1.weight");
    for (int i = 0; i < g.length; i++) {
      expected[i] -= by.applyAsDouble(g[i]);
    }
    Distance.LAYER.check(place, "fc1.weight", expected, parameter(model, "fc1.weight").value());
  }

  /** Holds that exactly the parameters whose names begin with one of {@code moving} changed. */
  private static void moved(Map<String, double[]> before, Module model, String... moving) {
    values(model)
        .forEach(
            (name, now) -> {
              boolean expected = List.of(moving).stream().anyMatch(name::startsWith);
              boolean same = java.util.Arrays.equals(of(before, name), now);
              assertEquals(expected, !same, name + " moved");
            });
  }

  private static Grouping decayingAll(ParameterGroup group) {
    return Grouping.decayingAll(group);
  }

  @OnEveryDevice
  void skippedIsNotZeroGradient(Place place) {
    try (Module model = net(place);
        Optimizer optimizer = new AdamW(model, decayingAll(AdamW.group(0.1, 0.5)))) {
      step(place, model, optimizer);
      Map<String, double[]> before = values(model);
      optimizer.zeroGrad();
      // fc2 gets gradients of 0, fc1 none at all.
      try (Scope scope = Scope.open()) {
        Parameter w = parameter(model, "fc2.weight");
        Parameter b = parameter(model, "fc2.bias");
        w.value().sum().add(b.value().sum()).mul(0).backward();
      }
      optimizer.step();
      // Decay and moments move fc2 although its gradient is 0; fc1 stays to the bit.
      moved(before, model, "fc2");
    }
  }

  @OnEveryDevice
  void nothingRunsOnFrozenParameters(Place place) {
    try (Module model = net(place)) {
      for (Optimizer fresh :
          List.of(
              new Sgd(model, decayingAll(Sgd.group(0.1, 0.9, 0.5, true))),
              new Adam(model, decayingAll(Adam.group(0.1, 0.5))),
              new AdamW(model, decayingAll(AdamW.group(0.1, 0.5))),
              new RmsProp(model, decayingAll(RmsProp.group(0.1, 0.9, 0.5))))) {
        try (Optimizer optimizer = fresh) {
          model.unfreeze();
          step(place, model, optimizer);
          model.module("fc1").freeze();
          Map<String, double[]> before = values(model);
          for (int i = 0; i < 3; i++) {
            step(place, model, optimizer);
          }
          moved(before, model, "fc2");
        }
      }
    }
  }

  @OnEveryDevice
  void decayNeverTouchesWhatIsFrozenNorBiases(Place place) {
    try (Module model = net(place);
        Optimizer optimizer = new Sgd(model, Grouping.of(Sgd.group(0.5, 0, 0.25, false)))) {
      parameter(model, "fc1.weight").freeze(true);
      optimizer.zeroGrad();
      backward(place, model);
      // A gradient of 0 everywhere leaves decay alone.
      optimizer.gradientScale(0);
      Map<String, double[]> before = values(model);
      optimizer.step();
      moved(before, model, "fc2.weight");
      double[] decayed = of(before, "fc2.weight");
      for (int i = 0; i < decayed.length; i++) {
        decayed[i] *= 1 - 0.5 * 0.25;
      }
      Tensor now = parameter(model, "fc2.weight").value();
      Distance.LAYER.check(place, "decayed", decayed, now);
    }
  }

  @OnEveryDevice
  void noStateForFrozenParameters(Place place) {
    try (Module model = net(place);
        Optimizer optimizer = new Adam(model, 0.1)) {
      model.module("fc1").freeze();
      step(place, model, optimizer);
      assertEquals(Set.of("fc2.weight", "fc2.bias"), optimizer.moments().keySet());
      long head = place.pool().liveBytes(Purpose.OPTIMIZER);
      model.unfreeze();
      optimizer.zeroGrad();
      // Two moments, each parameter at a multiple of 64 bytes.
      long moments = 0;
      for (String name : List.of("fc1.weight", "fc1.bias")) {
        long bytes = parameter(model, name).shape().elements() * place.dtype().bytes();
        moments += 2 * ((bytes + 63) / 64 * 64);
      }
      long more = moments;
      long grown = place.pool().liveBytes(Purpose.OPTIMIZER) - head;
      // Beside moments a backend keeps a few numbers a parameter: step counts, sums, addresses.
      assertTrue(grown >= more && grown <= more + 2 * 64, () -> "grown by " + grown);
      model.module("fc1").freeze();
      optimizer.zeroGrad();
      assertEquals(head, place.pool().liveBytes(Purpose.OPTIMIZER));
    }
  }

  @OnEveryDevice
  void momentsStartAtZeroWithTheirOwnStepCounter(Place place) {
    try (Module model = net(place);
        Optimizer optimizer = new Adam(model, 0.01)) {
      model.module("fc1").freeze();
      for (int i = 0; i < 4; i++) {
        step(place, model, optimizer);
      }
      model.unfreeze();
      // At its first step Adam's bias corrections cancel: every element moves by rate · sign g.
      stepMoves(place, model, optimizer, g -> 0.01 * g / (Math.abs(g) + 1e-8));
      assertArrayEquals(new int[] {1, 1, 5, 5}, optimizer.stepCounts());
    }
  }

  @OnEveryDevice
  void momentumDoesNotMoveWhatWasFrozenAgain(Place place) {
    try (Module model = net(place);
        Optimizer optimizer = new Sgd(model, 0.1, 0.9)) {
      step(place, model, optimizer);
      model.module("fc1").freeze();
      Map<String, double[]> before = values(model);
      step(place, model, optimizer);
      moved(before, model, "fc2");
      model.unfreeze();
      // Without old momentum.
      stepMoves(place, model, optimizer, g -> 0.1 * g);
    }
  }

  @OnEveryDevice
  void epsilonIsOutsideTheCorrectedRoot(Place place) {
    ParameterGroup group = new ParameterGroup("adam", 0.5, 0, 0.9, 0.999, 0.25, false);
    try (Module model = place.put(new Linear(2, 1, false, (shape, g) -> new float[2]));
        Optimizer optimizer = new Adam(model, decayingAll(group))) {
      optimizer.zeroGrad();
      try (Scope step = Scope.open()) {
        model.call(place.tensor(new double[] {0.75, -0.25}, 1, 2)).sum().backward();
      }
      optimizer.step();
      // m̂ = g, √v̂ = |g|: rate · g / (|g| + ε).
      double[] expected = {-0.5 * 0.75 / (0.75 + 0.25), 0.5 * 0.25 / (0.25 + 0.25)};
      Distance.LAYER.check(place, "w", expected, parameter(model, "weight").value());
    }
  }

  @OnEveryDevice
  void momentumHoldsGradientsNotSteps(Place place) {
    try (Module model = place.put(new Linear(2, 1, false, (shape, g) -> new float[2]));
        Optimizer optimizer = new Sgd(model, 1, 0.5)) {
      for (double rate : new double[] {0.5, 0.125}) {
        optimizer.factor(rate);
        optimizer.zeroGrad();
        try (Scope step = Scope.open()) {
          model.call(place.tensor(new double[] {1, -2}, 1, 2)).sum().backward();
        }
        optimizer.step();
      }
      // v = g, then 0.5 g + g: 0.5 · g + 0.125 · 1.5 g.
      double[] expected = {-0.6875, 1.375};
      Distance.LAYER.check(place, "w", expected, parameter(model, "weight").value());
    }
  }

  @OnEveryDevice
  void theNormIsOfTrainableGradientsAfterAccumulation(Place place) {
    try (Module model = net(place);
        Optimizer optimizer = new Sgd(model, 1, 0)) {
      model.module("fc1").freeze();
      optimizer.zeroGrad();
      backward(place, model);
      double[] w = gradient(model, "fc2.weight");
      double[] b = gradient(model, "fc2.bias");
      double norm = Math.hypot(norm(w), norm(b));
      backward(place, model);
      optimizer.gradientScale(0.5);
      optimizer.clip(new Clip(norm / 4, 0, 0));
      Map<String, double[]> before = values(model);
      optimizer.step();
      assertEquals(norm, optimizer.report().gradientNorm(), 1e-6 * norm);
      double[] expected = of(before, "fc2.weight");
      for (int i = 0; i < w.length; i++) {
        expected[i] -= w[i] / 4;
      }
      Tensor now = parameter(model, "fc2.weight").value();
      Distance.WEIGHTS.check(place, "clipped", expected, now);
    }
  }

  private static double norm(double[] v) {
    double sum = 0;
    for (double e : v) {
      sum += e * e;
    }
    return Math.sqrt(sum);
  }

  @OnEveryDevice
  void clippingByValueTakesBothSigns(Place place) {
    try (Module model = place.put(new Linear(3, 1, false, (shape, g) -> new float[3]));
        Optimizer optimizer = new Sgd(model, 1, 0)) {
      optimizer.clip(new Clip(0, 0.5, 0));
      optimizer.zeroGrad();
      try (Scope step = Scope.open()) {
        model.call(place.tensor(new double[] {2, -3, 0.25}, 1, 3)).sum().backward();
      }
      optimizer.step();
      double[] expected = {-0.5, 0.5, -0.25};
      Distance.LAYER.check(place, "w", expected, parameter(model, "weight").value());
    }
  }

  @OnEveryDevice
  void aGradientThatIsNotFiniteSkipsTheStepAndSaysSo(Place place) {
    try (Module model = net(place);
        Optimizer optimizer = new Adam(model, 0.1)) {
      step(place, model, optimizer);
      assertFalse(optimizer.report().skipped());
      Map<String, double[]> before = values(model);
      for (double bad : new double[] {Double.NaN, Double.POSITIVE_INFINITY}) {
        optimizer.zeroGrad();
        backward(place, model);
        try (Scope scope = Scope.open()) {
          double[] one = {bad, 0, 0};
          parameter(model, "fc2.bias").value().mul(place.tensor(one, 3)).sum().backward();
        }
        optimizer.step();
        assertTrue(optimizer.report().skipped());
        assertEquals(1, optimizer.report().nonFinite());
        moved(before, model);
        assertArrayEquals(new int[] {1, 1, 1, 1}, optimizer.stepCounts());
      }
      step(place, model, optimizer);
      assertFalse(optimizer.report().skipped());
      moved(before, model, "fc1", "fc2");
    }
  }

  @OnEveryDevice
  void eachParameterIsInOneGroupByItsName(Place place) {
    // Two layers of equal contents: nothing but the name tells them apart.
    try (Module model =
            place.put(
                new Sequential(
                    new Linear(2, 2, false, (shape, g) -> new float[] {1, 2, 3, 4}),
                    new Linear(2, 2, false, (shape, g) -> new float[] {1, 2, 3, 4})));
        Optimizer optimizer =
            new Sgd(
                model,
                Grouping.of(
                    "1",
                    decayingAll(Sgd.group(0.5, 0, 0, false)),
                    decayingAll(Sgd.group(0.125, 0, 0, false))))) {
      optimizer.zeroGrad();
      try (Scope step = Scope.open()) {
        Tensor loss = parameter(model, "0.weight").value().sum();
        loss.add(parameter(model, "1.weight").value().sum()).backward();
      }
      optimizer.step();
      assertEquals(2, optimizer.groups().size());
      double[] slow = {0.875, 1.875, 2.875, 3.875};
      double[] fast = {0.5, 1.5, 2.5, 3.5};
      Distance.LAYER.check(place, "0", slow, parameter(model, "0.weight").value());
      Distance.LAYER.check(place, "1", fast, parameter(model, "1.weight").value());
      assertEquals(List.of("0.weight", "1.weight"), optimizer.trainable());
    }
  }

  @OnEveryDevice
  void flagsChangedAfterTheOptimizerWasBuiltTakeEffectAtTheNextStep(Place place) {
    try (Module model = net(place);
        Optimizer optimizer = new Sgd(model, 0.1, 0.9)) {
      for (String frozen : List.of("fc1", "fc2", "fc1")) {
        model.unfreeze();
        model.module(frozen).freeze();
        Map<String, double[]> before = values(model);
        step(place, model, optimizer);
        moved(before, model, frozen.equals("fc1") ? "fc2" : "fc1");
      }
    }
  }

  @OnEveryDevice
  void freezingAndThawingBetweenTwoStepsIsAsIfNothingHappened(Place place) {
    double[][] ends = new double[2][];
    for (int run = 0; run < 2; run++) {
      try (var same = new Generator(11).use();
          Module model = net(place);
          Optimizer optimizer = new Sgd(model, 0.1, 0.9)) {
        step(place, model, optimizer);
        if (run == 1) {
          model.freeze();
          model.unfreeze();
        }
        step(place, model, optimizer);
        ends[run] = parameter(model, "fc1.weight").value().toDoubles();
      }
    }
    assertArrayEquals(ends[0], ends[1]);
  }

  @OnEveryDevice
  void aRefusedStepLeavesWhatIsFrozenAlone(Place place) {
    try (Module model = net(place);
        Optimizer optimizer = new Sgd(model, 0.1, 0.9)) {
      optimizer.zeroGrad();
      backward(place, model);
      model.freeze();
      Map<String, double[]> before = values(model);
      for (int i = 0; i < 2; i++) {
        assertThrows(IllegalStateException.class, optimizer::step);
      }
      moved(before, model);
    }
  }

  @OnEveryDevice
  void whatIsThawedEntersAtTheSchedulesCurrentPoint(Place place) {
    Grouping groups =
        Grouping.of(
            "fc2",
            decayingAll(Sgd.group(0.5, 0, 0, false)),
            decayingAll(Sgd.group(0.25, 0, 0, false)));
    try (Module model = net(place);
        Optimizer optimizer = new Sgd(model, groups)) {
      model.module("fc1").freeze();
      Schedule schedule = Schedule.cosine();
      optimizer.factor(schedule.factor(4, 8));
      step(place, model, optimizer);
      assertEquals(List.of(0.25), optimizer.groups().stream().map(ParameterGroup::rate).toList());
      model.unfreeze();
      assertEquals(0.125, optimizer.rateOf("fc1.weight"), 1e-15);
      stepMoves(place, model, optimizer, g -> 0.125 * g);
    }
  }

  @OnEveryDevice
  void theWeightsNormIsLimitedAfterTheStepPerOutputUnit(Place place) {
    try (Module model = place.put(new Linear(2, 2, true, (shape, g) -> new float[] {3, 0, 0, 1}));
        Optimizer optimizer = new Sgd(model, 1, 0)) {
      parameter(model, "bias").set(new float[] {9, 9});
      optimizer.clip(new Clip(0, 0, 2));
      optimizer.zeroGrad();
      try (Scope step = Scope.open()) {
        // Every weight gets the gradient -1, so the rows become [4, 1] and [1, 2].
        parameter(model, "weight").value().sum().neg().backward();
      }
      optimizer.step();
      double first = 2 / Math.sqrt(17);
      double second = 2 / Math.sqrt(5);
      double[] expected = {4 * first, first, second, 2 * second};
      Distance.LAYER.check(place, "weight", expected, parameter(model, "weight").value());
      Distance.LAYER.check(place, "bias", new double[] {9, 9}, parameter(model, "bias").value());
      parameter(model, "weight").set(new float[] {30, 0, 0, 40});
      parameter(model, "weight").freeze(true);
      optimizer.zeroGrad();
      try (Scope step = Scope.open()) {
        parameter(model, "bias").value().sum().backward();
      }
      optimizer.step();
      assertArrayEquals(new float[] {30, 0, 0, 40}, parameter(model, "weight").values());
    }
  }

  /** Everything frozen after the swap, and then a flag set that is none of a parameter's. */
  @OnEveryDevice
  void everythingFrozenIsRefused(Place place) {
    try (Module model = place.put(new SeedCnn(8, 8, 1, 10))) {
      model.replace("fc2", place.put(new Linear(128, 3)));
      model.freeze();
      model.module("fc2").train();
      try (Optimizer optimizer = new Sgd(model, 0.1, 0.9)) {
        String expected =
            "nothing would be trained: all 8 parameters are frozen; thaw the head, or freeze fewer";
        IllegalStateException refusal =
            assertThrows(IllegalStateException.class, optimizer::zeroGrad);
        assertEquals(expected, refusal.getMessage());
        refusal = assertThrows(IllegalStateException.class, optimizer::step);
        assertEquals(expected, refusal.getMessage());
        model.module("fc2").unfreeze();
        optimizer.zeroGrad();
        assertEquals(List.of("fc2.weight", "fc2.bias"), optimizer.trainable());
      }
    }
  }

  /** The optimizer is built before the head is replaced. */
  @OnEveryDevice
  void aHeadSwappedAfterTheOptimizerWasBuiltIsTrained(Place place) {
    try (Module model = place.put(new SeedCnn(8, 8, 1, 10));
        Optimizer optimizer = new Adam(model, 0.01)) {
      model.module("conv1").freeze();
      train(place, model, optimizer);
      List<Buffer> old = Objects.requireNonNull(optimizer.moments().get("fc2.weight"));
      model.replace("fc2", place.put(new Linear(128, 3)));
      Map<String, double[]> before = values(model);
      train(place, model, optimizer);
      moved(before, model, "conv2", "fc1", "fc2");
      assertTrue(old.stream().allMatch(Buffer::isClosed), "the old head's moments are gone");
      // conv2 and fc1 have made two steps, the new head one.
      assertArrayEquals(new int[] {2, 2, 2, 2, 1, 1}, optimizer.stepCounts());
    }
  }

  private static void train(Place place, Module model, Optimizer optimizer) {
    optimizer.zeroGrad();
    try (Scope step = Scope.open()) {
      Tensor x = new Generator(3).normal(0, 1, 2, 8, 8, 1).to(place.dtype());
      Functional.crossEntropy(model.call(x), Tensor.of(new long[] {0, 2})).backward();
    }
    optimizer.step();
  }
}
