package dev.thaw;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.thaw.backend.Devices;
import org.junit.jupiter.api.extension.AfterAllCallback;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/**
 * When all tests of a class are over, every device holds what it held before them:
 * {@code @ExtendWith(NothingLeft.class)}, where tests open and close devices by themselves.
 */
public final class NothingLeft implements BeforeAllCallback, AfterAllCallback {
  private long before;

  /** Called by JUnit. */
  public NothingLeft() {}

  private static long liveBytes() {
    return Devices.available().stream().mapToLong(d -> Devices.get(d).pool().liveBytes()).sum();
  }

  @Override
  public void beforeAll(ExtensionContext context) {
    before = liveBytes();
  }

  @Override
  public void afterAll(ExtensionContext context) {
    assertEquals(before, liveBytes(), "bytes that tests left behind");
  }
}
