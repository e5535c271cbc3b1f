package dev.thaw.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.thaw.NothingLeft;
import dev.thaw.backend.Backend;
import dev.thaw.memory.Device;
import dev.thaw.memory.Scope;
import dev.thaw.nn.Linear;
import dev.thaw.plan.InferencePlan;
import dev.thaw.plan.Precision;
import dev.thaw.tensor.Conv2dOptions;
import dev.thaw.tensor.Functional;
import dev.thaw.tensor.Shape;
import dev.thaw.tensor.Tensor;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** TF32 holds where it was allowed: in that thread, until it is taken back. */
@ExtendWith(NothingLeft.class)
final class Tf32Test {
  /** 1 + 2⁻¹³ is a float32 and no TF32: of 64 of them a product of ones loses 2⁻⁷. */
  private static final double FINE = 1 + 0x1p-13;

  private static final int N = 64;

  private final Backend backend = OnACard.backend();

  private static boolean isRounded(double sum) {
    if (sum != N * FINE) {
      assertEquals(N, sum, "rounded to TF32");
      return true;
    }
    return false;
  }

  private static boolean productsAreRounded() {
    try (Scope scope = Scope.open();
        Tensor.Gradients none = Tensor.noGrad()) {
      Tensor y = Functional.linear(Tensor.full(FINE, N, N), Tensor.ones(N, N), null);
      return isRounded(y.toDoubles()[0]);
    }
  }

  private static boolean convolutionsAreRounded() {
    try (Scope scope = Scope.open();
        Tensor.Gradients none = Tensor.noGrad()) {
      Tensor x = Tensor.full(FINE, 2, 8, 8, N);
      Tensor w = Tensor.ones(N, 1, 1, N);
      return isRounded(Functional.conv2d(x, w, null, Conv2dOptions.DEFAULT).toDoubles()[0]);
    }
  }

  @Test
  void isAllowedByThread() throws Exception {
    try (Device.Use on = backend.device().use()) {
      if (!backend.hasTf32()) {
        assertFalse(backend.allowTf32(true));
        assertFalse(productsAreRounded());
        return;
      }
      assertFalse(productsAreRounded() || convolutionsAreRounded(), "float32 is exact at first");
      try (Device.Use rounding = Precision.TF32.on(backend)) {
        assertTrue(productsAreRounded());
        // cuDNN may, and need not: the engine that is fastest here might be an exact one.
        convolutionsAreRounded();
        try (Device.Use exact = Precision.FP32.on(backend)) {
          assertFalse(productsAreRounded() || convolutionsAreRounded());
        }
        assertTrue(productsAreRounded());
        AtomicBoolean elsewhere = new AtomicBoolean(true);
        Thread other =
            new Thread(
                () -> {
                  try (Device.Use there = backend.device().use()) {
                    elsewhere.set(productsAreRounded());
                  }
                });
        other.start();
        other.join();
        assertFalse(elsewhere.get(), "another thread has said nothing");
      }
      assertFalse(productsAreRounded() || convolutionsAreRounded(), "taken back");
    }
  }

  @Test
  void aPlanKeepsItsPrecision() {
    if (!backend.hasTf32()) {
      return;
    }
    try (Device.Use on = backend.device().use();
        Linear model = new Linear(N, N);
        Scope scope = Scope.open()) {
      float[] ones = new float[N * N];
      java.util.Arrays.fill(ones, 1);
      model.weight().set(ones);
      java.util.Objects.requireNonNull(model.bias()).set(new float[N]);
      Tensor x = Tensor.full(FINE, N, N);
      try (InferencePlan rounding = InferencePlan.of(model, Shape.of(N, N), Precision.TF32);
          InferencePlan exact = InferencePlan.of(model, Shape.of(N, N))) {
        assertTrue(isRounded(rounding.run(x).toDoubles()[0]));
        assertFalse(isRounded(exact.run(x).toDoubles()[0]));
      }
      assertFalse(productsAreRounded());
    }
  }
}
