package dev.thaw.cpu;

import dev.thaw.backend.Backend;
import dev.thaw.backend.BackendProvider;
import dev.thaw.backend.UnavailableException;
import dev.thaw.memory.Device;

/** Serves the one device {@code cpu}; loads native code only when it is opened. */
public final class CpuProvider implements BackendProvider {

  /** For {@link java.util.ServiceLoader}. */
  public CpuProvider() {}

  @Override
  public String kind() {
    return "cpu";
  }

  @Override
  public int preference() {
    return 10;
  }

  @Override
  public Backend open(Device device) throws UnavailableException {
    if (device.index() != 0) {
      throw new UnavailableException(
          "all processors are one device, " + device + " does not exist; use cpu");
    }
    NativeLibrary.load();
    return new CpuBackend(device);
  }
}
