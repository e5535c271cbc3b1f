package dev.thaw.train;

import dev.thaw.io.NdArray;
import dev.thaw.models.StateDict;
import dev.thaw.nn.Module;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Early stopping: the weights and running statistics of the best evaluation, and how long ago it
 * was.
 */
final class Best {
  private @Nullable Map<String, NdArray> state;
  private double loss = Double.POSITIVE_INFINITY;
  private int since;

  /** Notes an evaluation; returns whether it is the best so far. */
  boolean note(Module model, double validationLoss) {
    if (validationLoss < loss) {
      loss = validationLoss;
      since = 0;
      state = StateDict.of(model);
      return true;
    }
    since++;
    return false;
  }

  /** Evaluations since the best one. */
  int since() {
    return since;
  }

  double loss() {
    return loss;
  }

  @Nullable Map<String, NdArray> state() {
    return state;
  }

  void restore(double bestLoss, int evaluationsSince, @Nullable Map<String, NdArray> bestState) {
    loss = bestLoss;
    since = evaluationsSince;
    state = bestState;
  }

  /** Puts the best weights back; does nothing before the first evaluation. */
  void putBack(Module model) {
    if (state != null) {
      StateDict.load(model, state);
    }
  }
}
