package dev.thaw.data;

/** What a share of a data set is for. */
public enum Part {
  /** Learned from. */
  TRAIN,
  /** Looked at while training: when to stop, which rate. */
  VALIDATION,
  /** Looked at once, at the end. */
  TEST
}
