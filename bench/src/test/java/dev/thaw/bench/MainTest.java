package dev.thaw.bench;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The words of {@code ./thaw bench} that are not JMH's alone. */
final class MainTest {
  /** JMH itself knows the short one only. */
  @ParameterizedTest
  @ValueSource(strings = {"-h", "--help"})
  void help(String word) throws IOException {
    PrintStream before = System.out;
    ByteArrayOutputStream printed = new ByteArrayOutputStream();
    try {
      System.setOut(new PrintStream(printed, true, UTF_8));
      assertEquals(0, Main.run(new ArrayList<>(List.of(word))));
    } finally {
      System.setOut(before);
    }
    assertTrue(printed.toString(UTF_8).contains("--kernel NAME"), printed::toString);
  }
}
