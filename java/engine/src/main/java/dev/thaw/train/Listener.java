package dev.thaw.train;

import java.io.IOException;
import org.jspecify.annotations.Nullable;

/** Hears what a training does. Called on the training's thread, after each step. */
public interface Listener {
  /**
   * One optimizer step.
   *
   * @param step counted from 1
   * @param total steps of the whole training
   * @param epoch counted from 1
   * @param loss mean over the step's examples, before the step
   * @param rate of the first parameter group
   * @param gradientNorm of all trainable gradients together, before clipping
   * @param examples in the step
   * @param skipped whether a gradient was not finite, so nothing moved
   */
  record Step(
      long step,
      long total,
      int epoch,
      double loss,
      double rate,
      double gradientNorm,
      int examples,
      boolean skipped) {}

  /**
   * The end of an epoch.
   *
   * @param epoch counted from 1
   * @param epochs of the whole training
   * @param loss mean over the epoch's steps
   * @param validation what the validation found, or null without one
   * @param seconds the epoch took, validation included
   */
  record Epoch(
      int epoch, int epochs, double loss, Evaluation.@Nullable Result validation, double seconds) {}

  /**
   * Whether {@link #step} looks at more than it is told - at the model, say, or at gradients - and
   * so must be called before the next step begins. Where no listener of a training does, and the
   * device works by itself, a step is told while the next one runs: neither waits for the other.
   */
  default boolean looksAtTheModel() {
    return true;
  }

  /** After each step. */
  default void step(Step step) throws IOException {}

  /** After each epoch. */
  default void epoch(Epoch epoch) throws IOException {}

  /** Something a person should know, one line. */
  default void note(String line) {}
}
