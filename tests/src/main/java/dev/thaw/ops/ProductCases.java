package dev.thaw.ops;

import dev.thaw.tensor.Functional;
import java.util.ArrayList;
import java.util.List;

/** Matrix products: one, many, shared, transposed, and a layer's. */
final class ProductCases {
  private static final int[][][] PATTERNS = {
    {{1, 1}, {1, 1}},
    {{3, 4}, {4, 5}},
    {{5, 1}, {1, 7}},
    {{1, 33}, {33, 1}},
    {{1, 257}, {257, 3}},
    {{31, 33}, {33, 65}},
    {{255, 31}, {31, 257}},
    {{64, 1025}, {1025, 33}},
    // Nothing to multiply, and nothing to add up.
    {{0, 3}, {3, 2}},
    {{3, 2}, {2, 0}},
    {{3, 0}, {0, 2}},
    // Batches: of both, of one, of parts of both.
    {{2, 3, 4}, {2, 4, 5}},
    {{1, 3, 4}, {1, 4, 5}},
    {{2, 3, 3, 4}, {2, 3, 4, 5}},
    {{2, 3, 4}, {4, 5}},
    {{2, 5, 3, 4}, {4, 5}},
    {{3, 4}, {2, 4, 5}},
    {{2, 1, 3, 4}, {1, 3, 4, 5}},
    {{1, 3, 4}, {7, 4, 5}},
    {{0, 3, 4}, {0, 4, 5}},
    {{16, 33, 65}, {16, 65, 31}},
    // Large.
    {{256, 512}, {512, 256}},
  };

  private final List<OpCase> cases = new ArrayList<>();

  private ProductCases() {}

  static List<OpCase> all() {
    ProductCases table = new ProductCases();
    table.matmul();
    table.linear();
    return table.cases;
  }

  private void matmul() {
    for (int[][] p : PATTERNS) {
      int inner = p[0][p[0].length - 1];
      cases.add(
          OpCase.of("matmul", t -> t[0].matmul(t[1]), Operand.of(p[0]), Operand.of(p[1]))
              .terms(inner)
              .flops(2));
    }
    cases.add(
        OpCase.of("matmul", t -> t[0].matmul(t[0]), Operand.of(17, 17))
            .with("itself")
            .terms(17)
            .flops(2));
    cases.add(
        OpCase.of(
                "matmul",
                t -> t[0].transpose(0, 1).matmul(t[1].transpose(0, 1)),
                Operand.of(33, 31),
                Operand.of(5, 33))
            .with("both transposed")
            .terms(33)
            .flops(2));
  }

  private void linear() {
    int[][][] patterns = {
      {{1}, {1, 1}},
      {{4}, {3, 4}},
      {{2, 4}, {3, 4}},
      {{1, 33}, {10, 33}},
      {{0, 4}, {3, 4}},
      {{3, 5, 4}, {7, 4}},
      {{31, 257}, {65, 257}},
      {{64, 1025}, {10, 1025}},
      {{128, 512}, {256, 512}},
    };
    for (int[][] p : patterns) {
      int out = p[1][0];
      int in = p[1][1];
      Operand x = Operand.of(p[0]);
      Operand w = Operand.of(p[1]);
      cases.add(
          OpCase.of("linear", t -> Functional.linear(t[0], t[1], null), x, w).terms(in).flops(2));
      cases.add(
          OpCase.of("linear", t -> Functional.linear(t[0], t[1], t[2]), x, w, Operand.of(out))
              .terms(in + 1)
              .flops(2));
    }
  }
}
