package dev.thaw.plain;

import dev.thaw.backend.StatsKernels;
import dev.thaw.backend.Writes;
import dev.thaw.memory.Buffer;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** Σ x², Σ |x|, max |x|, how many are not finite; and a hash of the bytes. */
final class PlainStats implements StatsKernels {
  private static final int PIECE = 1 << 16;

  PlainStats() {}

  @Override
  public void measure(@Writes Buffer y, Buffer x) {
    double[] result = new double[COUNT];
    for (double v : Reals.read(x)) {
      if (Double.isFinite(v)) {
        result[SUM_OF_SQUARES] += v * v;
        result[SUM_OF_ABSOLUTES] += Math.abs(v);
        result[LARGEST] = Math.max(result[LARGEST], Math.abs(v));
      } else {
        result[NON_FINITE]++;
      }
    }
    Reals.write(y, result);
  }

  @Override
  public void hash(@Writes Buffer y, Buffer x) {
    int width = x.dtype().bytes();
    ByteBuffer piece = ByteBuffer.allocate(PIECE).order(ByteOrder.LITTLE_ENDIAN);
    long sum = mix(x.bytes());
    long word = 0;
    for (long first = 0; first < x.elements(); first += PIECE / width) {
      long count = Math.min(PIECE / width, x.elements() - first);
      int end = (int) count * width;
      PlainStorage.toBytes(piece, x, first, count);
      while (end % Long.BYTES != 0) {
        piece.put(end++, (byte) 0);
      }
      for (int i = 0; i < end; i += Long.BYTES) {
        word++;
        sum += mix(piece.getLong(i) + word * 0x9E3779B97F4A7C15L);
      }
    }
    PlainStorage.longs(y)[PlainStorage.start(y)] = sum;
  }

  private static long mix(long z) {
    z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
    z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
    return z ^ (z >>> 31);
  }
}
