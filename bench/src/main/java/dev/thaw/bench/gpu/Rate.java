package dev.thaw.bench.gpu;

import java.util.Arrays;

/**
 * Times work that a device does by itself: calls are queued until they fill a round, then waited
 * for; the median of five such rounds counts.
 */
final class Rate {
  private static final int WARM = 3;
  private static final int ROUNDS = 5;
  private static final int MOST_QUEUED = 500;

  private Rate() {}

  /**
   * Milliseconds of a call.
   *
   * @param wait for what was queued
   * @param seconds of a round
   */
  static double milliseconds(Runnable wait, double seconds, Runnable call) {
    for (int i = 0; i < WARM; i++) {
      call.run();
    }
    int calls = (int) Math.max(1, Math.min(MOST_QUEUED, seconds / (round(wait, call, 3) * 1e-3)));
    double[] rounds = new double[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
      rounds[i] = round(wait, call, calls);
    }
    Arrays.sort(rounds);
    return rounds[ROUNDS / 2];
  }

  private static double round(Runnable wait, Runnable call, int calls) {
    wait.run();
    long start = System.nanoTime();
    for (int i = 0; i < calls; i++) {
      call.run();
    }
    wait.run();
    return (System.nanoTime() - start) * 1e-6 / calls;
  }
}
