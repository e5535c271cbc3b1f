package dev.thaw.data;

import dev.thaw.memory.DType;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * What a loader's thread does to an example: reads, augments, normalises it. What only moves pixels
 * is done to their bytes; what computes with them, to floats on the 0..1 scale. For one thread.
 */
final class Preparation {
  private final Dataset data;
  private final Normalisation normalisation;
  private final Augment augment;
  private final long seed;
  private final boolean pictures;
  private final boolean whole;
  private final float[] table;
  private final float[] toUnit = Normalisation.none(1).table();
  private final ByteBuffer raw;
  private final byte[] before; // bytes before they are moved
  private final float[] values;
  private final float[] scratch;

  Preparation(Dataset data, Normalisation normalisation, Augment augment, long seed) {
    this.data = data;
    this.normalisation = normalisation;
    this.augment = augment;
    this.seed = seed;
    this.pictures = data.dtype() == DType.UINT8;
    this.whole = keepsBytes(data, augment);
    this.table = normalisation.table();
    int elements = (int) data.shape().elements();
    boolean plain = augment.equals(Augment.NONE);
    this.raw = ByteBuffer.allocate(elements * data.dtype().bytes()).order(ByteOrder.nativeOrder());
    this.before = new byte[whole && !plain ? elements : 0];
    this.values = new float[elements];
    this.scratch = new float[whole || plain ? 0 : elements];
  }

  /** Whether {@link #bytes} can be asked for: values are bytes and stay so. */
  static boolean keepsBytes(Dataset data, Augment augment) {
    return data.dtype() == DType.UINT8 && augment.keepsBytes();
  }

  /** The bytes of example {@code index}, not normalised; until the next call. */
  byte[] bytes(int epoch, int index) throws IOException {
    data.read(index, raw.clear());
    if (!augment.equals(Augment.NONE)) {
      int[] hwc = data.shape().dims();
      augment.apply(raw.array(), before, hwc[0], hwc[1], hwc[2], seed, epoch, index);
    }
    return raw.array();
  }

  /** The values of example {@code index}, normalised; until the next call. */
  float[] floats(int epoch, int index) throws IOException {
    if (whole) {
      Normalisation.lookUp(table, bytes(epoch, index), values);
      return values;
    }
    data.read(index, raw.clear());
    if (pictures) {
      Normalisation.lookUp(toUnit, raw.array(), values);
    } else {
      raw.flip().asFloatBuffer().get(values);
    }
    if (!augment.equals(Augment.NONE)) {
      int[] hwc = data.shape().dims();
      augment.apply(values, scratch, hwc[0], hwc[1], hwc[2], seed, epoch, index);
    }
    normalisation.apply(values);
    return values;
  }
}
