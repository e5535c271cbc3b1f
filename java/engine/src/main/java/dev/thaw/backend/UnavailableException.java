package dev.thaw.backend;

import org.jspecify.annotations.Nullable;

/** A device cannot be had: the message names the cause and the remedy. */
public final class UnavailableException extends Exception {
  private static final long serialVersionUID = 1L;

  /** A line that says what is missing and how to get it. */
  public UnavailableException(String message) {
    this(message, null);
  }

  /** A line that says what is missing and how to get it, and what was caught. */
  public UnavailableException(String message, @Nullable Throwable cause) {
    super(message, cause);
  }
}
