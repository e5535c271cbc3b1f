package dev.thaw.tensor;

import dev.thaw.memory.Buffer;
import dev.thaw.memory.Check;
import dev.thaw.memory.Purpose;
import org.jspecify.annotations.Nullable;

/**
 * Where a leaf's gradient lies and whether this step has written it. Clearing is taking the mark
 * away: the first writer overwrites, later ones add, and no memory is zeroed.
 */
public final class GradientSlot {
  private final Tensor leaf;
  private @Nullable Buffer place;
  private boolean written;

  GradientSlot(Tensor leaf) {
    this.leaf = leaf;
  }

  /** Whether a rule has written since the last {@link #clear}. */
  public boolean isWritten() {
    return written;
  }

  /** Forgets the gradient; touches no memory. */
  public void clear() {
    written = false;
  }

  /** The buffer of the gradient, or null while it has none. */
  public @Nullable Buffer buffer() {
    return place;
  }

  /**
   * Gives the gradient a fixed place, part of an arena say; the slot holds it from now on. What was
   * written before moves along.
   *
   * @param buffer as many elements as the leaf, of its dtype
   */
  public void place(Buffer buffer) {
    Check.that(
        buffer.elements() == leaf.buffer().elements() && buffer.dtype() == leaf.dtype(),
        "gradient: %s does not fit %s",
        buffer,
        leaf.buffer());
    boolean moved = written;
    if (place != null) {
      if (written) {
        Layout.copyAll(buffer, leaf.backend(), place);
      }
      release();
    }
    place = buffer.hold();
    written = moved;
  }

  /** Lets go of the place. */
  public void release() {
    written = false;
    if (place != null) {
      place.release();
      place = null;
    }
  }

  /** The destination of the first writer; marks the slot. */
  Buffer claim() {
    if (place == null) {
      place = leaf.home().pool().allocate(leaf.dtype(), leaf.shape().elements(), Purpose.GRADIENTS);
    }
    written = true;
    return place;
  }

  /** Takes {@code gradient} as it is where that spares a copy. */
  void adopt(Buffer gradient) {
    place = gradient.hold();
    written = true;
  }
}
