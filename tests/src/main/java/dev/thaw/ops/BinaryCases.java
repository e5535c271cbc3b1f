package dev.thaw.ops;

import static dev.thaw.ops.Domain.between;
import static dev.thaw.ops.Domain.grid;

import dev.thaw.tensor.Functional;
import dev.thaw.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BinaryOperator;

/** Functions of two arguments, element by element, in every pattern of broadcasting. */
final class BinaryCases {
  /** Pairs of shapes. */
  private static final int[][][] PATTERNS = {
    {{}, {}},
    {{0}, {0}},
    {{1}, {1}},
    {{5}, {5}},
    {{33}, {33}},
    {{1025}, {1025}},
    // One number against many, either side.
    {{}, {257}},
    {{257}, {}},
    {{0}, {1}},
    {{1}, {31}},
    {{1, 1}, {1}},
    // A row, a column, both.
    {{3, 5}, {5}},
    {{5}, {3, 5}},
    {{3, 5}, {3, 1}},
    {{3, 1}, {1, 5}},
    {{0, 3}, {3}},
    {{33, 65}, {65}},
    {{257, 31}, {257, 1}},
    // In the middle, outside, and every other dimension.
    {{2, 3, 4}, {3, 1}},
    {{2, 3, 4}, {2, 1, 4}},
    {{2, 3, 4}, {2, 1, 1}},
    {{2, 1, 4}, {1, 3, 1}},
    {{2, 1, 3, 1, 2}, {1, 4, 1, 5, 1}},
    // Large.
    {{1 << 18 | 3}, {1 << 18 | 3}},
    {{1025, 255}, {255}},
    {{1025, 255}, {1025, 1}},
  };

  private final List<OpCase> cases = new ArrayList<>();

  private BinaryCases() {}

  static List<OpCase> all() {
    BinaryCases table = new BinaryCases();
    table.everywhere("add", Tensor::add, Domain.NORMAL, Domain.NORMAL);
    table.everywhere("sub", Tensor::sub, Domain.NORMAL, Domain.NORMAL);
    table.everywhere("mul", Tensor::mul, Domain.NORMAL, Domain.NORMAL);
    table.everywhere("div", Tensor::div, Domain.NORMAL, between(0.5, 3));
    table.everywhere("min", Tensor::min, grid(0), grid(0.05));
    table.everywhere("max", Tensor::max, grid(0), grid(0.05));
    table.everywhere("pow", Tensor::pow, between(0.3, 3), Domain.NORMAL);
    table.ties();
    table.prelu();
    return table.cases;
  }

  /** Equal numbers share the gradient; NaN wins. */
  private void ties() {
    Operand x = Operand.of(9, 11);
    for (Domain domain : List.of(grid(0), Domain.SPECIAL)) {
      String detail = domain == Domain.SPECIAL ? "special numbers" : "ties";
      Operand a = x.in(domain);
      Operand b = Operand.of(11).in(domain);
      cases.add(OpCase.of("max", t -> t[0].max(t[1]), a, b).with(detail).onKinks().terms(9));
      cases.add(OpCase.of("min", t -> t[0].min(t[1]), a, b).with(detail).onKinks().terms(9));
    }
  }

  /** One slope for all, or one for each channel. */
  private void prelu() {
    Operand x = Operand.of(4, 3, 5).in(Domain.away(0));
    OpCase.Call prelu = t -> Functional.prelu(t[0], t[1]);
    Operand few = Operand.of(3).in(Domain.away(0));
    cases.add(OpCase.of("prelu", prelu, few, Operand.of(3)).flops(4));
    cases.add(OpCase.of("prelu", prelu, x, Operand.of(1)).flops(4));
    cases.add(OpCase.of("prelu", prelu, x, Operand.of()).flops(4));
    cases.add(OpCase.of("prelu", prelu, x, Operand.of(5)).flops(4));
    cases.add(
        OpCase.of("prelu", prelu, Operand.of(64, 9, 9, 33).in(Domain.away(0)), Operand.of(33))
            .flops(4));
  }

  private void everywhere(String op, BinaryOperator<Tensor> f, Domain a, Domain b) {
    for (int[][] pattern : PATTERNS) {
      Operand x = Operand.of(pattern[0]).in(a);
      Operand y = Operand.of(pattern[1]).in(b);
      OpCase line = OpCase.of(op, t -> f.apply(t[0], t[1]), x, y);
      cases.add(op.equals("pow") ? line.slack(4).flops(20) : line);
    }
  }
}
