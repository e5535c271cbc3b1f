package dev.thaw.app;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.thaw.NothingLeft;
import dev.thaw.backend.Devices;
import dev.thaw.data.Alphabet;
import dev.thaw.data.Batch;
import dev.thaw.data.DataLoader;
import dev.thaw.data.Dataset;
import dev.thaw.data.EmbeddedCharacters;
import dev.thaw.data.Normalisation;
import dev.thaw.data.Part;
import dev.thaw.io.Safetensors;
import dev.thaw.memory.Scope;
import dev.thaw.models.ModelFile;
import dev.thaw.nn.Module;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@ExtendWith(NothingLeft.class)
final class FinetuneTest {
  @TempDir private static Path shared;
  @TempDir private Path folder;

  private static Path letters;
  private static Path normed;

  @BeforeAll
  static void pretrain() {
    letters = shared.resolve("letters.safetensors");
    Small.pretrain(letters).done();
    normed = shared.resolve("normed.safetensors");
    Small.pretrain(
            normed,
            "--model",
            "resnet20",
            "--size",
            "8x8x1",
            "--limit",
            64,
            "--holdout",
            0.005,
            "--batch",
            32,
            "--epochs",
            1)
        .done();
  }

  private Path out() {
    return folder.resolve("m.safetensors");
  }

  private static Answer metadata(Path file) throws IOException {
    return Ran.thaw("inspect", file, "--json").json().at("metadata");
  }

  @Test
  void theHeadIsSwappedAndTheHistoryGoesOn() throws IOException {
    Ran ran = Small.finetune(letters, out()).done();
    assertTrue(ran.err().contains("head fc3: 10 classes for the 20 before"), ran::err);
    Answer metadata = metadata(out());
    assertEquals(
        List.of("0", "1", "2", "3", "4", "5", "6", "7", "8", "9"), metadata.get("thaw.classes"));
    assertEquals(2, metadata.list("thaw.history").size());
    Answer last = metadata.at("thaw.history", 1);
    assertEquals("finetune", last.get("kind"));
    assertEquals("full", last.get("strategy"));
    assertEquals("embedded:digits", last.get("data"));
    assertEquals(ModelFile.sha256(letters), last.get("parent"));
  }

  @Test
  void ratesAreATenthAndAHundredthOfThePretrainings() throws IOException {
    Ran ran = Small.finetune(letters, out(), "--json");
    assertEquals(0.005, ran.json().number("head_rate"), 1e-12);
    assertEquals(0.0005, ran.json().number("rate"), 1e-12);
    assertTrue(ran.err().contains("head 0.00500, other layers 0.000500"), ran::err);
    Answer asked = Small.finetune(letters, out(), "--lr", 0.02, "--json").json();
    assertEquals(0.02, asked.get("head_rate"));
    assertEquals(0.02, asked.get("rate"));
    Answer head = Small.finetune(letters, out(), "--lr", 0.02, "--head-lr", 0.1, "--json").json();
    assertEquals(0.1, head.get("head_rate"));
    assertEquals(0.02, head.get("rate"));
  }

  @Test
  void aNewHeadStartsNearLnCAndTheRunSaysSo() throws IOException {
    Ran ran = Small.finetune(letters, out(), "--json");
    assertEquals(Math.log(10), ran.json().number("first_loss"), 0.3);
    assertTrue(
        ran.err()
            .matches(
                "(?s).*first loss \\d\\.\\d{4}; a head that knows nothing starts near ln 10 = 2\\.3026.*"),
        ran::err);
  }

  @Test
  void theFilesMeanAndStdAreKept() throws IOException {
    Small.finetune(letters, out()).done();
    assertEquals(
        metadata(letters).get("thaw.preprocessing"), metadata(out()).get("thaw.preprocessing"));
  }

