package dev.thaw.bench.peers;

import dev.thaw.bench.Machine;
import dev.thaw.memory.Check;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Runs a program to its end, what it prints going where our own output goes. */
final class Python {
  private final String python;

  /** A Python that has PyTorch and NumPy. */
  Python(String python) {
    this.python = python;
  }

  /** The command that runs a script of bench/peers. */
  List<String> command(String script, String... words) {
    Path file = Machine.home().resolve("bench").resolve("peers").resolve(script);
    Check.that(Files.isRegularFile(file), "bench: there is no %s", file);
    List<String> command = new ArrayList<>(List.of(python, file.toString()));
    command.addAll(List.of(words));
    return command;
  }

  /**
   * Runs a script of bench/peers.
   *
   * @throws IOException when it fails
   */
  void run(String script, String... words) throws IOException {
    execute(command(script, words));
  }

  /**
   * Runs a program.
   *
   * @throws IOException when it fails
   */
  static void execute(List<String> command) throws IOException {
    Process process =
        new ProcessBuilder(command)
            .redirectOutput(ProcessBuilder.Redirect.to(Path.of("/dev/stderr").toFile()))
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    try {
      int code = process.waitFor();
      if (code != 0) {
        throw new IOException(
            String.format(Locale.ROOT, "%s ended with %d", String.join(" ", command), code));
      }
    } catch (InterruptedException stop) {
      process.destroy();
      Thread.currentThread().interrupt();
      throw new IOException("interrupted while " + command.get(0) + " ran", stop);
    }
  }
}
