package dev.thaw.plain;

import dev.thaw.golden.KernelsAgainstPyTorch;
import dev.thaw.memory.DType;
import dev.thaw.memory.Device;

/** Kernels round once when they write: a few units in the last place where results feed others. */
final class PlainFloat32Test extends KernelsAgainstPyTorch {
  PlainFloat32Test() {
    super(new PlainBackend(Device.of("plain"), 2), DType.FLOAT32, 2e-6);
  }
}
