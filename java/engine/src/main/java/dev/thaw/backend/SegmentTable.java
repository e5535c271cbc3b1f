package dev.thaw.backend;

import dev.thaw.memory.Buffer;
import dev.thaw.memory.DType;

/** Segments prepared for one launch over all of them; made by {@link UpdateKernels#table}. */
public interface SegmentTable extends AutoCloseable {
  /**
   * INT32, one per segment: how often it was updated; written by the kernel, kept in checkpoints.
   */
  Buffer steps();

  /**
   * Leaves segment {@code i} out of coming calls and replays, or takes it back in: no rule reached
   * it.
   */
  void setActive(int i, boolean active);

  /** Type of all values, gradients and moments. */
  DType dtype();

  /** Elements of the segments that take part. */
  long activeElements();

  @Override
  void close();
}
