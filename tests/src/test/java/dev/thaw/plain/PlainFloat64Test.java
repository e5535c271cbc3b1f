package dev.thaw.plain;

import dev.thaw.golden.KernelsAgainstPyTorch;
import dev.thaw.memory.DType;
import dev.thaw.memory.Device;

/** In double nothing is left of rounding but PyTorch's own, and the files' thirteen digits. */
final class PlainFloat64Test extends KernelsAgainstPyTorch {
  PlainFloat64Test() {
    super(new PlainBackend(Device.of("plain"), 2), DType.FLOAT64, 1e-11);
  }
}
