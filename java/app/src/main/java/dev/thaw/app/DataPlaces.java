package dev.thaw.app;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Where {@code --data mnist} looks: the path as it is written, then a folder of that name in the
 * one that the environment's {@code THAW_DATA} names.
 */
final class DataPlaces {
  private DataPlaces() {}

  /** The folders whose entries are known by name. */
  static List<Path> folders() {
    @Nullable String named = System.getenv("THAW_DATA");
    return named == null || !Files.isDirectory(Path.of(named))
        ? List.of()
        : List.of(Path.of(named));
  }

  /** The path that {@code name} means; it need not exist. */
  static Path find(String name) {
    Path asWritten = Path.of(name);
    if (!Files.exists(asWritten) && !asWritten.isAbsolute()) {
      for (Path folder : folders()) {
        if (Files.exists(folder.resolve(name))) {
          return folder.resolve(name);
        }
      }
    }
    return asWritten;
  }
}
