package dev.thaw.cuda;

import dev.thaw.backend.ConvolutionsByHand;
import dev.thaw.backend.ProductsByHand;
import dev.thaw.memory.DType;
import org.junit.jupiter.api.Nested;

/** Matrix products and convolutions in both types; bf16 is held to sums in float. */
final class CudaProductsTest {
  @Nested
  final class Products extends ProductsByHand {
    Products() {
      super(AnyCard.get(), DType.FLOAT32);
    }
  }

  @Nested
  final class ProductsOfBfloat16 extends ProductsByHand {
    ProductsOfBfloat16() {
      super(AnyCard.get(), DType.BFLOAT16);
    }
  }

  @Nested
  final class Convolutions extends ConvolutionsByHand {
    Convolutions() {
      super(AnyCard.get(), DType.FLOAT32);
    }
  }

  @Nested
  final class ConvolutionsOfBfloat16 extends ConvolutionsByHand {
    ConvolutionsOfBfloat16() {
      super(AnyCard.get(), DType.BFLOAT16);
    }
  }
}
