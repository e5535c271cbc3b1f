package dev.thaw.app;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.thaw.io.Json;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.Arrays;
import java.util.List;
import picocli.CommandLine;

/** A command that was run in this JVM: its exit code, and what it wrote where. */
record Ran(int code, String out, String err) {
  /** Runs {@code thaw} with these words. */
  static Ran thaw(Object... words) {
    StringWriter out = new StringWriter();
    StringWriter err = new StringWriter();
    CommandLine line = Main.commandLine();
    line.setOut(new PrintWriter(out, true));
    line.setErr(new PrintWriter(err, true));
    int code = line.execute(Arrays.stream(words).map(String::valueOf).toArray(String[]::new));
    return new Ran(code, out.toString(), err.toString());
  }

  /** Demands success. */
  Ran done() {
    assertEquals(Main.DONE, code, this::toString);
    return this;
  }

  /** Demands exit code {@code expected}, one line on standard error, nothing on the other. */
  String refused(int expected) {
    assertEquals(expected, code, this::toString);
    List<String> lines = err.lines().toList();
    assertEquals(1, lines.size(), this::toString);
    assertEquals("", out, this::toString);
    return lines.get(0);
  }

  /** Demands exit code {@code expected}, whatever progress came before; returns the last line. */
  String failed(int expected) {
    assertEquals(expected, code, this::toString);
    assertEquals("", out, this::toString);
    List<String> lines = err.lines().toList();
    return lines.get(lines.size() - 1);
  }

  /** Standard output as the one JSON object that it must be. */
  Answer json() throws IOException {
    done();
    return new Answer(Json.readObject(out, "standard output"));
  }
}
