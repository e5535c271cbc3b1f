package dev.thaw.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.thaw.cuda.Signature.Slot;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Which arguments a kernel takes, by their places and sizes alone. */
final class SignatureTest {
  /** One behind the other, each aligned to its own size, as they are packed. */
  private static List<Slot> packed(int... sizes) {
    List<Slot> slots = new ArrayList<>();
    int at = 0;
    for (int bytes : sizes) {
      at = (at + bytes - 1) / bytes * bytes;
      slots.add(new Slot(at, bytes));
      at += bytes;
    }
    return slots;
  }

  private static boolean takes(List<Slot> kernel, int... sizes) {
    return new Signature(kernel).takes(packed(sizes));
  }

  @Test
  void oneForOne() {
    List<Slot> kernel = packed(8, 4, 8, 4);
    assertTrue(takes(kernel, 8, 4, 8, 4));
    assertFalse(takes(kernel, 8, 4, 8));
    assertFalse(takes(kernel, 8, 4, 8, 4, 4));
    assertFalse(takes(kernel, 8, 8, 8, 4));
    assertFalse(takes(kernel, 8, 4, 8, 8));
    assertFalse(takes(kernel, 8, 4, 4, 4));
    assertFalse(takes(packed(8, 8), 8, 4));
    assertTrue(takes(List.of()));
    assertFalse(takes(List.of(), 4));
  }

  @Test
  void aStructIsItsFields() {
    // float*, struct { int a, b, c; }, struct { long long d; int e; }, int
    List<Slot> kernel = List.of(new Slot(0, 8), new Slot(8, 12), new Slot(24, 16), new Slot(40, 4));
    Signature signature = new Signature(kernel);
    List<Slot> fields = packed(8, 4, 4, 4, 8, 4);
    fields.add(new Slot(40, 4));
    assertTrue(signature.takes(fields));
    assertFalse(takes(kernel, 8, 4, 4, 8, 4, 4));
    assertFalse(takes(kernel, 8, 4, 4, 4, 8, 4));
    assertEquals("8 + 12 + 16 + 4 bytes", Signature.sizes(kernel));
  }
}
