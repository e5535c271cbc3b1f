package dev.thaw.transfer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.thaw.NothingLeft;
import dev.thaw.backend.Devices;
import dev.thaw.memory.Device;
import dev.thaw.memory.Scope;
import dev.thaw.models.Zoo;
import dev.thaw.nn.BatchNorm;
import dev.thaw.nn.BnPolicy;
import dev.thaw.nn.Dropout;
import dev.thaw.nn.Linear;
import dev.thaw.nn.Module;
import dev.thaw.nn.Sequential;
import dev.thaw.tensor.Shape;
import dev.thaw.tensor.Tensor;
import dev.thaw.transfer.Layers.Layer;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** Freezing by pattern, up to a layer, by count and by strategy. */
@ExtendWith(NothingLeft.class)
class FreezeTest {
  private final Device.Use on = Devices.get("plain").device().use();
  private final Module model = Zoo.create("resnet20", Shape.of(1, 8, 8, 1), 4);

  @AfterEach
  void close() {
    model.close();
    on.close();
  }

  private List<String> trained() {
    return Layers.of(model).stream()
        .filter(l -> l.state().equals("trained"))
        .map(Layer::name)
        .toList();
  }

  @Test
  void byPattern() {
    new Freeze(model).matching("layer*").matching("conv1");
    assertEquals(List.of("bn1", "linear"), trained());
  }

  @Test
  void upToALayerOrABlock() {
    new Freeze(model).upTo("layer3.1");
    assertEquals(
        List.of("layer3.2.conv1", "layer3.2.bn1", "layer3.2.conv2", "layer3.2.bn2", "linear"),
        trained());
  }

  @Test
  void allButTheLast() {
    new Freeze(model).allButLast(2);
    assertEquals(List.of("layer3.2.bn2", "linear"), trained());
    new Freeze(model).nothing();
    assertEquals(Layers.of(model).size(), trained().size());
  }

  @Test
  @DisplayName("a frozen norm follows its policy, whatever train() says; thawing keeps it")
  void frozenNormsKeepTheirPolicy() {
    new Freeze(model).upTo("layer1");
    BatchNorm norm = (BatchNorm) model.module("layer1.0.bn1");
    assertEquals(BnPolicy.EVAL, norm.policy());
    assertEquals(BnPolicy.TRAIN_ALL, ((BatchNorm) model.module("layer2.0.bn1")).policy());
    model.train(true);
    assertEquals(BnPolicy.EVAL, norm.policy());
    model.unfreeze();
    assertEquals(BnPolicy.EVAL, norm.policy());
    new Freeze(model, BnPolicy.BATCH_STATS).upTo("layer1");
    assertEquals(BnPolicy.BATCH_STATS, norm.policy());
  }

  private static Module withDropout() {
    return new Sequential(
        new Linear(4, 6), new Dropout(0.5), new Linear(6, 6), new Dropout(0.5), new Linear(6, 2));
  }

  private static List<Boolean> frozenDropout(Module model) {
    return List.of(
        ((Dropout) model.module("1")).isFrozen(), ((Dropout) model.module("3")).isFrozen());
  }

  @Test
  void aFrozenBaseGivesTheSameFeaturesAtEveryStep() {
    try (Module base = withDropout();
        Scope scope = Scope.open()) {
      base.train();
      Tensor x = Tensor.ones(3, 4);
      assertFalse(Arrays.equals(base.call(x).toFloats(), base.call(x).toFloats()), "it drops");
      base.freeze();
      base.eval();
      float[] features = base.call(x).toFloats();
      base.train();
      assertArrayEquals(features, base.call(x).toFloats());
      base.unfreeze();
      assertFalse(
          Arrays.equals(base.call(x).toFloats(), base.call(x).toFloats()), "it drops again");
    }
  }

  @Test
  void dropoutBetweenFrozenLayersIsOffAndBeforeATrainedOneOn() {
    try (Module model = withDropout()) {
      new Freeze(model).upTo("2");
      assertEquals(List.of(true, false), frozenDropout(model));
      new Freeze(model).allButLast(2);
      assertEquals(List.of(false, false), frozenDropout(model), "from the first trained layer on");
      model.unfreeze();
      new Freeze(model).matching("2").matching("4");
      assertEquals(List.of(false, false), frozenDropout(model), "above a trained layer");
      new Freeze(model).matching("0");
      assertEquals(List.of(true, true), frozenDropout(model));
      new Freeze(model).nothing();
      assertEquals(List.of(false, false), frozenDropout(model));
      Strategy.HEAD.apply(model, "4", BnPolicy.EVAL);
      assertEquals(List.of(true, false), frozenDropout(model));
    }
  }

  @Test
  void strategies() {
    assertEquals(
        "full: every layer is trained", Strategy.FULL.apply(model, "linear", BnPolicy.EVAL));
    assertEquals(39, trained().size());
    String boundary = Strategy.PARTIAL.apply(model, "linear", BnPolicy.EVAL);
    assertTrue(boundary.contains("trained from layer3.1.conv1 on"), boundary);
    assertEquals(9, trained().size());
    Strategy.HEAD.apply(model, "linear", BnPolicy.EVAL);
    assertEquals(List.of("linear"), trained());
    assertEquals(Strategy.HEAD, Strategy.named("head"));
    assertThrows(IllegalArgumentException.class, () -> Strategy.named("most"));
  }

  @Test
  void whatMatchesNothingIsRefused() {
    var e = assertThrows(IllegalArgumentException.class, () -> new Freeze(model).matching("fc*"));
    assertTrue(
        String.valueOf(e.getMessage()).startsWith("freeze: nothing matches 'fc*'; layers are"));
    assertThrows(IllegalArgumentException.class, () -> new Freeze(model).upTo("layer9"));
    assertThrows(IllegalArgumentException.class, () -> new Freeze(model).first(1000));
  }

  @Test
  void theTableSaysWhatIsTrained() {
    new Freeze(model).upTo("layer3");
    String table = Layers.table(model);
    assertTrue(table.contains("layer1.0.conv1  frozen"), table);
    assertTrue(table.contains("linear          trained"), table);
    assertTrue(table.contains("260 of "), table);
  }
}
