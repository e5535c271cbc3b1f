package dev.thaw;

import dev.thaw.backend.Backend;
import dev.thaw.memory.DType;
import dev.thaw.memory.Device;
import dev.thaw.memory.Pool;
import dev.thaw.nn.Module;
import dev.thaw.tensor.Tensor;

/**
 * Where a test runs.
 *
 * @param backend an open device, the current one
 * @param dtype what to compute in
 */
public record Place(Backend backend, DType dtype) {
  /** Whether it is double precision. */
  public boolean isDouble() {
    return dtype == DType.FLOAT64;
  }

  /** The device. */
  public Device device() {
    return backend.device();
  }

  /** The device's memory. */
  public Pool pool() {
    return backend.pool();
  }

  /** A tensor of {@code values} here. */
  public Tensor tensor(double[] values, int... dims) {
    return Tensor.of(values, dims).to(dtype);
  }

  /** The same module, its parameters of this dtype. */
  public <M extends Module> M put(M module) {
    module.to(device(), dtype);
    return module;
  }

  @Override
  public String toString() {
    return device() + " " + dtype;
  }
}
