package dev.thaw.train;

import dev.thaw.data.Batch;
import dev.thaw.data.BatchSource;
import dev.thaw.memory.Device;
import dev.thaw.memory.Scope;
import dev.thaw.nn.Module;
import dev.thaw.tensor.Functional;
import dev.thaw.tensor.Tensor;
import java.io.IOException;

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
   *
   * @throws IOException naming the file that cannot be read
   */
  public static Result of(Module model, BatchSource batches) throws IOException {
    boolean training = model.isTraining();
    Device device = deviceOf(model);
    double loss = 0;
    long right = 0;
    long examples = 0;
    int[][] confusion = new int[0][];
    batches.seek(0, 0);
    try (var none = Tensor.noGrad();
        var on = device.use()) {
      model.eval();
      for (Batch batch = batches.next(); batch != null; batch = batches.next()) {
        try (Scope scope = Scope.open()) {
          Tensor logits = model.call(batch.x());
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
      model.train(training);
    }
    return new Result(loss / examples, right / (double) examples, confusion);
  }

  static Device deviceOf(Module model) {
    return model.parameters().values().iterator().next().value().device();
  }
}
