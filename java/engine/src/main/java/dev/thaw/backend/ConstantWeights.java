package dev.thaw.backend;

/**
 * Weights that will not change any more, copied into the form that a backend's kernels like best:
 * those of a plan for inference, and of the frozen part of a training. Any number of threads may
 * compute with them.
 */
public interface ConstantWeights extends AutoCloseable {
  /** Bytes that the copy takes. */
  long bytes();

  /** Frees the copy, once no kernel runs on it any more. */
  @Override
  void close();
}
