package dev.thaw.plain;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ForkJoinPool;
import java.util.concurrent.ForkJoinTask;

/**
 * A few threads for one kernel. Work is split over outputs that do not depend on each other, and
 * each is computed whole by one thread: that is why no result depends on the thread count.
 */
final class Workers {
  /** Below this many elementary operations waking a thread costs more than it saves. */
  private static final long WORTHWHILE = 1 << 16;

  /** Parts per thread: enough that threads end at about the same time. */
  private static final int PARTS = 4;

  private final int threads;
  private final ForkJoinPool pool;

  Workers(int threads) {
    this.threads = threads;
    this.pool = new ForkJoinPool(threads);
  }

  /** Indices {@code from} (included) to {@code to} (excluded). */
  @FunctionalInterface
  interface Range {
    void run(int from, int to);
  }

  int threads() {
    return threads;
  }

  /**
   * Covers 0 to n − 1 by ranges and runs {@code body} on each, in any order and on any thread.
   *
   * @param work about how many elementary operations all of it costs
   * @param body writes only what belongs to its indices
   */
  void each(int n, long work, Range body) {
    if (threads == 1 || n < 2 || work < WORTHWHILE) {
      body.run(0, n);
      return;
    }
    int parts = Math.min(n, threads * PARTS);
    List<ForkJoinTask<?>> running = new ArrayList<>(parts);
    for (int part = 0; part < parts; part++) {
      int from = (int) ((long) n * part / parts);
      int to = (int) ((long) n * (part + 1) / parts);
      running.add(pool.submit(() -> body.run(from, to)));
    }
    running.forEach(ForkJoinTask::join);
  }
}
