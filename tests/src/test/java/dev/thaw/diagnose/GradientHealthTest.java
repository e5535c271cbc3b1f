package dev.thaw.diagnose;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.thaw.OnEveryDevice;
import dev.thaw.Place;
import dev.thaw.models.CifarResNet;
import dev.thaw.models.Mlp;
import dev.thaw.models.SeedCnn;
import dev.thaw.nn.Activation;
import dev.thaw.nn.BatchNorm;
import dev.thaw.nn.Dropout;
import dev.thaw.nn.Init;
import dev.thaw.nn.Linear;
import dev.thaw.nn.Module;
import dev.thaw.nn.Parameter;
import dev.thaw.nn.Sequential;
import dev.thaw.optim.Optimizer;
import dev.thaw.optim.Sgd;
import dev.thaw.tensor.Functional;
import dev.thaw.tensor.Generator;
import dev.thaw.tensor.Shape;
import dev.thaw.tensor.Tensor;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;

/** What is measured at each layer, and that measuring leaves no trace. */
final class GradientHealthTest {
  private static final int N = 8;

  private static Mlp mlp(int depth, String activation, String init) {
    return new Mlp(Shape.of(1, 6), 3, new Mlp.Options(depth, 10, activation, init));
  }

  private static Tensor input(Place place, int... dims) {
    return Generator.current().normal(0, 1, dims).to(place.dtype());
  }

  private static Tensor loss(Module model, Tensor x) {
    long[] targets = new long[x.dim(0)];
    for (int i = 0; i < targets.length; i++) {
      targets[i] = i % 3;
    }
    return Functional.crossEntropy(model.call(x), Tensor.of(targets));
  }

  private static LayerHealth layer(HealthReport report, String name) {
    return report.layers().stream().filter(l -> l.name().equals(name)).findFirst().orElseThrow();
  }

  private static Parameter parameter(Module model, String name) {
    return Objects.requireNonNull(model.parameters().get(name), name);
  }

  private static double norm(double[] values) {
    double sum = 0;
    for (double v : values) {
      sum += v * v;
    }
    return Math.sqrt(sum);
  }

  @OnEveryDevice
  void normsAreThoseOfTheTape(Place place) {
    try (Mlp model = place.put(mlp(3, "tanh", "kaiming"))) {
      Tensor x = input(place, N, 6);
      GradientHealth health = new GradientHealth(model);
      double loss = health.sample(N, () -> loss(model, x));
      HealthReport report = health.report();

      Tensor direct = loss(model, x);
      assertEquals(direct.item(), loss, 1e-12);
      direct.backward();
      for (String name : List.of("fc1", "fc2", "fc3")) {
        double square = 0;
        for (Parameter p : model.module(name).parameters().values()) {
          double norm = norm(Objects.requireNonNull(p.value().grad()).toDoubles());
          square += norm * norm;
        }
        assertEquals(Math.sqrt(square), layer(report, name).gradientNorm(), 1e-6, name);
      }
      // dL/dlogits = (softmax - target) / n; the bias's gradient is its sum over the batch.
      Tensor logits = model.call(x);
      double[] p = Functional.softmax(logits, 1).toDoubles();
      for (int i = 0; i < N; i++) {
        p[i * 3 + i % 3] -= 1;
      }
      LayerHealth head = layer(report, "fc3");
      assertEquals(norm(p) / N, head.flowNorm(), 1e-6);
      assertEquals(norm(logits.toDoubles()) / Math.sqrt(3 * N), head.activation(), 1e-6);
      assertEquals(2, report.trend().layers(), "the head's own output is not part of the line");
      assertEquals("Linear", head.kind());
      assertEquals(
          List.of("fc1", "fc2", "fc3"), report.layers().stream().map(LayerHealth::name).toList());
      model.parameters().values().forEach(q -> q.value().slot().release());
    }
  }

  @OnEveryDevice
  void aSampleLeavesNoTrace(Place place) {
    try (Module model = place.put(new CifarResNet(8, 8, 8, 3, 3))) {
      model.train();
      Tensor x = input(place, 4, 8, 8, 3);
      Map<String, double[]> before = state(model);
      long live = place.pool().liveBytes();
      GradientHealth health = new GradientHealth(model);
      health.sample(4, () -> loss(model, x));
      assertEquals(live, place.pool().liveBytes(), "bytes");
      state(model).forEach((name, values) -> assertArrayEquals(before.get(name), values, name));
      for (Parameter p : model.parameters().values()) {
        assertFalse(p.value().slot().isWritten());
        assertNull(p.value().slot().buffer());
      }
      for (Module m : model.modules().values()) {
        assertTrue(
            !(m instanceof BatchNorm norm) || norm.policy() == dev.thaw.nn.BnPolicy.TRAIN_ALL);
      }
    }
  }

