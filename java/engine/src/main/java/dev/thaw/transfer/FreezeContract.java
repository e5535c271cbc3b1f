package dev.thaw.transfer;

import dev.thaw.backend.Backend;
import dev.thaw.backend.Devices;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.DType;
import dev.thaw.memory.Purpose;
import dev.thaw.nn.BatchNorm;
import dev.thaw.nn.BnPolicy;
import dev.thaw.nn.Module;
import dev.thaw.nn.Parameter;
import dev.thaw.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * What is frozen stays what it was, to the byte: takes a hash of every frozen parameter, and of the
 * running statistics of norms that do not follow the batch, and compares later. One pass over the
 * frozen bytes each time, so once an epoch costs nothing.
 */
public final class FreezeContract {
  private final Module model;
  private final Map<String, Noted> noted = new LinkedHashMap<>();
  private long changes = -1;

  /** Notes what is frozen in {@code model} now. */
  public FreezeContract(Module model) {
    this.model = model;
    follow();
  }

  private record Noted(Tensor tensor, long hash) {}

  /**
   * Lets go what was thawed or replaced, and notes what was frozen since; to be called after layers
   * were frozen or thawed on purpose. Costs nothing where none was.
   */
  public void follow() {
    if (changes != Parameter.changes()) {
      changes = Parameter.changes();
      Map<String, Tensor> now = constant();
      noted.entrySet().removeIf(e -> now.get(e.getKey()) != e.getValue().tensor);
      now.forEach((name, x) -> noted.computeIfAbsent(name, n -> new Noted(x, hash(x))));
    }
  }

  /** Number of tensors under the contract. */
  public int size() {
    return noted.size();
  }

  /**
   * Compares every tensor noted that is still frozen.
   *
   * @throws IllegalStateException naming the first tensor whose bytes differ
   */
  public void check() {
    Map<String, Tensor> now = constant();
    noted.forEach(
        (name, then) -> {
          if (now.get(name) == then.tensor && hash(then.tensor) != then.hash) {
            throw new IllegalStateException(
                "freeze contract: "
                    + name
                    + " is frozen but its bytes have changed; something wrote past the optimizer;"
                    + " the run is stopped and no model is saved");
          }
        });
  }

  private Map<String, Tensor> constant() {
    Map<String, Tensor> all = new LinkedHashMap<>();
    model
        .parameters()
        .forEach(
            (name, parameter) -> {
              if (parameter.isFrozen()) {
                all.put(name, parameter.value());
              }
            });
    for (Map.Entry<String, Module> e : model.modules().entrySet()) {
      if (e.getValue() instanceof BatchNorm norm && constantStatistics(norm)) {
        String prefix = e.getKey().isEmpty() ? "" : e.getKey() + ".";
        all.put(prefix + "running_mean", norm.runningMean());
        all.put(prefix + "running_var", norm.runningVariance());
      }
    }
    return all;
  }

  private static boolean constantStatistics(BatchNorm norm) {
    return norm.policy() != BnPolicy.TRAIN_ALL;
  }

  private static long hash(Tensor tensor) {
    Backend backend = Devices.get(tensor.device());
    Buffer sum = backend.pool().allocate(DType.INT64, 1, Purpose.WORKSPACE);
    try {
      backend.stats().hash(sum, tensor.buffer());
      ByteBuffer bytes = ByteBuffer.allocate(8).order(ByteOrder.nativeOrder());
      backend.download(bytes, sum);
      return bytes.getLong(0);
    } finally {
      sum.release();
    }
  }
}
