package dev.thaw.cuda;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Which way of computing was the fastest, kept in a file: measurements vary, and another way rounds
 * otherwise, so that a run could not be repeated to the bit in a process that measures anew; and
 * starting is faster. A line a choice: card and versions, what is computed, the way, between tabs;
 * the last one holds. {@code -Dthaw.cuda.plans=FILE} names the file, {@code none} keeps nothing.
 */
final class CudnnChoices {
  private static final String PROPERTY = "thaw.cuda.plans";

  private final String machine;
  private final @Nullable Path file;
  private final Map<String, String> ways = new HashMap<>();

  /**
   * Reads what is kept.
   *
   * @param machine all that a choice depends on, beside what is computed
   */
  CudnnChoices(String machine, @Nullable Path file) {
    this.machine = machine;
    this.file = file;
    if (file == null || !Files.isReadable(file)) {
      return;
    }
    try {
      for (String line : Files.readAllLines(file, UTF_8)) {
        String[] fields = line.split("\t", -1);
        if (fields.length == 3 && fields[0].equals(machine)) {
          ways.put(fields[1], fields[2]);
        }
      }
    } catch (IOException e) {
      // As if it were not there: all is measured anew.
      ways.clear();
    }
  }

  /** Where they are kept, as the property says; null for nowhere. */
  static @Nullable Path file() {
    @Nullable String named = System.getProperty(PROPERTY);
    if (named == null) {
      return CacheFolder.path().resolve("cudnn-plans");
    }
    return named.equals("none") ? null : Path.of(named);
  }

  /** The way that was chosen for {@code what}, or null. */
  synchronized @Nullable String get(String what) {
    return ways.get(what);
  }

  /** Keeps a choice, if the file can be written. */
  synchronized void put(String what, String way) {
    if (way.equals(ways.put(what, way)) || file == null) {
      return;
    }
    try {
      Path folder = file.toAbsolutePath().getParent();
      if (folder != null) {
        Files.createDirectories(folder);
      }
      // One write of one line: lines of several processes do not mix.
      Files.writeString(
          file,
          machine + '\t' + what + '\t' + way + '\n',
          StandardOpenOption.CREATE,
          StandardOpenOption.APPEND);
    } catch (IOException e) {
      // This process remembers it all the same.
      return;
    }
  }
}
