package dev.thaw.backend;

/** What becomes of many numbers. */
public enum Reduction {
  /** The sum; accumulated in an order that does not depend on the thread count. */
  SUM,
  /** The largest; NaN if any is. */
  MAX,
  /** The smallest; NaN if any is. */
  MIN
}
