package dev.thaw.app;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.thaw.NothingLeft;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** diagnose: from words to verdict. */
@ExtendWith(NothingLeft.class)
final class DiagnoseTest {
  @TempDir private static Path shared;

  private static Path model;

  @BeforeAll
  static void prepare() {
    model = shared.resolve("model.safetensors");
    Small.pretrain(model, "--lr", 0.01).done();
  }

  private static Ran diagnose(Object... more) {
    Object[] usual = {"diagnose", "--data", "embedded", "--limit", 256, "--device", "plain"};
    return Ran.thaw(
        java.util.stream.Stream.concat(
                java.util.Arrays.stream(usual), java.util.Arrays.stream(more))
            .toArray());
  }

  @Test
  void thirtySigmoidLayersVanish() throws IOException {
    String spec = "mlp:depth=30,activation=sigmoid";
    Answer json = diagnose("--model", spec, "--steps", 2, "--json").json();
    assertEquals("vanishing", json.text("verdict"));
    Answer verdict = json.at("verdicts", 0);
    assertTrue(verdict.text("remedy").startsWith("use ReLU with He's start"));
    assertTrue(verdict.list("layers").contains("fc1"));
    assertEquals(30, json.at("health").list("layers").size());
    assertEquals(256, json.at("health").whole("examples"));
    assertEquals(2, json.at("training").whole("steps"));
  }

  @Test
  void aSavedModelIsHealthyUntilItsLayersAreFrozen() throws IOException {
    String text = diagnose("--from", model).done().out();
    assertTrue(text.startsWith("healthy\n"), text);
    assertTrue(text.contains("20 steps at rate 0.0100, taken back"), text);
    Path tuned = shared.resolve("tuned.safetensors");
    Small.finetune(model, tuned, "--strategy", "head").done();
    Answer json =
        Ran.thaw(
                "diagnose",
                "--from",
                tuned,
                "--data",
                "embedded:digits",
                "--limit",
                128,
                "--json",
                "--device",
                "plain")
            .json();
    assertEquals("frozen", json.text("verdict"));
    assertEquals(java.util.List.of("fc1", "fc2"), json.at("verdicts", 0).list("layers"));
  }

  @Test
  void theFileIsNotTouched() throws IOException {
    var before = Small.tensors(model);
    diagnose("--from", model, "--optimizer", "adam", "--lr", 0.1).done();
    assertEquals(before, Small.tensors(model));
  }

  @Test
  void wrongWordsAreRefused() {
    String line = diagnose().refused(Main.WRONG_INPUT);
    assertEquals("thaw: say --from FILE or --model NAME, one of them", line);
    diagnose("--model", "mlp", "--from", model).refused(Main.WRONG_INPUT);
    line = diagnose("--model", "mlp", "--optimizer", "lion").refused(Main.WRONG_INPUT);
    assertTrue(line.contains("'lion' is unknown"), line);
    line = diagnose("--model", "mlp", "--steps", "-1").refused(Main.WRONG_INPUT);
    assertTrue(line.contains("--steps: -1 is negative"), line);
    line = diagnose("--model", "mlp:depth=0").refused(Main.WRONG_INPUT);
    assertTrue(line.contains("depth 0"), line);
  }
}
