package dev.thaw.diagnose;

import dev.thaw.backend.Devices;
import dev.thaw.data.Batch;
import dev.thaw.data.BatchSource;
import dev.thaw.memory.Scope;
import dev.thaw.nn.Module;
import dev.thaw.optim.Optimizer;
import dev.thaw.tensor.Functional;
import dev.thaw.tensor.Generator;
import dev.thaw.tensor.Tensor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Function;

/**
 * A few steps of training, taken back afterwards to the last bit: what a rate does to a model.
 *
 * @param steps that were made; fewer than asked for where the loss was no longer finite
 * @param rate of the first group of parameters
 * @param firstLoss before the first step
 * @param lastLoss before the last step; not finite where the training broke
 * @param skipped steps in which nothing moved because a gradient was not finite
 */
public record ShortTraining(
    int steps, double rate, double firstLoss, double lastLoss, int skipped) {
  /**
   * Trains {@code model} on {@code batches}, op by op, cross-entropy being the loss, and lets
   * {@code health} measure the last step. Parameters and buffers get their bytes back; the model is
   * in training mode while this runs.
   *
   * @param optimizer makes the optimizer; no other may be at work on the model
   * @throws IOException naming the file that cannot be read
   */
  static ShortTraining of(
      Module model,
      BatchSource batches,
      int steps,
      Function<Module, Optimizer> optimizer,
      GradientHealth health)
      throws IOException {
    Map<Tensor, ByteBuffer> saved = save(model);
    try (var numbers = new Generator(0).use();
        Optimizer rule = optimizer.apply(model)) {
      double rate = rule.groups().get(0).rate();
      double first = Double.NaN;
      double last = Double.NaN;
      int skipped = 0;
      int done = 0;
      batches.seek(0, 0);
      boolean finite = true;
      for (int k = 0; k < steps && finite; k++) {
        Batch batch = next(batches);
        try (Scope scope = Scope.open()) {
          rule.zeroGrad();
          Tensor loss = Functional.crossEntropy(model.call(batch.x()), batch.y());
          last = loss.item();
          first = k == 0 ? last : first;
          finite = Double.isFinite(last);
          if (finite) {
            loss.backward();
            boolean measured = k == steps - 1;
            if (measured) {
              health.beforeStep();
            }
            rule.step();
            skipped += rule.report().skipped() ? 1 : 0;
            if (measured) {
              health.afterStep();
            }
            done++;
          }
        }
      }
      return new ShortTraining(done, rate, first, last, skipped);
    } finally {
      saved.forEach((tensor, bytes) -> Devices.get(tensor.device()).upload(tensor.buffer(), bytes));
    }
  }

  /** The next batch; after the last of an epoch the first again. */
  static Batch next(BatchSource batches) throws IOException {
    Batch batch = batches.next();
    if (batch == null) {
      batches.seek(0, 0);
      batch = batches.next();
    }
    if (batch == null) {
      throw new IllegalArgumentException("diagnosis: the data set is empty");
    }
    return batch;
  }

  private static Map<Tensor, ByteBuffer> save(Module model) {
    Map<Tensor, ByteBuffer> saved = new LinkedHashMap<>();
    model.parameters().values().forEach(p -> saved.put(p.value(), bytes(p.value())));
    model.buffers().values().forEach(b -> saved.put(b, bytes(b)));
    return saved;
  }

  private static ByteBuffer bytes(Tensor tensor) {
    ByteBuffer bytes =
        ByteBuffer.allocate((int) tensor.buffer().bytes()).order(ByteOrder.nativeOrder());
    Devices.get(tensor.device()).download(bytes, tensor.buffer());
    return bytes.rewind();
  }

  /** For JSON. */
  public Map<String, Object> toMap() {
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("steps", steps);
    map.put("rate", rate);
    LayerHealth.put(map, "first_loss", firstLoss);
    LayerHealth.put(map, "last_loss", lastLoss);
    map.put("skipped", skipped);
    return map;
  }
}
