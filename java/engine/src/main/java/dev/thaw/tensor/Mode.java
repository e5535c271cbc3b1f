package dev.thaw.tensor;

import dev.thaw.memory.Purpose;

/**
 * What ops of this thread do besides computing: whether they note rules, and what memory is for.
 */
final class Mode {
  private static final ThreadLocal<Mode> CURRENT = ThreadLocal.withInitial(Mode::new);

  boolean recording = true;
  Purpose purpose = Purpose.ACTIVATIONS;

  private Mode() {}

  static Mode current() {
    return CURRENT.get();
  }
}
