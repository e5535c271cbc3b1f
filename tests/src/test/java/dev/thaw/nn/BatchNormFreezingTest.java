package dev.thaw.nn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.thaw.OnEveryDevice;
import dev.thaw.Place;
import dev.thaw.golden.Distance;
import dev.thaw.io.NdArray;
import dev.thaw.models.CifarResNet;
import dev.thaw.models.StateDict;
import dev.thaw.tensor.Shape;
import dev.thaw.tensor.Tensor;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/** Batch norm under freezing. */
final class BatchNormFreezingTest {
  private static final float[] GAMMA = {2, -0.5f};
  private static final float[] BETA = {0.25f, -1};
  private static final float[] MEAN = {0.5f, -2};
  private static final float[] VARIANCE = {4, 0.25f};
  private static final double EPS = 1e-5;

  /** Four rows of two channels: means 3 and -1, biased variances 3.5 and 1.625. */
  private static final double[] X = {1, 0, 2, -2, 3, 0.5, 6, -2.5};

  private static BatchNorm norm(Place place) {
    BatchNorm norm = new BatchNorm(2);
    norm.weight().set(GAMMA);
    norm.bias().set(BETA);
    Parameter.set(norm.runningMean(), MEAN);
    Parameter.set(norm.runningVariance(), VARIANCE);
    return place.put(norm);
  }

  private static Tensor x(Place place) {
    return place.tensor(X, 4, 2);
  }

  /** γ (x − mean) / √(variance + ε) + β. */
  private static double[] normalised(double[] mean, double[] variance) {
    double[] y = new double[X.length];
    for (int i = 0; i < y.length; i++) {
      int c = i % 2;
      y[i] = GAMMA[c] * (X[i] - mean[c]) / Math.sqrt(variance[c] + EPS) + BETA[c];
    }
    return y;
  }

  private static double[] byRunning() {
    return normalised(new double[] {0.5, -2}, new double[] {4, 0.25});
  }

  private static double[] byBatch() {
    return normalised(new double[] {3, -1}, new double[] {3.5, 1.625});
  }

  private static void holds(Place place, String what, double[] expected, Tensor actual) {
    Distance.LAYER.check(place, what, expected, actual);
  }

  private static void statisticsStay(BatchNorm norm) {
    assertArrayEquals(MEAN, norm.runningMean().toFloats());
    assertArrayEquals(VARIANCE, norm.runningVariance().toFloats());
  }

  private static void statisticsFollow(Place place, BatchNorm norm) {
    double[] mean = {0.9 * 0.5 + 0.1 * 3, 0.9 * -2 + 0.1 * -1};
    double[] variance = {0.9 * 4 + 0.1 * 3.5 * 4 / 3, 0.9 * 0.25 + 0.1 * 1.625 * 4 / 3};
    holds(place, "running mean", mean, norm.runningMean());
    holds(place, "running variance", variance, norm.runningVariance());
  }

  @OnEveryDevice
  void freezingUsesRunningStatisticsAndLeavesThem(Place place) {
    try (BatchNorm norm = norm(place)) {
      norm.freeze();
      assertEquals(BnPolicy.EVAL, norm.policy());
      holds(place, "y", byRunning(), norm.call(x(place)));
      statisticsStay(norm);
    }
  }

  /** As one freezes in other engines: the parameters, and nothing is said to the layer. */
  @OnEveryDevice
  void freezingScaleAndShiftAloneHoldsTheStatisticsToo(Place place) {
    try (BatchNorm norm = norm(place)) {
      norm.parameters().values().forEach(p -> p.freeze(true));
      norm.train();
      holds(place, "y", byRunning(), norm.call(x(place)));
      statisticsStay(norm);
      assertEquals(BnPolicy.EVAL, norm.policy());
      norm.parameters().values().forEach(p -> p.freeze(false));
      assertEquals(BnPolicy.EVAL, norm.policy(), "thawing keeps it");
      norm.policy(BnPolicy.TRAIN_ALL);
      norm.weight().freeze(true);
      assertEquals(BnPolicy.TRAIN_ALL, norm.policy(), "the shift still learns");
      norm.bias().freeze(true);
      assertEquals(BnPolicy.EVAL, norm.policy());
      norm.policy(BnPolicy.TRAIN_ALL);
      holds(place, "as asked", byBatch(), norm.call(x(place)));
      statisticsFollow(place, norm);
    }
  }

  @OnEveryDevice
  void trainAllAdaptsStatisticsAlthoughFrozen(Place place) {
    try (BatchNorm norm = norm(place)) {
      norm.freeze();
      norm.policy(BnPolicy.TRAIN_ALL);
      holds(place, "y", byBatch(), norm.call(x(place)));
      statisticsFollow(place, norm);
    }
  }

  @OnEveryDevice
  void batchStatsLeaveNoTrace(Place place) {
    try (BatchNorm norm = norm(place)) {
      norm.freeze();
      norm.policy(BnPolicy.BATCH_STATS);
      holds(place, "y", byBatch(), norm.call(x(place)));
      statisticsStay(norm);
    }
  }

