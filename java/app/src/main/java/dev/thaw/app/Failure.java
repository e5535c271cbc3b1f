package dev.thaw.app;

import dev.thaw.memory.BadFileException;
import java.io.FileNotFoundException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ParameterException;

/** How a failure ends the command: its exit code, and its one line. */
final class Failure {
  private Failure() {}

  /**
   * 2 where the words or the input are wrong: an argument that the engine refuses, a file that is
   * missing or not what it should be. 130 after Ctrl-C. 1 for everything else.
   */
  static int code(Throwable failure) {
    if (failure instanceof Interruption.Stopped) {
      return Main.INTERRUPTED;
    }
    return failure instanceof ParameterException
            || failure instanceof IllegalArgumentException
            || failure instanceof BadFileException
            || failure instanceof NoSuchFileException
            || failure instanceof NotDirectoryException
            || failure instanceof FileNotFoundException
        ? Main.WRONG_INPUT
        : Main.FAILED;
  }

  /** One printable line: what is wrong, the values, what to do. */
  static String line(Throwable failure) {
    return BadFileException.oneLine("thaw: " + message(failure));
  }

  private static String message(Throwable failure) {
    @Nullable String message = failure.getMessage();
    if (failure instanceof FileSystemException file && message != null) {
      return message(file, message);
    }
    boolean unforeseen =
        failure instanceof NullPointerException
            || failure instanceof ClassCastException
            || failure instanceof IndexOutOfBoundsException
            || failure instanceof AssertionError;
    if (unforeseen || message == null || message.isBlank()) {
      String where = failure.getStackTrace().length == 0 ? "" : " at " + failure.getStackTrace()[0];
      return "a defect of thaw: " + failure + where + "; --verbose shows the whole trace";
    }
    return message;
  }

  /** The JDK's messages of these are often the path and nothing else. */
  private static String message(FileSystemException failure, String message) {
    if (!message.equals(failure.getFile()) || message.contains(": ")) {
      return message;
    }
    if (failure instanceof NoSuchFileException) {
      return message + ": there is no such file";
    }
    if (failure instanceof AccessDeniedException) {
      return message + ": access is denied";
    }
    return message + ": " + failure.getClass().getSimpleName();
  }
}
