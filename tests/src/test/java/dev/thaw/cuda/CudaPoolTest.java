package dev.thaw.cuda;

import static dev.thaw.cuda.Agreement.numbers;

import dev.thaw.backend.PoolShape;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.DType;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Windows that meet, overlap, leave gaps and the picture; packs of channels and single ones. */
final class CudaPoolTest {

  @ParameterizedTest
  @CsvSource({
    // n, h, w, c, kernel, stride, padding
    "2, 6, 8, 16, 2, 2, 0",
    "1, 7, 5, 8, 3, 2, 1",
    "1, 7, 9, 3, 3, 1, 1",
    "2, 5, 5, 1, 2, 3, 0",
    "1, 9, 9, 5, 5, 2, 2",
    "3, 7, 7, 24, 7, 1, 0",
    "20, 6, 6, 5, 6, 1, 0",
    "1, 12, 9, 4, 6, 3, 3",
    "1, 8, 8, 300, 8, 8, 0",
    "2, 9, 10, 33, 7, 2, 3",
  })
  void windows(int n, int h, int w, int c, int kernel, int stride, int padding) {
    for (boolean countPadding : new boolean[] {true, false}) {
      int outH = (h + 2 * padding - kernel) / stride + 1;
      int outW = (w + 2 * padding - kernel) / stride + 1;
      hold(
          new PoolShape(
              n,
              h,
              w,
              c,
              outH,
              outW,
              kernel,
              kernel,
              stride,
              stride,
              padding,
              padding,
              countPadding,
              false));
    }
  }

  @ParameterizedTest
  @CsvSource({"2, 7, 5, 8, 3, 2", "1, 6, 6, 3, 6, 6", "2, 3, 4, 4, 7, 9", "1, 20, 11, 9, 2, 1"})
  void adaptive(int n, int h, int w, int c, int outH, int outW) {
    hold(new PoolShape(n, h, w, c, outH, outW, 0, 0, 0, 0, 0, 0, false, true));
  }

  private static void hold(PoolShape s) {
    double[] x = numbers(s.n() * s.h() * s.w() * s.c(), 1);
    double[] dy = numbers(s.n() * s.outH() * s.outW() * s.c(), 2);
    double[] special = x.clone();
    for (int i = 0; i < special.length; i += 7) {
      special[i] = i % 2 == 0 ? Double.NaN : Double.NEGATIVE_INFINITY;
    }
    for (double[] values : List.of(x, special)) {
      Agreement.hold("largest, " + s, 0, largest(values, dy, s));
    }
    Agreement.hold(
        "mean, " + s,
        4,
        (backend, buffers) -> {
          Buffer y = buffers.output(dy.length);
          Buffer dx = buffers.output(x.length);
          backend.pooling().averageForward(y, buffers.of(x), s);
          backend.pooling().averageBackward(dx, buffers.of(dy), s);
          return List.of(y, dx);
        });
  }

  private static Agreement.Calls largest(double[] x, double[] dy, PoolShape s) {
    return (backend, buffers) -> {
      Buffer y = buffers.output(dy.length);
      Buffer alone = buffers.output(dy.length);
      Buffer where = buffers.output(DType.INT32, dy.length);
      Buffer dx = buffers.output(x.length);
      Buffer masked = buffers.output(x.length);
      Buffer from = buffers.of(x);
      Buffer up = buffers.of(dy);
      backend.pooling().maxForward(y, where, from, s);
      backend.pooling().maxForward(alone, null, from, s);
      backend.pooling().maxBackward(dx, up, where, null, s);
      backend.pooling().maxBackward(masked, up, where, y, s);
      return List.of(y, where, alone, dx, masked);
    };
  }
}
