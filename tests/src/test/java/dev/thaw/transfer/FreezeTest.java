package dev.thaw.transfer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.thaw.backend.Devices;
import dev.thaw.memory.Device;
import dev.thaw.models.Zoo;
import dev.thaw.nn.BatchNorm;
import dev.thaw.nn.BnPolicy;
import dev.thaw.nn.Module;
import dev.thaw.tensor.Shape;
import dev.thaw.transfer.Layers.Layer;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** Freezing by pattern, up to a layer, by count and by strategy. */
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
  @DisplayName("1-3: a frozen norm follows its policy, whatever train() says; thawing keeps it")
  void c02_frozenNormsKeepTheirPolicy() {
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
