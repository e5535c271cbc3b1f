package dev.thaw.data;

import java.util.Arrays;

/**
 * Resizing by a triangle filter whose width grows with the reduction: bilinear when enlarging, an
 * antialiased mean when shrinking. Rows and columns apart, in float32, rounded once at the end; the
 * filter is that of Pillow's BILINEAR and of PyTorch's {@code interpolate(.., antialias=True)}.
 */
final class Resample {
  private Resample() {}

  /** Which inputs make an output, and with what weight. */
  private record Taps(int[] first, float[][] weights) {
    /**
     * Outputs that cover [from, from + length) of an axis with {@code in} inputs.
     *
     * @param out number of outputs
     */
    static Taps of(int in, int out, double from, double length) {
      double step = length / out;
      double radius = Math.max(1, step);
      int[] first = new int[out];
      float[][] weights = new float[out][];
      for (int i = 0; i < out; i++) {
        double centre = from + (i + 0.5) * step;
        int low = Math.max(0, (int) Math.floor(centre - radius + 0.5));
        int high = Math.min(in, (int) Math.floor(centre + radius + 0.5));
        first[i] = low;
        weights[i] = new float[Math.max(1, high - low)];
        double sum = 0;
        for (int k = low; k < high; k++) {
          sum += triangle((k + 0.5 - centre) / radius);
        }
        for (int k = low; k < high; k++) {
          weights[i][k - low] = (float) (triangle((k + 0.5 - centre) / radius) / sum);
        }
      }
      return new Taps(first, weights);
    }

    private static double triangle(double x) {
      return Math.max(0, 1 - Math.abs(x));
    }
  }

  /**
   * Resizes a window of a picture.
   *
   * @param x h · w · c bytes
   * @param top of the window, in rows of x, possibly between two; likewise the others
   * @return outH · outW · c bytes
   */
  static byte[] resize(
      byte[] x,
      int h,
      int w,
      int c,
      double top,
      double left,
      double height,
      double width,
      int outH,
      int outW) {
    Taps rows = Taps.of(h, outH, top, height);
    Taps columns = Taps.of(w, outW, left, width);
    byte[] y = new byte[outH * outW * c];
    int line = outW * c;
    // Rows of x are narrowed when first needed and dropped when no longer; neighbouring outputs
    // share most of them.
    int depth = 1;
    for (float[] weights : rows.weights) {
      depth = Math.max(depth, weights.length);
    }
    float[][] narrowed = new float[depth + 1][line];
    int[] holds = new int[depth + 1];
    Arrays.fill(holds, -1);
    float[] sum = new float[line];
    for (int i = 0; i < outH; i++) {
      Arrays.fill(sum, 0);
      float[] weights = rows.weights[i];
      for (int k = 0; k < weights.length; k++) {
        int row = rows.first[i] + k;
        int place = row % narrowed.length;
        if (holds[place] != row) {
          narrow(x, row * w * c, c, columns, narrowed[place]);
          holds[place] = row;
        }
        for (int j = 0; j < line; j++) {
          sum[j] += weights[k] * narrowed[place][j];
        }
      }
      for (int j = 0; j < line; j++) {
        y[i * line + j] = (byte) Math.max(0, Math.min(255, Math.round(sum[j])));
      }
    }
    return y;
  }

  private static void narrow(byte[] x, int at, int c, Taps columns, float[] y) {
    for (int j = 0; j < columns.first.length; j++) {
      float[] weights = columns.weights[j];
      for (int channel = 0; channel < c; channel++) {
        float sum = 0;
        int from = at + columns.first[j] * c + channel;
        for (float weight : weights) {
          sum += weight * (x[from] & 0xFF);
          from += c;
        }
        y[j * c + channel] = sum;
      }
    }
  }
}
