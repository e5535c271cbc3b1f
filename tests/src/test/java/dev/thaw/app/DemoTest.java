package dev.thaw.app;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.thaw.NothingLeft;
import dev.thaw.models.ModelFile;
import dev.thaw.nn.Module;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.w3c.dom.Document;
import org.w3c.dom.NodeList;

/** The demo and the page it writes, small: what holds of any run of it. */
@ExtendWith(NothingLeft.class)
final class DemoTest {
  private static final List<String> STRATEGIES = List.of("scratch", "full", "partial", "head");

  @TempDir private static Path shared;

  private static Path folder;
  private static Answer json;

  @BeforeAll
  static void runOnce() throws IOException {
    folder = shared.resolve("kept");
    json = demo("--out", folder, "--json").json();
  }

  private static Ran demo(Object... more) {
    List<Object> words = new ArrayList<>(List.of("demo", "--device", "plain"));
    words.addAll(List.of("--limit", 64, "--epochs", 1, "--per-class", 2, "--steps", 6));
    words.addAll(List.of(more));
    return Ran.thaw(words.toArray());
  }

  private static Answer run(String strategy) {
    return json.at("runs", STRATEGIES.indexOf(strategy));
  }

  @Test
  void everyRunIsThereWithItsFigures() {
    assertEquals(STRATEGIES.size(), json.list("runs").size());
    for (String strategy : STRATEGIES) {
      Answer run = run(strategy);
      assertEquals(strategy, run.text("strategy"));
      assertEquals(6, run.whole("steps"), strategy);
      assertTrue(run.number("accuracy") >= 0 && run.number("accuracy") <= 1, strategy);
      assertTrue(run.number("seconds") > 0, strategy);
      assertTrue(run.number("distance_from_start") > 0, strategy);
      assertFalse(run.text("verdict").isBlank(), strategy);
      assertFalse(run.at("verdicts", 0).list("evidence").isEmpty(), strategy);
    }
    assertTrue(STRATEGIES.contains(json.text("best")));
    assertTrue(json.text("verdict").contains("after the same 6 steps"), json.text("verdict"));
  }

  @Test
  void theMoreIsFrozenTheLessIsTrainedAndHeld() {
    assertEquals(421_642, run("scratch").whole("trainable"));
    assertEquals(421_642, run("full").whole("trainable"));
    assertEquals(401_536 + 1290, run("partial").whole("trainable"));
    assertEquals(1290, run("head").whole("trainable"));
    assertTrue(run("partial").whole("peak_bytes") < run("full").whole("peak_bytes"));
    assertTrue(run("head").whole("peak_bytes") < run("partial").whole("peak_bytes"));
  }

  @Test
  void whatIsFrozenDidNotMoveAndTheRestDid() throws IOException {
    assertFrozen("scratch", List.of());
    assertFrozen("full", List.of());
    assertFrozen("partial", List.of("conv1", "conv2"));
    assertFrozen("head", List.of("conv1", "conv2", "fc1"));
    assertEquals(0, run("head").number("distance_of_body"));
    assertEquals("frozen", run("head").text("verdict"));
  }

  private static void assertFrozen(String strategy, List<String> frozen) throws IOException {
    var before = Small.tensors(folder.resolve("pretrained.safetensors"));
    var after = Small.tensors(folder.resolve(strategy + ".safetensors"));
    List<String> layers = List.of("conv1", "conv2", "fc1", "fc2");
    for (int i = 0; i < layers.size(); i++) {
      String name = layers.get(i);
      Answer layer = run(strategy).at("layers", i);
      assertEquals(name, layer.text("name"));
      boolean still = frozen.contains(name);
      assertEquals(still ? "frozen" : "trained", layer.text("state"), strategy + " " + name);
      assertEquals(still, layer.number("distance_from_start") == 0, strategy + " " + name);
      for (String tensor : List.of(name + ".weight", name + ".bias")) {
        if (still) {
          assertEquals(before.get(tensor), after.get(tensor), strategy + " " + tensor);
        } else {
          assertNotEquals(before.get(tensor), after.get(tensor), strategy + " " + tensor);
        }
      }
    }
  }

  @Test
  void aKeptModelIsOneLikeAnyOther() throws IOException {
    Answer evaluated =
        Ran.thaw(
                "evaluate",
                "--from",
                folder.resolve("head.safetensors"),
                "--data",
                "embedded:digits",
                "--limit",
                50,
                "--json",
                "--device",
                "plain")
            .json();
    assertEquals(10, evaluated.list("classes").size());
  }

