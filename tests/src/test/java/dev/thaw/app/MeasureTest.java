package dev.thaw.app;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.thaw.NothingLeft;
import dev.thaw.data.Alphabet;
import dev.thaw.data.Dataset;
import dev.thaw.data.EmbeddedCharacters;
import dev.thaw.data.Part;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** evaluate and predict. */
@ExtendWith(NothingLeft.class)
final class MeasureTest {
  private static final int PICTURES = 40;

  @TempDir private static Path shared;

  private static Path model;
  private static Path pictures;
  private static Dataset letters;

  @BeforeAll
  static void prepare() throws IOException {
    model = shared.resolve("model.safetensors");
    Small.pretrain(model, "--limit", 4000).done();
    pictures = Files.createDirectory(shared.resolve("pictures"));
    letters = EmbeddedCharacters.draw(Alphabet.LETTERS, Part.TEST, PICTURES, 0);
    for (int i = 0; i < PICTURES; i++) {
      String name = String.format("%02d.png", i);
      ImageIO.write(picture(i), "png", pictures.resolve(name).toFile());
    }
    Files.writeString(pictures.resolve("notes.txt"), "passed over");
  }

  private static BufferedImage picture(int example) throws IOException {
    byte[] pixels = new byte[28 * 28];
    letters.read(example, ByteBuffer.wrap(pixels));
    BufferedImage image = new BufferedImage(28, 28, BufferedImage.TYPE_BYTE_GRAY);
    image.getRaster().setDataElements(0, 0, 28, 28, pixels);
    return image;
  }

  private static Ran evaluate(Object... more) {
    Object[] words = {"evaluate", "--from", model, "--device", "plain"};
    return Ran.thaw(
        java.util.stream.Stream.concat(
                java.util.Arrays.stream(words), java.util.Arrays.stream(more))
            .toArray());
  }

  @Test
  void evaluateCountsEveryExampleOnce() throws IOException {
    Answer json = evaluate("--data", "embedded", "--json").json();
    assertEquals(2000, json.whole("examples"));
    long right = 0;
    long all = 0;
    List<?> confusion = json.list("confusion");
    for (int i = 0; i < 20; i++) {
      List<?> row = (List<?>) confusion.get(i);
      right += (long) row.get(i);
      for (Object count : row) {
        all += (long) count;
      }
    }
    assertEquals(2000, all);
    assertEquals(right / 2000.0, json.number("accuracy"));
    String text = evaluate("--data", "embedded").done().out();
    assertTrue(text.contains("accuracy " + String.format("%.2f", right / 20.0) + " %"), text);
  }

  @Test
  void evaluateAgreesWithTheTrainingThatSavedTheModel() throws IOException {
    Answer metadata = Ran.thaw("inspect", model, "--json").json().at("metadata");
    assertEquals(
        metadata.at("thaw.history", 0).at("metric").number("accuracy"),
        evaluate("--data", "embedded", "--json").json().number("accuracy"));
  }

  @Test
  void aShareHeldOutIsTheOneOfTheSameSeed() throws IOException {
    Answer json = evaluate("--data", "embedded", "--holdout", "0.05", "--json").json();
    assertEquals(400, json.whole("examples"));
    assertEquals(
        100, evaluate("--data", "embedded", "--limit", 100, "--json").json().whole("examples"));
    assertEquals(
        60, evaluate("--data", "embedded", "--per-class", 3, "--json").json().whole("examples"));
  }

  @Test
  void classesThatTheModelDoesNotKnowAreRefused() {
    String line = evaluate("--data", "embedded:digits").refused(Main.WRONG_INPUT);
    assertTrue(line.contains("the model's classes are [A, C"), line);
  }

  @Test
  void predictSaysALineAPicture() throws IOException {
    Ran ran = Ran.thaw("predict", "--from", model, pictures, "--device", "plain").done();
    List<String> lines = ran.out().lines().toList();
    assertEquals(PICTURES, lines.size(), ran::out);
    int right = 0;
    for (int i = 0; i < PICTURES; i++) {
      String[] cells = lines.get(i).split("\t", -1);
      assertEquals(pictures.resolve(String.format("%02d.png", i)).toString(), cells[0]);
      right += cells[1].equals(letters.classes().get(letters.label(i))) ? 1 : 0;
      double probability = Double.parseDouble(cells[2]);
      assertTrue(probability > 0.05 && probability <= 1, lines.get(i));
    }
    double accuracy = evaluate("--data", "embedded", "--json").json().number("accuracy");
    assertEquals(accuracy, right / (double) PICTURES, 0.25);
  }

  @Test
  void predictWritesATableAndLeavesOutWhatIsUncertain() throws IOException {
    Path table = shared.resolve("labels.csv");
    Path one = pictures.resolve("03.png");
    Answer json =
        Ran.thaw(
                "predict",
                "--from",
                model,
                one,
                "--out",
                table,
                "--min-prob",
                "0.9999999",
                "--device",
                "plain",
                "--json")
            .json();
    Answer line = json.at("predictions", 0);
    assertEquals(one.toString(), line.get("file"));
    assertNull(line.get("label"));
    List<String> rows = Files.readAllLines(table);
    assertEquals("file,label,probability", rows.get(0));
    assertTrue(rows.get(1).startsWith(one + ",,0."), rows.get(1));
  }

  @Test
  void predictRefusesWhatIsNoPicture() throws IOException {
    Path notes = pictures.resolve("notes.txt");
    Ran ran = Ran.thaw("predict", "--from", model, notes, "--device", "plain");
    assertTrue(ran.refused(Main.WRONG_INPUT).contains("notes.txt"), ran::err);
    Path missing = shared.resolve("missing.png");
    Ran none = Ran.thaw("predict", "--from", model, missing, "--device", "plain");
    assertTrue(none.refused(Main.WRONG_INPUT).contains("no such file"), none::err);
    Path empty = Files.createDirectory(shared.resolve("empty"));
    Ran nothing = Ran.thaw("predict", "--from", model, empty, "--device", "plain");
    assertTrue(nothing.refused(Main.WRONG_INPUT).contains("found none"), nothing::err);
    Ran sure = Ran.thaw("predict", "--from", model, pictures, "--min-prob", "2");
    assertTrue(sure.refused(Main.WRONG_INPUT).contains("--min-prob"), sure::err);
    assertFalse(Files.exists(missing));
  }
}
