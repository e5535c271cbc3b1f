package dev.thaw.lessons;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Each lesson checks its own numbers; here it has to end, and to leave its picture. */
class LessonTest {
  private static final List<String> PICTURES =
      List.of("01-tape.svg", "02-spiral.svg", "03-strategies.svg");

  @TempDir private Path folder = Path.of("");

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3})
  void runs(int number) throws IOException {
    Lesson.main(new String[] {Integer.toString(number), folder.toString()});
    String picture = Files.readString(folder.resolve(PICTURES.get(number - 1)));
    assertTrue(picture.startsWith("<svg") && picture.endsWith("</svg>\n"), picture);
  }
}
