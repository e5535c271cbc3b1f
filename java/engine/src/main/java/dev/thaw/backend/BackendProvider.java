package dev.thaw.backend;

import dev.thaw.memory.Device;
import java.util.List;

/**
 * What a backend's jar registers with {@link java.util.ServiceLoader}: found without touching any
 * native library.
 */
public interface BackendProvider {
  /** The device kind it serves: {@code plain}, {@code cpu}, {@code cuda}. */
  String kind();

  /** Preference of {@link Devices#best()} among devices that can be had; the highest wins. */
  int preference();

  /**
   * Opens a device; called once for each.
   *
   * @throws UnavailableException with cause and remedy when the device cannot be had
   */
  Backend open(Device device) throws UnavailableException;

  /**
   * What it found on this machine and what it misses, a line each, for people who set the machine
   * up; none where there is nothing to set up.
   */
  default List<String> findings() {
    return List.of();
  }
}
