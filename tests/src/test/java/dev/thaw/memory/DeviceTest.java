package dev.thaw.memory;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;

final class DeviceTest {
  @Test
  void namesAreReadAndWritten() {
    for (String name : new String[] {"plain", "cpu", "cuda", "cuda:1", "cuda:999"}) {
      assertEquals(name, Device.of(name).toString());
    }
    assertEquals(new Device("cuda", 0), Device.of("cuda:0"));
  }

  @Test
  void whatIsNoNameIsRefused() {
    for (String name :
        new String[] {"", "CUDA", "cuda:", "cuda:x", "cuda:-1", "cuda:1000", "a b"}) {
      assertThrows(IllegalArgumentException.class, () -> Device.of(name), name);
    }
  }

  @Test
  void aThreadChoosesAndGoesBack() {
    assertNull(Device.current());
    try (Device.Use outer = Device.of("plain").use()) {
      try (Device.Use inner = Device.of("cuda:1").use()) {
        assertEquals(Device.of("cuda:1"), Device.current());
      }
      assertEquals(Device.of("plain"), Device.current());
    }
    assertNull(Device.current());
  }
}
