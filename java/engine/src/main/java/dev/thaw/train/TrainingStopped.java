package dev.thaw.train;

/** A training that cannot go on: the message says why, and what to do. */
public final class TrainingStopped extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** One line: what happened, where, what to do. */
  public TrainingStopped(String message) {
    super(message);
  }
}
