package dev.thaw.memory;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Storages are reused, counted by purpose, and limited. */
final class PoolTest {
  private static final long MIB = 1 << 20;

  private final List<TestPool.Counted> made = new ArrayList<>();
  private final Pool pool = pool(false, Long.MAX_VALUE);

  /** A pool over a device of {@code capacity} bytes. */
  private Pool pool(boolean typed, long capacity) {
    return new Pool(
        new Device("test", 0),
        (bytes, dtype) -> {
          long used =
              made.stream().filter(s -> s.freed == 0).mapToLong(TestPool.Counted::bytes).sum();
          if (used + bytes > capacity) {
            throw new OutOfMemoryError("the device is full");
          }
          TestPool.Counted storage = new TestPool.Counted(bytes);
          made.add(storage);
          return storage;
        },
        typed);
  }

  private static Buffer bytes(Pool pool, long bytes, Purpose purpose) {
    return pool.allocate(DType.UINT8, bytes, purpose);
  }

  private Buffer bytes(long bytes) {
    return bytes(pool, bytes, Purpose.ACTIVATIONS);
  }

  @Test
  void aStorageIsUsedAgain() {
    Buffer a = bytes(1000);
    Storage storage = a.storage();
    a.release();
    assertEquals(storage.bytes(), pool.cachedBytes());
    Buffer b = bytes(990);
    assertSame(storage, b.storage());
    assertEquals(0, pool.cachedBytes());
    b.release();
  }

  @Test
  void aMuchLargerStorageIsNotWasted() {
    bytes(10_000).release();
    Buffer small = bytes(5000);
    assertEquals(2, made.size());
    small.release();
  }

  @Test
  void atMostAnEighthIsRoundedUp() {
    for (long n : new long[] {0, 1, 63, 64, 65, 500, 513, 1000, 12345, 1_000_003, 77_777_777}) {
      long capacity = Pool.capacityFor(n);
      assertTrue(capacity >= n, n + " bytes");
      assertEquals(0, capacity % 64, n + " bytes");
      assertTrue(capacity <= Math.max(n + 64, n + n / 8 + 64), n + " bytes became " + capacity);
    }
  }

  @Test
  void javaArraysServeTheirTypeOnly() {
    Pool typed = pool(true, Long.MAX_VALUE);
    Buffer a = typed.allocate(DType.FLOAT32, 100, Purpose.ACTIVATIONS);
    Storage floats = a.storage();
    a.release();
    Buffer b = typed.allocate(DType.INT32, 100, Purpose.ACTIVATIONS);
    assertNotSame(floats, b.storage());
    Buffer c = typed.allocate(DType.FLOAT32, 100, Purpose.ACTIVATIONS);
    assertSame(floats, c.storage());
    b.release();
    c.release();
  }

  @Test
  void bytesAreCountedByPurpose() {
    Buffer weights = bytes(pool, 1000, Purpose.PARAMETERS);
    Buffer batch = bytes(pool, 300, Purpose.ACTIVATIONS);
    assertEquals(1000, pool.liveBytes(Purpose.PARAMETERS));
    assertEquals(300, pool.liveBytes(Purpose.ACTIVATIONS));
    assertEquals(0, pool.liveBytes(Purpose.OPTIMIZER));
    assertEquals(1300, pool.liveBytes());
    batch.release();
    assertEquals(1000, pool.liveBytes());
    weights.release();
    assertEquals(0, pool.liveBytes(Purpose.PARAMETERS));
  }

  @Test
  void whatTheBackendKeepsIsNoBufferButNamedAndLimited() {
    Storage block = pool.reserve(3 * MIB, Purpose.WORKSPACE);
    assertEquals(0, pool.liveBytes());
    pool.setLimit(4 * MIB);
    String message =
        String.valueOf(
            assertThrows(OutOfMemoryError.class, () -> bytes(pool, 2 * MIB, Purpose.GRADIENTS))
                .getMessage());
    assertTrue(message.contains("workspace 3.0 MiB"), message);
    pool.free(block, Purpose.WORKSPACE);
    bytes(pool, 2 * MIB, Purpose.GRADIENTS).release();
  }

