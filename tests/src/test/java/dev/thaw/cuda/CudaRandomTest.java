package dev.thaw.cuda;

import static dev.thaw.cuda.Agreement.numbers;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.thaw.backend.Backend;
import dev.thaw.backend.Philox;
import dev.thaw.backend.StepState;
import dev.thaw.backend.TestBuffers;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.DType;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Philox on the card, at lengths that fill packs and such that do not. */
final class CudaRandomTest {
  private static final long SEED = -0x123456789ABCDEFL;

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 4, 7, 8, 1023, 20_003})
  void everyLength(int n) {
    double[] x = numbers(n, 1);
    double[] state = new double[StepState.SLOTS];
    state[StepState.CALL_BASE] = 1000;
    Agreement.hold(
        "random numbers, " + n,
        0,
        (backend, buffers) -> {
          Buffer y = buffers.output(n);
          backend.random().uniform(y, SEED, -3, 5);
          Buffer dropped = buffers.output(n);
          Buffer base = buffers.of(DType.FLOAT64, state);
          backend.random().dropout(dropped, buffers.of(x), base, 0.75, SEED, 2, 6);
          Buffer none = buffers.changing(x);
          backend.random().dropout(none, none, null, 1, SEED, 2, 6);
          return List.of(y, dropped, none);
        });
  }

  /** A p right above a uniform would be equal to it as a float. */
  @Test
  void theThresholdIsComparedInDouble() {
    Backend card = OnACard.backend();
    int n = 2048;
    Philox philox = new Philox(SEED, 1, 1);
    double[] ones = new double[n];
    Arrays.fill(ones, 1);
    try (TestBuffers buffers = new TestBuffers(card, DType.FLOAT32)) {
      for (int i = 0; i < 8; i++) {
        double u = philox.uniform(i);
        for (double p : new double[] {u, Math.nextUp(u), Math.nextDown(u)}) {
          Buffer y = buffers.output(n);
          card.random().dropout(y, buffers.of(ones), null, p, SEED, 1, 1);
          assertEquals(u >= p, buffers.read(y)[i] != 0, "element " + i + " at " + p);
        }
      }
    }
  }
}
