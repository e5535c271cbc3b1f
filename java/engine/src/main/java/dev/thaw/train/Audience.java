package dev.thaw.train;

import dev.thaw.memory.Pool;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/** Those who are told what happens in a training, and what that took, which is not its own. */
final class Audience {
  private final List<Listener> listeners = new ArrayList<>();
  private long aside;
  private long peak;

  /** One thing said to every listener. */
  interface Word {
    void to(Listener listener) throws IOException;
  }

  void add(Listener listener) {
    listeners.add(listener);
  }

  boolean looksAtTheModel() {
    return listeners.stream().anyMatch(Listener::looksAtTheModel);
  }

  /** Begins to count time and memory. */
  void start(Pool pool) {
    pool.resetPeak();
    aside = 0;
    peak = 0;
  }

  /**
   * Says {@code word} to all.
   *
   * @param then what follows from what they may have done
   */
  void tell(Pool pool, Word word, Runnable then) throws IOException {
    peak = Math.max(peak, pool.peakBytes());
    long begin = System.nanoTime();
    for (Listener listener : listeners) {
      word.to(listener);
    }
    then.run();
    setAside(begin);
    pool.resetPeak();
  }

  void note(String line) {
    listeners.forEach(listener -> listener.note(line));
  }

  /** What was done from {@code begin} on, by {@link System#nanoTime}, is not the training's. */
  void setAside(long begin) {
    aside += System.nanoTime() - begin;
  }

  /** Seconds that were set aside. */
  double secondsAside() {
    return aside * 1e-9;
  }

  /** Most memory in use at once while nobody was told anything. */
  long peakBytes(Pool pool) {
    return Math.max(peak, pool.peakBytes());
  }
}
