package dev.thaw.bench.roofline;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/** A step's calls, their sums by kernel, and which limit the time is spent near. */
final class Account {
  /** A call is near its limit when it reaches so much of it. */
  private static final double NEAR = 0.5;

  private final List<Measured> calls;
  private final List<Measured> kinds = new ArrayList<>();
  private final Measured all;

  /** The longest kernels first. */
  Account(List<Measured> calls) {
    this.calls = List.copyOf(calls);
    Map<String, List<Measured>> byName = new TreeMap<>();
    for (Measured call : calls) {
      byName.computeIfAbsent(call.name(), name -> new ArrayList<>()).add(call);
    }
    byName.forEach((name, some) -> kinds.add(Measured.sum(name, some)));
    kinds.sort(Comparator.comparingDouble(Measured::seconds).reversed());
    all = Measured.sum("all", calls);
  }

  /** Seconds of all calls. */
  double seconds() {
    return all.seconds();
  }

  /** Share of the time in calls that reach {@link #NEAR} of the copy rate, or of matmul's. */
  double near(boolean moving) {
    double near = 0;
    for (Measured call : calls) {
      near += call.moving() == moving && call.share() >= NEAR ? call.seconds() : 0;
    }
    return near / all.seconds();
  }

  List<String> lines() {
    List<String> lines = new ArrayList<>();
    heading(lines, "Each call, in the order of the step:", "kernel");
    calls.forEach(call -> lines.add(line(call)));
    heading(lines, "By kernel, the longest first:", "kernel");
    kinds.forEach(kind -> lines.add(line(kind)));
    lines.add(line(all));
    lines.add("");
    lines.add(
        String.format(
            Locale.ROOT,
            "Of the time, %.0f %% is spent in calls near the copy rate, %.0f %% near matmul's, %.0f"
                + " %% far from both (near: at least half of what the limit allows).",
            100 * near(true),
            100 * near(false),
            100 * (1 - near(true) - near(false))));
    lines.add("MB: what must be read and written, once each, even where a kernel passes twice.");
    lines.add("MFLOP: by the definition; a convolution's are those of the direct method.");
    lines.add("A share above 100 %: a cache held the data, or the algorithm computes less.");
    return lines;
  }

  private static void heading(List<String> lines, String title, String first) {
    lines.add("");
    lines.add(title);
    lines.add(
        String.format(
            Locale.ROOT,
            "%-28s %-42s %10s %10s %11s %8s %9s  %-6s %6s %6s",
            first,
            "sizes",
            "MB",
            "MFLOP",
            "us",
            "GB/s",
            "GFLOP/s",
            "limit",
            "share",
            "time"));
  }

  private String line(Measured m) {
    return String.format(
        Locale.ROOT,
        "%-28s %-42s %10.3f %10.3f %11.2f %8.1f %9.1f  %-6s %4.0f %% %4.1f %%",
        m.name(),
        m.sizes(),
        m.bytes() * 1e-6,
        m.flops() * 1e-6,
        m.seconds() * 1e6,
        m.bytes() / m.seconds() * 1e-9,
        m.flops() / m.seconds() * 1e-9,
        m.limit(),
        100 * m.share(),
        100 * m.seconds() / all.seconds());
  }

  Map<String, Object> json() {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("near_copy_rate", near(true));
    json.put("near_matmul_rate", near(false));
    json.put("sum", all.json());
    json.put("kernels", kinds.stream().map(Measured::json).toList());
    json.put("calls", calls.stream().map(Measured::json).toList());
    return json;
  }
}
