package dev.thaw.cpu;

import dev.thaw.backend.RandomKernels;
import dev.thaw.backend.StepState;
import dev.thaw.memory.Buffer;
import org.jspecify.annotations.Nullable;

/** Philox, sixteen counters at a time. */
final class CpuRandom implements RandomKernels {
  /** Ten rounds of multiplications an element weigh like this many bytes. */
  private static final int COST = 2;

  CpuRandom() {}

  @Override
  public void uniform(Buffer y, long seed, int stream, int call) {
    Native.thaw_uniform(
        Address.floats(y), y.elements(), seed, stream, call, CpuThreads.forBytes(COST * y.bytes()));
  }

  @Override
  public void dropout(
      Buffer y, Buffer x, @Nullable Buffer state, double p, long seed, int stream, int call) {
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
