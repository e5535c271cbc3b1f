package dev.thaw.diagnose;

import dev.thaw.backend.Backend;
import dev.thaw.backend.Devices;
import dev.thaw.backend.StatsKernels;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.DType;
import dev.thaw.memory.Purpose;
import dev.thaw.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * One pass over a tensor, on its device.
 *
 * @param norm √Σx² of the finite elements
 * @param meanAbsolute of the finite elements
 * @param largest max |x| of the finite elements
 * @param nonFinite how many elements are not
 */
record Measured(double norm, double meanAbsolute, double largest, long nonFinite) {
  static Measured of(Tensor x) {
    Backend backend = Devices.get(x.device());
    Buffer result = backend.pool().allocate(DType.FLOAT64, StatsKernels.COUNT, Purpose.WORKSPACE);
    try {
      backend.stats().measure(result, x.buffer());
      ByteBuffer bytes = ByteBuffer.allocate(8 * StatsKernels.COUNT).order(ByteOrder.nativeOrder());
      backend.download(bytes, result);
      long bad = (long) bytes.getDouble(8 * StatsKernels.NON_FINITE);
      long finite = Math.max(1, x.shape().elements() - bad);
      return new Measured(
          Math.sqrt(bytes.getDouble(8 * StatsKernels.SUM_OF_SQUARES)),
          bytes.getDouble(8 * StatsKernels.SUM_OF_ABSOLUTES) / finite,
          bytes.getDouble(8 * StatsKernels.LARGEST),
          bad);
    } finally {
      result.release();
    }
  }
}
