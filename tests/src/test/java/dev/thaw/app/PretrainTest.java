package dev.thaw.app;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.thaw.NothingLeft;
import dev.thaw.io.Safetensors;
import dev.thaw.models.ModelCard;
import dev.thaw.models.ModelFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@ExtendWith(NothingLeft.class)
final class PretrainTest {
  @TempDir private Path folder;

  @Test
  void theTableComesBeforeTheFirstStepAndTheResultGoesToStandardOutput() {
    Path out = folder.resolve("m.safetensors");
    Ran ran = Small.pretrain(out).done();
    assertTrue(
        ran.err()
            .matches("(?s).*layer +state +parameters\\R.*trained.*are trained\\R.*epoch 1/2.*"),
        ran::err);
    assertTrue(ran.out().matches("(?s)mlp:.* on embedded: accuracy .* %.*saved .*"), ran::out);
    assertTrue(Files.exists(out));
  }

  @Test
  void aHeadThatKnowsNothingStartsNearLnC() throws IOException {
    Answer json = Small.pretrain(folder.resolve("m.safetensors"), "--json").json();
    assertEquals(Math.log(20), json.number("first_loss"), 0.3);
  }

  @Test
  void jsonIsOneObjectWithTheRunInNumbers() throws IOException {
    Path out = folder.resolve("m.safetensors");
    Answer json = Small.pretrain(out, "--json").json();
    assertEquals(out.toString(), json.get("out"));
    assertEquals("embedded", json.get("data"));
    assertEquals(400, json.whole("examples"));
    assertEquals(2, json.whole("epochs"));
    assertEquals(14, json.whole("steps"));
    assertEquals(json.whole("parameters"), json.whole("trainable"));
    double accuracy = json.number("accuracy");
    assertTrue(accuracy > 0.05 && accuracy <= 1, json::toString);
    assertEquals(3, json.list("layers").size());
    assertTrue(json.whole("peak_bytes") > 0);
  }

  @Test
  void theFileTellsHowItCameAbout() throws IOException {
    Path out = folder.resolve("m.safetensors");
    Small.pretrain(out, "--optimizer", "adamw", "--lr", "0.002", "--seed", "3").done();
    try (Safetensors file = Safetensors.open(out)) {
      ModelCard card = ModelFile.card(out, file.metadata());
      assertEquals("mlp:depth=3,width=16", card.architecture());
      assertEquals(20, card.classes().size());
      assertEquals(1, card.mean().size());
      Answer training = new Answer(card.lastTraining());
      assertEquals("pretrain", training.get("kind"));
      assertEquals("embedded", training.get("data"));
      assertEquals(card.classes(), training.get("classes"));
      assertEquals(400L, training.get("examples"));
      assertEquals("adamw", training.get("optimizer"));
      assertEquals(0.002, training.get("rate"));
      assertEquals(64L, training.get("batch"));
      assertEquals(2L, training.get("epochs"));
      assertEquals(3L, training.get("seed"));
      assertEquals("test", training.at("metric").text("on"));
      assertEquals(2000, training.at("metric").whole("examples"));
      assertTrue(training.number("seconds") > 0);
    }
  }

  @Test
  void theLogHasALineAStep() throws IOException {
    Path log = folder.resolve("log.csv");
    Small.pretrain(folder.resolve("m.safetensors"), "--log", log, "--steps", "5").done();
    List<String> lines = Files.readAllLines(log);
    assertEquals("step,epoch,loss,lr,grad_norm", lines.get(0));
    assertEquals(6, lines.size());
    for (int i = 1; i < lines.size(); i++) {
      assertTrue(lines.get(i).matches(i + ",1,[0-9.]+,[0-9.E-]+,[0-9.]+"), lines.get(i));
    }
  }

  @Test
  void stepsAloneSayHowLongItGoes() throws IOException {
    Path out = folder.resolve("m.safetensors");
    Answer json =
        Ran.thaw(
                "pretrain",
                "--model",
                "mlp:depth=1",
                "--data",
                "embedded",
                "--limit",
                100,
                "--batch",
                50,
                "--steps",
                9,
                "--device",
                "plain",
                "--out",
                out,
                "--json")
            .json();
    assertEquals(9L, json.get("steps"));
    assertEquals(5L, json.get("epochs"));
  }

