package dev.thaw.ops;

import dev.thaw.tensor.Shape;
import dev.thaw.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.BiFunction;

/** Many numbers to one, over any axes. */
final class ReductionCases {
  /** A shape, then the axes; none means all. */
  private static final int[][][] PATTERNS = {
    {{}, {}},
    {{1}, {}},
    {{3}, {0}},
    {{5}, {}},
    {{31}, {0}},
    {{33}, {0}},
    {{257}, {}},
    {{1025}, {}},
    {{1, 7, 1}, {0, 2}},
    // Each axis and each pair of three; both ends of four.
    {{3, 4, 5}, {0}},
    {{3, 4, 5}, {1}},
    {{3, 4, 5}, {2}},
    {{3, 4, 5}, {-1}},
    {{3, 4, 5}, {0, 1}},
    {{3, 4, 5}, {1, 2}},
    {{3, 4, 5}, {0, 2}},
    {{3, 4, 5}, {2, 0, 1}},
    {{2, 3, 4, 5}, {1, 3}},
    {{2, 3, 4, 5}, {0, 2}},
    // Few long ones, many short ones, and a picture's statistics.
    {{31, 257}, {1}},
    {{257, 31}, {0}},
    {{1023, 3}, {1}},
    {{8, 15, 15, 33}, {0, 1, 2}},
    {{1 << 18 | 3}, {}},
    {{1025, 255}, {0}},
    {{1025, 255}, {1}},
  };

  private final List<OpCase> cases = new ArrayList<>();

  private ReductionCases() {}

  static List<OpCase> all() {
    ReductionCases table = new ReductionCases();
    table.everywhere("sum", Tensor::sum, Domain.NORMAL, 1);
    table.everywhere("mean", Tensor::mean, Domain.NORMAL, 1);
    table.everywhere("max", Tensor::max, Domain.DISTINCT, 1);
    table.everywhere("min", Tensor::min, Domain.DISTINCT, 1);
    table.everywhere("variance", Tensor::variance, Domain.NORMAL, 4);
    table.everywhere("norm", Tensor::norm, Domain.NORMAL, 2);
    table.particular();
    table.argmax();
    return table.cases;
  }

  private void everywhere(
      String op, BiFunction<Tensor, int[], Tensor> f, Domain domain, double flops) {
    for (int[][] pattern : PATTERNS) {
      int[] axes = pattern[1];
      long terms = terms(Shape.of(pattern[0]), axes);
      if (op.equals("variance") && terms < 2) {
        continue;
      }
      Operand x = Operand.of(pattern[0]).in(domain);
      cases.add(
          OpCase.of(op, t -> f.apply(t[0], axes), x)
              .with(axes.length == 0 ? "" : "over " + Arrays.toString(axes))
              .terms(terms)
              .flops(flops));
    }
  }

  private void particular() {
    cases.add(OpCase.of("sum", t -> t[0].sum(), Operand.of(0)));
    cases.add(OpCase.of("sum", t -> t[0].sum(1), Operand.of(2, 0, 3)).with("over nothing"));
    cases.add(OpCase.of("sum", t -> t[0].sum(0), Operand.of(2, 0, 3)).with("of nothing"));
    Operand ties = Operand.of(7, 33).in(Domain.grid(0));
    Operand special = Operand.of(5, 11).in(Domain.SPECIAL);
    cases.add(OpCase.of("max", t -> t[0].max(1), ties).with("ties").onKinks().terms(33));
    cases.add(OpCase.of("min", t -> t[0].min(0), ties).with("ties").onKinks().terms(7));
    cases.add(OpCase.of("max", t -> t[0].max(0), special).with("special numbers").onKinks());
    cases.add(OpCase.of("min", t -> t[0].min(1), special).with("special numbers").onKinks());
    cases.add(OpCase.of("norm", t -> t[0].norm(1), zeros(3, 4)).with("of zeros").onKinks());
    // Two passes: one pass over squares would lose every digit.
    Operand far = Operand.of(4, 1025).in(Domain.around(1000));
    cases.add(
        OpCase.of("variance", t -> t[0].variance(1), far)
            .with("mean 1000")
            .terms(1025)
            .slack(1000));
  }

  private static Operand zeros(int... dims) {
    return Operand.of(dims).in(Domain.each((random, i) -> 0));
  }

  private void argmax() {
    int[][][] patterns = {
      {{1}, {0}},
      {{5}, {0}},
      {{1025}, {0}},
      {{3, 4, 5}, {0}},
      {{3, 4, 5}, {1}},
      {{3, 4, 5}, {-1}},
      {{0, 4}, {1}},
      {{64, 1000}, {1}},
      {{1000, 64}, {0}},
    };
    for (int[][] pattern : patterns) {
      int axis = pattern[1][0];
      OpCase.Call argmax = t -> t[0].argmax(axis);
      for (Domain domain : List.of(Domain.NORMAL, Domain.grid(0), Domain.SPECIAL)) {
        String what =
            domain == Domain.NORMAL ? "" : domain == Domain.SPECIAL ? " special numbers" : " ties";
        cases.add(
            OpCase.of("argmax", argmax, Operand.of(pattern[0]).in(domain).constant())
                .with("over " + axis + what)
                .onKinks());
      }
    }
  }

  /** How many elements of {@code shape} lie along {@code axes}. */
  private static long terms(Shape shape, int[] axes) {
    return axes.length == 0
        ? shape.elements()
        : Arrays.stream(axes).mapToLong(shape::dim).reduce(1, (a, b) -> a * b);
  }
}
