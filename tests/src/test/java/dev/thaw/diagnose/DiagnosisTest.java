package dev.thaw.diagnose;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.thaw.backend.Devices;
import dev.thaw.data.Batch;
import dev.thaw.data.BatchSource;
import dev.thaw.io.Json;
import dev.thaw.memory.Device;
import dev.thaw.memory.Pool;
import dev.thaw.models.Zoo;
import dev.thaw.nn.Module;
import dev.thaw.nn.Parameter;
import dev.thaw.optim.Sgd;
import dev.thaw.tensor.Generator;
import dev.thaw.tensor.Shape;
import dev.thaw.train.RandomBatches;
import dev.thaw.transfer.Freeze;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Nets made to be ill each get their verdict, and the healthy one gets none. */
final class DiagnosisTest {
  private static final Diagnosis.Options BRIEF =
      new Diagnosis.Options(128, 4, model -> new Sgd(model, 0.01, 0.9));

  private Device.Use on = () -> {};
  private long live;

  @BeforeEach
  void usePlain() {
    on = Devices.get("plain").device().use();
    live = pool().liveBytes();
  }

  @AfterEach
  void done() {
    assertEquals(live, pool().liveBytes(), "bytes left behind");
    on.close();
  }

  private static Pool pool() {
    return Devices.get("plain").pool();
  }

  private static Module model(String spec) {
    try (var numbers = new Generator(1).use()) {
      return Zoo.create(spec, Shape.of(1, 6, 6, 1), 5);
    }
  }

  /** The weights of {@code spec}'s layers times {@code gain}, biases 0. */
  private static Module scaled(String spec, double gain) {
    Module model = model(spec);
    for (Parameter p : model.parameters().values()) {
      float[] values = p.values();
      for (int i = 0; i < values.length; i++) {
        values[i] *= p.shape().rank() == 1 ? 0 : (float) gain;
      }
      p.set(values);
    }
    return model;
  }

  private static BatchSource batches() {
    return new RandomBatches(6, 6, 1, 5, 256, 32, 3);
  }

  private static Diagnosis diagnose(Module model) throws IOException {
    return Diagnosis.of(model, batches(), BRIEF);
  }

  private static List<Verdict.Kind> kinds(Diagnosis diagnosis) {
    return diagnosis.verdicts().stream().map(Verdict::kind).toList();
  }

  @Test
  void thirtySigmoidLayersVanish() throws IOException {
    try (Module model = model("mlp:depth=30,width=24,activation=sigmoid")) {
      Verdict verdict = diagnose(model).verdict();
      assertEquals(Verdict.Kind.VANISHING, verdict.kind());
      assertTrue(verdict.layers().contains("fc1"));
      assertFalse(verdict.layers().contains("fc29"));
      assertTrue(verdict.evidence().get(0).startsWith("gradient norms fade 2"), verdict::toString);
      assertTrue(verdict.remedy().startsWith("use ReLU with He's start"), verdict::toString);
    }
  }

  @Test
  void aLargeGainExplodes() throws IOException {
    try (Module model = scaled("mlp:depth=12,width=24,init=normal", 80)) {
      Diagnosis diagnosis = diagnose(model);
      assertEquals(Verdict.Kind.EXPLODING, diagnosis.verdict().kind(), diagnosis::toString);
      assertTrue(
          diagnosis.verdict().evidence().get(0).startsWith("gradient norms grow"),
          diagnosis::toString);
      assertTrue(diagnosis.evidence().health().z() > 3);
    }
    // So large that floats do not hold it.
    try (Module model = scaled("mlp:depth=40,width=24,init=normal", 1000)) {
      Diagnosis diagnosis = diagnose(model);
      assertEquals(Verdict.Kind.EXPLODING, diagnosis.verdict().kind());
      assertTrue(
          diagnosis
              .verdict()
              .evidence()
              .get(0)
              .matches("the first value that is not finite is in (fc|act)\\d+"),
          diagnosis::toString);
    }
  }

  @Test
  void aRateTooHighExplodes() throws IOException {
    try (Module model = model("mlp:depth=3,width=24,init=he")) {
      Diagnosis diagnosis =
          Diagnosis.of(model, batches(), BRIEF.training(10, m -> new Sgd(m, 1e4, 0)));
      assertEquals(Verdict.Kind.EXPLODING, diagnosis.verdict().kind(), diagnosis::toString);
      assertTrue(diagnosis.verdict().remedy().startsWith("lower the rate"));
    }
  }

  @Test
  void equalWeightsCollapse() throws IOException {
    try (Module model = model("mlp:depth=6,width=24,init=he")) {
      for (Parameter p : model.parameters().values()) {
        float[] values = new float[(int) p.shape().elements()];
        Arrays.fill(values, p.shape().rank() == 1 ? 0 : 1f / p.shape().dim(1));
        p.set(values);
      }
      Diagnosis diagnosis = diagnose(model);
      assertEquals(Verdict.Kind.RANK_COLLAPSED, diagnosis.verdict().kind(), diagnosis::toString);
      assertTrue(diagnosis.verdict().layers().contains("fc1"));
    }
  }

