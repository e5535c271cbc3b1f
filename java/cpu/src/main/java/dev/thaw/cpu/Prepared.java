package dev.thaw.cpu;

/**
 * A call made ready for one shape, with its code, its argument block and its need of memory known:
 * what remains is to pass addresses. The eager path keeps these in a {@link Lane}; a plan makes its
 * own and holds them as long as it lives. An instance serves one call at a time.
 */
interface Prepared extends AutoCloseable {
  /** Bytes of workspace a call needs, 64-byte aligned, contents undefined; 0 for none. */
  long workspaceBytes();

  /** Frees code and arguments. */
  @Override
  void close();

  /** The next multiple of 64: where the next part of a workspace may start. */
  static long align(long bytes) {
    return (bytes + 63) & ~63L;
  }
}
