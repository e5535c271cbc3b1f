package dev.thaw.lessons;

import static dev.thaw.lessons.Lesson.expect;
import static dev.thaw.lessons.Lesson.say;

import dev.thaw.memory.Scope;
import dev.thaw.tensor.Functional;
import dev.thaw.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Path;

/** Lesson 1: a tensor is numbers; the tape is how they came about; backward walks it. */
final class TensorAndTape {
  private TensorAndTape() {}

  static void run(Path folder) throws IOException {
    // Tensors live in a scope and end with it: memory never waits for the garbage collector.
    try (Scope scope = Scope.open()) {
      say("A tensor is a block of numbers with a shape:");
      Tensor x = Tensor.of(new float[] {1, 2, 3, 4}, 2, 2);
      Tensor w = Tensor.of(new float[] {0.5f, -1, 2, 1}, 2, 2).requiresGrad(true);
      say("  x  %s", x);
      say("  w  %s, which asks for a gradient", w);

      say("Every op notes how its result depends on its inputs:");
      Tensor h = x.matmul(w);
      Tensor y = Functional.sigmoid(h);
      Tensor loss = y.square().mean();
      say("  loss = mean(sigmoid(x w)²) = %.6f", loss.item());
      String picture = loss.tapeAsSvg();

      say("backward walks those notes from the loss to the leaves:");
      loss.backward();
      Tensor grad = java.util.Objects.requireNonNull(w.grad());
      float[] g = grad.toFloats();
      say("  dloss/dw = %s", java.util.Arrays.toString(g));

      say("The same slope by moving w[0][0] a little, up and down:");
      double step = 1e-2;
      double up = lossAt(0.5 + step);
      double down = lossAt(0.5 - step);
      double slope = (up - down) / (2 * step);
      say("  (%.6f − %.6f) / %.2f = %.6f", up, down, 2 * step, slope);
      expect("the slope by w[0][0]", slope, g[0], 1e-4);
      expect("the loss", 0.761723, loss.item(), 1e-5);
      Lesson.save(folder, "01-tape.svg", picture);
    }
  }

  private static double lossAt(double first) {
    try (Scope scope = Scope.open();
        var none = Tensor.noGrad()) {
      Tensor x = Tensor.of(new float[] {1, 2, 3, 4}, 2, 2);
      Tensor w = Tensor.of(new float[] {(float) first, -1, 2, 1}, 2, 2);
      return Functional.sigmoid(x.matmul(w)).square().mean().item();
    }
  }
}
