package dev.thaw.transfer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.thaw.NothingLeft;
import dev.thaw.backend.Devices;
import dev.thaw.memory.Scope;
import dev.thaw.models.Zoo;
import dev.thaw.nn.Linear;
import dev.thaw.nn.Module;
import dev.thaw.nn.Slot;
import dev.thaw.tensor.Conv2dOptions;
import dev.thaw.tensor.Functional;
import dev.thaw.tensor.Generator;
import dev.thaw.tensor.Shape;
import dev.thaw.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The head is found on the recorded path, and swapping it leaves everything else as it is. */
@ExtendWith(NothingLeft.class)
class HeadSwapTest {
  private static final List<String> LABELS = List.of("ant", "bee", "cat", "dog", "elk");

  static List<Object[]> models() {
    List<Object[]> all = new ArrayList<>();
    for (String device : Devices.available()) {
      all.add(new Object[] {device, "seed-cnn", "fc2"});
      all.add(new Object[] {device, "mlp:depth=3,width=8", "fc3"});
      all.add(new Object[] {device, "resnet20", "linear"});
      all.add(new Object[] {device, "resnet18", "fc"});
    }
    return all;
  }

  private static Module model(String spec) {
    return Zoo.create(spec, Shape.of(1, 16, 16, 3), LABELS.size());
  }

  private static float[] logits(Module model, Tensor x) {
    try (var none = Tensor.noGrad()) {
      model.eval();
      return model.call(x).toFloats();
    }
  }

  @ParameterizedTest
  @MethodSource("models")
  void findsAndReplaces(String device, String spec, String path) {
    Generator generator = new Generator(3);
    try (var on = Devices.get(device).device().use();
        Module model = model(spec);
        Scope scope = Scope.open()) {
      model.freeze();
      HeadSwap swap = new HeadSwap(model);
      assertEquals(path, swap.path());
      assertEquals(5, swap.classes());
      Map<String, float[]> before = new java.util.HashMap<>();
      model.parameters().forEach((name, p) -> before.put(name, p.values()));
      swap.replaceHead(7);
      assertEquals(7, new HeadSwap(model).classes());
      model
          .parameters()
          .forEach(
              (name, p) -> {
                if (!name.startsWith(path + ".")) {
                  assertArrayEquals(before.get(name), p.values(), name);
                  assertTrue(p.isFrozen(), name);
                } else {
                  assertTrue(!p.isFrozen(), name);
                }
              });
      Tensor x = generator.normal(0, 1, 2, 16, 16, 3);
      assertEquals(14, logits(model, x).length);
    }
  }

  @ParameterizedTest
  @MethodSource("models")
  @DisplayName("kept classes keep their logits, to the bit, without training")
  void keepsClasses(String device, String spec, String path) {
    Generator generator = new Generator(4);
    try (var on = Devices.get(device).device().use();
        Module model = model(spec);
        Scope scope = Scope.open()) {
      Tensor x = generator.normal(0, 1, 3, 16, 16, 3);
      float[] all = logits(model, x);
      new HeadSwap(model).keepClasses(LABELS, List.of("dog", "bee"));
      float[] kept = logits(model, x);
      for (int i = 0; i < 3; i++) {
        assertEquals(all[5 * i + 3], kept[2 * i], "dog of picture " + i);
        assertEquals(all[5 * i + 1], kept[2 * i + 1], "bee of picture " + i);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("models")
  @DisplayName("added classes leave the old ones' rows as they are")
  void addsClasses(String device, String spec, String path) {
    try (var on = Devices.get(device).device().use();
        Module model = model(spec)) {
      float[] before =
          java.util.Objects.requireNonNull(model.parameters().get(path + ".weight")).values();
      new HeadSwap(model).addClasses(LABELS, List.of("fox", "gnu"));
      float[] after =
          java.util.Objects.requireNonNull(model.parameters().get(path + ".weight")).values();
      assertEquals(before.length / 5 * 7, after.length);
      assertArrayEquals(before, java.util.Arrays.copyOf(after, before.length));
    }
  }

  @Test
  void refusesWhatItCannotMean() {
    try (var on = Devices.get("plain").device().use();
        Module model = model("seed-cnn")) {
      HeadSwap swap = new HeadSwap(model);
      var e =
          assertThrows(
              IllegalArgumentException.class, () -> swap.keepClasses(LABELS, List.of("cow")));
      assertEquals(
          "keepClasses: no class 'cow'; there are [ant, bee, cat, dog, elk]", e.getMessage());
      assertThrows(
          IllegalArgumentException.class, () -> swap.keepClasses(LABELS, List.of("ant", "ant")));
      assertThrows(IllegalArgumentException.class, () -> swap.addClasses(LABELS, List.of("ant")));
      assertThrows(IllegalArgumentException.class, () -> swap.replaceHead(0));
    }
  }

  /** Two linear layers side by side: which of them is the head? */
  private static final class TwoHeads extends Module {
    private final Slot a = slot("a", new Linear(4, 2));
    private final Slot b = slot("b", new Linear(4, 2));

    TwoHeads() {
      example(Shape.of(1, 4));
    }

    @Override
    protected Tensor forward(Tensor x) {
      return a.call(x).add(b.call(x));
    }
  }

  @Test
  void severalHeadsAreListed() {
    try (var on = Devices.get("plain").device().use();
        Module model = new TwoHeads()) {
      var e = assertThrows(IllegalArgumentException.class, () -> new HeadSwap(model));
      assertTrue(String.valueOf(e.getMessage()).contains("[a, b]"), e.getMessage());
    }
  }

  /** A 1 x 1 convolution, averaged over the picture, and a linear layer that is not used. */
  private static final class ConvHead extends Module {
    private final Slot conv =
        slot("conv", new dev.thaw.nn.Conv2d(3, 6, 3, Conv2dOptions.DEFAULT.padding(1)));
    private final Slot head = slot("head", new dev.thaw.nn.Conv2d(6, 5, 1, Conv2dOptions.DEFAULT));

    ConvHead() {
      slot("aux", new Linear(5, 5));
      example(Shape.of(1, 8, 8, 3));
    }

    @Override
    protected Tensor forward(Tensor x) {
      return Functional.globalAvgPool2d(head.call(Functional.relu(conv.call(x))));
    }
  }

  @Test
  void aPointwiseConvolutionIsAHead() {
    try (var on = Devices.get("plain").device().use();
        Module model = new ConvHead();
        Scope scope = Scope.open()) {
      HeadSwap swap = new HeadSwap(model);
      assertEquals("head", swap.path());
      swap.replaceHead(9);
      assertEquals(9, logits(model, Tensor.ones(1, 8, 8, 3)).length);
    }
  }
}
