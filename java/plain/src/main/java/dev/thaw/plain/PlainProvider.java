package dev.thaw.plain;

import dev.thaw.backend.Backend;
import dev.thaw.backend.BackendProvider;
import dev.thaw.backend.UnavailableException;
import dev.thaw.memory.Device;

/**
 * Serves {@code plain}. Every index can be had ({@code plain:1} is another pool on the same
 * machine), so that what happens between two devices can be tried anywhere.
 *
 * <p>{@code -Dthaw.threads} sets the threads of a device, by default one per processor; results do
 * not depend on it.
 */
public final class PlainProvider implements BackendProvider {
  /** Called by {@link java.util.ServiceLoader}. */
  public PlainProvider() {}

  @Override
  public String kind() {
    return "plain";
  }

  @Override
  public int preference() {
    return 0;
  }

  @Override
  public Backend open(Device device) throws UnavailableException {
    int threads = Integer.getInteger("thaw.threads", Runtime.getRuntime().availableProcessors());
    if (threads < 1) {
      throw new UnavailableException("thaw.threads is " + threads + ", say 1 or more");
    }
    return new PlainBackend(device, threads);
  }
}
