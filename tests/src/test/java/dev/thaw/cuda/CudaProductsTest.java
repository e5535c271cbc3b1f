package dev.thaw.cuda;

import dev.thaw.backend.ConvKernels;
import dev.thaw.backend.ConvolutionsByHand;
import dev.thaw.backend.GemmKernels;
import dev.thaw.backend.ProductsByHand;
import dev.thaw.memory.DType;
import org.junit.jupiter.api.Nested;

/**
 * Matrix products and convolutions by our own kernels, also where the backend takes a library's;
 * bf16 is held to sums in float.
 */
final class CudaProductsTest {
  private static GemmKernels gemm(CudaBackend cuda) {
    return new CudaGemm(cuda.card(), cuda.kernels());
  }

  private static ConvKernels conv(CudaBackend cuda) {
    return new CudaConv(cuda.card(), cuda.kernels(), cuda.workspace(), cuda.reduce());
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
}
