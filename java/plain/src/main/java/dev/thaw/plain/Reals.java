package dev.thaw.plain;

import dev.thaw.memory.Buffer;
import dev.thaw.memory.Check;
import org.jspecify.annotations.Nullable;

/**
 * Between buffers and {@code double[]}: reading is exact (int64 beyond 2⁵³ excepted), writing
 * rounds once, to the nearest, ties to even; integers are truncated towards 0 and kept in their
 * range.
 */
final class Reals {
  private Reals() {}

  /** A copy of the elements, so that the kernel may write where it reads. */
  static double[] read(Buffer x) {
    int n = PlainStorage.length(x);
    int s = PlainStorage.start(x);
    double[] y = new double[n];
    switch (x.dtype()) {
      case FLOAT64 -> System.arraycopy(PlainStorage.doubles(x), s, y, 0, n);
      case FLOAT32 -> {
        float[] v = PlainStorage.floats(x);
        for (int i = 0; i < n; i++) {
          y[i] = v[s + i];
        }
      }
      case BFLOAT16 -> {
        short[] v = PlainStorage.shorts(x);
        for (int i = 0; i < n; i++) {
          y[i] = fromBfloat16(v[s + i]);
        }
      }
      case INT32 -> {
        int[] v = PlainStorage.ints(x);
        for (int i = 0; i < n; i++) {
          y[i] = v[s + i];
        }
      }
      case INT64 -> {
        long[] v = PlainStorage.longs(x);
        for (int i = 0; i < n; i++) {
          y[i] = v[s + i];
        }
      }
      case UINT8 -> {
        byte[] v = PlainStorage.bytes(x);
        for (int i = 0; i < n; i++) {
          y[i] = v[s + i] & 0xFF;
        }
      }
    }
    return y;
  }

  /** {@link #read}, or null where there is no buffer. */
  static double @Nullable [] readIfPresent(@Nullable Buffer x) {
    return x == null ? null : read(x);
  }

  /** Rounds the first elements of {@code x}, as many as y has, into y. */
  static void write(Buffer y, double[] x) {
    int n = PlainStorage.length(y);
    int s = PlainStorage.start(y);
    switch (y.dtype()) {
      case FLOAT64 -> System.arraycopy(x, 0, PlainStorage.doubles(y), s, n);
      case FLOAT32 -> {
        float[] v = PlainStorage.floats(y);
        for (int i = 0; i < n; i++) {
          v[s + i] = (float) x[i];
        }
      }
      case BFLOAT16 -> {
        short[] v = PlainStorage.shorts(y);
        for (int i = 0; i < n; i++) {
          v[s + i] = toBfloat16(x[i]);
        }
      }
      case INT32 -> {
        int[] v = PlainStorage.ints(y);
        for (int i = 0; i < n; i++) {
          v[s + i] = (int) x[i];
        }
      }
      case INT64 -> {
        long[] v = PlainStorage.longs(y);
        for (int i = 0; i < n; i++) {
          v[s + i] = (long) x[i];
        }
      }
      case UINT8 -> {
        byte[] v = PlainStorage.bytes(y);
        for (int i = 0; i < n; i++) {
          v[s + i] = (byte) Math.min(Math.max((int) x[i], 0), 255);
        }
      }
    }
  }

  /** {@link #write}, where there is a buffer. */
  static void writeIfPresent(@Nullable Buffer y, double[] x) {
    if (y != null) {
      write(y, x);
    }
  }

  /** The one element of {@code x}. */
  static double scalar(Buffer x) {
    return read(x)[0];
  }

  /**
   * INT32 or INT64 positions, each checked against {@code bound}: a wrong index is a wrong value,
   * which nobody else looks at.
   *
   * @throws IllegalArgumentException when one is not in [0, bound)
   */
  static int[] indices(String op, Buffer x, int bound) {
    int n = PlainStorage.length(x);
    int s = PlainStorage.start(x);
    int[] y = new int[n];
    for (int i = 0; i < n; i++) {
      long v =
          PlainStorage.array(x) instanceof long[] wide ? wide[s + i] : PlainStorage.ints(x)[s + i];
      Check.that(v >= 0 && v < bound, "%s: index %d at %d is not in [0, %d)", op, v, i, bound);
      y[i] = (int) v;
    }
    return y;
  }

  static double fromBfloat16(short bits) {
    return Float.intBitsToFloat(bits << 16);
  }

  /**
   * The nearest bfloat16. By way of the nearest float, whose lower half then says on which side of
   * the middle it lies; where that float is exactly in the middle, the double decides, and only if
   * that is there too, the even neighbour is taken.
   */
  static short toBfloat16(double x) {
    float f = (float) x;
    int bits = Float.floatToRawIntBits(f);
    if (Float.isNaN(f)) {
      return (short) ((bits >>> 16) | 0x40);
    }
    int upper = bits >>> 16;
    int lower = bits & 0xFFFF;
    double beyond = Math.abs(x) - Math.abs(f);
    boolean up =
        lower > 0x8000 || (lower == 0x8000 && (beyond > 0 || (beyond == 0 && (upper & 1) == 1)));
    return (short) (up ? upper + 1 : upper);
  }
}