  @Test
  void meanAndStdAreMeasuredUnlessGivenAndStored() throws IOException {
    Path measured = folder.resolve("measured.safetensors");
    Ran ran = Small.pretrain(measured).done();
    assertTrue(ran.err().contains("mean [0.2"), ran::err);
    Path given = folder.resolve("given.safetensors");
    Small.pretrain(given, "--mean", "0.5", "--std", "0.25").done();
    Answer json = Ran.thaw("inspect", given, "--json").json();
    Answer preprocessing = json.at("metadata").at("thaw.preprocessing");
    assertEquals(List.of(0.5), preprocessing.get("mean"));
    assertEquals(List.of(0.25), preprocessing.get("std"));
  }

  @Test
  void initStartsFromAFilesTensors() throws IOException {
    Path start = folder.resolve("start.safetensors");
    Small.pretrain(start).done();
    Path still = folder.resolve("still.safetensors");
    // A rate of 0 moves nothing, so what is saved is what was started from.
    Small.pretrain(still, "--init", start, "--lr", "0", "--seed", "9").done();
    assertEquals(Small.tensors(start), Small.tensors(still));
    Path other = folder.resolve("other.safetensors");
    String line =
        Ran.thaw(
                "pretrain",
                "--model",
                "mlp:depth=3,width=17",
                "--data",
                "embedded",
                "--out",
                other,
                "--device",
                "plain",
                "--init",
                start)
            .refused(Main.WRONG_INPUT);
    assertTrue(line.contains("fc1.weight [16, 784] for [17, 784]"), line);
    assertFalse(Files.exists(other));
  }

  @Test
  void theSameWordsGiveTheSameBitsAndAnotherSeedOthers() throws IOException {
    Path first = folder.resolve("1.safetensors");
    Path second = folder.resolve("2.safetensors");
    Path third = folder.resolve("3.safetensors");
    Small.pretrain(first, "--augment", "flip,rotate=10,crop=2").done();
    Small.pretrain(second, "--augment", "flip,rotate=10,crop=2").done();
    Small.pretrain(third, "--augment", "flip,rotate=10,crop=2", "--seed", "1").done();
    assertEquals(Small.tensors(first), Small.tensors(second));
    assertNotEquals(Small.tensors(first), Small.tensors(third));
  }

  @Test
  void accumulatedBatchesMakeTheStepOfOneLargeBatch() throws IOException {
    Path large = folder.resolve("large.csv");
    Path parts = folder.resolve("parts.csv");
    Path out = folder.resolve("m.safetensors");
    Small.pretrain(out, "--batch", 40, "--log", large, "--shuffle", "no").done();
    Small.pretrain(out, "--batch", 10, "--accumulate", 4, "--log", parts, "--shuffle", "no").done();
    List<String> one = Files.readAllLines(large);
    List<String> four = Files.readAllLines(parts);
    assertEquals(one.size(), four.size());
    for (int i = 1; i < one.size(); i++) {
      double loss = Double.parseDouble(one.get(i).split(",", -1)[2]);
      assertEquals(loss, Double.parseDouble(four.get(i).split(",", -1)[2]), 1e-3 * loss);
    }
  }

  @Test
  void limitsOfGradientsAndWeightsAreHeld() throws IOException {
    Path out = folder.resolve("m.safetensors");
    Small.pretrain(out, "--max-norm", "0.5", "--clip-norm", "0.1", "--clip-value", "0.01").done();
    float[] rows = new float[16 * 784];
    Answer.tensor(Small.tensors(out), "fc1.weight").asFloatBuffer().get(rows);
    for (int unit = 0; unit < 16; unit++) {
      double square = 0;
      for (int i = 0; i < 784; i++) {
        square += rows[unit * 784 + i] * (double) rows[unit * 784 + i];
      }
      assertTrue(Math.sqrt(square) < 0.5 * 1.001, "norm " + Math.sqrt(square));
    }
  }

  @Test
  void earlyStoppingHoldsOutATenthAndPutsTheBestBack() throws IOException {
    Path out = folder.resolve("m.safetensors");
    Answer json =
        Small.pretrain(
                out,
                "--epochs",
                60,
                "--early-stopping",
                1,
                "--lr",
                "0.3",
                "--schedule",
                "constant",
                "--json")
            .json();
    assertTrue(json.whole("epochs") < 60, json::toString);
    // 400 of the 7,200 that are left of 8,000: the tenth is held out first.
    assertEquals(400L, json.get("examples"));
  }

