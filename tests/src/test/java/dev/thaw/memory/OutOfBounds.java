package dev.thaw.memory;

/** What a kernel with a wrong index would reach: the storage on both sides of a slice. */
public final class OutOfBounds {
  private OutOfBounds() {}

  /**
   * {@code part} with more elements on its sides. Nobody counts it, and nobody may release it.
   *
   * @param before elements more in front
   * @param after elements more behind
   */
  public static Buffer around(Buffer part, int before, int after) {
    int size = part.dtype().bytes();
    long end = part.offset() + part.bytes() + (long) after * size;
    Pool nobodys = new Pool(part.device(), (bytes, dtype) -> part.storage(), false);
    Buffer storage = new Buffer(nobodys, part.storage(), part.dtype(), end, part.purpose());
    return storage.slice(part.offset() / size - before, part.elements() + before + after);
  }
}
