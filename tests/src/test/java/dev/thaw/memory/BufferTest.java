package dev.thaw.memory;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Holders: the last to let go gives the memory back, and nobody reads it afterwards. */
final class BufferTest {
  private static final String CLOSED =
      "buffer of 32 bytes on test is closed (-Dthaw.trace=true shows where)";

  private final Pool pool = TestPool.make();

  private Buffer buffer() {
    return pool.allocate(DType.FLOAT32, 8, Purpose.ACTIVATIONS);
  }

  private static String message(Runnable action) {
    return String.valueOf(assertThrows(IllegalStateException.class, action::run).getMessage());
  }

  @Test
  void theLastHolderGivesItBack() {
    Buffer buffer = buffer();
    assertSame(buffer, buffer.hold());
    assertTrue(buffer.isShared());
    buffer.release();
    assertFalse(buffer.isClosed());
    assertFalse(buffer.isShared());
    assertEquals(32, pool.liveBytes());
    buffer.release();
    assertTrue(buffer.isClosed());
    assertEquals(0, pool.liveBytes());
  }

  @Test
  void useAfterCloseSaysSo() {
    Buffer buffer = buffer();
    buffer.release();
    assertEquals(CLOSED, message(buffer::storage));
    assertEquals(CLOSED, message(buffer::address));
    assertEquals(CLOSED, message(buffer::hold));
    assertEquals(CLOSED, message(buffer::release));
    assertEquals(CLOSED, message(() -> buffer.slice(0, 1)));
    assertEquals("8 float32 on test, closed", buffer.toString());
  }

  @Test
  void aSliceHoldsTheWhole() {
    Buffer buffer = buffer();
    Buffer slice = buffer.slice(3, 2);
    assertEquals(12, slice.offset());
    assertEquals(8, slice.bytes());
    assertEquals(2, slice.elements());
    assertTrue(slice.isShared(), "a slice is never alone");
    Buffer inner = slice.slice(1, 1);
    assertEquals(16, inner.offset());
    buffer.release();
    slice.release();
    assertFalse(buffer.isClosed());
    assertSame(inner.storage(), inner.storage());
    assertEquals(32, pool.liveBytes());
    inner.release();
    assertTrue(buffer.isClosed());
    assertEquals(0, pool.liveBytes());
  }

  @Test
  void aSliceLiesInside() {
    Buffer buffer = buffer();
    assertEquals(
        "buffer: elements 6 to 9 do not lie inside 8",
        assertThrows(IllegalArgumentException.class, () -> buffer.slice(6, 3)).getMessage());
    assertThrows(IllegalArgumentException.class, () -> buffer.slice(-1, 1));
    assertThrows(IllegalArgumentException.class, () -> buffer.slice(0, -1));
    assertThrows(IllegalArgumentException.class, () -> buffer.slice(Long.MAX_VALUE, 1));
    buffer.slice(8, 0).release();
    buffer.release();
    assertEquals(0, pool.liveBytes());
  }

  @Test
  void whereStoragesHaveNoAddressThatIsSaid() {
    Buffer buffer = buffer();
    assertEquals(
        "storage: this backend keeps Java arrays, no address",
        assertThrows(UnsupportedOperationException.class, buffer::address).getMessage());
    buffer.release();
  }

  @Test
  void threadsMayHoldAndReleaseAtOnce() throws InterruptedException {
    Buffer buffer = buffer();
    List<Thread> threads = new ArrayList<>();
    for (int t = 0; t < 4; t++) {
      Thread thread =
          new Thread(
              () -> {
                for (int i = 0; i < 10_000; i++) {
                  buffer.hold();
                  buffer.release();
                }
              });
      threads.add(thread);
      thread.start();
    }
    for (Thread thread : threads) {
      thread.join();
    }
    assertFalse(buffer.isShared());
    buffer.release();
    assertTrue(buffer.isClosed());
  }
}
