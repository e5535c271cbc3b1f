package dev.thaw.app;

import java.util.concurrent.CountDownLatch;

/**
 * Ctrl-C while a training runs: the step is finished, a checkpoint written, and the JVM ends with
 * code 130. The JVM answers the signal by running shutdown hooks and ends when they have returned;
 * so the hook asks the training to stop and waits until the command has said its last word.
 */
final class Interruption {
  private static final CountDownLatch ENDED = new CountDownLatch(1);

  private Interruption() {}

  /** The training was stopped; the message names the command that resumes it. */
  static final class Stopped extends RuntimeException {
    private static final long serialVersionUID = 1L;

    Stopped(String message) {
      super(message);
    }
  }

  /** Ends {@link #during}; throws nothing. */
  @FunctionalInterface
  interface Watch extends AutoCloseable {
    @Override
    void close();
  }

  /** Calls {@code stop} when the JVM is asked to end, until the result is closed. */
  static Watch during(Runnable stop) {
    Thread hook =
        new Thread(
            () -> {
              stop.run();
              try {
                ENDED.await();
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt(); // the JVM is ending in any case
              }
            },
            "thaw-stop");
    Runtime.getRuntime().addShutdownHook(hook);
    return () -> {
      try {
        Runtime.getRuntime().removeShutdownHook(hook);
      } catch (IllegalStateException ending) {
        // The JVM is ending: the hook was started, and waits for commandEnded().
      }
    };
  }

  /** Lets a JVM that was asked to end go. */
  static void commandEnded() {
    ENDED.countDown();
  }
}
