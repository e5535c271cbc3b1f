package dev.thaw.cuda;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** Where we keep what takes time to find out: {@code thaw} in the user's folder of caches. */
final class CacheFolder {
  private CacheFolder() {}

  /** The folder; it need not exist yet. */
  static Path path() {
    @Nullable String caches = System.getenv("XDG_CACHE_HOME");
    Path home =
        caches == null || caches.isEmpty()
            ? Path.of(System.getProperty("user.home"), ".cache")
            : Path.of(caches);
    return home.resolve("thaw");
  }
}
