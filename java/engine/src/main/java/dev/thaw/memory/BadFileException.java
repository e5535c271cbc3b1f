package dev.thaw.memory;

import java.io.IOException;
import org.jspecify.annotations.Nullable;

/**
 * The one way a file is refused: a single line with the file, the offset, what was expected there,
 * what was found instead and what to do: {@code w.safetensors at byte 0: expected a header of at
 * most 1024 bytes, found 99999999; the file is cut short: copy it again}.
 *
 * <p>Text that comes from the file itself may hold anything, so control characters are replaced and
 * the line is cut at {@value #LONGEST} characters.
 */
public final class BadFileException extends IOException {
  private static final long serialVersionUID = 1L;
  private static final int LONGEST = 600;

  /**
   * Refuses a file.
   *
   * @param file its path, or path and inner name
   * @param offset where in the file, in bytes; negative when no one place is to blame
   * @param expected what a good file has there
   * @param found what this file has
   * @param remedy what the user can do
   */
  public BadFileException(Object file, long offset, String expected, String found, String remedy) {
    this(file, offset, expected, found, remedy, null);
  }

  /** As above, with the failure that brought it to light. */
  public BadFileException(
      Object file,
      long offset,
      String expected,
      String found,
      String remedy,
      @Nullable Throwable cause) {
    super(
        oneLine(
            file
                + (offset < 0 ? "" : " at byte " + offset)
                + ": expected "
                + expected
                + ", found "
                + found
                + "; "
                + remedy),
        cause);
  }

  /** {@code text} as one printable line of bounded length. */
  public static String oneLine(String text) {
    StringBuilder line = new StringBuilder(Math.min(text.length(), LONGEST) + 4);
    for (int i = 0; i < text.length(); i++) {
      if (i == LONGEST) {
        return line.append(" ...").toString();
      }
      char c = text.charAt(i);
      line.append(Character.isISOControl(c) || c == '\u2028' || c == '\u2029' ? '?' : c);
    }
    return line.toString();
  }
}
