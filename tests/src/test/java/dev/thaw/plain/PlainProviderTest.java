package dev.thaw.plain;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.thaw.backend.Backend;
import dev.thaw.backend.Devices;
import dev.thaw.backend.UnavailableException;
import dev.thaw.memory.DType;
import dev.thaw.memory.Device;
import org.junit.jupiter.api.Test;

final class PlainProviderTest {
  @Test
  void isFoundByName() {
    Backend plain = Devices.get("plain");
    assertEquals(Device.of("plain"), plain.device());
    assertTrue(plain.describe().startsWith("Java " + Runtime.version().feature()));
    assertTrue(plain.computes(DType.FLOAT64));
    assertTrue(plain.computes(DType.BFLOAT16));
    assertFalse(plain.computes(DType.INT32));
    assertTrue(Devices.kinds().contains("plain"));
  }

  @Test
  void anotherIndexIsAnotherPool() {
    Backend second = Devices.get("plain:1");
    assertEquals("plain:1", second.device().toString());
    assertNotSame(Devices.get("plain").pool(), second.pool());
  }

  @Test
  void noThreadsIsRefused() {
    String before = System.getProperty("thaw.threads");
    try {
      System.setProperty("thaw.threads", "0");
      assertEquals(
          "thaw.threads is 0, say 1 or more",
          assertThrows(
                  UnavailableException.class, () -> new PlainProvider().open(Device.of("plain")))
              .getMessage());
      System.setProperty("thaw.threads", "1");
      assertTrue(describeOpened().endsWith(" 1 thread"));
    } finally {
      if (before == null) {
        System.clearProperty("thaw.threads");
      } else {
        System.setProperty("thaw.threads", before);
      }
    }
  }

  private static String describeOpened() {
    try {
      return new PlainProvider().open(Device.of("plain")).describe();
    } catch (UnavailableException e) {
      throw new AssertionError(e);
    }
  }
}
