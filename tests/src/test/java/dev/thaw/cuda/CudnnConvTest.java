package dev.thaw.cuda;

import dev.thaw.backend.ConvolutionsByHand;
import dev.thaw.memory.DType;
import org.junit.jupiter.api.Nested;

/**
 * Convolutions as the backend computes them: by cuDNN, and by our own kernels where it has none.
 */
final class CudnnConvTest {
  @Nested
  final class OfFloat32 extends ConvolutionsByHand {
    OfFloat32() {
      super(OnACard.backend(), OnACard.backend().conv(), DType.FLOAT32);
    }
  }

  @Nested
  final class OfBfloat16 extends ConvolutionsByHand {
    OfBfloat16() {
      super(OnACard.backend(), OnACard.backend().conv(), DType.BFLOAT16);
    }
  }
}
