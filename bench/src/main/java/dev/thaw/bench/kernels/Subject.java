package dev.thaw.bench.kernels;

import dev.thaw.cuda.OwnKernels;
import dev.thaw.memory.Buffer;
import java.util.List;

/**
 * What the versions of a file of {@code bench/kernels} compute. A problem is the subject at some
 * sizes; what the sizes are is the subject's own.
 */
interface Subject {
  /** Of the file, and what its kernels' names begin with. */
  String name();

  /** Problems that every version is held to the reference at: small and odd ones among them. */
  int[][] sizes();

  /** One with more work than the largest card has threads: held to the reference on cards. */
  int[] large();

  /** The problem that is timed, far larger than a card's caches where memory is what counts. */
  int[] timed();

  /** The buffers of a problem, in the order in which the other methods find them. */
  List<Operand> operands(int[] sizes);

  /** Replaces each output, and what is updated, by what it must become. */
  void reference(double[][] at, int[] sizes);

  /** Bytes that must come from memory or go there, however it is computed. */
  double bytes(int[] sizes);

  /**
   * Multiplications and additions; 0 where they cost nothing beside the bytes, as everywhere but in
   * a product of matrices.
   */
  default double flops(int[] sizes) {
    return 0;
  }

  /** Queues the launches of a version, counted from 1. */
  void launch(int version, OwnKernels kernels, Buffer[] at, int[] sizes);

  /** The name of a version's kernel. */
  default String kernel(int version) {
    return name() + "_" + version;
  }

  /** {@code a / b}, rounded up. */
  static int over(long a, long b) {
    return Math.toIntExact((a + b - 1) / b);
  }
}
