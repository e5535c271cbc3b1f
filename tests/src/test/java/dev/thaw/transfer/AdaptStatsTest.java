package dev.thaw.transfer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.thaw.OnEveryDevice;
import dev.thaw.Place;
import dev.thaw.data.Batch;
import dev.thaw.data.BatchSource;
import dev.thaw.memory.DType;
import dev.thaw.nn.BatchNorm;
import dev.thaw.nn.BnPolicy;
import dev.thaw.nn.Dropout;
import dev.thaw.nn.Linear;
import dev.thaw.nn.Module;
import dev.thaw.nn.Sequential;
import dev.thaw.tensor.Shape;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Assumptions;

/** Running statistics re-estimated on new data: a pass forward, and nothing else moves. */
final class AdaptStatsTest {
  /** Two batches of one channel: means 2 and 8, unbiased variances 2 and 8. */
  private static final float[][] BATCHES = {{1, 3}, {6, 10}};

  private static BatchSource batches() {
    return new BatchSource() {
      private int next;

      @Override
      public int batches() {
        return BATCHES.length;
      }

      @Override
      public int examples() {
        return 4;
      }

      @Override
      public void seek(int epoch, int batch) {
        next = batch;
      }

      @Override
      public @Nullable Batch next() {
        if (next == BATCHES.length) {
          return null;
        }
        ByteBuffer rows = ByteBuffer.allocateDirect(8).order(ByteOrder.nativeOrder());
        rows.asFloatBuffer().put(BATCHES[next]);
        ByteBuffer labels = ByteBuffer.allocateDirect(16).order(ByteOrder.nativeOrder());
        return new Batch(0, next++, Shape.of(2, 1), rows, labels);
      }

      @Override
      public void close() {}
    };
  }

  @OnEveryDevice
  void everyBatchCountsAlikeAndWhatWasThereNotAtAll(Place place) throws IOException {
    Assumptions.assumeTrue(place.dtype() == DType.FLOAT32, "batches are float32");
    try (BatchNorm norm = place.put(new BatchNorm(1, 1e-5, 0.3))) {
      norm.freeze();
      assertEquals(2, AdaptStats.run(norm, batches()));
      assertArrayEquals(new float[] {5}, norm.runningMean().toFloats(), 1e-5f);
      assertArrayEquals(new float[] {5}, norm.runningVariance().toFloats(), 1e-5f);
      assertEquals(0.3, norm.momentum());
      assertEquals(BnPolicy.EVAL, norm.policy());
      assertTrue(norm.isTraining(), "the mode it had");
    }
  }

  @OnEveryDevice
  void noWeightMovesAndDropoutIsOff(Place place) throws IOException {
    Assumptions.assumeTrue(place.dtype() == DType.FLOAT32, "batches are float32");
    try (BatchNorm norm = new BatchNorm(1);
        Module model = place.put(new Sequential(new Dropout(0.9), norm, new Linear(1, 2)))) {
      float[] weight = ((Linear) model.module("2")).weight().values();
      model.eval();
      AdaptStats.run(model, batches());
      // A dropped example would be 0, a kept one ten times as large.
      assertArrayEquals(new float[] {5}, norm.runningMean().toFloats(), 1e-5f);
      assertArrayEquals(weight, ((Linear) model.module("2")).weight().values());
      assertArrayEquals(new float[] {1}, norm.weight().values());
      assertFalse(model.isTraining(), "the mode it had");
      assertFalse(norm.isTraining(), "the mode it had");
    }
  }

  @OnEveryDevice
  void aModelWithoutBatchNormIsRefused(Place place) {
    try (Module model = place.put(new Linear(1, 2))) {
      IllegalArgumentException e =
          assertThrows(IllegalArgumentException.class, () -> AdaptStats.run(model, batches()));
      assertEquals("adapt-stats: the model has no batch norm", e.getMessage());
    }
  }
}
