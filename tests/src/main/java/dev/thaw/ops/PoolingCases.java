package dev.thaw.ops;

import dev.thaw.tensor.Functional;
import dev.thaw.tensor.PoolOptions;
import java.util.ArrayList;
import java.util.List;

/** Windows of pictures, and pictures at other sizes. */
final class PoolingCases {
  private static final int[][] PICTURES = {
    {1, 1, 1, 1}, {2, 6, 6, 3}, {2, 7, 5, 4}, {1, 9, 8, 33}, {0, 6, 6, 3}, {8, 31, 33, 31}
  };

  private final List<OpCase> cases = new ArrayList<>();

  private PoolingCases() {}

  static List<OpCase> all() {
    PoolingCases table = new PoolingCases();
    table.windows("2x2", PoolOptions.of(2));
    table.windows("3x3, stride 2, padding 1", PoolOptions.of(3, 2, 1));
    table.windows("3x3, stride 1, padding 1", PoolOptions.of(3, 1, 1));
    table.windows("2x2, stride 3", PoolOptions.of(2, 3, 0));
    table.windows("padding not counted", new PoolOptions(3, 3, 2, 2, 1, 1, false));
    table.windows("3x2, stride 1x2, padding 1x0", new PoolOptions(3, 2, 1, 2, 1, 0, true));
    table.windows("1x1", PoolOptions.of(1));
    table.adaptive(1, 1);
    table.adaptive(2, 3);
    table.adaptive(7, 7);
    table.particular();
    table.resize(1, 1);
    table.resize(6, 6);
    table.resize(3, 4);
    table.resize(13, 11);
    return table.cases;
  }

  private void windows(String detail, PoolOptions o) {
    for (int[] dims : PICTURES) {
      if (dims[1] + 2 * o.paddingH() < o.kernelH() || dims[2] + 2 * o.paddingW() < o.kernelW()) {
        continue;
      }
      Operand x = Operand.of(dims);
      long terms = (long) o.kernelH() * o.kernelW();
      cases.add(
          OpCase.of("maxPool2d", t -> Functional.maxPool2d(t[0], o), x.in(Domain.DISTINCT))
              .with(detail)
              .terms(terms));
      cases.add(
          OpCase.of("avgPool2d", t -> Functional.avgPool2d(t[0], o), x).with(detail).terms(terms));
    }
  }

  private void adaptive(int h, int w) {
    for (int[] dims : PICTURES) {
      Operand x = Operand.of(dims);
      String detail = "to " + h + " x " + w;
      long terms = (long) (dims[1] + h - 1) / h * ((dims[2] + w - 1) / w);
      cases.add(
          OpCase.of("adaptiveAvgPool2d", t -> Functional.adaptiveAvgPool2d(t[0], h, w), x)
              .with(detail)
              .terms(terms));
      OpCase.Call max = t -> Functional.adaptiveMaxPool2d(t[0], h, w);
      cases.add(
          OpCase.of("adaptiveMaxPool2d", max, x.in(Domain.DISTINCT)).with(detail).terms(terms));
      if (h * w == 1) {
        cases.add(
            OpCase.of("globalAvgPool2d", t -> Functional.globalAvgPool2d(t[0]), x).terms(terms));
      }
    }
  }

  /** The first of equal numbers wins, and NaN wins over all. */
  private void particular() {
    Operand x = Operand.of(2, 6, 7, 5);
    OpCase.Call max = t -> Functional.maxPool2d(t[0], PoolOptions.of(3, 2, 1));
    cases.add(OpCase.of("maxPool2d", max, x.in(Domain.grid(0))).with("ties").terms(9).onKinks());
    cases.add(
        OpCase.of("maxPool2d", max, x.in(Domain.SPECIAL))
            .with("special numbers")
            .terms(9)
            .onKinks());
  }

  private void resize(int h, int w) {
    for (int[] dims : PICTURES) {
      Operand x = Operand.of(dims);
      String to = "to " + h + " x " + w;
      cases.add(OpCase.of("resizeNearest", t -> Functional.resizeNearest(t[0], h, w), x).with(to));
      for (boolean align : new boolean[] {false, true}) {
        cases.add(
            OpCase.of("resizeBilinear", t -> Functional.resizeBilinear(t[0], h, w, align), x)
                .with(to + (align ? ", corners aligned" : ""))
                .terms(4)
                .flops(2));
      }
    }
  }
}
