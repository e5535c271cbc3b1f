package dev.thaw.memory;

import java.util.ArrayDeque;
import java.util.EnumMap;
import java.util.Locale;
import java.util.Map;
import java.util.StringJoiner;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * A device's memory: hands out buffers, takes storages back and keeps them for the next request of
 * about the same size, because fresh pages cost a page fault each (about 2 GB/s, a fraction of what
 * the arithmetic reads). Keeps count by purpose, so that running out can say what fills the device.
 *
 * <p>Requests are rounded to eight classes per power of two, which wastes at most an eighth; a
 * cached storage up to a quarter larger than asked for is taken before a fresh one. The cache is
 * emptied when it outgrows half of the highest use so far.
 */
public final class Pool {
  private static final boolean TRACING = Boolean.getBoolean("thaw.trace");
  private static final long ALIGNMENT = 64;
  private static final long SMALL_CACHE = 64L << 20;

  /** Where fresh storages come from: the backend. */
  @FunctionalInterface
  public interface Allocator {
    /**
     * A fresh storage of at least {@code bytes} bytes, 64-byte aligned, for elements of {@code
     * dtype}; its contents are undefined.
     *
     * @throws OutOfMemoryError when the device has no more
     */
    Storage allocate(long bytes, DType dtype);
  }

  private final Device device;
  private final Allocator allocator;
  private final boolean typed;
  private final Map<DType, TreeMap<Long, ArrayDeque<Storage>>> cache = new EnumMap<>(DType.class);
  private final long[] live = new long[Purpose.values().length];
  private final long[] reserved = new long[Purpose.values().length];
  private long liveBytes;
  private long peakBytes;
  private long highestUse;
  private long cachedBytes;
  private long ownedBytes;
  private long limit = Long.MAX_VALUE;

  /**
   * A pool over {@code allocator}.
   *
   * @param typed whether a storage serves only the dtype it was made for (Java arrays)
   */
  public Pool(Device device, Allocator allocator, boolean typed) {
    this.device = device;
    this.allocator = allocator;
    this.typed = typed;
  }

  /** Whether buffers remember where they were closed ({@code -Dthaw.trace=true}; slow). */
  static boolean tracing() {
    return TRACING;
  }

  /** The device whose memory this is. */
  public Device device() {
    return device;
  }

  /**
   * A buffer of {@code elements} elements with undefined contents and one holder, the caller.
   *
   * @throws IllegalArgumentException when {@code elements} is negative
   * @throws OutOfMemoryError when the limit or the device is exhausted; says what holds the memory
   */
  public Buffer allocate(DType dtype, long elements, Purpose purpose) {
    Check.that(elements >= 0, "buffer: %d elements asked for", elements);
    long bytes = Math.multiplyExact(elements, (long) dtype.bytes());
    return new Buffer(this, take(bytes, dtype, purpose), dtype, bytes, purpose);
  }

  private synchronized Storage take(long bytes, DType dtype, Purpose purpose) {
    long capacity = capacityFor(bytes);
    Storage storage = fromCache(capacity, dtype);
    if (storage == null) {
      if (cachedBytes > Math.max(SMALL_CACHE, highestUse / 2)) {
        trim();
      }
      storage = fresh(capacity, dtype, purpose);
    }
    live[purpose.ordinal()] += bytes;
    liveBytes += bytes;
    peakBytes = Math.max(peakBytes, liveBytes);
    highestUse = Math.max(highestUse, liveBytes);
    return storage;
  }

  private @Nullable Storage fromCache(long capacity, DType dtype) {
    TreeMap<Long, ArrayDeque<Storage>> sizes = cache.get(typed ? dtype : DType.UINT8);
    Map.Entry<Long, ArrayDeque<Storage>> fit = sizes == null ? null : sizes.ceilingEntry(capacity);
    if (sizes == null || fit == null || fit.getKey() > capacity + capacity / 4) {
      return null;
    }
    Storage storage = fit.getValue().pop();
    if (fit.getValue().isEmpty()) {
      sizes.remove(fit.getKey());
    }
    cachedBytes -= storage.bytes();
    return storage;
  }

