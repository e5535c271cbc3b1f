package dev.thaw.lessons;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.io.InputStream;
import org.jspecify.annotations.Nullable;

/** The text of our CUDA kernels, which thaw-cuda's jar carries. */
final class KernelText {
  private KernelText() {}

  /** A file of kernels/; null where thaw-cuda is not on the class path. */
  static @Nullable String read(String name) throws IOException {
    try (InputStream in = KernelText.class.getResourceAsStream("/dev/thaw/cuda/kernels/" + name)) {
      return in == null ? null : new String(in.readAllBytes(), UTF_8);
    }
  }

  /** Where thaw-cuda is missing: what to do. */
  static final String MISSING =
      "thaw-cuda is not on the class path, and the kernels' text is in its jar; ./thaw adds it on"
          + " Linux";

  /**
   * From the line that begins with {@code from} through the next one that begins with {@code to}.
   *
   * @throws IllegalStateException when it is not there exactly once
   */
  static String part(String text, String from, String to) {
    int begin = text.indexOf("\n" + from) + 1;
    int last = text.indexOf("\n" + to, begin);
    if (begin == 0 || last < 0 || text.indexOf("\n" + from, begin) >= 0) {
      throw new IllegalStateException("lesson: the kernels have no one place '" + from + "'");
    }
    return text.substring(begin, text.indexOf('\n', last + 1) + 1);
  }
}
