package dev.thaw.memory;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/** {@code -Dthaw.trace=true} is read once, so it is tried in a JVM of its own. */
final class TraceTest {
  @Test
  void aClosedBufferShowsWhereItWasClosed() throws IOException, InterruptedException {
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Dthaw.trace=true",
                "-cp",
                System.getProperty("java.class.path"),
                Program.class.getName())
            .redirectErrorStream(true)
            .start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(0, process.waitFor(), output);
    assertTrue(output.contains("buffer of 32 bytes on test is closed\n"), output);
    assertTrue(output.contains("closed here"), output);
    assertTrue(output.contains("letGo"), output);
  }

  /** Reads a closed buffer. */
  static final class Program {
    private Program() {}

    /** Prints the failure with its cause. */
    public static void main(String[] args) {
      Buffer buffer = TestPool.make().allocate(DType.FLOAT32, 8, Purpose.ACTIVATIONS);
      letGo(buffer);
      try {
        System.out.println(buffer.storage());
      } catch (IllegalStateException e) {
        e.printStackTrace(System.out);
      }
    }

    private static void letGo(Buffer buffer) {
      buffer.release();
    }
  }
}
