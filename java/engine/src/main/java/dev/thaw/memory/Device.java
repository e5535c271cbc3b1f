package dev.thaw.memory;

import org.jspecify.annotations.Nullable;

/**
 * The name of a place where tensors live: {@code plain}, {@code cpu}, {@code cuda}, {@code cuda:1}.
 *
 * @param kind the backend's name
 * @param index which one of that kind, from 0
 */
public record Device(String kind, int index) {
  private static final ThreadLocal<@Nullable Device> CURRENT = new ThreadLocal<>();

  /** Refuses names that could not be written on a command line. */
  public Device {
    Check.that(kind.matches("[a-z][a-z-]*"), "device: '%s' is no name, say plain or cuda:1", kind);
    Check.that(index >= 0, "device: index %d is negative", index);
  }

  /**
   * Parses {@code kind} or {@code kind:index}.
   *
   * @throws IllegalArgumentException when the name has another form
   */
  public static Device of(String name) {
    int colon = name.indexOf(':');
    if (colon < 0) {
      return new Device(name, 0);
    }
    String index = name.substring(colon + 1);
    Check.that(index.matches("\\d{1,3}"), "device: '%s' is no name, say plain or cuda:1", name);
    return new Device(name.substring(0, colon), Integer.parseInt(index));
  }

  /** The device this thread chose with {@link #use}, or null when it chose none. */
  public static @Nullable Device current() {
    return CURRENT.get();
  }

  /**
   * Makes this the calling thread's device until the result is closed: {@code try (var on =
   * device.use()) { ... }}. Tensors and modules made meanwhile live there.
   */
  public Use use() {
    @Nullable Device before = CURRENT.get();
    CURRENT.set(this);
    return () -> {
      if (before == null) {
        CURRENT.remove();
      } else {
        CURRENT.set(before);
      }
    };
  }

  /** Ends a {@link #use}; throws nothing. */
  @FunctionalInterface
  public interface Use extends AutoCloseable {
    @Override
    void close();
  }

  @Override
  public String toString() {
    return index == 0 ? kind : kind + ":" + index;
  }
}