  private static Map<String, double[]> state(Module model) {
    Map<String, double[]> state = new TreeMap<>();
    model.parameters().forEach((name, p) -> state.put(name, p.value().toDoubles()));
    model.buffers().forEach((name, b) -> state.put(name, b.toDoubles()));
    return state;
  }

  @OnEveryDevice
  void randomNumbersOfTheTrainingAreNotUsedUp(Place place) {
    try (Module model =
        place.put(new Sequential(new Linear(6, 8), new Dropout(0.5), new Linear(8, 3)))) {
      Tensor x = input(place, N, 6);
      int call = Generator.current().call();
      new GradientHealth(model).sample(N, () -> loss(model, x));
      assertEquals(call, Generator.current().call());
    }
  }

  @OnEveryDevice
  void aSampleInTheMiddleOfAStepIsRefused(Place place) {
    try (Mlp model = place.put(mlp(2, "relu", "kaiming"))) {
      Tensor x = input(place, N, 6);
      loss(model, x).backward();
      GradientHealth health = new GradientHealth(model);
      IllegalStateException e =
          assertThrows(IllegalStateException.class, () -> health.sample(N, () -> loss(model, x)));
      assertEquals(
          "gradient health: fc1.weight holds a gradient; take samples between steps, after"
              + " zeroGrad",
          e.getMessage());
      model.parameters().values().forEach(q -> q.value().slot().release());
    }
  }

  @OnEveryDevice
  void theRealUpdateAfterRateAndMomentum(Place place) {
    try (Module model =
            place.put(
                new Sequential(
                    new Linear(6, 8, false, Init.kaiming()),
                    Activation.relu(),
                    new Linear(8, 3, true, Init.constant(0))));
        Optimizer sgd = new Sgd(model, 0.1, 0.9)) {
      Tensor x = input(place, N, 6);
      GradientHealth health = new GradientHealth(model);
      parameter(model, "2.bias").set(new float[3]);
      double[] start = parameter(model, "0.weight").value().toDoubles();
      double[] last = start;
      for (int k = 0; k < 3; k++) {
        last = parameter(model, "0.weight").value().toDoubles();
        sgd.zeroGrad();
        loss(model, x).backward();
        health.beforeStep();
        sgd.step();
        health.afterStep();
      }
      double[] now = parameter(model, "0.weight").value().toDoubles();
      double moved = 0;
      double size = 0;
      double[] away = new double[now.length];
      for (int i = 0; i < now.length; i++) {
        moved += Math.abs(now[i] - last[i]);
        size += Math.abs(last[i]);
        away[i] = now[i] - start[i];
      }
      HealthReport report = health.report();
      assertEquals(Math.log10(moved / size), layer(report, "0").update(), 1e-5);
      assertEquals(norm(away) / norm(start), layer(report, "0").distance(), 1e-5);
      sgd.zeroGrad();
    }
  }

  @OnEveryDevice
  void whatStartedAtZeroOrIsFrozenHasNoUpdate(Place place) {
    try (Module model =
            place.put(
                new Sequential(
                    new Linear(6, 8, false, Init.kaiming()),
                    Activation.relu(),
                    new Linear(8, 3, false, Init.constant(0)),
                    new Linear(3, 3, false, Init.kaiming())));
        Optimizer sgd = new Sgd(model, 0.1, 0)) {
      model.module("0").freeze();
      Tensor x = input(place, N, 6);
      GradientHealth health = new GradientHealth(model);
      health.sample(N, () -> loss(model, x));
      loss(model, x).backward();
      health.beforeStep();
      sgd.step();
      health.afterStep();
      HealthReport report = health.report();
      assertTrue(Double.isNaN(layer(report, "0").update()), "frozen");
      assertTrue(Double.isNaN(layer(report, "2").update()), "started at zero");
      assertEquals(
          Double.NEGATIVE_INFINITY, layer(report, "3").update(), "gets zeros, so no gradient");
      sgd.zeroGrad();
    }
  }