  @ParameterizedTest
  @CsvSource({"full,'',13002", "partial,fc1 fc2,170", "head,fc1 fc2,170"})
  void whatAStrategyFreezesStaysTheSameToTheByte(String strategy, String frozen, long trainable)
      throws IOException {
    Answer json = Small.finetune(letters, out(), "--strategy", strategy, "--json").json();
    assertEquals(trainable, json.whole("trainable"));
    Map<String, ByteBuffer> before = Small.tensors(letters);
    Map<String, ByteBuffer> after = Small.tensors(out());
    for (String layer : List.of("fc1", "fc2")) {
      for (String name : List.of(layer + ".weight", layer + ".bias")) {
        if (frozen.contains(layer)) {
          assertEquals(before.get(name), after.get(name), name);
        } else {
          assertNotEquals(before.get(name), after.get(name), name);
        }
      }
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "--freeze fc1 | fc1 frozen, fc2 trained, fc3 trained",
        "--freeze fc* --strategy full | nothing would be trained",
        "--freeze *.bias | fc1 partly, fc2 partly, fc3 partly",
        "--freeze fc1 --freeze fc2 | fc1 frozen, fc2 frozen, fc3 trained",
        "--freeze-to fc1 | fc1 frozen, fc2 trained, fc3 trained",
        "--freeze-to 2 | fc1 frozen, fc2 frozen, fc3 trained",
        "--freeze-to fc3 | nothing would be trained",
        "--train-last 2 | fc1 frozen, fc2 trained, fc3 trained",
        "--train-last 0 | nothing would be trained",
        "--freeze fc9 | fc9",
        "--freeze-to fc9 | fc9",
        "--freeze-to 9 | 9",
        "--strategy sideways | sideways",
        "--strategy full --train-last 1 | exclude each other",
        "--bn sometimes | sometimes",
        "--bn adapt-stats | no batch norm",
        "--layer-decay 0 | layer decay",
        "--keep-classes A,B | A"
      })
  void freezingByNameLayerAndCount(String words, String expected) {
    Ran ran = Small.finetune(letters, out(), (Object[]) words.strip().split(" ", -1));
    if (expected.contains("fc1 ")) {
      ran.done();
      for (String state : expected.split(", ", -1)) {
        String[] layer = state.strip().split(" ", -1);
        assertTrue(ran.err().matches("(?s).*" + layer[0] + " +" + layer[1] + " .*"), ran::err);
      }
    } else {
      String line = ran.failed(Main.WRONG_INPUT);
      assertTrue(line.contains(expected.strip()), line);
      assertFalse(Files.exists(out()));
    }
  }

  @Test
  void nothingToTrainIsRefusedWithTheNumberOfParameters() {
    Ran ran = Small.finetune(letters, out(), "--freeze", "*");
    assertEquals(
        "thaw: nothing would be trained: all 6 parameters are frozen; thaw the head, or freeze"
            + " fewer",
        ran.failed(Main.WRONG_INPUT));
  }

  @Test
  void theHeadOfTheSameDataIsKept() throws IOException {
    Path first = folder.resolve("head.safetensors");
    Small.finetune(letters, first, "--strategy", "head", "--lr", 0.05).done();
    Ran ran = Small.finetune(first, out(), "--lr", "0", "--json");
    assertTrue(ran.err().contains("head fc3 kept"), ran::err);
    assertFalse(ran.err().contains("knows nothing"), ran::err);
    ran.json();
    assertEquals(Small.tensors(first), Small.tensors(out()), "a rate of 0 moves nothing");
  }

  @Test
  void keptClassesHaveTheLogitsTheyHad() throws IOException {
    Path cut = out();
    Ran ran =
        Ran.thaw(
                "finetune",
                "--from",
                letters,
                "--keep-classes",
                "K,A,Y",
                "--out",
                cut,
                "--device",
                "plain")
            .done();
    assertTrue(ran.out().contains("kept 3 of 20 classes, without training"), ran::out);
    assertEquals(List.of("K", "A", "Y"), metadata(cut).get("thaw.classes"));
    float[] all = logits(letters);
    float[] kept = logits(cut);
    List<String> classes = Alphabet.LETTERS.classes();
    for (int i = 0; i < 8; i++) {
      assertEquals(all[20 * i + classes.indexOf("K")], kept[3 * i]);
      assertEquals(all[20 * i + classes.indexOf("A")], kept[3 * i + 1]);
      assertEquals(all[20 * i + classes.indexOf("Y")], kept[3 * i + 2]);
    }
    Ran measured =
        Ran.thaw("evaluate", "--from", cut, "--data", "embedded", "--device", "plain", "--json");
    assertEquals(300, measured.json().whole("examples"));
    assertTrue(measured.err().contains("300 of 2000 examples"), measured::err);
  }

  private static float[] logits(Path file) throws IOException {
    Dataset letters = EmbeddedCharacters.draw(Alphabet.LETTERS, Part.TEST, 8, 0);
    try (var on = Devices.get("plain").device().use();
        Scope scope = Scope.open();
        DataLoader loader =
            new DataLoader(
                letters, Normalisation.none(1), DataLoader.Options.evaluation(8).withThreads(1));
        Module model = ModelFile.load(file).module()) {
      Batch batch = java.util.Objects.requireNonNull(loader.next());
      return model.call(batch.x()).toFloats();
    }
  }

