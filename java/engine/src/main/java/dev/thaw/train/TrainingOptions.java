package dev.thaw.train;

import dev.thaw.memory.Check;
import dev.thaw.optim.Clip;
import dev.thaw.optim.Schedule;

/**
 * How long and how a training goes.
 *
 * @param epochs passes over the data
 * @param maxSteps optimizer steps at most; 0 for no limit beside the epochs
 * @param accumulate batches whose gradients make one step
 * @param schedule of the rates over all steps
 * @param clip limits on gradients and weights
 * @param smoothing of the labels, ε in [0, 1)
 * @param patience epochs without a better validation loss before it ends; 0 to go on
 * @param seed of everything random
 */
public record TrainingOptions(
    int epochs,
    long maxSteps,
    int accumulate,
    Schedule schedule,
    Clip clip,
    double smoothing,
    int patience,
    long seed) {
  /** Checks the ranges. */
  public TrainingOptions {
    Check.that(epochs > 0, "training: %d epochs", epochs);
    Check.that(maxSteps >= 0, "training: at most %d steps", maxSteps);
    Check.that(accumulate > 0, "training: gradients of %d batches make a step", accumulate);
    Check.that(patience >= 0, "training: patience of %d epochs", patience);
  }

  /** {@code epochs} passes, a cosine, nothing limited, seed 0. */
  public static TrainingOptions epochs(int epochs) {
    return new TrainingOptions(epochs, 0, 1, Schedule.cosine(), Clip.NONE, 0, 0, 0);
  }

  /** The same with at most {@code steps} steps. */
  public TrainingOptions atMost(long steps) {
    return new TrainingOptions(
        epochs, steps, accumulate, schedule, clip, smoothing, patience, seed);
  }

  /** The same with another schedule. */
  public TrainingOptions schedule(Schedule other) {
    return new TrainingOptions(
        epochs, maxSteps, accumulate, other, clip, smoothing, patience, seed);
  }

  /** The same with {@code batches} batches a step. */
  public TrainingOptions accumulate(int batches) {
    return new TrainingOptions(
        epochs, maxSteps, batches, schedule, clip, smoothing, patience, seed);
  }

  /** The same with these limits. */
  public TrainingOptions clip(Clip limits) {
    return new TrainingOptions(
        epochs, maxSteps, accumulate, schedule, limits, smoothing, patience, seed);
  }

  /** The same, ending after {@code epochs} epochs without a better validation loss. */
  public TrainingOptions patience(int epochsWithout) {
    return new TrainingOptions(
        epochs, maxSteps, accumulate, schedule, clip, smoothing, epochsWithout, seed);
  }

  /** The same with another seed. */
  public TrainingOptions seed(long other) {
    return new TrainingOptions(
        epochs, maxSteps, accumulate, schedule, clip, smoothing, patience, other);
  }
}
