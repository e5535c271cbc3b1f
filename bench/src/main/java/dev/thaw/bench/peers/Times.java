package dev.thaw.bench.peers;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;

/** Durations of the same work, in nanoseconds. */
final class Times {
  private long[] sorted = new long[0];

  /** Adds a round's. */
  void add(long[] more) {
    int before = sorted.length;
    sorted = Arrays.copyOf(sorted, before + more.length);
    System.arraycopy(more, 0, sorted, before, more.length);
    Arrays.sort(sorted);
  }

  int count() {
    return sorted.length;
  }

  /** The time that a share of the calls did not exceed, in milliseconds. */
  double quantile(double share) {
    int at = (int) Math.ceil(share * sorted.length) - 1;
    return sorted[Math.min(sorted.length - 1, Math.max(0, at))] * 1e-6;
  }

  double median() {
    return quantile(0.5);
  }

  /** Median and the spread of four fifths of the calls. */
  String text() {
    return String.format(Locale.ROOT, "%.3f (%.3f..%.3f)", median(), quantile(0.1), quantile(0.9));
  }

  Map<String, Object> json() {
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("calls", count());
    map.put("p10_ms", quantile(0.1));
    map.put("median_ms", median());
    map.put("p90_ms", quantile(0.9));
    map.put("p99_ms", quantile(0.99));
    map.put("p999_ms", quantile(0.999));
    return map;
  }
}
