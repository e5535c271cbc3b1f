package dev.thaw.cuda;

import dev.thaw.backend.KernelsByHand;
import dev.thaw.backend.UpdatesByHand;
import dev.thaw.golden.KernelsAgainstPyTorch;
import dev.thaw.memory.DType;
import org.junit.jupiter.api.Nested;

/** The CUDA backend's kernels: what every backend's are held to. */
final class CudaKernelsTest {
  private static final double FLOAT = 5e-6;

  @Nested
  final class PyTorch extends KernelsAgainstPyTorch {
    PyTorch() {
      super(OnACard.backend(), DType.FLOAT32, FLOAT);
    }
  }

  @Nested
  final class ByHand extends KernelsByHand {
    ByHand() {
      super(OnACard.backend(), DType.FLOAT32, FLOAT);
    }
  }

  @Nested
  final class Updates extends UpdatesByHand {
    Updates() {
      super(OnACard.backend(), DType.FLOAT32, FLOAT);
    }
  }
}
