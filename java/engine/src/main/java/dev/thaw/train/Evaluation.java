package dev.thaw.train;

import dev.thaw.backend.Backend;
import dev.thaw.backend.Devices;
import dev.thaw.data.Batch;
import dev.thaw.data.BatchSource;
import dev.thaw.memory.Device;
import dev.thaw.memory.Scope;
import dev.thaw.nn.Module;
import dev.thaw.plan.InferencePlan;
import dev.thaw.plan.Precision;
import dev.thaw.tensor.Functional;
import dev.thaw.tensor.Shape;
import dev.thaw.tensor.Tensor;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/** How good a model is on labelled examples. */
public final class Evaluation {
  private Evaluation() {}

  /**
   * What was found.
   *
   * @param loss mean cross-entropy
   * @param accuracy share of examples whose largest logit is the label's
   * @param confusion [label][answer] counts
   */
  public record Result(double loss, double accuracy, int[][] confusion) {
    /** Number of examples. */
    public int examples() {
      int n = 0;
      for (int[] row : confusion) {
        for (int count : row) {
          n += count;
        }
      }
      return n;
    }
  }

  /**
   * Runs {@code model} in inference mode over one epoch of {@code batches}; its mode is restored.
   * Batches of the first one's shape go through an {@link InferencePlan} where the model can be
   * planned.
   *
   * @throws IOException naming the file that cannot be read
   */
  public static Result of(Module model, BatchSource batches) throws IOException {
    return of(model, batches, Precision.FP32);
  }

  /**
   * As {@link #of(Module, BatchSource)}, computing in {@code precision}.
   *
   * @throws IllegalArgumentException when the model's device cannot compute so
   */
  public static Result of(Module model, BatchSource batches, Precision precision)
      throws IOException {
    Backend backend = Devices.get(deviceOf(model));
    precision.check(backend);
    boolean training = model.isTraining();
    double loss = 0;
    long right = 0;
    long examples = 0;
    int[][] confusion = new int[0][];
    InferencePlan plan = null;
    boolean planning = true;
    batches.allowBytes(backend.isBehindBus());
    batches.seek(0, 0);
    try (var none = Tensor.noGrad();
        var on = backend.device().use();
        var math = precision.on(backend)) {
      model.eval();
      for (Batch batch = batches.next(); batch != null; batch = batches.next()) {
        try (Scope scope = Scope.open()) {
          if (planning) {
            planning = false;
            plan = plan(model, batch.shape(), precision);
          }
          Tensor x = batch.x();
          boolean fits = plan != null && plan.inputShape().equals(x.shape());
          Tensor logits = plan != null && fits ? plan.run(x) : precision.call(model, x);
          if (confusion.length == 0) {
            confusion = new int[logits.dim(1)][logits.dim(1)];
          }
          Tensor labels = batch.y();
          loss += Functional.crossEntropy(logits, labels).item() * batch.size();
          long[] answers = logits.argmax(-1).toLongs();
          long[] truth = labels.toLongs();
          for (int i = 0; i < answers.length; i++) {
            confusion[(int) truth[i]][(int) answers[i]]++;
            right += answers[i] == truth[i] ? 1 : 0;
          }
          examples += batch.size();
        }
      }
    } finally {
      if (plan != null) {
        plan.close();
      }
      model.train(training);
    }
    return new Result(loss / examples, right / (double) examples, confusion);
  }

  /** A plan of {@code model}, or null where it reads its values in Java and runs op by op. */
  private static @Nullable InferencePlan plan(Module model, Shape shape, Precision precision) {
    try {
      return InferencePlan.of(model, shape, precision);
    } catch (InferencePlan.NotPlannable e) {
      return null;
    }
  }

  static Device deviceOf(Module model) {
    return model.parameters().values().iterator().next().value().device();
  }
}
