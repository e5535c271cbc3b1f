package dev.thaw.bench.roofline;

import dev.thaw.plan.KernelCall;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * What a call, or several, had to do and took.
 *
 * @param name of the kernel
 * @param sizes of the call, or how many calls these are
 * @param seconds measured
 * @param least seconds that the machine's limits allow
 * @param moving whether moving bytes is what limits it; of several, most of their least time
 */
record Measured(
    String name,
    String sizes,
    long bytes,
    long flops,
    double seconds,
    double least,
    boolean moving) {
  static Measured of(KernelCall call, double seconds, Limits limits) {
    return new Measured(
        call.name(),
        call.sizes(),
        call.bytes(),
        call.flops(),
        seconds,
        limits.least(call.bytes(), call.flops()),
        limits.isMoving(call.bytes(), call.flops()));
  }

  /** Their sums. */
  static Measured sum(String name, Collection<Measured> calls) {
    double moving = calls.stream().filter(Measured::moving).mapToDouble(Measured::least).sum();
    double least = calls.stream().mapToDouble(Measured::least).sum();
    return new Measured(
        name,
        calls.size() + (calls.size() == 1 ? " call" : " calls"),
        calls.stream().mapToLong(Measured::bytes).sum(),
        calls.stream().mapToLong(Measured::flops).sum(),
        calls.stream().mapToDouble(Measured::seconds).sum(),
        least,
        moving >= least / 2);
  }

  /** Of what the machine could do; above 1 where a cache or a cheaper algorithm helped. */
  double share() {
    return least / seconds;
  }

  String limit() {
    return moving ? "copy" : "matmul";
  }

  Map<String, Object> json() {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("kernel", name);
    json.put("sizes", sizes);
    json.put("bytes", bytes);
    json.put("flops", flops);
    json.put("us", seconds * 1e6);
    json.put("GBps", bytes / seconds * 1e-9);
    json.put("GFLOPs", flops / seconds * 1e-9);
    json.put("limit", limit());
    json.put("share", share());
    return json;
  }
}
