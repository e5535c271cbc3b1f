package dev.thaw.bench.roofline;

import dev.thaw.backend.Backend;
import dev.thaw.backend.GemmShape;
import dev.thaw.backend.Strided;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.DType;
import dev.thaw.memory.Purpose;
import java.util.Locale;

/**
 * What the machine can do at most, as measured on it: bytes a second of a copy far larger than its
 * caches, and operations a second of its fastest matrix product.
 *
 * @param bytesPerSecond read and written, together
 * @param flopsPerSecond of products in the type that the step computes in
 */
record Limits(double bytesPerSecond, double flopsPerSecond) {
  /** 128 MiB to 128 MiB. */
  private static final int COPIED = 1 << 25;

  private static final int SMALLEST_PRODUCT = 256;
  private static final int LARGEST_PRODUCT = 8192;

  /** A product that takes longer is large enough. */
  private static final double LONG = 0.1;

  private static final int ROUNDS = 5;
  private static final double ROUND_SECONDS = 0.05;
  private static final int MOST_QUEUED = 500;

  /** Measures both on {@code backend}, products of {@code dtype}. */
  static Limits of(Backend backend, DType dtype) {
    return new Limits(copy(backend), product(backend, dtype));
  }

  /** The least that a call can take, in seconds. */
  double least(long bytes, long flops) {
    return Math.max(bytes / bytesPerSecond, flops / flopsPerSecond);
  }

  /** Whether moving takes longer than computing. */
  boolean isMoving(long bytes, long flops) {
    return bytes / bytesPerSecond >= flops / flopsPerSecond;
  }

  private static double copy(Backend backend) {
    Buffer x = noise(backend, DType.FLOAT32, COPIED);
    Buffer y = noise(backend, DType.FLOAT32, COPIED);
    Strided walk = new Strided(0, new int[] {1});
    int[] dims = {COPIED};
    double seconds = fastest(backend, () -> backend.index().copy(y, walk, x, walk, dims));
    double rate = (x.bytes() + y.bytes()) / seconds;
    x.release();
    y.release();
    return rate;
  }

  private static double product(Backend backend, DType dtype) {
    double best = 0;
    double seconds = 0;
    for (int side = SMALLEST_PRODUCT; side <= LARGEST_PRODUCT && seconds < LONG; side *= 2) {
      Buffer a = noise(backend, dtype, (long) side * side);
      Buffer b = noise(backend, dtype, (long) side * side);
      Buffer c = noise(backend, dtype, (long) side * side);
      GemmShape shape = GemmShape.of(side, side, side, false, false);
      seconds = fastest(backend, () -> backend.gemm().gemm(c, a, b, null, false, shape));
      best = Math.max(best, 2.0 * side * side * side / seconds);
      a.release();
      b.release();
      c.release();
    }
    return best;
  }

  private static Buffer noise(Backend backend, DType dtype, long elements) {
    Buffer buffer = backend.pool().allocate(dtype, elements, Purpose.WORKSPACE);
    backend.random().uniform(buffer, 1, 0, 0);
    return buffer;
  }

  /** Seconds of a call in the best round: other work of the machine can only make it slower. */
  private static double fastest(Backend backend, Runnable call) {
    call.run();
    double once = round(backend, call, 1);
    int calls = (int) Math.max(1, Math.min(MOST_QUEUED, ROUND_SECONDS / once));
    double best = once;
    for (int i = 0; i < ROUNDS; i++) {
      best = Math.min(best, round(backend, call, calls));
    }
    return best;
  }

  private static double round(Backend backend, Runnable call, int calls) {
    backend.synchronize();
    long start = System.nanoTime();
    for (int i = 0; i < calls; i++) {
      call.run();
    }
    backend.synchronize();
    return (System.nanoTime() - start) * 1e-9 / calls;
  }

  @Override
  public String toString() {
    return String.format(
        Locale.ROOT,
        "copy %.1f GB/s, matmul %.1f GFLOP/s; the copy rate is the limit below %.1f flops a byte",
        bytesPerSecond * 1e-9,
        flopsPerSecond * 1e-9,
        flopsPerSecond / bytesPerSecond);
  }
}
