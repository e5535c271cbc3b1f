package dev.thaw.golden;

import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import dev.thaw.OnEveryDevice;
import dev.thaw.Place;
import dev.thaw.backend.CrossEntropyOptions;
import dev.thaw.memory.Scope;
import dev.thaw.nn.Activation;
import dev.thaw.nn.BatchNorm;
import dev.thaw.nn.BnPolicy;
import dev.thaw.nn.Conv2d;
import dev.thaw.nn.Embedding;
import dev.thaw.nn.Flatten;
import dev.thaw.nn.Init;
import dev.thaw.nn.LayerNorm;
import dev.thaw.nn.Linear;
import dev.thaw.nn.Module;
import dev.thaw.nn.PRelu;
import dev.thaw.nn.Parameter;
import dev.thaw.nn.Pool2d;
import dev.thaw.tensor.Conv2dOptions;
import dev.thaw.tensor.Functional;
import dev.thaw.tensor.PoolOptions;
import dev.thaw.tensor.Tensor;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.BinaryOperator;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

/** Every layer and loss with all its gradients, over layers.safetensors. */
final class LayersAgainstPyTorchTest {
  private static final GoldenTensors FILE = GoldenTensors.read("layers.safetensors");
  private static final Conv2dOptions CONV = Conv2dOptions.DEFAULT;
  private static final Map<String, Supplier<Module>> LAYERS = new LinkedHashMap<>();
  private static final Map<String, UnaryOperator<Tensor>> FUNCTIONS = new LinkedHashMap<>();
  private static final Map<String, BinaryOperator<Tensor>> LOSSES = new LinkedHashMap<>();

  static {
    LAYERS.put("linear", () -> new Linear(7, 3));
    LAYERS.put("linear-no-bias", () -> new Linear(7, 3, false, Init.kaiming()));
    LAYERS.put("linear-of-sequences", () -> new Linear(5, 4));
    LAYERS.put("linear-frozen-weight", () -> new Linear(7, 3));
    LAYERS.put("conv2d", () -> new Conv2d(4, 5, 3, CONV));
    LAYERS.put("conv2d-padded", () -> new Conv2d(4, 5, 3, CONV.padding(1)));
    LAYERS.put(
        "conv2d-no-bias", () -> new Conv2d(4, 5, 3, 3, CONV.padding(1), false, Init.kaiming()));
    LAYERS.put("conv2d-strided", () -> new Conv2d(4, 3, 7, CONV.stride(2).padding(3)));
    LAYERS.put("conv2d-pointwise", () -> new Conv2d(4, 6, 1, CONV.stride(2)));
    LAYERS.put("conv2d-dilated", () -> new Conv2d(4, 3, 3, CONV.padding(2).dilation(2)));
    LAYERS.put("conv2d-groups", () -> new Conv2d(4, 6, 3, CONV.padding(1).groups(2)));
    LAYERS.put("conv2d-depthwise", () -> new Conv2d(4, 4, 3, CONV.padding(1).groups(4)));
    Conv2dOptions rectangle = new Conv2dOptions(2, 1, 0, 1, 1, 1, 1);
    LAYERS.put(
        "conv2d-rectangle", () -> new Conv2d(4, 3, 1, 3, rectangle, true, Init.fanInUniform()));
    LAYERS.put("conv2d-frozen-weight", () -> new Conv2d(4, 5, 3, CONV.padding(1)));
    LAYERS.put("conv2d-frozen", () -> new Conv2d(4, 5, 3, CONV.padding(1)));
    LAYERS.put("batchnorm-train-all", () -> new BatchNorm(4));
    LAYERS.put("batchnorm-rows", () -> new BatchNorm(5));
    LAYERS.put("batchnorm-eps-momentum", () -> new BatchNorm(4, 1e-3, 0.25));
    LAYERS.put("batchnorm-eval", () -> new BatchNorm(4).policy(BnPolicy.EVAL));
    LAYERS.put("batchnorm-eval-frozen", () -> new BatchNorm(4).policy(BnPolicy.EVAL));
    LAYERS.put("batchnorm-batch-stats", () -> new BatchNorm(4).policy(BnPolicy.BATCH_STATS));
    LAYERS.put("batchnorm-batch-stats-frozen", () -> new BatchNorm(4).policy(BnPolicy.BATCH_STATS));
    LAYERS.put("layernorm", () -> new LayerNorm(9));
    LAYERS.put("layernorm-of-sequences", () -> new LayerNorm(8, 1e-6));
    LAYERS.put("embedding", () -> new Embedding(6, 4));
    LAYERS.put("prelu", () -> new PRelu(4));
    LAYERS.put("prelu-one-slope", () -> new PRelu(1));
    LAYERS.put("maxpool-2", () -> Pool2d.max(PoolOptions.of(2)));
    LAYERS.put("maxpool-3-2-1", () -> Pool2d.max(PoolOptions.of(3, 2, 1)));
    LAYERS.put("avgpool-2", () -> Pool2d.average(PoolOptions.of(2)));
    LAYERS.put("avgpool-3-2-1", () -> Pool2d.average(PoolOptions.of(3, 2, 1)));
    PoolOptions inside = new PoolOptions(3, 3, 2, 2, 1, 1, false);
    LAYERS.put("avgpool-3-2-1-inside", () -> Pool2d.average(inside));
    LAYERS.put("avgpool-adaptive", () -> Pool2d.adaptiveAverage(3, 2));
    LAYERS.put("avgpool-global", Pool2d::globalAverage);
    LAYERS.put("flatten", Flatten::new);
    for (String name : FILE.under("activation-")) {
      String function = name.substring(0, name.indexOf('/'));
      LAYERS.put("activation-" + function, () -> Activation.named(function));
    }
    FUNCTIONS.put("maxpool-adaptive", x -> Functional.adaptiveMaxPool2d(x, 3, 2));
    FUNCTIONS.put("resize-bilinear", x -> Functional.resizeBilinear(x, 10, 9, false));
    FUNCTIONS.put("resize-nearest", x -> Functional.resizeNearest(x, 14, 12));
    FUNCTIONS.put("normalize", x -> Functional.normalize(x, 1, 1e-12));
    FUNCTIONS.put("softmax", x -> Functional.softmax(x, 1));
    FUNCTIONS.put("softmax-of-channels", x -> Functional.softmax(x, 3));
    FUNCTIONS.put("log-softmax", x -> Functional.logSoftmax(x, 1));
    LOSSES.put("bce-with-logits", Functional::bceWithLogits);
    LOSSES.put("mse", Functional::mseLoss);
    LOSSES.put("huber", (x, t) -> Functional.huberLoss(x, t, 0.75));
    LOSSES.put("cross-entropy", Functional::crossEntropy);
  }

