package dev.thaw.cpu;

import dev.thaw.backend.Backend;
import dev.thaw.backend.Devices;
import dev.thaw.backend.KernelsByHand;
import dev.thaw.backend.UpdatesByHand;
import dev.thaw.golden.KernelsAgainstPyTorch;
import dev.thaw.memory.DType;
import org.junit.jupiter.api.Nested;

/** The CPU backend's kernels: what every backend's are held to. */
final class CpuKernelsTest {
  private static final double FLOAT = 5e-6;

  private static Backend cpu() {
    return Devices.get("cpu");
  }

  @Nested
  final class PyTorch extends KernelsAgainstPyTorch {
    PyTorch() {
      super(cpu(), DType.FLOAT32, FLOAT);
    }
  }

  @Nested
  final class ByHand extends KernelsByHand {
    ByHand() {
      super(cpu(), DType.FLOAT32, FLOAT);
    }
  }

  @Nested
  final class Updates extends UpdatesByHand {
    Updates() {
      super(cpu(), DType.FLOAT32, FLOAT);
    }
  }
}
