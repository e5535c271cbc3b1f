package dev.thaw.golden;

import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.thaw.OnEveryDevice;
import dev.thaw.Place;
import dev.thaw.memory.Scope;
import dev.thaw.models.CifarResNet;
import dev.thaw.models.ResNet;
import dev.thaw.models.SeedCnn;
import dev.thaw.nn.Module;
import dev.thaw.tensor.Functional;
import dev.thaw.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.function.Executable;

/** Whole nets: logits, loss, every gradient, running statistics, and logits with those. */
final class ModelsAgainstPyTorchTest {
  @OnEveryDevice
  void seedCnn(Place place) {
    check(place, new SeedCnn(12, 8, 1, 10), "model-seed-cnn.safetensors");
  }

  @OnEveryDevice
  void resNet20(Place place) {
    CifarResNet model = new CifarResNet(20, 16, 16, 3, 10);
    check(place, model, "model-resnet20.safetensors", "model-resnet20-2.safetensors");
  }

  @OnEveryDevice
  void narrowResNet18(Place place) {
    ResNet.Options options = new ResNet.Options(new int[] {2, 2, 2, 2}, false, 8, false);
    check(place, new ResNet(40, 48, 3, 7, options), "model-resnet18-narrow.safetensors");
  }

  @OnEveryDevice
  void narrowBottleneckNet(Place place) {
    ResNet.Options options = new ResNet.Options(new int[] {1, 2, 1, 1}, true, 4, false);
    check(place, new ResNet(40, 32, 3, 5, options), "model-bottleneck.safetensors");
  }

  private static void check(Place place, Module fresh, String... files) {
    GoldenTensors golden = GoldenTensors.read(files);
    List<Executable> checks = new ArrayList<>();
    try (Module model = fresh) {
      assertEquals(sorted(golden.under("grad/")), new TreeSet<>(model.parameters().keySet()));
      Spread.fill(model);
      place.put(model);
      Tensor x = golden.tensor(place, "x");
      try (Scope step = Scope.open()) {
        Tensor logits = model.call(x);
        Tensor loss = Functional.crossEntropy(logits, golden.tensor(place, "targets"));
        compare(checks, place, Distance.OUTPUT, "logits", golden, logits);
        compare(checks, place, Distance.OUTPUT, "loss", golden, loss);
        loss.backward();
        model
            .parameters()
            .forEach(
                (name, parameter) -> {
                  Tensor grad = Objects.requireNonNull(parameter.value().grad(), name);
                  compare(checks, place, Distance.GRADIENT, "grad/" + name, golden, grad);
                });
      }
      model
          .buffers()
          .forEach(
              (name, b) -> compare(checks, place, Distance.OUTPUT, "after/" + name, golden, b));
      model.eval();
      try (Tensor.Gradients off = Tensor.noGrad()) {
        compare(checks, place, Distance.OUTPUT, "eval_logits", golden, model.call(x));
      }
    }
    assertAll(checks);
  }

  private static Set<String> sorted(List<String> names) {
    return new TreeSet<>(names);
  }

  /** Reads the values now, while they are there; the verdict comes with all others. */
  private static void compare(
      List<Executable> checks,
      Place place,
      Distance distance,
      String name,
      GoldenTensors golden,
      Tensor actual) {
    double[] values = actual.toDoubles();
    checks.add(() -> distance.check(place, name, golden.values(name), values));
  }
}
