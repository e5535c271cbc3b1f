package dev.thaw.memory;

/**
 * A block of memory as its backend knows it: an address on cpu and cuda, a Java array on plain.
 * Only backends make and read storages; everybody else sees {@link Buffer}s.
 */
public interface Storage {
  /** Capacity in bytes. */
  long bytes();

  /**
   * Address of the first byte, 64-byte aligned.
   *
   * @throws UnsupportedOperationException where storages are Java arrays
   */
  default long address() {
    throw new UnsupportedOperationException("storage: this backend keeps Java arrays, no address");
  }

  /** Gives the block back to the operating system; called by the pool alone, once. */
  void free();
}