  @Test
  void oneLayerOfOneDirectionIsNamed() throws IOException {
    try (Module model = model("seed-cnn")) {
      Parameter weight = Objects.requireNonNull(model.parameters().get("conv2.weight"));
      float[] values = weight.values();
      int row = values.length / 64;
      for (int i = 0; i < values.length; i++) {
        values[i] = values[i % row] * (i / row % 2 == 0 ? 1 : -1);
      }
      weight.set(values);
      Diagnosis diagnosis = diagnose(model);
      assertEquals(Verdict.Kind.RANK_COLLAPSED, diagnosis.verdict().kind(), diagnosis::toString);
      assertEquals("conv2", diagnosis.verdict().layers().get(0));
    }
  }

  @Test
  void frozenLayersAreNoIllness() throws IOException {
    try (Module model = model("seed-cnn")) {
      new Freeze(model).upTo("conv2");
      Diagnosis diagnosis = diagnose(model);
      assertEquals(List.of(Verdict.Kind.FROZEN), kinds(diagnosis));
      assertEquals(List.of("conv1", "conv2"), diagnosis.verdict().layers());
      model.freeze();
      diagnosis = diagnose(model);
      assertEquals(List.of(Verdict.Kind.FROZEN), kinds(diagnosis));
      assertEquals(
          "all 4 layers are frozen: no gradient is computed",
          diagnosis.verdict().evidence().get(0));
      assertTrue(diagnosis.verdict().remedy().startsWith("thaw the head"));
    }
  }

  /** The layers below stand still by choice; those above have vanished all the same. */
  @Test
  void vanishingAboveAFrozenBaseIsStillSeen() throws IOException {
    try (Module model = model("mlp:depth=20,width=24,activation=sigmoid")) {
      new Freeze(model).first(8);
      Diagnosis diagnosis = diagnose(model);
      assertEquals(Verdict.Kind.VANISHING, diagnosis.verdict().kind(), diagnosis::toString);
      assertTrue(kinds(diagnosis).contains(Verdict.Kind.FROZEN));
      assertFalse(diagnosis.verdict().layers().contains("fc8"));
      assertTrue(diagnosis.verdict().layers().contains("fc9"));
    }
  }

  @Test
  void netsThatTrainAreHealthy() throws IOException {
    for (String spec :
        List.of(
            "seed-cnn",
            "mlp",
            "mlp:depth=8,width=24,init=he",
            "mlp:depth=8,width=24,activation=tanh,init=orthogonal")) {
      try (Module model = model(spec)) {
        Diagnosis diagnosis = diagnose(model);
        assertEquals(List.of(Verdict.Kind.HEALTHY), kinds(diagnosis), () -> spec + diagnosis);
      }
    }
  }

  @Test
  void theModelIsLeftAsItWas() throws IOException {
    try (Module model = model("resnet20")) {
      model.eval();
      Map<String, float[]> before = new TreeMap<>();
      model.parameters().forEach((name, p) -> before.put(name, p.values()));
      model.buffers().forEach((name, b) -> before.put(name, b.toFloats()));
      Diagnosis diagnosis = diagnose(model);
      ShortTraining training = diagnosis.evidence().training();
      assertTrue(training != null && training.lastLoss() != training.firstLoss(), "it did train");
      assertFalse(model.isTraining());
      model
          .parameters()
          .forEach((name, p) -> assertArrayEquals(before.get(name), p.values(), name));
      model.buffers().forEach((name, b) -> assertArrayEquals(before.get(name), b.toFloats(), name));
      model.parameters().values().forEach(p -> assertFalse(p.value().slot().isWritten()));
      double update = diagnosis.evidence().health().layers().get(0).update();
      assertEquals(List.of(Verdict.Kind.HEALTHY), kinds(diagnosis));
      assertTrue(update > -5 && update < -1, "log10 of the update ratio: " + update);
    }
  }

  @Test
  void theReportPrintsAndIsJson() throws IOException {
    try (Module model = model("mlp:depth=4,width=24,init=he")) {
      Diagnosis diagnosis = diagnose(model);
      String text = diagnosis.toString();
      for (String part :
          List.of(
              "healthy",
              "remedy: none needed",
              "fc4",
              "feature rank",
              "fc2.weight",
              "Jacobian of the",
              "4 steps at")) {
        assertTrue(text.contains(part), () -> part + " is missing in " + text);
      }
      Map<String, Object> json = Json.readObject(Json.write(diagnosis.toMap()), "json");
      assertEquals("healthy", json.get("verdict"));
      assertTrue(json.get("verdicts") instanceof List<?> list && list.size() == 1);
      assertTrue(
          json.get("health") instanceof Map<?, ?> map && map.get("layers") instanceof List<?>);
    }
  }

  @Test
  void aBatchThatIsNotFiniteIsTheDatasFault() throws IOException {
    BatchSource good = batches();
    BatchSource bad =
        new BatchSource() {
          @Override
          public int batches() {
            return good.batches();
          }

          @Override
          public int examples() {
            return good.examples();
          }

          @Override
          public void seek(int epoch, int batch) {
            good.seek(epoch, batch);
          }

          @Override
          public @Nullable Batch next() throws IOException {
            Batch batch = good.next();
            if (batch != null) {
              batch.pictures().putFloat(40, Float.NaN);
            }
            return batch;
          }

          @Override
          public void close() {}
        };
    try (Module model = model("mlp")) {
      IllegalArgumentException e =
          assertThrows(IllegalArgumentException.class, () -> Diagnosis.of(model, bad, BRIEF));
      assertEquals(
          "gradient health: 1 of the batch's 1152 values are not finite; look at the data",
          e.getMessage());
    }
  }
}
