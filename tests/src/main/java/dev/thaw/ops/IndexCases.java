package dev.thaw.ops;

import dev.thaw.tensor.Functional;
import java.util.ArrayList;
import java.util.List;

/** Values picked by position. */
final class IndexCases {
  private final List<OpCase> cases = new ArrayList<>();

  private IndexCases() {}

  static List<OpCase> all() {
    IndexCases table = new IndexCases();
    table.embedding();
    table.take();
    table.gather();
    return table.cases;
  }

  private void embedding() {
    int[][][] patterns = {
      {{1, 1}, {1}},
      {{5, 3}, {}},
      {{5, 3}, {7}},
      {{5, 4}, {0}},
      {{10, 33}, {2, 3}},
      {{100, 257}, {31}},
      {{1000, 64}, {64, 32}},
    };
    for (int[][] p : patterns) {
      Operand table = Operand.of(p[0]);
      Operand index = Operand.index(p[0][0], p[1]);
      OpCase.Call embedding = t -> Functional.embedding(t[0], t[1]);
      cases.add(OpCase.of("embedding", embedding, table, index).flops(0));
      cases.add(OpCase.of("embedding", embedding, table, index.int32()).with("int32").flops(0));
    }
    // Every row lands on the same one: gradients add up.
    cases.add(
        OpCase.of(
                "embedding",
                t -> Functional.embedding(t[0], t[1]),
                Operand.of(4, 5),
                Operand.index(1, 1000))
            .with("one row")
            .terms(1000)
            .flops(0));
  }

  private void take() {
    int[][][] patterns = {{{7}, {3}}, {{3, 4, 5}, {6}}, {{3, 4, 5}, {2, 3}}, {{2, 33, 31}, {33}}};
    for (int[][] p : patterns) {
      for (int axis = 0; axis < p[0].length; axis++) {
        int along = axis;
        cases.add(
            OpCase.of(
                    "take",
                    t -> Functional.take(t[0], t[1], along),
                    Operand.of(p[0]),
                    Operand.index(p[0][axis], p[1]))
                .with("along " + axis)
                .flops(0));
      }
    }
  }

  private void gather() {
    int[][] shapes = {{7}, {3, 4}, {3, 4, 5}, {31, 33}};
    for (int[] dims : shapes) {
      for (int axis = 0; axis < dims.length; axis++) {
        int along = axis;
        int[] picked = dims.clone();
        picked[axis] = 6;
        OpCase.Call gather = t -> Functional.gather(t[0], along, t[1]);
        Operand index = Operand.index(dims[axis], picked);
        cases.add(
            OpCase.of("gather", gather, Operand.of(dims), index).with("along " + axis).flops(0));
        cases.add(
            OpCase.of("gather", gather, Operand.of(dims), index.int32())
                .with("along " + axis + ", int32")
                .flops(0));
      }
    }
  }
}
