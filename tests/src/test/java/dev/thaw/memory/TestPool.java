package dev.thaw.memory;

/** A pool over nothing: storages that only count. */
final class TestPool {
  private TestPool() {}

  /** A storage without bytes. */
  static final class Counted implements Storage {
    private final long bytes;
    int freed;

    Counted(long bytes) {
      this.bytes = bytes;
    }

    @Override
    public long bytes() {
      return bytes;
    }

    @Override
    public void free() {
      freed++;
    }
  }

  static Pool make() {
    return new Pool(new Device("test", 0), (bytes, dtype) -> new Counted(bytes), false);
  }
}