  @Test
  void everyCaseOfTheFileIsRun() {
    Set<String> cases = new TreeSet<>();
    FILE.names().forEach(name -> cases.add(name.substring(0, name.indexOf('/'))));
    Set<String> run = new TreeSet<>(LAYERS.keySet());
    run.addAll(FUNCTIONS.keySet());
    run.addAll(LOSSES.keySet());
    run.addAll(WEIGHTED.keySet());
    assertEquals(cases, run);
  }

  @OnEveryDevice
  void layers(Place place) {
    assertAll(
        LAYERS.entrySet().stream()
            .map(e -> (Executable) () -> layer(place, e.getKey(), e.getValue())));
  }

  private static void layer(Place place, String name, Supplier<Module> make) {
    try (Scope scope = Scope.open();
        Module layer = make.get()) {
      load(layer, name);
      place.put(layer);
      String input = name + "/x";
      Tensor x = FILE.tensor(place, input);
      if (FILE.has(name + "/dx")) {
        x.requiresGrad(true);
      }
      Tensor y = layer.call(x);
      same(place, name + "/y", y);
      y.backward(FILE.tensor(place, name + "/dy"));
      if (FILE.has(name + "/dx")) {
        same(place, name + "/dx", Objects.requireNonNull(x.grad()));
      }
      layer.parameters().forEach((k, p) -> gradient(place, name + "/grad/" + k, p));
      layer.buffers().forEach((k, b) -> same(place, name + "/after/" + k, b));
    }
  }

  /** What the file has no gradient of is frozen. */
  private static void load(Module layer, String name) {
    layer
        .parameters()
        .forEach(
            (k, p) -> {
              float[] file = FILE.array(name + "/param/" + k).floats();
              p.set(p.order().fromFile(file, p.shape()));
              p.freeze(!FILE.has(name + "/grad/" + k));
            });
    layer.buffers().forEach((k, b) -> Parameter.set(b, FILE.array(name + "/buffer/" + k).floats()));
  }

  private static void gradient(Place place, String key, Parameter parameter) {
    Tensor grad = parameter.value().grad();
    if (parameter.isFrozen()) {
      assertNull(grad, key);
    } else {
      same(place, key, Objects.requireNonNull(grad, key));
    }
  }

  private static void same(Place place, String key, Tensor actual) {
    Distance.LAYER.check(place, key, FILE.values(key), actual);
  }

  @OnEveryDevice
  void functions(Place place) {
    assertAll(
        FUNCTIONS.entrySet().stream()
            .map(
                e ->
                    () -> {
                      String name = e.getKey();
                      Tensor x = FILE.tensor(place, name + "/x").requiresGrad(true);
                      Tensor y = e.getValue().apply(x);
                      same(place, name + "/y", y);
                      y.backward(FILE.tensor(place, name + "/dy"));
                      same(place, name + "/dx", Objects.requireNonNull(x.grad()));
                    }));
  }

  /** Smoothing and ignored label of the other cross-entropies. */
  private static final Map<String, CrossEntropyOptions> WEIGHTED =
      Map.of(
          "cross-entropy-smoothing", new CrossEntropyOptions(0.125, -100),
          "cross-entropy-weights", new CrossEntropyOptions(0, -100),
          "cross-entropy-ignoring", new CrossEntropyOptions(0, -100),
          "cross-entropy-all", new CrossEntropyOptions(0.125, -100));

  @OnEveryDevice
  void losses(Place place) {
    Map<String, BinaryOperator<Tensor>> all = new LinkedHashMap<>(LOSSES);
    WEIGHTED.forEach(
        (name, options) -> {
          String key = name + "/weights";
          Tensor weights = FILE.has(key) ? FILE.tensor(place, key) : null;
          all.put(name, (x, t) -> Functional.crossEntropy(x, t, weights, options));
        });
    assertAll(
        all.entrySet().stream().map(e -> (Executable) () -> loss(place, e.getKey(), e.getValue())));
  }

  private static void loss(Place place, String name, BinaryOperator<Tensor> function) {
    Tensor x = FILE.tensor(place, name + "/x").requiresGrad(true);
    Tensor y = function.apply(x, FILE.tensor(place, name + "/targets"));
    same(place, name + "/y", y);
    y.mul(1.5).backward();
    same(place, name + "/dx", Objects.requireNonNull(x.grad()));
  }
}