  private Storage fresh(long capacity, DType dtype, Purpose purpose) {
    if (ownedBytes + capacity > limit) {
      trim();
    }
    if (ownedBytes + capacity > limit) {
      throw new OutOfMemoryError(full(capacity, purpose, "limit " + mebibytes(limit)));
    }
    Storage storage;
    try {
      storage = allocator.allocate(capacity, dtype);
    } catch (OutOfMemoryError first) {
      trim();
      try {
        storage = allocator.allocate(capacity, dtype);
      } catch (OutOfMemoryError e) {
        throw (OutOfMemoryError)
            new OutOfMemoryError(full(capacity, purpose, String.valueOf(e.getMessage())))
                .initCause(e);
      }
    }
    ownedBytes += storage.bytes();
    return storage;
  }

  /**
   * A storage that the backend itself keeps, beside all buffers: in no count of live bytes, but
   * within the limit, and named when memory runs out.
   *
   * @throws OutOfMemoryError as {@link #allocate}
   */
  public synchronized Storage reserve(long bytes, Purpose purpose) {
    Storage storage = fresh(bytes, DType.UINT8, purpose);
    reserved[purpose.ordinal()] += storage.bytes();
    return storage;
  }

  /** Frees what was {@link #reserve}d for {@code purpose}. */
  public synchronized void free(Storage storage, Purpose purpose) {
    reserved[purpose.ordinal()] -= storage.bytes();
    ownedBytes -= storage.bytes();
    storage.free();
  }

  /** Called by the last holder of a buffer. */
  synchronized void giveBack(Storage storage, DType dtype, long bytes, Purpose purpose) {
    live[purpose.ordinal()] -= bytes;
    liveBytes -= bytes;
    cachedBytes += storage.bytes();
    cache
        .computeIfAbsent(typed ? dtype : DType.UINT8, t -> new TreeMap<>())
        .computeIfAbsent(storage.bytes(), b -> new ArrayDeque<>())
        .push(storage);
  }

  /** Frees every storage that is not in use. */
  public synchronized void trim() {
    for (TreeMap<Long, ArrayDeque<Storage>> sizes : cache.values()) {
      for (ArrayDeque<Storage> storages : sizes.values()) {
        for (Storage storage : storages) {
          ownedBytes -= storage.bytes();
          storage.free();
        }
      }
    }
    cache.clear();
    cachedBytes = 0;
    highestUse = liveBytes;
  }

  /** Refuses to own more than {@code bytes} bytes, cache included, from now on. */
  public synchronized void setLimit(long bytes) {
    Check.that(bytes > 0, "pool: a limit of %d bytes leaves nothing", bytes);
    limit = bytes;
  }

  /** Bytes in buffers that somebody holds. */
  public synchronized long liveBytes() {
    return liveBytes;
  }

  /** Bytes held for {@code purpose}. */
  public synchronized long liveBytes(Purpose purpose) {
    return live[purpose.ordinal()];
  }

  /** The highest {@link #liveBytes()} since the last {@link #resetPeak}. */
  public synchronized long peakBytes() {
    return peakBytes;
  }

  /** Starts a new measurement of {@link #peakBytes}. */
  public synchronized void resetPeak() {
    peakBytes = liveBytes;
  }

  /** Bytes taken from the device: those that are held, those kept for reuse, the backend's own. */
  public synchronized long ownedBytes() {
    return ownedBytes;
  }

  /** Bytes kept for reuse. */
  public synchronized long cachedBytes() {
    return cachedBytes;
  }

  private String full(long bytes, Purpose purpose, String cause) {
    StringJoiner held = new StringJoiner(", ");
    for (Purpose p : Purpose.values()) {
      held.add(p + " " + mebibytes(live[p.ordinal()] + reserved[p.ordinal()]));
    }
    return String.format(
        Locale.ROOT,
        "%s: no room for %s of %s (%s); held: %s; use smaller batches or freeze more layers",
        device,
        mebibytes(bytes),
        purpose,
        cause,
        held);
  }

  private static String mebibytes(long bytes) {
    return String.format(Locale.ROOT, "%.1f MiB", bytes / 1048576.0);
  }

  /** The next of eight sizes per power of two, a multiple of the alignment. */
  static long capacityFor(long bytes) {
    if (bytes <= 8 * ALIGNMENT) {
      return Math.max(ALIGNMENT, (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT);
    }
    long step = Math.max(ALIGNMENT, Long.highestOneBit(bytes - 1) / 8);
    return (bytes + step - 1) / step * step;
  }
}
