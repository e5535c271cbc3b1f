package dev.thaw.bench.gpu;

import dev.thaw.backend.Backend;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Times work that a device does by itself: calls are queued until they fill a fifth of a second,
 * then waited for; the median of five such rounds counts.
 */
final class Rate {
  private static final int WARM = 3;
  private static final int ROUNDS = 5;
  private static final double SECONDS = 0.2;
  private static final int MOST_QUEUED = 500;

  private Rate() {}

  /** Milliseconds of a call. */
  static double milliseconds(Backend backend, Runnable call) {
    for (int i = 0; i < WARM; i++) {
      call.run();
    }
    int calls =
        (int) Math.max(1, Math.min(MOST_QUEUED, SECONDS / (round(backend, call, 3) * 1e-3)));
    double[] rounds = new double[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
      rounds[i] = round(backend, call, calls);
    }
    Arrays.sort(rounds);
    return rounds[ROUNDS / 2];
  }

  private static double round(Backend backend, Runnable call, int calls) {
    backend.synchronize();
    long start = System.nanoTime();
    for (int i = 0; i < calls; i++) {
      call.run();
    }
    backend.synchronize();
    return (System.nanoTime() - start) * 1e-6 / calls;
  }

  /** A call that moves so many bytes. */
  static Map<String, Object> ofBytes(Backend backend, double bytes, Runnable call) {
    double ms = milliseconds(backend, call);
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("ms", ms);
    json.put("GBps", bytes / ms * 1e-6);
    return json;
  }

  /** A call that does so many multiplications and additions. */
  static Map<String, Object> ofFlops(Backend backend, double flops, Runnable call) {
    double ms = milliseconds(backend, call);
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("ms", ms);
    json.put("TFLOPs", flops / ms * 1e-9);
    return json;
  }
}
