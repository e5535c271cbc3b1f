package dev.thaw.cuda;

import dev.thaw.backend.Unary;
import dev.thaw.memory.Buffer;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Every function of one argument, in packs, in what is left of them, and at odd addresses. */
final class CudaUnaryTest {
  private static final double A = 0.25;
  private static final double B = 0.5;

  @ParameterizedTest
  @EnumSource
  void asPlain(Unary f) {
    for (int n : new int[] {1, 7, 1001, 9000}) {
      // In (0, 1), where all are defined; multiples of 1 / 128, which bfloat16 has.
      double[] x =
          Arrays.stream(Agreement.numbers(n, n)).map(v -> (Math.abs(v) + 1) / 16).toArray();
      double[] dy = Agreement.numbers(n, n + 1);
      Agreement.hold(
          f + " of " + n,
          8,
          (backend, buffers) -> {
            Buffer y = buffers.output(n);
            Buffer dx = buffers.output(n);
            backend.unary().forward(f, y, buffers.of(x), A, B);
            backend.unary().backward(f, dx, buffers.of(dy), buffers.of(x), A, B);
            return List.of(y, dx);
          });
    }
  }
}
