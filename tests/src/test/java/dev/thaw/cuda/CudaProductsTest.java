package dev.thaw.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import dev.thaw.backend.ConvKernels;
import dev.thaw.backend.ConvolutionsByHand;
import dev.thaw.backend.GemmKernels;
import dev.thaw.backend.GemmShape;
import dev.thaw.backend.ProductsByHand;
import dev.thaw.backend.TestBuffers;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.DType;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;

/**
 * Matrix products and convolutions by our own kernels, also where the backend takes a library's;
 * bf16 is held to sums in float.
 */
final class CudaProductsTest {
  private static GemmKernels gemm(CudaBackend cuda) {
    return new CudaGemm(cuda.card(), cuda.kernels(), cuda.reduce());
  }

  private static ConvKernels conv(CudaBackend cuda) {
    return new CudaConv(cuda.card(), cuda.kernels(), cuda.workspace(), cuda.reduce(), cuda.norm());
  }

  @Nested
  final class Products extends ProductsByHand {
    Products() {
      super(OnACard.backend(), gemm(OnACard.backend()), DType.FLOAT32);
    }
  }

  @Nested
  final class ProductsOfBfloat16 extends ProductsByHand {
    ProductsOfBfloat16() {
      super(OnACard.backend(), gemm(OnACard.backend()), DType.BFLOAT16);
    }
  }

  @Nested
  final class Convolutions extends ConvolutionsByHand {
    Convolutions() {
      super(OnACard.backend(), conv(OnACard.backend()), DType.FLOAT32);
    }
  }

  @Nested
  final class ConvolutionsOfBfloat16 extends ConvolutionsByHand {
    ConvolutionsOfBfloat16() {
      super(OnACard.backend(), conv(OnACard.backend()), DType.BFLOAT16);
    }
  }

  /** Gradients of weights stay float where pictures are bf16: sums that bf16 does not have. */
  @Test
  void floatFromBfloat16() {
    CudaBackend cuda = OnACard.backend();
    try (TestBuffers buffers = new TestBuffers(cuda, DType.BFLOAT16)) {
      Buffer a = buffers.of(1, 256, 3, 0.0078125);
      Buffer b = buffers.of(1, 2, 3, 4, 5, 6);
      Buffer bias = buffers.of(DType.FLOAT32, 0, 1025, -2000);
      Buffer c = buffers.output(DType.FLOAT32, 6);
      gemm(cuda).gemm(c, a, b, bias, true, GemmShape.of(2, 3, 2, true, false));
      assertArrayEquals(new double[] {13, 1042, 0, 256.03125, 1537.0390625, 0}, buffers.read(c));
    }
  }
}
