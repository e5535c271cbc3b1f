package dev.thaw.ops;

import dev.thaw.memory.DType;
import dev.thaw.tensor.Functional;
import dev.thaw.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.UnaryOperator;

/** Where elements lie: shapes, orders, pieces. */
final class LayoutCases {
  private final List<OpCase> cases = new ArrayList<>();

  private LayoutCases() {}

  static List<OpCase> all() {
    LayoutCases table = new LayoutCases();
    table.reshape();
    table.permute();
    table.pieces();
    table.pad();
    table.repeat();
    table.cast();
    return table.cases;
  }

  private void reshape() {
    move("reshape", "to []", x -> x.reshape(), 1);
    move("reshape", "to a vector", x -> x.reshape(-1), 3, 4);
    move("reshape", "to [2, -1, 3]", x -> x.reshape(2, -1, 3), 6, 5);
    move("reshape", "to [3, 0]", x -> x.reshape(3, 0), 0, 5);
    move("flatten", "", Functional::flatten, 4);
    move("flatten", "", Functional::flatten, 3, 4, 5);
    move("flatten", "", Functional::flatten, 2, 3, 5, 1);
    move("flatten", "", Functional::flatten, 2, 3, 5, 4);
    move("flatten", "", Functional::flatten, 0, 3, 5, 4);
    move("flatten", "", Functional::flatten, 16, 7, 7, 65);
  }

