package dev.thaw;

import static org.junit.jupiter.api.Assertions.fail;
import static org.junit.jupiter.api.Assumptions.abort;

import dev.thaw.backend.Backend;
import dev.thaw.backend.Devices;
import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * What a test cannot do without. Where it is missing the test is skipped, and the reason printed;
 * with {@code THAW_CI=1} the test fails.
 */
public final class Needs {
  private static final boolean CI = "1".equals(System.getenv("THAW_CI"));

  /** Reasons that were printed: one that skips a hundred tests is said once. */
  private static final Set<String> SAID = ConcurrentHashMap.newKeySet();

  private Needs() {}

  /**
   * A file or folder of a data set. The continuous build sets {@code THAW_DATA} where it has any.
   *
   * @param name path below the data folder, such as {@code mnist}
   */
  public static Path data(String name) {
    String named = System.getenv("THAW_DATA");
    Path folder = named == null ? home().resolveSibling("shared").resolve("data") : Path.of(named);
    Path found = folder.resolve(name).toAbsolutePath().normalize();
    if (!Files.exists(found)) {
      missing(named != null, "no data at " + found + "; THAW_DATA names the folder of " + name);
    }
    return found;
  }

  /**
   * A program on the path.
   *
   * @param name its name, such as {@code objdump}
   */
  public static String tool(String name) {
    return tool(name, true);
  }

  /** A program that the continuous build holds its checks with where it is on the path. */
  public static String toolIfAny(String name) {
    return tool(name, false);
  }

  private static String tool(String name, boolean expected) {
    String path = System.getenv("PATH");
    for (String folder : path == null ? new String[0] : path.split(File.pathSeparator, -1)) {
      if (!folder.isEmpty() && Files.isExecutable(Path.of(folder, name))) {
        return name;
      }
    }
    missing(expected, "no program " + name + " on the path");
    return name;
  }

  /**
   * The first device of a kind. The continuous build has every kind but {@code cuda}.
   *
   * @param kind its name, such as {@code cpu}
   */
  public static Backend device(String kind) {
    try {
      return Devices.get(kind);
    } catch (IllegalStateException e) {
      missing(!kind.equals("cuda"), String.valueOf(e.getMessage()));
      throw e;
    }
  }

  /**
   * Called where a backend turns out to have no kernels of a family.
   *
   * @param what the op and the backend
   */
  public static void kernels(String what) {
    missing(true, "no kernels for " + what);
  }

  /**
   * Tests whose traces are looked at; the continuous build runs all.
   *
   * @param ran whether they did
   * @param which they are
   */
  public static void testsBefore(boolean ran, String which) {
    if (!ran) {
      missing(true, "tests that run before this one: " + which);
    }
  }

  /** The top of the checkout. */
  public static Path home() {
    return Path.of(System.getProperty("thaw.home", "..")).toAbsolutePath().normalize();
  }

  private static void missing(boolean expected, String reason) {
    if (CI && expected) {
      fail("THAW_CI is 1, so this must not be skipped: " + reason);
    }
    if (SAID.add(reason)) {
      System.err.println("skipped: " + reason);
    }
    abort(reason);
  }
}
