package dev.thaw.cpu;

import dev.thaw.backend.ConstantWeights;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.DType;
import dev.thaw.memory.Pool;
import dev.thaw.memory.Purpose;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.jspecify.annotations.Nullable;

/**
 * Weights packed once. oneDNN may like another layout when another number of threads works: such a
 * layout gets a copy of its own when it is asked for first, made from the one that is there.
 */
final class CpuConstantWeights implements ConstantWeights {
  /** Packed weights, and how they lie. */
  private record Packed(Buffer buffer, Layout layout) {}

  private final Pool pool;
  private final AtomicReferenceArray<@Nullable Packed> byThreads;
  private final List<Packed> different = new ArrayList<>();
  private final Object what;

  private CpuConstantWeights(Pool pool, Object what) {
    this.pool = pool;
    this.what = what;
    this.byThreads = new AtomicReferenceArray<>(CpuThreads.configured() + 1);
  }

  /** {@code w} packed for {@code product}, or null where the product takes it as it lies. */
  static @Nullable CpuConstantWeights of(
      Pool pool, Product product, Object recipe, long w, int threads, Lane lane) {
    if (product.packedBytes() == 0) {
      return null;
    }
    CpuConstantWeights made = new CpuConstantWeights(pool, recipe);
    Packed packed = made.room(product);
    product.pack(packed.buffer.address(), w, lane.workspace(product.scratchBytes()));
    made.byThreads.set(threads, packed);
    return made;
  }

  /** Where the weights lie for {@code product}, which works with {@code threads} threads. */
  long address(Product product, int threads, Lane lane) {
    Packed found = byThreads.get(threads);
    return (found == null ? add(product, threads, lane) : found).buffer.address();
  }

  private synchronized Packed add(Product product, int threads, Lane lane) {
    for (Packed packed : different) {
      if (packed.layout.sameAs(product.weights())) {
        byThreads.set(threads, packed);
        return packed;
      }
    }
    Packed source = different.get(0);
    Packed packed = room(product);
    try (Packing copy = Packing.between(source.layout, packed.layout, what, threads)) {
      long scratch = lane.workspace(copy.scratchBytes());
      copy.pack(packed.buffer.address(), source.buffer.address(), scratch);
    }
    byThreads.set(threads, packed);
    return packed;
  }

  private Packed room(Product product) {
    Layout layout = Layout.copyOf(product.weights().descriptor());
    Buffer buffer = pool.allocate(DType.UINT8, layout.bytes(), Purpose.WORKSPACE);
    Packed packed = new Packed(buffer, layout);
    different.add(packed);
    return packed;
  }

  @Override
  public synchronized long bytes() {
    return different.stream().mapToLong(p -> p.buffer.bytes()).sum();
  }

  @Override
  public synchronized void close() {
    for (Packed packed : different) {
      packed.buffer.release();
      packed.layout.close();
    }
    different.clear();
  }
}
