package dev.thaw.plan;

import dev.thaw.backend.Backend;
import dev.thaw.backend.Backend.Replay;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * How long each call of a plan takes its device.
 *
 * <p>A device that works while it is called is timed call by call through whole runs, so that each
 * call finds the caches as the one before it left them. One that works behind the calls would show
 * the price of asking instead: there a call is noted {@link #QUEUED} times as one unit, and that is
 * waited for. Contents are of no use afterwards, as a step's update is made many times.
 */
final class Timing {
  private static final int QUEUED = 20;

  private final Backend backend;
  private final Plan plan;
  private final int runs;

  /** Of {@code plan}, which has not run yet: libraries choose their algorithms in its first run. */
  Timing(Backend backend, Plan plan, int runs) {
    this.backend = backend;
    this.plan = plan;
    this.runs = runs;
  }

  /** The median of the runs for each call. */
  double[] seconds() {
    plan.run();
    backend.synchronize();
    double[][] times = new double[plan.size()][runs];
    if (plan.size() > 0 && !queued(0, times[0])) {
      plan.run();
      for (int run = 0; run < runs; run++) {
        for (int i = 0; i < times.length; i++) {
          times[i][run] = once(i);
        }
      }
    } else {
      for (int i = 1; i < times.length; i++) {
        if (!queued(i, times[i])) {
          int call = i;
          Arrays.setAll(times[i], run -> once(call));
        }
      }
    }
    double[] medians = new double[times.length];
    for (int i = 0; i < times.length; i++) {
      Arrays.sort(times[i]);
      medians[i] = times[i][runs / 2];
    }
    return medians;
  }

  private double once(int i) {
    long start = System.nanoTime();
    plan.run(i);
    backend.synchronize();
    return (System.nanoTime() - start) * 1e-9;
  }

  /** Whether the device can note calls, and so has filled {@code times}. */
  private boolean queued(int i, double[] times) {
    @Nullable Replay many =
        backend.capture(
            () -> {
              for (int time = 0; time < QUEUED; time++) {
                plan.run(i);
              }
            });
    if (many == null) {
      return false;
    }
    try (many) {
      many.run();
      backend.synchronize();
      for (int run = 0; run < times.length; run++) {
        long start = System.nanoTime();
        many.run();
        backend.synchronize();
        times[run] = (System.nanoTime() - start) * 1e-9 / QUEUED;
      }
    }
    return true;
  }
}
