package dev.thaw.golden;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.fail;

import dev.thaw.Place;
import dev.thaw.tensor.Tensor;

/**
 * How far results may be from PyTorch's in double: the relative distance ‖actual − expected‖ /
 * ‖expected‖ of whole tensors, by kind of result. In float32 every kernel rounds to 6e-8; what
 * follows grows with the number of kernels a number passes through, and was set to about four times
 * the largest measured. In float64 what remains is the float32 in which large files are stored.
 */
public enum Distance {
  /** A layer's or a loss's output or gradient: one to four kernels. */
  LAYER(2e-6, 1e-13),
  /** A whole net's logits, loss and running statistics. */
  OUTPUT(1e-5, 1e-13),
  /** A whole net's gradients; stored as float32. */
  GRADIENT(4e-5, 1e-7),
  /** Weights after up to ten steps of an optimizer. */
  WEIGHTS(3e-6, 1e-13);

  private final double single;
  private final double twice;

  Distance(double single, double twice) {
    this.single = single;
    this.twice = twice;
  }

  /** The largest distance allowed at {@code place}. */
  public double allowed(Place place) {
    return place.isDouble() ? twice : single;
  }

  /** Holds {@code actual} to {@code expected}; {@code what} names it in the message. */
  public void check(Place place, String what, double[] expected, Tensor actual) {
    check(place, what, expected, actual.toDoubles());
  }

  /** Holds {@code actual} to {@code expected}. */
  public void check(Place place, String what, double[] expected, double[] actual) {
    assertEquals(expected.length, actual.length, what);
    double distance = of(expected, actual);
    if (!(distance <= allowed(place))) {
      fail(
          String.format(
              "%s on %s: distance %.3g from PyTorch's, allowed is %.3g; first expected %s, got %s",
              what, place, distance, allowed(place), first(expected), first(actual)));
    }
  }

  private static Object first(double[] values) {
    return values.length == 0 ? "nothing" : values[0];
  }

  /** ‖actual − expected‖ / ‖expected‖; the numerator alone where nothing but 0 is expected. */
  public static double of(double[] expected, double[] actual) {
    double difference = 0;
    double norm = 0;
    for (int i = 0; i < expected.length; i++) {
      difference += (actual[i] - expected[i]) * (actual[i] - expected[i]);
      norm += expected[i] * expected[i];
    }
    return norm == 0 ? Math.sqrt(difference) : Math.sqrt(difference / norm);
  }
}
