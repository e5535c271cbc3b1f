package dev.thaw.backend;

import dev.thaw.memory.Buffer;
import java.util.List;

/**
 * One parameter as the optimizer's kernel sees it.
 *
 * @param value θ, in its layer's own buffer
 * @param gradient g, in the gradient arena
 * @param moments as many as the {@link UpdateRule} has, zero at the start
 * @param group index of its parameter group in {@link StepState}
 */
public record Segment(Buffer value, Buffer gradient, List<Buffer> moments, int group) {
  /** Keeps a copy of the list. */
  public Segment {
    moments = List.copyOf(moments);
  }
}
