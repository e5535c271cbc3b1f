package dev.thaw.app;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** A range of numbers with round ones to mark. */
record Axis(double low, double high, boolean logarithmic) {
  private static final int ABOUT = 5;

  /** Of a step: what rounding may leave between an end and its multiple. */
  private static final double SLACK = 1e-6;

  /** Widens the range to round numbers, and what has no extent to one step. */
  Axis {
    if (logarithmic) {
      low = Math.pow(10, Math.floor(Math.log10(low)));
      high = Math.pow(10, Math.ceil(Math.log10(high)));
      high = high > low ? high : low * 10;
    } else {
      // A wider range may ask for a wider step, whose multiples its ends must be.
      for (double step = 0; step != step(low, high); ) {
        step = step(low, high);
        low = Math.floor(low / step + SLACK) * step;
        high = Math.ceil(high / step - SLACK) * step;
        high = high > low ? high : low + step;
      }
    }
  }

  /** Where {@code v} lies, 0 at the low end, 1 at the high one. */
  double share(double v) {
    return logarithmic ? Math.log(v / low) / Math.log(high / low) : (v - low) / (high - low);
  }

  /** Round numbers over the range. */
  List<Double> ticks() {
    List<Double> ticks = new ArrayList<>();
    if (logarithmic) {
      int decades = (int) Math.round(Math.log10(high / low));
      int every = Math.max(1, decades / ABOUT);
      for (int i = 0; i <= decades; i += every) {
        ticks.add(low * Math.pow(10, i));
      }
      return ticks;
    }
    double step = step(low, high);
    for (long i = Math.round(low / step); i * step <= high + step / 2; i++) {
      ticks.add(i * step);
    }
    return ticks;
  }

  /** 1, 2 or 5 times a power of ten, so that about {@value #ABOUT} fit. */
  private static double step(double low, double high) {
    double rough = (high > low ? high - low : low == 0 ? 1 : Math.abs(low)) / ABOUT;
    double power = Math.pow(10, Math.floor(Math.log10(rough)));
    double digit = rough / power;
    return power * (digit < 1.5 ? 1 : digit < 3.5 ? 2 : digit < 7.5 ? 5 : 10);
  }

  /** The number as short as the step allows. */
  String label(double v) {
    if (logarithmic) {
      return v >= 0.0001 && v < 100_000
          ? plain(v, (int) Math.max(0, -Math.floor(Math.log10(v) + 1e-9)))
          : String.format(Locale.ROOT, "%.0e", v);
    }
    double step = step(low, high);
    return plain(v, (int) Math.max(0, -Math.floor(Math.log10(step) + 1e-9)));
  }

  private static String plain(double v, int decimals) {
    return String.format(Locale.ROOT, "%,." + decimals + "f", v == 0 ? 0.0 : v);
  }
}