  @Test
  void sgdByNameAtAConstantRateAddsNoWarmUpAndNoDecay() throws IOException {
    Path named = folder.resolve("named.safetensors");
    Path log = folder.resolve("log.csv");
    List<Object> words = List.of("--optimizer", "sgd", "--schedule", "constant", "--lr", "0.1");
    Small.pretrain(named, with(words, "--log", log)).done();
    for (String line : Files.readAllLines(log).subList(1, 3)) {
      assertEquals("0.1", line.split(",", -1)[3]);
    }
    Path bare = folder.resolve("bare.safetensors");
    Small.pretrain(bare, with(words, "--warmup", "0", "--weight-decay", "0")).done();
    assertEquals(Small.tensors(bare), Small.tensors(named));
    Path decayed = folder.resolve("decayed.safetensors");
    Small.pretrain(decayed, with(words, "--weight-decay", "0.0005")).done();
    assertNotEquals(Small.tensors(decayed), Small.tensors(named));
  }

  private static Object[] with(List<Object> words, Object... more) {
    return Stream.concat(words.stream(), Stream.of(more)).toArray();
  }

  @Test
  void aNetThatDivergesFailsAndLeavesNoModel() throws IOException {
    Path out = folder.resolve("m.safetensors");
    Ran ran =
        Small.pretrain(out, "--lr", "1e20", "--warmup", "0", "--schedule", "constant", "--json");
    String line = ran.failed(Main.FAILED);
    assertTrue(line.matches("thaw: training: .*"), line);
    assertEquals(List.of(), left());
  }

  @Test
  void theLastCheckpointOutlivesATrainingThatDiverges() throws IOException {
    Path out = folder.resolve("m.safetensors");
    Ran ran =
        Small.pretrain(
            out,
            "--lr",
            "1e20",
            "--warmup",
            "0",
            "--schedule",
            "constant",
            "--checkpoint",
            folder.resolve("c"),
            "--checkpoint-every",
            1);
    assertTrue(ran.failed(Main.FAILED).contains("the loss is"), ran::err);
    assertEquals(List.of("c"), left());
    assertFalse(Small.tensors(folder.resolve("c")).isEmpty());
  }

  private List<String> left() throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.map(p -> p.getFileName().toString()).sorted().toList();
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "--model resnet19 | resnet19",
        "--model mlp:depth=x | depth=x",
        "--optimizer lion | --optimizer",
        "--optimizer adam --momentum 0.9 | --momentum",
        "--lr -1 | -1",
        "--epochs 0 | --epochs",
        "--steps 0 | --steps",
        "--batch 0 | --batch",
        "--limit 0 | limit",
        "--holdout 1.5 | 1.5",
        "--augment spin --data nowhere | spin",
        "--shuffle maybe --data nowhere | maybe",
        "--graph on --data nowhere | 'on' is neither auto nor off",
        "--schedule wave | wave",
        "--warmup 2 | --warmup",
        "--mean 0.5 | --std",
        "--mean 0.5,0.5 --std 1,1 | channels",
        "--data nowhere | nowhere",
        "--data embedded:runes | runes",
        "--log no/such/folder/log.csv | --log",
        "--out no/such/folder/m.safetensors | --out",
        "--resume | --resume",
        "--checkpoint-every 0 | --checkpoint-every",
        "--size 8 | --size",
        "--init missing.safetensors | missing.safetensors",
        "--frobnicate | --frobnicate"
      })
  void wrongWordsAreRefusedInOneLine(String words, String named) throws IOException {
    Path out = folder.resolve("m.safetensors");
    String[] given = words.strip().split(" ", -1);
    List<Object> all = new ArrayList<>(List.of("pretrain", "--device", "plain", "--limit", "50"));
    if (!words.contains("--model")) {
      all.addAll(List.of("--model", "mlp"));
    }
    if (!words.contains("--data")) {
      all.addAll(List.of("--data", "embedded"));
    }
    if (!words.contains("--out")) {
      all.addAll(List.of("--out", out));
    }
    if (words.contains("--limit")) {
      all.removeAll(List.of("--limit", "50"));
    }
    all.addAll(List.of(given));
    Ran ran = Ran.thaw(all.toArray());
    String line = ran.failed(Main.WRONG_INPUT);
    assertTrue(line.contains(named.strip()), line);
    assertFalse(ran.err().contains("\tat "), ran::err);
    assertEquals(List.of(), left());
  }

  @Test
  void whatIsMissingIsNamed() {
    assertTrue(Ran.thaw("pretrain").refused(Main.WRONG_INPUT).contains("--model"));
    assertTrue(Ran.thaw("pretrain", "--model", "mlp").refused(Main.WRONG_INPUT).contains("--out"));
    Path out = folder.resolve("m.safetensors");
    String line = Ran.thaw("pretrain", "--model", "mlp", "--out", out).refused(Main.WRONG_INPUT);
    assertTrue(line.contains("--data"), line);
  }
}
