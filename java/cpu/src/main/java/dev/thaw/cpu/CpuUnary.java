package dev.thaw.cpu;

import static java.nio.charset.StandardCharsets.US_ASCII;

import dev.thaw.backend.Unary;
import dev.thaw.backend.UnaryKernels;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.Pool;

/** Loops over {@code kernels/unary_ops.def}, found by name. */
final class CpuUnary implements UnaryKernels {
  /** By {@link Unary#ordinal()}: the function's number in the library. */
  private final int[] numbers = new int[Unary.values().length];

  private final Pool pool;

  /** Scratch comes from {@code pool}. */
  CpuUnary(Pool pool) {
    this.pool = pool;
    for (Unary f : Unary.values()) {
      int number = Native.thaw_unary_find((f.id() + '\0').getBytes(US_ASCII));
      if (number < 0) {
        throw new IllegalStateException(
            "cpu: kernels/unary_ops.def has no line for " + f.id() + "; add it and rebuild");
      }
      numbers[f.ordinal()] = number;
    }
  }

  @Override
  public void forward(Unary f, Buffer y, Buffer x, double a, double b) {
    if (Wide.isNeeded(y)) {
      try (Wide wide = new Wide(pool)) {
        forward(f, wide.writes(y), wide.reads(x), a, b);
      }
      return;
    }
    Native.thaw_unary_forward(
        numbers[f.ordinal()],
        Address.floats(y),
        Address.floats(x),
        y.elements(),
        a,
        b,
        CpuThreads.forBytes(2 * y.bytes()));
  }

  @Override
  public void backward(Unary f, Buffer dx, Buffer dy, Buffer saved, double a, double b) {
    if (Wide.isNeeded(dx)) {
      try (Wide wide = new Wide(pool)) {
        backward(f, wide.writes(dx), wide.reads(dy), wide.reads(saved), a, b);
      }
      return;
    }
    Native.thaw_unary_backward(
        numbers[f.ordinal()],
        Address.floats(dx),
        Address.floats(dy),
        f.reads() == Unary.Reads.NOTHING ? Address.floats(dy) : Address.floats(saved),
        dx.elements(),
        a,
        b,
        CpuThreads.forBytes(3 * dx.bytes()));
  }
}
