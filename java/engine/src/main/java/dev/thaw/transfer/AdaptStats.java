package dev.thaw.transfer;

import dev.thaw.data.Batch;
import dev.thaw.data.BatchSource;
import dev.thaw.memory.Check;
import dev.thaw.memory.Device;
import dev.thaw.memory.Scope;
import dev.thaw.nn.BatchNorm;
import dev.thaw.nn.BnPolicy;
import dev.thaw.nn.Module;
import dev.thaw.tensor.Tensor;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/**
 * Re-estimates the running statistics of a model's batch norms on new data, before the first epoch
 * of a fine-tune: one pass forward, no gradients, no weight moves. Afterwards the norms follow
 * {@link BnPolicy#EVAL}, so the statistics then stand as firmly as the frozen weights.
 *
 * <p>Each norm normalises by its batch and keeps the average of all batches' means and unbiased
 * variances, each batch counting alike. Statistics of the old data in a net for the new are the
 * part of a domain's shift that costs no training to remove (Li et al., arXiv 1603.04779).
 */
public final class AdaptStats {
  private AdaptStats() {}

  /**
   * Runs one epoch of {@code batches} through {@code model}; dropout is off, the model's mode is
   * restored.
   *
   * @return number of batches that were averaged
   * @throws IllegalArgumentException when the model has no batch norm
   * @throws IOException naming the file that cannot be read
   */
  public static int run(Module model, BatchSource batches) throws IOException {
    List<BatchNorm> norms = new ArrayList<>();
    for (Module module : model.modules().values()) {
      if (module instanceof BatchNorm norm) {
        norms.add(norm);
      }
    }
    Check.that(!norms.isEmpty(), "adapt-stats: the model has no batch norm");
    double[] momenta = norms.stream().mapToDouble(BatchNorm::momentum).toArray();
    boolean training = model.isTraining();
    Device device = norms.get(0).runningMean().device();
    int seen = 0;
    batches.seek(0, 0);
    try (var none = Tensor.noGrad();
        var on = device.use()) {
      model.eval();
      norms.forEach(norm -> norm.policy(BnPolicy.TRAIN_ALL).train());
      for (Batch batch = batches.next(); batch != null; batch = batches.next()) {
        double weight = 1.0 / ++seen;
        norms.forEach(norm -> norm.momentum(weight));
        try (Scope scope = Scope.open()) {
          model.call(batch.x());
        }
      }
    } finally {
      for (int i = 0; i < momenta.length; i++) {
        norms.get(i).policy(BnPolicy.EVAL).momentum(momenta[i]);
      }
      model.train(training);
    }
    return seen;
  }
}
