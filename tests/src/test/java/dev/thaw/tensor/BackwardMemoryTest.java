package dev.thaw.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.thaw.OnPlain;
import dev.thaw.memory.Pool;
import dev.thaw.memory.Purpose;
import dev.thaw.memory.Scope;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** A step peaks at what forward saved, plus two gradients, plus the parameters' own. */
@ExtendWith(OnPlain.class)
final class BackwardMemoryTest {
  private static final int ROWS = 64;
  private static final int WIDTH = 32;
  private static final int DEPTH = 12;
  private static final long ACTIVATION = ROWS * WIDTH * 4;
  private static final long WEIGHT = WIDTH * WIDTH * 4;

  private final Pool pool = OnPlain.pool();

  private static List<Tensor> weights(boolean trainable) {
    List<Tensor> weights = new ArrayList<>();
    Generator generator = new Generator(3);
    for (int i = 0; i < DEPTH; i++) {
      weights.add(generator.normal(0, 0.2, WIDTH, WIDTH).requiresGrad(trainable));
    }
    return weights;
  }

  private static Tensor chain(Tensor x, List<Tensor> weights) {
    Tensor y;
    try (Scope inner = Scope.open()) {
      y = x;
      for (Tensor w : weights) {
        y = Functional.relu(y.matmul(w));
      }
      y = inner.keep(y.sum());
    }
    return y;
  }

  @Test
  void backwardAddsTwoGradientsToWhatWasSaved() {
    List<Tensor> weights = weights(true);
    Tensor x = new Generator(4).normal(0, 1, ROWS, WIDTH);
    long before = pool.liveBytes();
    Tensor loss = chain(x, weights);
    long saved = pool.liveBytes() - before;
    // The result of each relu, which the next product reads too, and the loss.
    assertEquals(DEPTH * ACTIVATION + 4, saved);
    pool.resetPeak();
    loss.backward();
    long peak = pool.peakBytes() - before;
    assertTrue(
        peak <= saved + 2 * ACTIVATION + DEPTH * WEIGHT + 1024,
        () -> "peak " + peak + ", saved " + saved);
    // What remains are the gradients of the parameters.
    assertEquals(DEPTH * WEIGHT + 4, pool.liveBytes() - before);
  }

  @Test
  void anInputGradientPassesFrozenLayersInTwoBuffers() {
    List<Tensor> weights = weights(false);
    Tensor x = new Generator(4).normal(0, 1, ROWS, WIDTH).requiresGrad(true);
    long before = pool.liveBytes();
    Tensor loss = chain(x, weights);
    long saved = pool.liveBytes() - before;
    pool.resetPeak();
    loss.backward();
    long peak = pool.peakBytes() - before;
    assertTrue(peak <= saved + 2 * ACTIVATION + 1024, () -> "peak " + peak + ", saved " + saved);
    assertEquals(ACTIVATION, pool.liveBytes(Purpose.GRADIENTS));
  }

  @Test
  void savedValuesAreLetGoAsTheWalkPasses() {
    List<Tensor> weights = weights(true);
    Tensor x = new Generator(4).normal(0, 1, ROWS, WIDTH).requiresGrad(true);
    Tensor loss = chain(x, weights);
    long[] seen = new long[1];
    Tensor watched =
        loss.detach()
            .mul(1)
            .madeBy(
                "watch",
                Op.wrt(
                    loss,
                    Op.reads(),
                    dy -> {
                      seen[0] = pool.liveBytes();
                      return dy;
                    }));
    watched.backward();
    long parameters = DEPTH * WEIGHT + ACTIVATION;
    assertTrue(
        pool.liveBytes() <= seen[0] - DEPTH * ACTIVATION + parameters,
        "what forward saved is still held");
  }

  @Test
  void withoutGradientsAChainHoldsTwoActivations() {
    List<Tensor> weights = weights(true);
    Tensor x = new Generator(4).normal(0, 1, ROWS, WIDTH);
    long before = pool.liveBytes();
    pool.resetPeak();
    try (Tensor.Gradients none = Tensor.noGrad()) {
      Tensor y = x;
      for (Tensor w : weights) {
        try (Scope layer = Scope.open()) {
          Tensor next = layer.keep(Functional.relu(y.matmul(w)));
          if (y != x) {
            y.close();
          }
          y = next;
        }
      }
      y.close();
    }
    assertTrue(pool.peakBytes() - before <= 3 * ACTIVATION);
    assertEquals(before, pool.liveBytes());
  }
}
