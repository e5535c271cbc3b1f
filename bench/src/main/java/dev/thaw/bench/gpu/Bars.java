package dev.thaw.bench.gpu;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.DoublePredicate;
import org.jspecify.annotations.Nullable;

/** What is asked of a card, what was found, and whether that holds. */
final class Bars {
  private static final String RESNET = "resnet50 batch 256 bf16 ";

  private final Map<String, Object> parts;
  private final List<Bar> bars = new ArrayList<>();

  /**
   * A line.
   *
   * @param what is looked at
   * @param asked of it
   * @param found or why that is not known
   * @param verdict held, missed, or not known
   */
  record Bar(String what, String asked, String found, String verdict) {}

  private Bars(Map<String, Object> parts) {
    this.parts = parts;
  }

  /**
   * All of them.
   *
   * @param parts the check's, by name
   */
  static List<Bar> of(Map<String, Object> parts) {
    Bars all = new Bars(parts);
    all.steps();
    all.kernels();
    all.memory();
    all.losses();
    return all.bars;
  }

  private void steps() {
    double images = 256e3 / fastest(RESNET + "train");
    bar("ResNet-50, batch 256, bf16, images/s", "6800", images, 0, x -> x >= 6800);
    ratio("ResNet-50, batch 256, bf16", RESNET + "train", 1.3, "eager");
    ratio("ResNet-50, batch 256, bf16", RESNET + "train", 1.1, "compile");
    ratio("the same with a frozen base", RESNET + "frozen", 1.5, "eager");
    for (String small : List.of("seed-cnn batch 64 fp32 train", "mlp batch 32 fp32 train")) {
      ratio(small, small, 3, "eager");
      ratio(small, small, 1.2, "graph");
      double java = number("steps", small + " graph", "java_us");
      bar(small + ", Java µs a step", "at most 15", java, 1, x -> x <= 15);
    }
  }

  /** PyTorch's time over ours, of its fastest way whose name begins so. */
  private void ratio(String what, String step, double least, String how) {
    double theirs = Double.NaN;
    for (String name : part("torch").keySet()) {
      if (name.startsWith(step + " " + how)) {
        theirs = less(theirs, number("torch", name, "ms"));
      }
    }
    bar(
        what + ", PyTorch (" + how + ") / Thaw",
        text(least, 1),
        theirs / fastest(step),
        2,
        x -> x >= least);
  }

  /** Milliseconds of ours, as a graph or call by call, engines compiled or not. */
  private double fastest(String step) {
    double ms = Double.NaN;
    for (String from : List.of("steps", "compiled-steps")) {
      ms = less(ms, number(from, step + " graph", "ms"));
      ms = less(ms, number(from, step + " calls", "ms"));
    }
    return ms;
  }

  private void kernels() {
    double copy = copyRate(parts);
    for (int asked : new int[] {95, 85}) {
      String worst = "";
      double least = Double.NaN;
      for (String kernel : part("kernels").keySet()) {
        double share = 100 * number("kernels", kernel, "GBps") / copy;
        if (number("kernels", kernel, "asked") == asked && !(share >= least)) {
          least = share;
          worst = ": " + kernel;
        }
      }
      bar(
          "least share of the copy rate" + worst + ", %",
          Integer.toString(asked),
          least,
          0,
          x -> x >= asked);
    }
  }

  private void memory() {
    double full = number("steps", RESNET + "train graph", "peak_MiB");
    double head = number("steps", RESNET + "frozen graph", "peak_MiB");
    for (String kind : List.of("train", "frozen")) {
      double ours = kind.equals("train") ? full : head;
      bar(
          "peak memory, Thaw / PyTorch, " + RESNET + kind,
          "at most 1",
          ours / number("torch", RESNET + kind + " eager", "peak_MiB"),
          2,
          x -> x <= 1);
    }
    bar("peak memory, frozen base / all", "at most 0.5", head / full, 2, x -> x <= 0.5);
  }

  private void losses() {
    for (String model : CardLosses.MODELS) {
      double exact = number("losses", model + " fp32", "mean");
      double off = 100 * Math.abs(number("losses", model + " bf16", "mean") / exact - 1);
      bar(model + ", mean loss in bf16 off fp32's, %", "at most 1", off, 2, x -> x <= 1);
    }
  }

  /**
   * GB/s that a copy reaches, read and written: PyTorch's of 1 GiB, or where that was not measured
   * the best of the workshop's; NaN where neither was.
   */
  static double copyRate(Map<String, Object> parts) {
    Bars all = new Bars(parts);
    double theirs = number(all.part("torch").get("ceilings"), "copy_GBps");
    if (!Double.isNaN(theirs)) {
      return theirs;
    }
    double best = Double.NaN;
    if (all.part("workshop").get("copy") instanceof Map<?, ?> versions) {
      for (Object version : versions.values()) {
        double rate = number(version, "GBps");
        best = best >= rate ? best : Double.isNaN(rate) ? best : rate;
      }
    }
    return best;
  }

  private void bar(String what, String asked, double found, int digits, DoublePredicate holds) {
    boolean known = !Double.isNaN(found);
    bars.add(
        new Bar(
            what,
            asked,
            known ? text(found, digits) : "not measured",
            !known ? "not known" : holds.test(found) ? "held" : "**missed**"));
  }

  private static double less(double a, double b) {
    return Double.isNaN(a) || b < a ? b : a;
  }

  private double number(String part, String name, String figure) {
    return number(part(part).get(name), figure);
  }

  private static double number(@Nullable Object figures, String figure) {
    return figures instanceof Map<?, ?> map && map.get(figure) instanceof Number n
        ? n.doubleValue()
        : Double.NaN;
  }

  @SuppressWarnings("unchecked")
  private Map<String, Object> part(String name) {
    return parts.get(name) instanceof Map<?, ?> map ? (Map<String, Object>) map : Map.of();
  }

  private static String text(double value, int digits) {
    return String.format(Locale.ROOT, "%." + digits + "f", value);
  }
}
