package dev.thaw.cpu;

import org.jspecify.annotations.Nullable;

/**
 * The way between our layout of weights and the one that a primitive chose. With ours oneDNN has
 * nothing but its reference loops for convolutions (a thousand times slower), so weights are
 * copied: in training once a call, since every step changes them; in a plan that knows them
 * constant, once.
 */
final class Packing implements AutoCloseable {
  private final @Nullable Primitive copy;
  private final long bytes;

  /**
   * From {@code from} to {@code to}, one of which is ours.
   *
   * @param packed the one that is not
   */
  private Packing(Layout from, Layout to, Layout packed, Object what, int threads) {
    boolean same = from.sameAs(to);
    bytes = same ? 0 : packed.bytes();
    int team = Math.min(threads, CpuThreads.forBytes(2 * packed.bytes()));
    copy = same ? null : Primitive.reorder(what, team, from, to);
  }

  /** From one primitive's to another's. */
  static Packing between(Layout from, Layout to, Object what, int threads) {
    return new Packing(from, to, to, what, threads);
  }

  /** From ours to the primitive's. */
  static Packing into(Layout packed, Layout ours, Object what, int threads) {
    return new Packing(ours, packed, packed, what, threads);
  }

  /** From the primitive's to ours. */
  static Packing outOf(Layout packed, Layout ours, Object what, int threads) {
    return new Packing(packed, ours, packed, what, threads);
  }

  /** Bytes of packed weights; 0 where the primitive takes ours as they are. */
  long bytes() {
    return bytes;
  }

  /** Bytes of scratch that {@link #pack} and {@link #unpack} need. */
  long scratchBytes() {
    return copy == null ? 0 : copy.scratchBytes();
  }

  /** packed = w; returns where the primitive's weights now are: {@code packed}, or {@code w}. */
  long pack(long packed, long w, long scratch) {
    if (copy == null) {
      return w;
    }
    copy.set(0, w);
    copy.set(1, packed);
    copy.execute(scratch);
    return packed;
  }

  /** Where the primitive is to write so that {@link #unpack} finds it. */
  long target(long packed, long w) {
    return copy == null ? w : packed;
  }

  /** w = packed. */
  void unpack(long w, long packed, long scratch) {
    if (copy != null) {
      copy.set(0, packed);
      copy.set(1, w);
      copy.execute(scratch);
    }
  }

  @Override
  public void close() {
    if (copy != null) {
      copy.close();
    }
  }
}
