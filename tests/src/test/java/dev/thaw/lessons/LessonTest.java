package dev.thaw.lessons;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.thaw.Needs;
import dev.thaw.backend.Backend;
import dev.thaw.backend.Devices;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Each lesson checks its own numbers; here it has to end, and to leave its picture. */
class LessonTest {
  private static final List<String> PICTURES =
      List.of(
          "01-tape.svg",
          "02-spiral.svg",
          "03-strategies.svg",
          "04-from-java-to-the-card.svg",
          "05-edit-a-kernel.svg");

  @TempDir private Path folder = Path.of("");

  /** A folder that cannot be made, and lessons that are none: a line and an exit code. */
  @Test
  void whatCannotRunIsSaidInOneLine() throws IOException {
    Path file = Files.createFile(folder.resolve("file"));
    PrintStream before = System.err;
    ByteArrayOutputStream said = new ByteArrayOutputStream();
    try {
      System.setErr(new PrintStream(said, true, UTF_8));
      assertEquals(1, Lesson.run("4", file.toString()));
      assertEquals(2, Lesson.run("6"));
      assertEquals(2, Lesson.run());
    } finally {
      System.setErr(before);
    }
    List<String> lines = said.toString(UTF_8).lines().toList();
    assertEquals(
        List.of(
            "lesson: cannot write there: " + file + ", FileAlreadyExistsException",
            "lesson: which one? 1 to 5: ./thaw lesson 1 [FOLDER]",
            "lesson: which one? 1 to 5: ./thaw lesson 1 [FOLDER]"),
        lines);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 4, 5})
  void runs(int number) throws IOException {
    assertEquals(0, Lesson.run(Integer.toString(number), folder.toString()));
    String picture = Files.readString(folder.resolve(PICTURES.get(number - 1)));
    assertTrue(picture.startsWith("<svg") && picture.endsWith("</svg>\n"), picture);
  }

  static List<String> devices() {
    return Devices.available();
  }

  @ParameterizedTest
  @MethodSource("devices")
  void aConvolutionIsFollowedOnEveryDevice(String device) throws IOException {
    FromJavaToTheCard.run(folder, Devices.get(device));
    String picture = Files.readString(folder.resolve(PICTURES.get(3)));
    long pale = picture.lines().filter(line -> line.contains("#eee")).count();
    int missed = device.equals("plain") ? 3 : device.equals("cpu") ? 2 : 0;
    assertEquals(missed, pale, "stations not reached on " + device);
  }

  /**
   * The stand-in for a card holds the kernels itself and compiles nothing: all goes as on a card up
   * to the first number that an edit should change, and there the lesson says so.
   */
  @Test
  void anEditWithoutEffectIsNoticed() {
    Backend card = Needs.device("cuda-sim");
    IllegalStateException failure =
        assertThrows(IllegalStateException.class, () -> EditAKernel.run(folder, card));
    assertEquals("ReLU, edited of -4.0 should be -1.0 ± 0.0, found 0.0", failure.getMessage());
  }
}
