package dev.thaw.golden;

import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.thaw.OnEveryDevice;
import dev.thaw.Place;
import dev.thaw.memory.Scope;
import dev.thaw.models.Mlp;
import dev.thaw.nn.Module;
import dev.thaw.nn.Parameter;
import dev.thaw.optim.Adam;
import dev.thaw.optim.AdamW;
import dev.thaw.optim.Clip;
import dev.thaw.optim.Grouping;
import dev.thaw.optim.Optimizer;
import dev.thaw.optim.ParameterGroup;
import dev.thaw.optim.RmsProp;
import dev.thaw.optim.Schedule;
import dev.thaw.optim.Sgd;
import dev.thaw.tensor.Functional;
import dev.thaw.tensor.Shape;
import dev.thaw.tensor.Tensor;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Consumer;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

/** Ten steps of a small net under every optimizer, over optimizers.safetensors. */
final class OptimizersAgainstPyTorchTest {
  private static final int STEPS = 10;
  private static final GoldenTensors FILE = GoldenTensors.read("optimizers.safetensors");
  private static final Map<String, Case> CASES = new LinkedHashMap<>();

  /** What a case does to net and optimizer at a step. */
  @FunctionalInterface
  private interface Hook {
    Hook NONE = (model, optimizer, step) -> {};

    void at(Module model, Optimizer optimizer, int step);
  }

  /**
   * A case.
   *
   * @param before called ahead of forward
   * @param gradients called between backward and the step
   * @param batches how many a step adds up
   */
  private record Case(
      Function<Module, Optimizer> optimizer, Hook before, Hook gradients, Clip clip, int batches) {
    static Case of(Function<Module, Optimizer> optimizer) {
      return new Case(optimizer, Hook.NONE, Hook.NONE, Clip.NONE, 1);
    }

    Case before(Hook hook) {
      return new Case(optimizer, hook, gradients, clip, batches);
    }

    Case gradients(Hook hook) {
      return new Case(optimizer, before, hook, clip, batches);
    }

    Case clip(Clip limits) {
      return new Case(optimizer, before, gradients, limits, batches);
    }

    Case batches(int count) {
      return new Case(optimizer, before, gradients, clip, count);
    }
  }

  private static Grouping all(ParameterGroup group) {
    return Grouping.decayingAll(group);
  }

  static {
    Case momentum = Case.of(m -> new Sgd(m, 0.5, 0.9));
    Case adam = Case.of(m -> new Adam(m, 0.05));
    Grouping headApart =
        Grouping.of("fc3", all(AdamW.group(0.05, 0)), Grouping.of(AdamW.group(0.01, 0.25)));
    Case adamWHeadApart = Case.of(m -> new AdamW(m, headApart));
    CASES.put("sgd", Case.of(m -> new Sgd(m, 0.5, 0)));
    CASES.put("sgd-momentum", Case.of(m -> new Sgd(m, 0.1, 0.9)));
    CASES.put(
        "sgd-momentum-decay", Case.of(m -> new Sgd(m, all(Sgd.group(0.1, 0.9, 0.05, false)))));
    CASES.put(
        "sgd-nesterov-decaying-weights",
        Case.of(m -> new Sgd(m, Grouping.of(Sgd.group(0.1, 0.9, 0.05, true)))));
    CASES.put("adam", adam);
    CASES.put("adam-decay", Case.of(m -> new Adam(m, all(Adam.group(0.05, 0.1)))));
    CASES.put("adamw", Case.of(m -> new AdamW(m, 0.05, 0.25)));
    CASES.put("adamw-head-apart", adamWHeadApart);
    CASES.put("rmsprop", Case.of(m -> new RmsProp(m, 0.02)));
    CASES.put(
        "rmsprop-momentum-decay",
        Case.of(m -> new RmsProp(m, all(RmsProp.group(0.02, 0.5, 0.05)))));
    CASES.put("clip-by-norm", momentum.clip(new Clip(0.125, 0, 0)));
    CASES.put("clip-by-value", momentum.clip(new Clip(0, 0.03125, 0)));
    CASES.put("max-norm", momentum.clip(new Clip(0, 0, 1)));
    CASES.put("accumulated", adam.batches(2));
    CASES.put(
        "cosine", adamWHeadApart.before((m, o, i) -> o.factor(Schedule.cosine().factor(i, STEPS))));
    CASES.put("unreached", adam.gradients(OptimizersAgainstPyTorchTest::unreached));
    Hook frozen = (m, o, i) -> m.module("fc1").parameters().values().forEach(freezer(i));
    CASES.put("frozen-meanwhile-adam", adam.before(frozen));
    CASES.put("frozen-meanwhile-sgd", Case.of(m -> new Sgd(m, 0.1, 0.9)).before(frozen));
  }

