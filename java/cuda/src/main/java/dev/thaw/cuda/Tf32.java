package dev.thaw.cuda;

/**
 * Whether libraries may round float32 factors to TF32, 10 bits of fraction, which matrix units of
 * compute capability 8.0 and newer multiply: said for each thread by itself, at first by none.
 */
final class Tf32 {
  private final ThreadLocal<Boolean> allowed = ThreadLocal.withInitial(() -> false);

  Tf32() {}

  /** Whether the calling thread's products may. */
  boolean isAllowed() {
    return allowed.get();
  }

  /** Says so for the calling thread; returns what held before. */
  boolean allow(boolean now) {
    boolean before = allowed.get();
    allowed.set(now);
    return before;
  }
}
