package dev.thaw.nn;

import java.util.Locale;

/**
 * What a batch norm does in training mode. It is the layer's own: {@code train()} on the whole
 * model does not undo it.
 */
public enum BnPolicy {
  /** Running statistics, constant: what freezing sets. */
  EVAL,
  /** Statistics of the batch; running statistics follow. */
  TRAIN_ALL,
  /** Statistics of the batch; running statistics stay. */
  BATCH_STATS;

  /** The name on the command line: {@code train-all}. */
  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }
}
