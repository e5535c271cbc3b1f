package dev.thaw.transfer;

import dev.thaw.backend.Backend;
import dev.thaw.backend.Devices;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.DType;
import dev.thaw.memory.Purpose;
import dev.thaw.nn.BatchNorm;
import dev.thaw.nn.BnPolicy;
import dev.thaw.nn.Module;
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
  private Map<String, Long> hashes;

  /** Notes what is frozen in {@code model} now. */
  public FreezeContract(Module model) {
    this.model = model;
    this.hashes = hashes();
  }

  /** Notes anew: after layers were frozen or thawed on purpose. */
  public void renew() {
    hashes = hashes();
  }

  /** Number of tensors under the contract. */
  public int size() {
    return hashes.size();
  }

  /**
   * Compares every tensor noted that is still frozen.
   *
   * @throws IllegalStateException naming the first tensor whose bytes differ
   */
  public void check() {
    Map<String, Long> now = hashes();
    hashes.forEach(
        (name, hash) -> {
          Long other = now.get(name);
          if (other != null && !other.equals(hash)) {
            throw new IllegalStateException(
                "freeze contract: "
                    + name
                    + " is frozen but its bytes have changed; something wrote past the optimizer;"
                    + " the run is stopped and no model is saved");
          }
        });
  }

  private Map<String, Long> hashes() {
    Map<String, Long> all = new LinkedHashMap<>();
    model
        .parameters()
        .forEach(
            (name, parameter) -> {
              if (parameter.isFrozen()) {
                all.put(name, hash(parameter.value()));
              }
            });
    for (Map.Entry<String, Module> e : model.modules().entrySet()) {
      if (e.getValue() instanceof BatchNorm norm && constantStatistics(norm)) {
        String prefix = e.getKey().isEmpty() ? "" : e.getKey() + ".";
        all.put(prefix + "running_mean", hash(norm.runningMean()));
        all.put(prefix + "running_var", hash(norm.runningVariance()));
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
      ByteBuffer bytes = ByteBuffer.allocateDirect(8).order(ByteOrder.nativeOrder());
      backend.download(bytes, sum);
      return bytes.getLong(0);
    } finally {
      sum.release();
    }
  }
}