  @OnEveryDevice
  void inferenceNeverMovesStatistics(Place place) {
    try (BatchNorm norm = norm(place)) {
      for (BnPolicy policy : BnPolicy.values()) {
        norm.policy(policy).eval();
        holds(place, policy + " in inference", byRunning(), norm.call(x(place)));
        statisticsStay(norm);
      }
    }
  }

  @OnEveryDevice
  void trainOnTheWholeModelDoesNotUndoFreezing(Place place) {
    try (BatchNorm norm = norm(place);
        Sequential model = new Sequential(new Identity(), norm)) {
      norm.freeze();
      model.eval();
      model.train();
      assertTrue(norm.isTraining());
      assertEquals(BnPolicy.EVAL, norm.policy());
      holds(place, "y", byRunning(), model.call(x(place)));
      statisticsStay(norm);
    }
  }

  @OnEveryDevice
  void unfreezingKeepsEvalUnlessAsked(Place place) {
    try (BatchNorm norm = norm(place)) {
      norm.freeze();
      norm.unfreeze();
      norm.train();
      assertFalse(norm.weight().isFrozen());
      holds(place, "y", byRunning(), norm.call(x(place)));
      statisticsStay(norm);
      norm.policy(BnPolicy.TRAIN_ALL);
      holds(place, "y", byBatch(), norm.call(x(place)));
      statisticsFollow(place, norm);
    }
  }

  @OnEveryDevice
  void constantStatisticsAreConstantsInBackward(Place place) {
    try (BatchNorm norm = norm(place)) {
      norm.policy(BnPolicy.EVAL);
      double[] dy = {1, 0.5, -2, 1, 0, -1, 3, 2};
      Tensor x = x(place).requiresGrad(true);
      norm.call(x).backward(place.tensor(dy, 4, 2));
      double[] dx = new double[8];
      double[] dw = new double[2];
      double[] db = new double[2];
      for (int i = 0; i < 8; i++) {
        int c = i % 2;
        double deviation = Math.sqrt(VARIANCE[c] + EPS);
        dx[i] = dy[i] * GAMMA[c] / deviation;
        dw[c] += dy[i] * (X[i] - MEAN[c]) / deviation;
        db[c] += dy[i];
      }
      holds(place, "dx", dx, Objects.requireNonNull(x.grad()));
      holds(place, "dw", dw, Objects.requireNonNull(norm.weight().value().grad()));
      holds(place, "db", db, Objects.requireNonNull(norm.bias().value().grad()));
    }
  }

  @OnEveryDevice
  void frozenScaleAndShiftGetNoGradientAndPassOneOn(Place place) {
    try (BatchNorm norm = norm(place)) {
      norm.freeze();
      Tensor x = x(place).requiresGrad(true);
      norm.call(x).sum().backward();
      assertNotNull(x.grad());
      assertNull(norm.weight().value().grad());
      assertNull(norm.bias().value().grad());
    }
  }

  @OnEveryDevice
  void runningVarianceIsUnbiasedAndTheNormBiased(Place place) {
    try (BatchNorm norm = norm(place)) {
      // byBatch divides by 4 rows, statisticsFollow by 3; a new value weighs 0.1.
      holds(place, "y", byBatch(), norm.call(x(place)));
      statisticsFollow(place, norm);
      assertEquals(1e-5, norm.eps());
    }
    try (BatchNorm norm = place.put(new BatchNorm(2, 0.5, 0.25))) {
      double[] y = new double[8];
      double[] variance = {3.5, 1.625};
      double[] mean = {3, -1};
      for (int i = 0; i < 8; i++) {
        y[i] = (X[i] - mean[i % 2]) / Math.sqrt(variance[i % 2] + 0.5);
      }
      holds(place, "y with another eps", y, norm.call(x(place)));
      double[] quarter = {0.75, -0.25};
      holds(place, "running mean", quarter, norm.runningMean());
    }
  }

  @OnEveryDevice
  void theCounterOfBatchesMayBePresentOrAbsent(Place place) {
    try (Module model = place.put(new CifarResNet(8, 8, 8, 3, 4))) {
      Map<String, NdArray> without = StateDict.of(model);
      assertTrue(without.keySet().stream().noneMatch(k -> k.endsWith("num_batches_tracked")));
      StateDict.Report report = StateDict.load(model, without);
      assertTrue(report.isComplete(), report::toString);
      Map<String, NdArray> with = new LinkedHashMap<>(without);
      with.put("bn1.num_batches_tracked", NdArray.of(Shape.of(), new long[] {7}));
      with.put("layer1.0.bn2.num_batches_tracked", NdArray.of(Shape.of(), new long[] {7}));
      report = StateDict.load(model, with);
      assertTrue(report.isComplete(), report::toString);
      assertEquals(List.of(), report.unexpected());
      assertEquals(without.size(), report.loaded().size());
    }
  }
}
