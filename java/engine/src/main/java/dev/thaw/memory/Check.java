package dev.thaw.memory;

import java.util.Locale;

/** The one way an argument is refused: a condition and the line that says what is wrong. */
public final class Check {
  private Check() {}

  /**
   * Throws unless {@code condition} holds. The message is formatted only on failure, so a check
   * costs one branch.
   *
   * @param condition what must be true
   * @param message a {@link String#format} pattern: {@code "op: what is wrong, the values"}
   * @param values the values named in the message
   * @throws IllegalArgumentException with the formatted message when the condition is false
   */
  public static void that(boolean condition, String message, Object... values) {
    if (!condition) {
      throw new IllegalArgumentException(String.format(Locale.ROOT, message, values));
    }
  }
}
