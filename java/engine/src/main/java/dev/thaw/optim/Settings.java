package dev.thaw.optim;

import dev.thaw.backend.Backend;
import dev.thaw.backend.StepState;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.DType;
import dev.thaw.memory.Purpose;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * The device's {@link StepState}, and what the host wants in it. It goes there only where it has
 * changed, and no more of it than there are groups: before a step of microseconds even that shows.
 */
final class Settings implements AutoCloseable {
  private final Backend backend;

  /** All slots. */
  final Buffer all;

  /** Those that say what a step found. */
  final Buffer found;

  private final double[] wanted = new double[StepState.SLOTS];
  private final double[] written = new double[StepState.SLOTS];
  private final ByteBuffer staging =
      ByteBuffer.allocateDirect(8 * StepState.SLOTS).order(ByteOrder.nativeOrder());

  /** Those up to the last group's. */
  private Buffer used;

  /** All zero. */
  Settings(Backend backend) {
    this.backend = backend;
    all = backend.pool().allocate(DType.FLOAT64, StepState.SLOTS, Purpose.OPTIMIZER);
    backend.index().fill(all, 0);
    found = all.slice(0, StepState.GROUPS);
    used = all.slice(0, StepState.GROUPS);
  }

  /** As many groups are written from now on, all anew. */
  void groups(int count) {
    used.release();
    used = all.slice(0, StepState.GROUPS + count * StepState.GROUP_SLOTS);
    Arrays.fill(written, Double.NaN);
  }

  void set(int slot, double value) {
    wanted[slot] = value;
  }

  /** Writes what was set, unless it is there already. */
  void write() {
    int count = (int) used.elements();
    if (Arrays.equals(wanted, 0, count, written, 0, count)) {
      return;
    }
    staging.clear().limit(8 * count);
    staging.asDoubleBuffer().put(wanted, 0, count);
    backend.upload(used, staging);
    System.arraycopy(wanted, 0, written, 0, count);
  }

  @Override
  public void close() {
    used.release();
    found.release();
    all.release();
  }
}
