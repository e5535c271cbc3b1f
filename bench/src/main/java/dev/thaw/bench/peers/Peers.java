package dev.thaw.bench.peers;

import java.util.List;
import picocli.CommandLine;

/** The comparisons by name, and how one ends: 0 when all is in bounds, 1 when not, 2 for words. */
public final class Peers {
  private Peers() {}

  /** The names of the comparisons. */
  public static List<String> names() {
    return List.of("parity", "speed");
  }

  /** Whether {@code name} is a comparison. */
  public static boolean knows(String name) {
    return names().contains(name);
  }

  /**
   * Runs the comparison that the first word names.
   *
   * @return the exit code
   */
  public static int run(String[] words) {
    CommandLine line = new CommandLine(words[0].equals("parity") ? new Parity() : new Speed());
    line.setExecutionExceptionHandler(
        (failure, command, parsed) -> {
          System.err.println("bench: " + failure);
          return failure instanceof IllegalArgumentException ? 2 : 1;
        });
    return line.execute(List.of(words).subList(1, words.length).toArray(new String[0]));
  }
}
