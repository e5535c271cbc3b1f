package dev.thaw.cpu;

import dev.thaw.memory.Buffer;
import dev.thaw.memory.DType;
import dev.thaw.memory.Pool;
import dev.thaw.memory.Purpose;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A call of loops in float32 that is made in bfloat16: what they read is widened into scratch, and
 * what they wrote there is rounded once, when this is closed. So numbers take half the memory while
 * they are kept, and a call takes longer by the two passes.
 *
 * <pre>{@code
 * if (Wide.isNeeded(y)) {
 *   try (Wide wide = new Wide(pool)) {
 *     forward(f, wide.writes(y), wide.reads(x), a, b);
 *   }
 *   return;
 * }
 * }</pre>
 */
final class Wide implements AutoCloseable {
  private final Pool pool;
  private final List<Buffer> held = new ArrayList<>();
  private final List<Buffer> narrow = new ArrayList<>();
  private final List<Buffer> written = new ArrayList<>();

  /** Scratch comes from {@code pool}. */
  Wide(Pool pool) {
    this.pool = pool;
  }

  /** Whether {@code x} is bfloat16. */
  static boolean isNeeded(@Nullable Buffer x) {
    return x != null && x.dtype() == DType.BFLOAT16;
  }

  /** What a call reads, in float32 if it is bfloat16. */
  Buffer reads(Buffer x) {
    if (!isNeeded(x)) {
      return x;
    }
    Buffer y = scratch(x);
    CpuIndex.convert(y, x);
    return y;
  }

  /** The same, of what may be left out. */
  @Nullable Buffer readsIfAny(@Nullable Buffer x) {
    return x == null ? null : reads(x);
  }

  /** Where a call writes all of {@code y}. */
  Buffer writes(Buffer y) {
    if (!isNeeded(y)) {
      return y;
    }
    Buffer x = scratch(y);
    narrow.add(y);
    written.add(x);
    return x;
  }

  /** The same, of what may be left out. */
  @Nullable Buffer writesIfAny(@Nullable Buffer y) {
    return y == null ? null : writes(y);
  }

  private Buffer scratch(Buffer like) {
    Buffer buffer = pool.allocate(DType.FLOAT32, like.elements(), Purpose.WORKSPACE);
    held.add(buffer);
    return buffer;
  }

  /** Rounds what was written to where it belongs. */
  @Override
  public void close() {
    for (int i = 0; i < written.size(); i++) {
      CpuIndex.convert(narrow.get(i), written.get(i));
    }
    held.forEach(Buffer::release);
  }
}
