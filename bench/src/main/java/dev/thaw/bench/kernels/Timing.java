package dev.thaw.bench.kernels;

import dev.thaw.backend.Backend;
import dev.thaw.cuda.OwnKernels;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.DType;
import dev.thaw.memory.Purpose;
import java.util.Arrays;
import java.util.List;

/**
 * A subject's problem of full size, on which versions are timed by the card's own clock. Before
 * each round a buffer larger than the L2 cache is written, so that every version finds the cache as
 * a step would leave it: without its inputs.
 */
final class Timing implements AutoCloseable {
  /** Numbers of 256 MiB; the largest L2 cache of a card so far has 126. */
  static final long FLUSH = 1 << 26;

  private static final int WARM = 2;
  private static final int FEWEST = 5;
  private static final int ROUNDS = 21;

  /** Rounds end early where a version is slow. */
  private static final double SECONDS = 0.5;

  private final Subject subject;
  private final int[] sizes;
  private final Backend backend;
  private final Buffer[] at;
  private final Buffer flush;

  /**
   * Fills the buffers.
   *
   * @param flushed numbers that are written before each round
   */
  Timing(Subject subject, Backend backend, long flushed) {
    this.subject = subject;
    this.backend = backend;
    sizes = subject.timed();
    List<Operand> operands = subject.operands(sizes);
    at = new Buffer[operands.size()];
    for (int i = 0; i < at.length; i++) {
      at[i] = filled(operands.get(i).elements(), i);
    }
    flush = filled(flushed, at.length);
  }

  private Buffer filled(long elements, int call) {
    Buffer buffer = backend.pool().allocate(DType.FLOAT32, elements, Purpose.WORKSPACE);
    backend.random().uniform(buffer, 1, 0, call);
    return buffer;
  }

  /** Milliseconds of a version: the median of the rounds. */
  double milliseconds(int version, OwnKernels kernels) {
    for (int i = 0; i < WARM; i++) {
      round(version, kernels);
    }
    double[] rounds = new double[ROUNDS];
    double all = 0;
    int count = 0;
    while (count < ROUNDS && (count < FEWEST || all < SECONDS * 1e3)) {
      rounds[count] = round(version, kernels);
      all += rounds[count++];
    }
    double[] sorted = Arrays.copyOf(rounds, count);
    Arrays.sort(sorted);
    return sorted[count / 2];
  }

  private double round(int version, OwnKernels kernels) {
    backend.index().fill(flush, version);
    return kernels.milliseconds(() -> subject.launch(version, kernels, at, sizes));
  }

  @Override
  public void close() {
    for (Buffer buffer : at) {
      buffer.release();
    }
    flush.release();
  }
}