  @Test
  void keptClassesCanBeTrainedOn() throws IOException {
    Answer json =
        Small.finetune(
                letters,
                out(),
                "--data",
                "embedded",
                "--keep-classes",
                "A,C",
                "--limit",
                50,
                "--json")
            .json();
    assertEquals(List.of("A", "C"), json.get("classes"));
    assertEquals(2 * 17, json.at("layers", -1).whole("parameters"));
    Ran ran = Ran.thaw("finetune", "--from", letters, "--out", out());
    assertTrue(ran.failed(Main.WRONG_INPUT).contains("--data"), ran::err);
    Ran twice = Ran.thaw("finetune", "--from", letters, "--out", out(), "--keep-classes", "A,A");
    assertTrue(twice.failed(Main.WRONG_INPUT).contains("'A' is named twice"), twice::err);
  }

  @ParameterizedTest
  @CsvSource({"eval", "train-all", "batch-stats", "adapt-stats"})
  void normsFollowThePolicyAskedFor(String policy) throws IOException {
    Ran ran =
        Small.finetune(
                normed,
                out(),
                "--bn",
                policy,
                "--strategy",
                "head",
                "--limit",
                64,
                "--batch",
                32,
                "--epochs",
                1,
                "--holdout",
                0.005,
                "--lr",
                0.01)
            .done();
    Map<String, ByteBuffer> before = Small.tensors(normed);
    Map<String, ByteBuffer> after = Small.tensors(out());
    boolean moved =
        !Answer.tensor(before, "bn1.running_mean").equals(after.get("bn1.running_mean"));
    assertEquals(policy.equals("train-all") || policy.equals("adapt-stats"), moved, policy);
    assertEquals(before.get("bn1.weight"), after.get("bn1.weight"));
    assertEquals(policy.equals("adapt-stats"), ran.err().contains("re-estimated over 2 batches"));
    Answer norms = metadata(out()).at("thaw.norms");
    assertEquals(policy.equals("adapt-stats") ? "eval" : policy, norms.get("bn1"));
  }

  @Test
  void batchNormWarnsOfSmallBatches() {
    Ran ran =
        Small.finetune(
            normed, out(), "--limit", 16, "--batch", 8, "--epochs", 1, "--holdout", 0.005);
    ran.done();
    assertTrue(ran.err().contains("batches of 8, which are uncertain under 16"), ran::err);
    Ran constant =
        Small.finetune(
            normed,
            out(),
            "--bn",
            "eval",
            "--limit",
            16,
            "--batch",
            8,
            "--epochs",
            1,
            "--holdout",
            0.005);
    assertFalse(constant.done().err().contains("uncertain"), constant::err);
  }

  @Test
  void layerDecayLetsLowerLayersMoveLess() throws IOException {
    Small.finetune(letters, out(), "--lr", 0.05, "--layer-decay", "0.001").done();
    Map<String, ByteBuffer> before = Small.tensors(letters);
    Map<String, ByteBuffer> after = Small.tensors(out());
    double low = distance(before, after, "fc1.weight");
    double high = distance(before, after, "fc2.weight");
    assertTrue(low > 0 && low < 0.05 * high, low + " against " + high);
  }

  private static double distance(
      Map<String, ByteBuffer> before, Map<String, ByteBuffer> after, String name) {
    ByteBuffer a = Answer.tensor(before, name);
    ByteBuffer b = Answer.tensor(after, name);
    double moved = 0;
    double size = 0;
    for (int i = 0; i < a.remaining(); i += 4) {
      double was = a.getFloat(i);
      moved += (b.getFloat(i) - was) * (b.getFloat(i) - was);
      size += was * was;
    }
    return Math.sqrt(moved / size);
  }

  @Test
  void aFileThatIsNoModelIsRefused() throws IOException {
    Path notes = Files.writeString(folder.resolve("notes.txt"), "nothing of the kind");
    Ran ran = Small.finetune(notes, out());
    assertTrue(ran.failed(Main.WRONG_INPUT).contains("notes.txt"), ran::err);
    Ran missing = Small.finetune(folder.resolve("missing"), out());
    assertTrue(missing.failed(Main.WRONG_INPUT).contains("no such file"), missing::err);
    Path foreign = folder.resolve("foreign.safetensors");
    Safetensors.write(foreign, Map.of(), Map.of());
    Ran other = Small.finetune(foreign, out());
    assertTrue(other.failed(Main.WRONG_INPUT).contains("a model saved by Thaw"), other::err);
    assertFalse(Files.exists(out()));
  }
}
