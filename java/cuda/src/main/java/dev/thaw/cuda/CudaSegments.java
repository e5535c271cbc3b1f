package dev.thaw.cuda;

import dev.thaw.backend.Segment;
import dev.thaw.backend.SegmentTable;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.Check;
import dev.thaw.memory.DType;
import dev.thaw.memory.Pool;
import dev.thaw.memory.Purpose;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;

/**
 * The parameters of an optimizer as {@code kernels/optimizer.cu} reads them. Written once, but for
 * the flags that say who takes part: those are changed on the host and cross before the next
 * launch. What one launch leaves for the next lies here too, where a captured step finds it; it is
 * counted as workspace. It holds the buffers whose addresses it has.
 */
final class CudaSegments implements SegmentTable {
  /** Elements that a block takes at once: CHUNK of the kernels. */
  private static final int CHUNK = 4096;

  /** Bytes of the kernels' Segment, Chunk, Squares and Settings. */
  private static final int SEGMENT = 48;

  private static final int CHUNK_BYTES = 8;
  private static final int SQUARES = 16;
  private static final int SETTINGS = 14 * 4;

  private final Transfers transfers;
  private final List<Buffer> held = new ArrayList<>();
  private final DType dtype;
  private final int count;
  private final int moments;
  private final int chunkCount;
  private final long[] elements;
  private final Buffer segments;
  private final Buffer chunks;
  private final Buffer squares;
  private final Buffer settings;
  private final Buffer steps;
  private final Buffer active;
  private final ByteBuffer activeOnHost;

  CudaSegments(List<Segment> all, Pool pool, Transfers transfers) {
    this.transfers = transfers;
    count = all.size();
    dtype = all.isEmpty() ? DType.FLOAT32 : all.get(0).value().dtype();
    elements = all.stream().mapToLong(s -> s.value().elements()).toArray();
    moments = all.stream().mapToInt(s -> s.moments().size()).min().orElse(0);
    chunkCount = Math.toIntExact(all.stream().mapToLong(s -> chunksOf(s.value().elements())).sum());
    try {
      segments = allocate(pool, DType.UINT8, (long) count * SEGMENT, Purpose.OPTIMIZER);
      chunks = allocate(pool, DType.UINT8, (long) chunkCount * CHUNK_BYTES, Purpose.WORKSPACE);
      squares = allocate(pool, DType.UINT8, (long) chunkCount * SQUARES, Purpose.WORKSPACE);
      settings = allocate(pool, DType.UINT8, (long) count * SETTINGS, Purpose.WORKSPACE);
      steps = allocate(pool, DType.INT32, count, Purpose.OPTIMIZER);
      active = allocate(pool, DType.INT32, count, Purpose.OPTIMIZER);
      ByteBuffer segmentBytes = bytes(segments.bytes());
      ByteBuffer chunkBytes = bytes(chunks.bytes());
      for (int i = 0; i < count; i++) {
        write(segmentBytes, all.get(i), chunkBytes.position() / CHUNK_BYTES);
        long own = chunksOf(all.get(i).value().elements());
        for (int number = 0; number < own; number++) {
          chunkBytes.putInt(i).putInt(number);
        }
      }
      upload(segments, segmentBytes.flip());
      upload(chunks, chunkBytes.flip());
      upload(steps, bytes(steps.bytes()));
      activeOnHost = bytes(active.bytes());
      for (int i = 0; i < count; i++) {
        activeOnHost.putInt(i * Integer.BYTES, 1);
      }
      upload(active, activeOnHost);
    } catch (RuntimeException | Error e) {
      close();
      throw e;
    }
  }

  private Buffer allocate(Pool pool, DType type, long elements, Purpose purpose) {
    Buffer buffer = pool.allocate(type, elements, purpose);
    held.add(buffer);
    return buffer;
  }

  private static ByteBuffer bytes(long size) {
    return ByteBuffer.allocateDirect(Math.toIntExact(size)).order(ByteOrder.nativeOrder());
  }

  private static long chunksOf(long elements) {
    return (elements + CHUNK - 1) / CHUNK;
  }

  private void write(ByteBuffer to, Segment s, int firstChunk) {
    to.putLong(hold(s.value()));
    to.putLong(hold(s.gradient()));
    to.putLong(s.moments().isEmpty() ? 0 : hold(s.moments().get(0)));
    to.putLong(s.moments().size() < 2 ? 0 : hold(s.moments().get(1)));
    to.putLong(s.value().elements());
    to.putInt(s.group());
    to.putInt(firstChunk);
  }

  private long hold(Buffer x) {
    Check.that(
        x.dtype() == dtype,
        "update: segments of %s and of %s in one table; make a table for each",
        dtype,
        x.dtype());
    held.add(x.hold());
    return x.address();
  }

  private void upload(Buffer y, ByteBuffer x) {
    if (y.bytes() > 0) {
      transfers.upload(y, x);
    }
  }

  /** The flags cross at once, not with the next call: a captured step makes no calls. */
  @Override
  public void setActive(int i, boolean on) {
    int flag = on ? 1 : 0;
    if (activeOnHost.getInt(i * Integer.BYTES) != flag) {
      activeOnHost.putInt(i * Integer.BYTES, flag);
      upload(active, activeOnHost);
    }
  }

  @Override
  public long activeElements() {
    long sum = 0;
    for (int i = 0; i < count; i++) {
      sum += activeOnHost.getInt(i * Integer.BYTES) == 0 ? 0 : elements[i];
    }
    return sum;
  }

  @Override
  public DType dtype() {
    return dtype;
  }

  /** How many segments there are. */
  int count() {
    return count;
  }

  /** How many moments every segment has. */
  int moments() {
    return moments;
  }

  /** How many chunks all segments have together. */
  int chunkCount() {
    return chunkCount;
  }

  /** {@code Segment*}. */
  Buffer segments() {
    return segments;
  }

  /** {@code Chunk*}. */
  Buffer chunks() {
    return chunks;
  }

  /** {@code Squares*}: what a launch leaves for the next. */
  Buffer squares() {
    return squares;
  }

  /** {@code Settings*}: what a launch leaves for the next. */
  Buffer settings() {
    return settings;
  }

  /** {@code int*}. */
  Buffer active() {
    return active;
  }

  @Override
  public Buffer steps() {
    return steps;
  }

  @Override
  public void close() {
    held.forEach(Buffer::release);
    held.clear();
  }
}