  private static Consumer<Parameter> freezer(int step) {
    return p -> p.freeze(step >= 3 && step < 6);
  }

  /** No gradient came to fc2's bias in these steps. */
  private static void unreached(Module model, Optimizer optimizer, int step) {
    if (step == 2 || step == 3 || step == 7) {
      Objects.requireNonNull(model.parameters().get("fc2.bias")).value().slot().clear();
    }
  }

  @Test
  void everyCaseOfTheFileIsRun() {
    Set<String> cases = new TreeSet<>();
    for (String name : FILE.names()) {
      if (name.endsWith("/losses")) {
        cases.add(name.substring(0, name.indexOf('/')));
      }
    }
    assertEquals(cases, new TreeSet<>(CASES.keySet()));
  }

  @OnEveryDevice
  void tenSteps(Place place) {
    assertAll(
        CASES.entrySet().stream()
            .map(e -> (Executable) () -> run(place, e.getKey(), e.getValue())));
  }

  private static void run(Place place, String name, Case c) {
    try (Module model = net(place);
        Optimizer optimizer = c.optimizer.apply(model)) {
      optimizer.clip(c.clip);
      optimizer.gradientScale(1.0 / c.batches);
      double[] losses = new double[STEPS];
      boolean clipped = c.clip.norm() == 0;
      for (int i = 0; i < STEPS; i++) {
        c.before.at(model, optimizer, i);
        optimizer.zeroGrad();
        losses[i] = gradients(place, model, i, c.batches);
        c.gradients.at(model, optimizer, i);
        optimizer.step();
        clipped |= optimizer.report().gradientNorm() > c.clip.norm();
        compare(place, name, model, i);
      }
      assertTrue(clipped, name + ": no step was clipped");
      Distance.WEIGHTS.check(place, name + "/losses", FILE.values(name + "/losses"), losses);
    }
  }

  private static Module net(Place place) {
    Module model = new Mlp(Shape.of(1, 6), 4, new Mlp.Options(3, 7, "tanh", "default"));
    model.parameters().forEach((k, p) -> p.set(FILE.array("start/" + k).floats()));
    return place.put(model);
  }

  /** Adds up the gradients of the parts of step {@code i}'s batch; returns their mean loss. */
  private static double gradients(Place place, Module model, int i, int batches) {
    double loss = 0;
    try (Scope step = Scope.open()) {
      Tensor x = FILE.tensor(place, "x").slice(0, i, i + 1).reshape(8, 6);
      Tensor targets = FILE.tensor(place, "targets").slice(0, i, i + 1).reshape(8);
      int n = 8 / batches;
      for (int b = 0; b < batches; b++) {
        Tensor logits = model.call(x.slice(0, b * n, (b + 1) * n));
        Tensor l = Functional.crossEntropy(logits, targets.slice(0, b * n, (b + 1) * n));
        l.backward();
        loss += l.item() / batches;
      }
    }
    return loss;
  }

  private static void compare(Place place, String name, Module model, int i) {
    model
        .parameters()
        .forEach(
            (k, p) -> {
              int n = (int) p.shape().elements();
              double[] steps = FILE.values(name + "/" + k);
              double[] expected = Arrays.copyOfRange(steps, i * n, (i + 1) * n);
              String what = name + "/" + k + " after step " + i;
              Distance.WEIGHTS.check(place, what, expected, p.value());
            });
  }
}