  @OnEveryDevice
  void aFrozenLayerIsToldFromOneWithoutGradient(Place place) {
    try (Mlp model = place.put(mlp(4, "relu", "kaiming"))) {
      model.module("fc1").freeze();
      model.module("fc3").freeze();
      Tensor x = input(place, N, 6);
      GradientHealth health = new GradientHealth(model);
      health.sample(N, () -> loss(model, x));
      HealthReport report = health.report();
      assertEquals(List.of("fc1", "fc3"), report.frozen());
      assertFalse(layer(report, "fc1").reached(), "nothing below it learns");
      assertTrue(layer(report, "fc3").reached(), "it passes gradients on");
      assertTrue(Double.isNaN(layer(report, "fc3").gradientNorm()));
      assertTrue(layer(report, "fc3").flowNorm() > 0);
      assertTrue(layer(report, "fc2").gradientNorm() > 0);
      List<Verdict> verdicts = Evidence.of(report).verdicts();
      assertEquals(List.of(Verdict.Kind.FROZEN), verdicts.stream().map(Verdict::kind).toList());
      assertEquals(List.of("fc1", "fc3"), verdicts.get(0).layers());
    }
  }

  @OnEveryDevice
  void theFirstLayerThatMakesSomethingNotFiniteIsNamed(Place place) {
    try (Mlp model = place.put(mlp(6, "relu", "kaiming"))) {
      float[] huge = parameter(model, "fc3.weight").values();
      double factor = place.isDouble() ? 1e25 : 3e37;
      for (String name : List.of("fc3.weight", "fc4.weight")) {
        for (int i = 0; i < huge.length; i++) {
          huge[i] = (float) factor;
        }
        parameter(model, name).set(huge);
      }
      Tensor x = input(place, N, 6);
      GradientHealth health = new GradientHealth(model);
      health.sample(N, () -> loss(model, x));
      if (!place.isDouble()) {
        assertEquals("fc4", health.report().nonFinite());
        Verdict verdict = Evidence.of(health.report()).verdicts().get(0);
        assertEquals(Verdict.Kind.EXPLODING, verdict.kind());
        assertEquals(List.of("fc4"), verdict.layers());
        assertEquals("the first value that is not finite is in fc4", verdict.evidence().get(0));
      }
      huge[7] = Float.NaN;
      parameter(model, "fc2.weight").set(huge);
      health.forget();
      assertTrue(health.isFinite());
      health.sample(N, () -> loss(model, x));
      assertEquals("parameter fc2.weight", health.report().nonFinite());
    }
  }

  @OnEveryDevice
  void saturationAndDeadUnits(Place place) {
    int n = GradientHealth.DEAD_EXAMPLES;
    try (Mlp tanh = place.put(mlp(2, "tanh", "kaiming"));
        Mlp relu = place.put(mlp(2, "relu", "kaiming"))) {
      float[] bias = new float[10];
      Arrays.fill(bias, 0, 3, 100);
      Arrays.fill(bias, 3, 5, -100);
      parameter(tanh, "fc1.bias").set(bias);
      parameter(relu, "fc1.bias").set(bias);
      parameter(tanh, "fc1.weight").set(new float[60]);
      Tensor x = input(place, n, 6);
      GradientHealth health = new GradientHealth(tanh);
      health.sample(n, () -> loss(tanh, x));
      assertEquals(0.5, layer(health.report(), "fc1").saturated(), 1e-12);
      assertTrue(Double.isNaN(layer(health.report(), "fc1").dead()), "tanh units do not die");

      GradientHealth other = new GradientHealth(relu);
      Tensor some = x.slice(0, 0, n - 1);
      other.sample(n - 1, () -> loss(relu, some));
      assertTrue(Double.isNaN(layer(other.report(), "fc1").dead()), "too few examples to say");
      other.sample(n, () -> loss(relu, x));
      assertEquals(0.2, layer(other.report(), "fc1").dead(), 1e-12);
    }
  }

  @OnEveryDevice
  void featuresAreWhatTheNextLayerReads(Place place) {
    try (SeedCnn model = place.put(new SeedCnn(8, 8, 1, 3))) {
      Tensor x = input(place, 16, 8, 8, 1);
      GradientHealth health = new GradientHealth(model);
      health.sample(16, () -> loss(model, x));
      HealthReport report = health.report();
      assertEquals(
          List.of("conv1", "conv2", "fc1", "fc2"),
          report.layers().stream().map(LayerHealth::name).toList());
      assertEquals("fc1", here(report.penultimate()).name());
      assertEquals(16, here(layer(report, "fc1").features()).width(), "16 samples");
      assertEquals(32, here(layer(report, "conv1").features()).width());
      assertTrue(report.toString().lines().count() == 5, report::toString);
    }
  }

  private static <T> T here(@org.jspecify.annotations.Nullable T value) {
    assertNotNull(value);
    return Objects.requireNonNull(value);
  }
}