  @Test
  void theHighestUseIsRemembered() {
    Buffer a = bytes(1000);
    bytes(500).release();
    assertEquals(1500, pool.peakBytes());
    assertEquals(1000, pool.liveBytes());
    pool.resetPeak();
    assertEquals(1000, pool.peakBytes());
    bytes(10).release();
    assertEquals(1010, pool.peakBytes());
    a.release();
  }

  @Test
  void trimmingFreesWhatNobodyUses() {
    Buffer used = bytes(1000);
    bytes(2000).release();
    pool.trim();
    assertEquals(0, pool.cachedBytes());
    assertEquals(0, made.get(0).freed);
    assertEquals(1, made.get(1).freed);
    used.release();
    pool.trim();
    assertEquals(1, made.get(0).freed, "freed once");
    assertEquals(1, made.get(1).freed, "freed once");
  }

  /** Sizes that never come again must not pile up. */
  @Test
  void theCacheDoesNotGrowWithoutBound() {
    for (int i = 0; i < 200; i++) {
      bytes((10 + i) * MIB).release();
    }
    assertTrue(pool.cachedBytes() < 1000 * MIB, () -> pool.cachedBytes() / MIB + " MiB are kept");
  }

  @Test
  void aLimitEmptiesTheCacheFirst() {
    pool.setLimit(3 * MIB);
    bytes(2 * MIB).release();
    Buffer b = bytes(MIB + MIB / 2);
    assertEquals(1, made.get(0).freed);
    b.release();
  }

  @Test
  void pastTheLimitOneLineSaysWhatHoldsTheMemory() {
    pool.setLimit(3 * MIB);
    Buffer weights = bytes(pool, MIB, Purpose.PARAMETERS);
    Buffer batch = bytes(pool, MIB / 2, Purpose.ACTIVATIONS);
    assertEquals(
        "test: no room for 2.0 MiB of gradients (limit 3.0 MiB); held: parameters 1.0 MiB,"
            + " gradients 0.0 MiB, optimizer 0.0 MiB, activations 0.5 MiB, workspace 0.0 MiB; use"
            + " smaller batches or freeze more layers",
        assertThrows(OutOfMemoryError.class, () -> bytes(pool, 2 * MIB, Purpose.GRADIENTS))
            .getMessage());
    assertEquals(MIB + MIB / 2, pool.liveBytes(), "a refused request was counted");
    bytes(MIB).release();
    weights.release();
    batch.release();
  }

  @Test
  void aFullDeviceIsTriedAgainWithAnEmptyCache() {
    Pool small = pool(false, 3 * MIB);
    bytes(small, 2 * MIB, Purpose.ACTIVATIONS).release();
    Buffer b = bytes(small, 3 * MIB, Purpose.ACTIVATIONS);
    OutOfMemoryError full =
        assertThrows(OutOfMemoryError.class, () -> bytes(small, 1, Purpose.WORKSPACE));
    assertTrue(
        String.valueOf(full.getMessage())
            .startsWith("test: no room for 0.0 MiB of workspace (the device is full); held: "),
        full.getMessage());
    b.release();
  }

  @Test
  void senselessRequestsAreRefused() {
    assertEquals(
        "buffer: -1 elements asked for",
        assertThrows(IllegalArgumentException.class, () -> bytes(-1)).getMessage());
    assertEquals(
        "pool: a limit of 0 bytes leaves nothing",
        assertThrows(IllegalArgumentException.class, () -> pool.setLimit(0)).getMessage());
    assertThrows(
        ArithmeticException.class,
        () -> pool.allocate(DType.FLOAT64, Long.MAX_VALUE / 4, Purpose.ACTIVATIONS));
  }

  @Test
  void nothingIsABufferToo() {
    Buffer empty = bytes(0);
    assertEquals(0, empty.bytes());
    assertTrue(empty.storage().bytes() >= 64);
    empty.release();
    assertEquals(0, pool.liveBytes());
  }
}
