package dev.thaw.app;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Whether a line can be overwritten where progress goes. */
final class Terminal {
  private static final Path STANDARD_ERROR = Path.of("/proc/self/fd/2");
  private static volatile boolean mine;

  private Terminal() {}

  /** Called by the process's own main: its error writer is the process's standard error. */
  static void claim() {
    mine = true;
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
