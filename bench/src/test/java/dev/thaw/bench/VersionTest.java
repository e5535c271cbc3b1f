package dev.thaw.bench;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.thaw.app.Main;
import dev.thaw.bench.peers.Peers;
import dev.thaw.bench.roofline.Roofline;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Commands of the benchmarks say their version as all others do. */
final class VersionTest {
  private final PrintStream before = System.out;
  private final ByteArrayOutputStream printed = new ByteArrayOutputStream();

  VersionTest() {
    System.setOut(new PrintStream(printed, true, UTF_8));
  }

  @AfterEach
  void toTheTerminalAgain() {
    System.setOut(before);
  }

  private void assertPrinted() {
    List<String> expected = List.of(new Main.Version().getVersion());
    assertEquals(expected, printed.toString(UTF_8).lines().toList());
    assertTrue(expected.get(0).startsWith("thaw "), expected.get(0));
  }

  @ParameterizedTest
  @ValueSource(strings = {"parity", "speed"})
  void ofAComparison(String name) {
    assertEquals(0, Peers.run(new String[] {name, "-V"}));
    assertPrinted();
  }

  @Test
  void ofTheRoofline() {
    assertEquals(0, Roofline.run(List.of("--version")));
    assertPrinted();
  }
}
