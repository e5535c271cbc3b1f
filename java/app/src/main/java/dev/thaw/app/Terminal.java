package dev.thaw.app;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Standard error: what a warning looks like there, and whether a line can be overwritten. */
final class Terminal {
  /** Read by java.util.logging, where the JDK sends what the engine logs. */
  private static final String LOG_FORMAT = "java.util.logging.SimpleFormatter.format";

  private static final Path STANDARD_ERROR = Path.of("/proc/self/fd/2");
  private static volatile boolean mine;

  private Terminal() {}

  /**
   * Called by the process's own main: its error writer is the process's standard error, and a
   * warning is a line like all others there.
   */
  static void claim() {
    mine = true;
    if (System.getProperty(LOG_FORMAT) == null) {
      System.setProperty(LOG_FORMAT, "thaw: %5$s%6$s%n");
    }
  }

  /** Whether progress is shown on a terminal. */
  static boolean isOne() {
    if (!mine) {
      return false; // somebody runs a command inside a program of theirs
    }
    try {
      String target = Files.readSymbolicLink(STANDARD_ERROR).toString();
      return target.startsWith("/dev/pts/") || target.startsWith("/dev/tty");
    } catch (IOException | UnsupportedOperationException e) {
      return false; // no /proc here, so nothing is known
    }
  }
}
