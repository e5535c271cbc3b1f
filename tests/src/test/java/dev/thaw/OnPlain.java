package dev.thaw;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import dev.thaw.backend.Backend;
import dev.thaw.backend.Devices;
import dev.thaw.memory.Device;
import dev.thaw.memory.Pool;
import dev.thaw.memory.Scope;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/**
 * Each test on the plain device, in a scope of its own, with every byte back in the pool at its
 * end: {@code @ExtendWith(OnPlain.class)}.
 */
public final class OnPlain implements BeforeEachCallback, AfterEachCallback {
  private static final Backend PLAIN = Devices.get("plain");

  private @Nullable Scope scope;
  private Device.@Nullable Use use;
  private long live;

  /** Called by JUnit. */
  public OnPlain() {}

  /** The pool of the device that the tests run on. */
  public static Pool pool() {
    return PLAIN.pool();
  }

  @Override
  public void beforeEach(ExtensionContext context) {
    assertFalse(Scope.isOpen(), "a test before this one left a scope open");
    live = PLAIN.pool().liveBytes();
    use = PLAIN.device().use();
    scope = Scope.open();
  }

  @Override
  public void afterEach(ExtensionContext context) {
    if (scope != null && use != null) {
      scope.close();
      use.close();
      assertEquals(live, PLAIN.pool().liveBytes(), "bytes that are still held");
    }
  }
}
