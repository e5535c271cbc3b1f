package dev.thaw.cuda;

import static dev.thaw.cuda.Agreement.numbers;

import dev.thaw.backend.StatsKernels;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.DType;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Measurements and hashes of buffers that one block takes, and of such that many do. */
final class CudaStatsTest {

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 7, 8, 1023, 40_001})
  void everyLength(int n) {
    double[] x = numbers(n, 1);
    for (int i = 5; i < n; i += 100) {
      x[i] = i % 3 == 0 ? Double.NaN : i % 3 == 1 ? Double.POSITIVE_INFINITY : -1e30;
      x[i] = Float.intBitsToFloat(Float.floatToRawIntBits((float) x[i]) & 0xFFFF0000);
    }
    Agreement.hold(
        "measurements of " + n,
        0x1p-24,
        (backend, buffers) -> {
          Buffer y = buffers.output(DType.FLOAT64, StatsKernels.COUNT);
          backend.stats().measure(y, buffers.of(x));
          return List.of(y);
        });
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 7, 8, 1023, 40_001})
  void hashes(int n) {
    Agreement.hold(
        "hash of " + n,
        0,
        (backend, buffers) -> {
          List<Buffer> hashes = new ArrayList<>();
          for (DType dtype : DType.values()) {
            Buffer y = buffers.output(DType.INT64, 1);
            backend.stats().hash(y, buffers.of(dtype, numbers(n, 2)));
            hashes.add(y);
          }
          return hashes;
        });
  }
}