  private void permute() {
    permuted(new int[] {5}, 0);
    permuted(new int[] {3, 4}, 1, 0);
    permuted(new int[] {0, 4}, 1, 0);
    permuted(new int[] {33, 31}, 1, 0);
    permuted(new int[] {257, 255}, 1, 0);
    for (int[] order :
        new int[][] {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}}) {
      permuted(new int[] {3, 4, 5}, order);
    }
    permuted(new int[] {2, 3, 4, 5}, 0, 3, 1, 2);
    permuted(new int[] {2, 3, 4, 5}, -1, 1, 0, 2);
    permuted(new int[] {16, 28, 28, 33}, 0, 3, 1, 2);
    move("transpose", "0 and 1", x -> x.transpose(0, 1), 3, 5);
    move("transpose", "0 and -1", x -> x.transpose(0, -1), 3, 4, 5);
    move("transpose", "1 and 1", x -> x.transpose(1, 1), 3, 5);
  }

  private void permuted(int[] dims, int... order) {
    move("permute", "to " + Arrays.toString(order), x -> x.permute(order), dims);
  }

  private void pieces() {
    move("slice", "axis 0", x -> x.slice(0, 1, 3), 5);
    move("slice", "all of it", x -> x.slice(0, 0, 5), 5);
    move("slice", "none of it", x -> x.slice(1, 2, 2), 3, 4);
    move("slice", "axis 0", x -> x.slice(0, 1, 2), 3, 4, 5);
    move("slice", "axis 1", x -> x.slice(1, 1, 4), 3, 4, 5);
    move("slice", "axis -1", x -> x.slice(-1, 2, 5), 3, 4, 5);
    move("slice", "axis 1", x -> x.slice(1, 3, 250), 257, 255);
    move("split", "in two, exchanged", x -> exchanged(x, 0, 2, 3), 5);
    move("split", "in three, exchanged", x -> exchanged(x, 1, 1, 0, 3), 3, 4, 5);
    move("split", "in two, exchanged", x -> exchanged(x, 2, 33, 31), 5, 7, 64);
    joined(0, new int[] {3}, new int[] {5});
    joined(0, new int[] {0}, new int[] {5});
    joined(1, new int[] {3, 4}, new int[] {3, 1}, new int[] {3, 2});
    joined(-1, new int[] {2, 3, 4}, new int[] {2, 3, 33});
    joined(0, new int[] {2, 3, 4}, new int[] {5, 3, 4});
    joined(3, new int[] {4, 9, 9, 32}, new int[] {4, 9, 9, 31});
    cases.add(
        OpCase.of("concat", t -> Functional.concat(List.of(t[0], t[0]), 0), Operand.of(3, 4))
            .with("twice the same")
            .flops(0)
            .takesIntegers());
  }

  private static Tensor exchanged(Tensor x, int axis, int... sizes) {
    List<Tensor> pieces = new ArrayList<>(x.split(axis, sizes));
    java.util.Collections.reverse(pieces);
    return Functional.concat(pieces, axis);
  }

  private void joined(int axis, int[]... shapes) {
    Operand[] parts = Arrays.stream(shapes).map(Operand::of).toArray(Operand[]::new);
    cases.add(
        OpCase.of("concat", t -> Functional.concat(List.of(t), axis), parts)
            .with("along " + axis)
            .flops(0)
            .takesIntegers());
  }

  private void pad() {
    padded(0, new int[] {1}, new int[] {2}, 5);
    padded(-1.5, new int[] {0, 2}, new int[] {1, 0}, 3, 4);
    padded(0, new int[] {0, 0}, new int[] {0, 0}, 3, 4);
    padded(2, new int[] {0, 1, 2, 0}, new int[] {0, 2, 1, 0}, 2, 5, 6, 3);
    padded(0, new int[] {1, 1}, new int[] {1, 1}, 0, 3);
    padded(0, new int[] {0, 3, 3, 0}, new int[] {0, 3, 3, 0}, 8, 28, 28, 33);
    for (int step : new int[] {1, 2, 3}) {
      move("subsample", "every " + step, x -> Functional.subsample(x, step), 1, 3, 4, 1);
      move("subsample", "every " + step, x -> Functional.subsample(x, step), 2, 6, 7, 5);
      move("subsample", "every " + step, x -> Functional.subsample(x, step), 4, 31, 33, 31);
    }
  }

  private void padded(double value, int[] before, int[] after, int... dims) {
    String detail = "by " + Arrays.toString(before) + " and " + Arrays.toString(after);
    move("pad", detail, x -> Functional.pad(x, before, after, value), dims);
  }

  private void repeat() {
    repeated(new int[] {}, 5);
    repeated(new int[] {1}, 5);
    repeated(new int[] {5}, 5);
    repeated(new int[] {4}, 3, 4);
    repeated(new int[] {3, 1}, 3, 4);
    repeated(new int[] {1, 3, 1}, 2, 3, 4);
    repeated(new int[] {1}, 0);
    repeated(new int[] {33, 1}, 33, 257);
  }

  private void repeated(int[] dims, int... to) {
    move("expand", "to " + Arrays.toString(to), x -> x.expand(to), dims);
  }

  /** To the other floating types and back, and from integers; see also the dtypes' own test. */
  private void cast() {
    Operand x = Operand.of(3, 5);
    cases.add(OpCase.of("to", t -> t[0].to(t[0].dtype()), x).with("its own dtype").flops(0));
    cases.add(
        OpCase.of("to", t -> t[0].to(DType.BFLOAT16).to(t[0].dtype()), x)
            .with("bfloat16 and back")
            .flops(0)
            .onKinks());
    cases.add(
        OpCase.of("to", t -> t[0].to(DType.FLOAT32).to(t[0].dtype()), x)
            .with("float32 and back")
            .flops(0)
            .onKinks());
    Operand numbers = Operand.index(256, 3, 5);
    for (DType integer : List.of(DType.INT64, DType.INT32, DType.UINT8)) {
      cases.add(
          OpCase.of("to", t -> t[0].to(DType.FLOAT32), withDtype(numbers, integer))
              .with("from " + integer)
              .flops(0));
    }
    Operand away = x.in(Domain.each((random, i) -> 50 * random.uniform(i))).constant();
    cases.add(OpCase.of("to", t -> t[0].to(DType.INT32), away).with("int32").flops(0).onKinks());
    cases.add(OpCase.of("to", t -> t[0].to(DType.UINT8), away).with("uint8").flops(0).onKinks());
  }

  private static Operand withDtype(Operand x, DType dtype) {
    return new Operand(x.shape(), x.domain(), dtype, false);
  }

  private void move(String op, String detail, UnaryOperator<Tensor> f, int... dims) {
    cases.add(
        OpCase.of(op, t -> f.apply(t[0]), Operand.of(dims)).with(detail).flops(0).takesIntegers());
  }
}
