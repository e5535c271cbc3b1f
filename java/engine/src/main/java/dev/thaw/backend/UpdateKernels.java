package dev.thaw.backend;

import dev.thaw.memory.Buffer;
import java.util.List;

/**
 * Optimizer steps: one launch over a table of segments. Values, gradients and moments share one
 * dtype, which is never BFLOAT16.
 */
public interface UpdateKernels {
  /** Prepares {@code segments}; every step count starts at 0, every segment is active. */
  SegmentTable table(List<Segment> segments);

  /**
   * Measures the gradients of the active segments, times GRADIENT_SCALE: writes GRADIENT_NORM,
   * NON_FINITE, SKIP and CLIP_SCALE of {@code state}. Nothing is left out of the norm, so it is not
   * finite where an element is not; SKIP is 1 exactly then.
   *
   * @param squares FLOAT64, one per segment: the sum of squares of each, 0 where not active; added
   *     up in the order of the segments they give the norm's square
   */
  void norm(@Writes Buffer squares, @Writes Buffer state, SegmentTable table);

  /** Moves the active segments, and counts their steps, unless SKIP is set. */
  void step(UpdateRule rule, SegmentTable table, Buffer state);

  /**
   * Scales each row of value [rows, columns] whose norm is above {@code limit} down to it, in place
   * (Srivastava et al., Dropout, JMLR 2014).
   */
  void maxNorm(@Writes Buffer value, int rows, int columns, double limit);
}
