package dev.thaw.bench.kernels;

import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What came of a version.
 *
 * @param kernel its name
 * @param idea what it changes
 * @param fault what is wrong with its results, or null
 * @param ms milliseconds of the problem of full size; NaN where it was not timed
 * @param bytes that the problem must move
 * @param flops that count, or 0
 * @param copyRate bytes a millisecond of the best copy; NaN where none was timed
 */
record Figure(
    String kernel,
    String idea,
    @Nullable String fault,
    double ms,
    double bytes,
    double flops,
    double copyRate) {

  /** The first line of a table of figures, and the one below it. */
  static final String HEADING =
      "| version | ms | GB/s | TFLOP/s | share of the copy rate | what it changes |\n"
          + "|---|---|---|---|---|---|";

  /** Bytes a millisecond. */
  double rate() {
    return bytes / ms;
  }

  /** For programs. */
  Map<String, Object> json() {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("idea", idea);
    if (fault != null) {
      json.put("error", fault);
    } else if (!Double.isNaN(ms)) {
      json.put("ms", ms);
      json.put("GBps", rate() * 1e-6);
      if (flops > 0) {
        json.put("TFLOPs", flops / ms * 1e-9);
      } else {
        json.put("share", rate() / copyRate);
      }
    }
    return json;
  }

  /** A line of a table. */
  String row() {
    String timed;
    if (fault != null) {
      timed = "wrong |  |  | ";
    } else if (Double.isNaN(ms)) {
      timed = "right, not timed |  |  | ";
    } else {
      timed =
          String.format(
              Locale.ROOT,
              "%.3f | %.0f | %s | %s",
              ms,
              rate() * 1e-6,
              flops > 0 ? String.format(Locale.ROOT, "%.1f", flops / ms * 1e-9) : "",
              flops > 0 ? "" : String.format(Locale.ROOT, "%.0f %%", 100 * rate() / copyRate));
    }
    return "| " + kernel + " | " + timed + " | " + (fault != null ? fault : idea) + " |";
  }
}
