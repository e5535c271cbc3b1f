package dev.thaw.plain;

import dev.thaw.backend.Backend;
import dev.thaw.backend.KernelsByHand;
import dev.thaw.backend.UpdatesByHand;
import dev.thaw.golden.KernelsAgainstPyTorch;
import dev.thaw.memory.DType;
import dev.thaw.memory.Device;
import org.junit.jupiter.api.Nested;

/**
 * The plain backend in both of its types. In double nothing is left of rounding but PyTorch's own
 * and the files' thirteen digits; in float a few units in the last place, where results feed
 * others.
 */
final class PlainKernelsTest {
  private static final double DOUBLE = 1e-11;
  private static final double FLOAT = 2e-6;

  private static Backend plain() {
    return new PlainBackend(Device.of("plain"), 2);
  }

  @Nested
  final class PyTorchFloat64 extends KernelsAgainstPyTorch {
    PyTorchFloat64() {
      super(plain(), DType.FLOAT64, DOUBLE);
    }
  }

  @Nested
  final class PyTorchFloat32 extends KernelsAgainstPyTorch {
    PyTorchFloat32() {
      super(plain(), DType.FLOAT32, FLOAT);
    }
  }

  @Nested
  final class ByHandFloat64 extends KernelsByHand {
    ByHandFloat64() {
      super(plain(), DType.FLOAT64, DOUBLE);
    }
  }

  @Nested
  final class ByHandFloat32 extends KernelsByHand {
    ByHandFloat32() {
      super(plain(), DType.FLOAT32, FLOAT);
    }
  }

  @Nested
  final class UpdatesFloat64 extends UpdatesByHand {
    UpdatesFloat64() {
      super(plain(), DType.FLOAT64, DOUBLE);
    }
  }

  @Nested
  final class UpdatesFloat32 extends UpdatesByHand {
    UpdatesFloat32() {
      super(plain(), DType.FLOAT32, FLOAT);
    }
  }
}
