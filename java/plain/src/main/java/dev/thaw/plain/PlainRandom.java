package dev.thaw.plain;

import dev.thaw.backend.Philox;
import dev.thaw.backend.RandomKernels;
import dev.thaw.backend.StepState;
import dev.thaw.backend.Writes;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.DType;
import org.jspecify.annotations.Nullable;

/** y = {@link Philox}'s uniforms, and what is made of them. */
final class PlainRandom implements RandomKernels {
  private static final int COST = 16;
  private static final double LARGEST_BFLOAT16_BELOW_ONE = 1 - 0x1p-8;

  private final Workers workers;

  PlainRandom(Workers workers) {
    this.workers = workers;
  }

  @Override
  public void uniform(@Writes Buffer y, long seed, int stream, int call) {
    double largest = y.dtype() == DType.BFLOAT16 ? LARGEST_BFLOAT16_BELOW_ONE : 1;
    double[] v = new double[PlainStorage.length(y)];
    workers.each(
        v.length,
        (long) COST * v.length,
        (from, to) -> {
          Philox random = new Philox(seed, stream, call);
          for (int i = from; i < to; i++) {
            v[i] = Math.min(random.uniform(i), largest);
          }
        });
    Reals.write(y, v);
  }

  @Override
  public void dropout(
      @Writes Buffer y,
      Buffer x,
      @Nullable Buffer state,
      double p,
      long seed,
      int stream,
      int call) {
    double[] v = Reals.read(x);
    int base = state == null ? 0 : (int) Reals.read(state)[StepState.CALL_BASE];
    workers.each(
        v.length,
        (long) COST * v.length,
        (from, to) -> {
          Philox random = new Philox(seed, stream, base + call);
          for (int i = from; i < to; i++) {
            v[i] = random.uniform(i) >= p ? v[i] / (1 - p) : 0;
          }
        });
    Reals.write(y, v);
  }
}