  @Test
  void aKeptModelSaysHowItWasTrained() throws IOException {
    Path parent = folder.resolve("pretrained.safetensors");
    Answer first = lastTraining(parent);
    assertEquals("pretrain", first.text("kind"));
    for (String way : List.of("full", "partial", "head")) {
      Answer last = lastTraining(folder.resolve(way + ".safetensors"));
      assertEquals("finetune", last.text("kind"), way);
      assertEquals(ModelFile.sha256(parent), last.text("parent"), way);
      assertTrue(last.number("rate") < first.number("rate"), way);
      assertTrue(last.number("rate") < last.number("head_rate"), way);
      assertEquals(run(way).number("accuracy"), last.at("metric").number("accuracy"), way);
    }
  }

  private static Answer lastTraining(Path file) throws IOException {
    ModelFile.Loaded loaded = ModelFile.load(file);
    try (Module model = loaded.module()) {
      return new Answer(loaded.card().lastTraining());
    }
  }

  @Test
  void theReportStandsAlone() throws Exception {
    Path report = Path.of(json.text("report"));
    assertEquals(folder.resolve("report.html"), report);
    String page = Files.readString(report);
    Document document = parsed(page);
    assertEquals(
        List.of(
            "The runs on digits",
            "Verdicts, evidence, remedies",
            "How they learn",
            "What moves in the layers",
            "How many directions the layers use",
            "What the first layer looks for",
            "The pre-training before",
            "How it was made"),
        texts(document, "h2"));
    // Two times three curves, three charts of motion, four of ranks; filters of five runs.
    assertEquals(13, document.getElementsByTagName("svg").getLength());
    assertEquals(3 * 3 + 2, document.getElementsByTagName("img").getLength());
    for (String outside : List.of("http", "<script", "<link", "@import", "url(")) {
      assertFalse(page.contains(outside), outside);
    }
    for (String broken : List.of("NaN", "Infinity", "null")) {
      assertFalse(page.contains(broken), broken);
    }
    assertTrue(page.contains(json.text("verdict").substring(0, 40)));
  }

  private static Document parsed(String page) throws Exception {
    return DocumentBuilderFactory.newInstance()
        .newDocumentBuilder()
        .parse(new ByteArrayInputStream(page.getBytes(java.nio.charset.StandardCharsets.UTF_8)));
  }

  private static List<String> texts(Document document, String tag) {
    NodeList elements = document.getElementsByTagName(tag);
    List<String> texts = new ArrayList<>();
    for (int i = 0; i < elements.getLength(); i++) {
      texts.add(elements.item(i).getTextContent());
    }
    return texts;
  }

  @Test
  void aTrainingWithAReportIsTheSameTraining() throws Exception {
    Path without = shared.resolve("without.safetensors");
    Path with = shared.resolve("with.safetensors");
    Path page = shared.resolve("training.html");
    Small.pretrain(without).done();
    Answer answer = Small.pretrain(with, "--report", page, "--json").json();
    assertEquals(Small.tensors(without), Small.tensors(with));
    assertEquals(page.toString(), answer.text("report"));
    Document document = parsed(Files.readString(page));
    assertEquals("mlp:depth=3,width=16 on embedded, pretrain", texts(document, "title").get(0));
    assertTrue(texts(document, "h2").contains("What moves in the layers"));
  }

  @Test
  void tunedOnDataOfOnesOwnItNamesThem() throws Exception {
    Path page = shared.resolve("own.html");
    Ran ran = demo("--target", "embedded:letters", "--report", page).done();
    assertTrue(ran.out().contains("\nhead only"), ran::out);
    assertTrue(ran.out().contains("2,580"), ran::out);
    assertTrue(ran.out().endsWith("report: " + page + System.lineSeparator()), ran::out);
    assertTrue(texts(parsed(Files.readString(page)), "h2").contains("The runs on letters"));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "--epochs 0 | --epochs: 0 is not above 0",
        "--steps 0 | --steps: 0 is not above 0",
        "--limit -3 | --limit: -3 is not above 0",
        "--per-class 0 | --per-class: 0 is not above 0",
        "--size 28 | --size: '28' is no size",
        "--report nowhere/report.html | there is no folder",
        "--out pom.xml | --out: pom.xml is a file, name a folder",
        "--data nowhere | there is no such file or folder",
        "--strategy head | Unknown option",
      })
  void wrongWordsAreRefused(String words, String reason) {
    String line = Ran.thaw((Object[]) ("demo " + words).split(" ")).refused(Main.WRONG_INPUT);
    assertTrue(line.contains(reason), line);
  }
}
