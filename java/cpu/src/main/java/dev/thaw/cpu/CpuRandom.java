package dev.thaw.cpu;

import dev.thaw.backend.RandomKernels;
import dev.thaw.backend.StepState;
import dev.thaw.backend.Unary;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.Pool;
import org.jspecify.annotations.Nullable;

/** Philox, sixteen counters at a time. */
final class CpuRandom implements RandomKernels {
  /** Ten rounds of multiplications an element weigh like this many bytes. */
  private static final int COST = 2;

  /** Of bfloat16 below 1. */
  private static final double LARGEST = 1 - 0x1p-8;

  private final Pool pool;

  /** Scratch comes from {@code pool}. */
  CpuRandom(Pool pool) {
    this.pool = pool;
  }

  @Override
  public void uniform(Buffer y, long seed, int stream, int call) {
    if (Wide.isNeeded(y)) {
      try (Wide wide = new Wide(pool)) {
        Buffer exact = wide.writes(y);
        uniform(exact, seed, stream, call);
        // What would be rounded to 1.
        new CpuUnary(pool).forward(Unary.CLIP, exact, exact, 0, LARGEST);
      }
      return;
    }
    Native.thaw_uniform(
        Address.floats(y), y.elements(), seed, stream, call, CpuThreads.forBytes(COST * y.bytes()));
  }

  @Override
  public void dropout(
      Buffer y, Buffer x, @Nullable Buffer state, double p, long seed, int stream, int call) {
    if (Wide.isNeeded(y)) {
      try (Wide wide = new Wide(pool)) {
        dropout(wide.writes(y), wide.reads(x), state, p, seed, stream, call);
      }
      return;
    }
    Native.thaw_dropout(
        Address.floats(y),
        Address.floats(x),
        state == null ? 0 : Address.doubles(state) + StepState.CALL_BASE * (long) Double.BYTES,
        y.elements(),
        p,
        seed,
        stream,
        call,
        CpuThreads.forBytes(COST * y.bytes()));
  }
}
