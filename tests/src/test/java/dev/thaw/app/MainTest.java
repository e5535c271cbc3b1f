package dev.thaw.app;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.PrintWriter;
import java.io.StringWriter;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;

final class MainTest {
  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  private int run(String... words) {
    CommandLine line = Main.commandLine();
    line.setOut(new PrintWriter(out, true));
    line.setErr(new PrintWriter(err, true));
    return line.execute(words);
  }

  @Test
  void versionNamesEngineAndJava() {
    assertEquals(Main.DONE, run("--version"));
    assertTrue(out.toString().startsWith("thaw "), out::toString);
    assertTrue(out.toString().contains("java " + Runtime.version()), out::toString);
    assertEquals("", err.toString());
  }

  @Test
  void helpGoesToStandardOutput() {
    assertEquals(Main.DONE, run("help"));
    assertTrue(out.toString().startsWith("Usage: thaw "), out::toString);
    assertEquals("", err.toString());
  }

  @Test
  void wrongWordsAreOneLineAndExitCodeTwo() {
    assertEquals(Main.WRONG_INPUT, run("freeze-everything"));
    assertEquals(1, err.toString().lines().count(), err::toString);
    assertTrue(err.toString().contains("freeze-everything"), err::toString);
    assertEquals("", out.toString());
  }

  @Test
  void noCommandIsNoSuccess() {
    assertEquals(Main.WRONG_INPUT, run());
    assertEquals("thaw: no command was given; see `thaw help`", err.toString().strip());
  }
}
