package dev.thaw.plain;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.thaw.backend.Backend;
import dev.thaw.backend.ConvShape;
import dev.thaw.backend.GemmShape;
import dev.thaw.backend.PoolShape;
import dev.thaw.backend.Reduction;
import dev.thaw.backend.TestBuffers;
import dev.thaw.backend.Unary;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.DType;
import dev.thaw.memory.Device;
import java.util.Arrays;
import java.util.Random;
import java.util.concurrent.atomic.AtomicIntegerArray;
import org.junit.jupiter.api.Test;

final class WorkersTest {
  private static final long MUCH = 1 << 30;

  @Test
  void everyIndexRunsOnce() {
    for (int n : new int[] {0, 1, 2, 7, 12, 13, 1000}) {
      AtomicIntegerArray seen = new AtomicIntegerArray(Math.max(1, n));
      new Workers(3)
          .each(
              n,
              MUCH,
              (from, to) -> {
                for (int i = from; i < to; i++) {
                  seen.incrementAndGet(i);
                }
              });
      for (int i = 0; i < n; i++) {
        assertEquals(1, seen.get(i), "index " + i + " of " + n);
      }
    }
  }

  @Test
  void whatABodyThrowsArrives() {
    assertTrue(
        String.valueOf(
                assertThrows(
                        IllegalArgumentException.class,
                        () ->
                            new Workers(2)
                                .each(
                                    9,
                                    MUCH,
                                    (from, to) -> {
                                      throw new IllegalArgumentException("row is wrong");
                                    }))
                    .getMessage())
            .contains("row is wrong"));
  }

  @Test
  void noNumberDependsOnTheThreadCount() {
    double[] one = everything(new PlainBackend(Device.of("plain"), 1));
    assertTrue(Arrays.stream(one).allMatch(Double::isFinite));
    for (int threads : new int[] {2, 5}) {
      assertArrayEquals(one, everything(new PlainBackend(Device.of("plain"), threads)));
    }
  }

  /** Kernels large enough to be split, and random enough that another order of sums would show. */
  private static double[] everything(Backend backend) {
    try (TestBuffers buffers = new TestBuffers(backend, DType.FLOAT64)) {
      Random random = new Random(3);
      ConvShape s = new ConvShape(9, 14, 13, 6, 8, 3, 3, 1, 1, 1, 1, 1, 1, 2);
      int pixels = 9 * 14 * 13;
      long in = pixels * 6L;
      long out = pixels * 8L;
      Buffer x = buffers.of(random.doubles(in).toArray());
      Buffer w = buffers.of(random.doubles(8 * 9 * 3).toArray());
      Buffer y = buffers.output(out);
      backend.conv().forward(y, x, w, null, null, false, s);
      Buffer dx = buffers.output(in);
      backend.conv().backwardData(dx, y, w, null, s);
      Buffer dw = buffers.output(8 * 9 * 3);
      Buffer db = buffers.output(8);
      backend.conv().backwardWeights(dw, db, y, x, s);
      Buffer product = buffers.output(8 * 8);
      backend.gemm().gemm(product, y, y, null, false, GemmShape.of(8, 8, pixels, true, false));
      Buffer mean = buffers.output(8);
      Buffer variance = buffers.output(8);
      backend.norm().statistics(mean, variance, y, pixels, 8);
      Buffer normed = buffers.output(out);
      Buffer dgamma = buffers.output(8);
      Buffer dres = buffers.output(out);
      backend
          .norm()
          .batchBackward(
              normed, dgamma, db, dres, y, y, mean, null, mean, variance, y, pixels, 8, 1e-5);
      PoolShape p = new PoolShape(9, 14, 13, 8, 7, 6, 3, 3, 2, 2, 1, 0, true, false);
      Buffer pooled = buffers.output(9 * 7 * 6 * 8);
      Buffer spread = buffers.output(out);
      backend.pooling().averageForward(pooled, y, p);
      backend.pooling().averageBackward(spread, pooled, p);
      Buffer active = buffers.output(out);
      backend.unary().forward(Unary.GELU, active, normed, 0, 0);
      Buffer dropped = buffers.output(out);
      backend.random().dropout(dropped, active, null, 0.3, 1, 2, 3);
      Buffer probabilities = buffers.output(out);
      backend.softmax().forward(probabilities, dropped, false, pixels, 8);
      Buffer sums = buffers.output(14 * 13 * 8);
      backend.reduce().reduce(Reduction.SUM, sums, probabilities, 1, 9, 14 * 13 * 8, 1);
      Buffer[] results = {
        y, dx, dw, db, product, mean, variance, normed, dgamma, dres, pooled, spread, dropped, sums
      };
      return Arrays.stream(results)
          .flatMapToDouble(result -> Arrays.stream(buffers.read(result)))
          .toArray();
    }
  }
}
