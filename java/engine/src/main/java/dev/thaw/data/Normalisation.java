package dev.thaw.data;

import dev.thaw.memory.Check;
import dev.thaw.memory.DType;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * y = (x − mean) / std, for each channel (the innermost dimension), on the 0..1 scale: pictures of
 * bytes are divided by 255 first, floats are taken as they are. In float32 and in this order, so
 * that the values are PyTorch's to the bit, and those of {@link
 * dev.thaw.tensor.Functional#normalizePixels} on any device.
 */
public final class Normalisation {
  /** Beyond this many examples a sample of as many is measured. */
  private static final int MOST = 60_000;

  private final float[] mean;
  private final float[] std;

  private Normalisation(float[] mean, float[] std) {
    this.mean = mean;
    this.std = std;
  }

  /**
   * With known numbers.
   *
   * @param mean for each channel
   * @param std for each channel, above 0
   * @throws IllegalArgumentException when the lengths differ, or a number is not finite
   */
  public static Normalisation of(float[] mean, float[] std) {
    boolean good = mean.length == std.length && mean.length > 0;
    for (int i = 0; good && i < mean.length; i++) {
      good = Float.isFinite(mean[i]) && Float.isFinite(std[i]) && std[i] > 0;
    }
    Check.that(
        good,
        "normalisation: expected a mean and a std above 0 for each channel, got %s and %s",
        Arrays.toString(mean),
        Arrays.toString(std));
    return new Normalisation(mean.clone(), std.clone());
  }

  /** Leaves values on the 0..1 scale. */
  public static Normalisation none(int channels) {
    float[] std = new float[channels];
    Arrays.fill(std, 1);
    return of(new float[channels], std);
  }

  /**
   * The means and standard deviations of {@code data}, which should be a training part: of all
   * examples, or of a sample drawn as by {@link Dataset#limit} where there are more than {@value
   * #MOST}. A channel that never changes gets std 1.
   *
   * @throws IOException when an example cannot be read
   */
  public static Normalisation measure(Dataset data) throws IOException {
    Check.that(data.size() > 0, "normalisation: %s has no examples", data.name());
    Dataset some = data.limit(MOST);
    return some.dtype() == DType.UINT8 ? measureBytes(some) : measureFloats(some);
  }

  /** From counts of the 256 values: exact, whatever the order of the examples. */
  private static Normalisation measureBytes(Dataset data) throws IOException {
    int channels = data.shape().dim(-1);
    long[][] counts = new long[channels][256];
    byte[] picture = new byte[(int) data.shape().elements()];
    for (int i = 0; i < data.size(); i++) {
      data.read(i, ByteBuffer.wrap(picture));
      for (int at = 0, c = 0; at < picture.length; at++, c = c + 1 == channels ? 0 : c + 1) {
        counts[c][picture[at] & 0xFF]++;
      }
    }
    double[] sums = new double[channels];
    double[] squares = new double[channels];
    for (int c = 0; c < channels; c++) {
      for (int v = 0; v < 256; v++) {
        sums[c] += counts[c][v] * (v / 255.0);
        squares[c] += counts[c][v] * (v / 255.0) * (v / 255.0);
      }
    }
    return from(sums, squares, (double) data.size() * picture.length / channels);
  }

  private static Normalisation measureFloats(Dataset data) throws IOException {
    int channels = data.shape().dim(-1);
    double[] sums = new double[channels];
    double[] squares = new double[channels];
    int elements = (int) data.shape().elements();
    ByteBuffer example = ByteBuffer.allocate(4 * elements).order(ByteOrder.nativeOrder());
    for (int i = 0; i < data.size(); i++) {
      data.read(i, example.clear());
      for (int at = 0; at < elements; at++) {
        double v = example.getFloat(4 * at);
        sums[at % channels] += v;
        squares[at % channels] += v * v;
      }
    }
    return from(sums, squares, (double) data.size() * elements / channels);
  }

  private static Normalisation from(double[] sums, double[] squares, double n) {
    float[] mean = new float[sums.length];
    float[] std = new float[sums.length];
    for (int c = 0; c < mean.length; c++) {
      double m = sums[c] / n;
      double s = Math.sqrt(Math.max(0, squares[c] / n - m * m));
      mean[c] = (float) m;
      std[c] = s > 1e-6 * Math.max(1, Math.abs(m)) ? (float) s : 1;
    }
    return of(mean, std);
  }

  /** Number of channels. */
  public int channels() {
    return mean.length;
  }

  /** A copy of the means. */
  public float[] mean() {
    return mean.clone();
  }

  /** A copy of the standard deviations. */
  public float[] std() {
    return std.clone();
  }

  /**
   * Normalises values on the 0..1 scale in place.
   *
   * @param values channels innermost
   */
  public void apply(float[] values) {
    for (int at = 0, c = 0; at < values.length; at++, c = c + 1 == mean.length ? 0 : c + 1) {
      values[at] = (values[at] - mean[c]) / std[c];
    }
  }

  /**
   * Normalises bytes of a picture.
   *
   * @param pixels on the 0..255 scale, channels innermost
   * @return as many float32
   */
  public float[] apply(byte[] pixels) {
    float[] values = new float[pixels.length];
    lookUp(table(), pixels, values);
    return values;
  }

  /** The result for each channel and byte: [channel · 256 + byte]. */
  float[] table() {
    float[] table = new float[mean.length * 256];
    for (int i = 0; i < table.length; i++) {
      table[i] = ((i & 0xFF) / 255f - mean[i >> 8]) / std[i >> 8];
    }
    return table;
  }

  /** values = table[pixels], a load for each where the formula would divide twice. */
  static void lookUp(float[] table, byte[] pixels, float[] values) {
    for (int at = 0, c = 0; at < values.length; at++) {
      values[at] = table[c + (pixels[at] & 0xFF)];
      c = c + 256 == table.length ? 0 : c + 256;
    }
  }

  @Override
  public boolean equals(Object o) {
    return o instanceof Normalisation n && Arrays.equals(mean, n.mean) && Arrays.equals(std, n.std);
  }

  @Override
  public int hashCode() {
    return 31 * Arrays.hashCode(mean) + Arrays.hashCode(std);
  }

  /** {@code mean [0.1307], std [0.3081]}. */
  @Override
  public String toString() {
    return "mean " + Arrays.toString(mean) + ", std " + Arrays.toString(std);
  }
}
