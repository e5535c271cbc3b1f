package dev.thaw.tensor;

import static dev.thaw.tensor.Op.reads;
import static dev.thaw.tensor.Op.wrt;
import static dev.thaw.tensor.Op.wrtAll;

import dev.thaw.backend.GemmShape;
import dev.thaw.memory.Check;
import dev.thaw.memory.DType;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Matrix products. */
final class Matmul {
  private Matmul() {}

  /**
   * C = op(A) op(B), op a transpose where flagged; dA = dC op(B)ᵀ, dB = op(A)ᵀ dC. Of a bfloat16
   * and a float32 matrix the latter is the weight.
   */
  static Tensor product(Tensor a, boolean transA, Tensor b, boolean transB) {
    Mixed.checkOperands("matmul", a, b);
    Elementwise.checkFloating("matmul", a);
    Elementwise.checkFloating("matmul", b);
    Check.that(
        a.rank() >= 2 && b.rank() >= 2, "matmul: needs matrices, %s x %s", a.shape(), b.shape());
    Check.that(
        a.dim(transA ? -2 : -1) == b.dim(transB ? -1 : -2),
        "matmul: inner sizes differ, %s%s x %s%s",
        a.shape(),
        transA ? "ᵀ" : "",
        b.shape(),
        transB ? "ᵀ" : "");
    if (a.rank() > 2 && b.rank() == 2 && !transA) {
      return rows(a, b, transB);
    }
    if (a.rank() > 2 || b.rank() > 2) {
      return batched(a, transA, b, transB);
    }
    return withRules(a, transA, b, transB, Shape.of());
  }

  /** A product of matrices that agree in all but their last dimensions, which {@code to} names. */
  private static Tensor withRules(Tensor a, boolean transA, Tensor b, boolean transB, Shape to) {
    Tensor u = Mixed.weight(b, a);
    Tensor v = Mixed.weight(a, b);
    Tensor c = gemm(u, transA, v, transB, to, u.dtype());
    c.madeBy(
        "matmul",
        wrt(
            a,
            reads(v),
            dc ->
                transA
                    ? gemm(v, transB, dc, true, to, a.dtype())
                    : gemm(dc, false, v, !transB, to, a.dtype())),
        wrt(
            b,
            reads(u),
            dc ->
                transB
                    ? gemm(dc, true, u, transA, to, b.dtype())
                    : gemm(u, !transA, dc, false, to, b.dtype())));
    Mixed.release(u, a);
    Mixed.release(v, b);
    return c;
  }

  /** One matrix serves every row of a: a is read as [all rows, k]. */
  private static Tensor rows(Tensor a, Tensor b, boolean transB) {
    int[] dims = a.shape().dims();
    int rows = a.shape().elements(0, dims.length - 1);
    Tensor c = product(a.reshape(rows, dims[dims.length - 1]), false, b, transB);
    dims[dims.length - 1] = c.dim(1);
    return c.reshape(dims);
  }

  private static Tensor batched(Tensor a, boolean transA, Tensor b, boolean transB) {
    Shape leading = Arithmetic.common(leading(a), leading(b));
    Check.that(
        fits(leading(a), leading) && fits(leading(b), leading),
        "matmul: leading dimensions do not broadcast, %s x %s",
        a.shape(),
        b.shape());
    Tensor x = Layout.expand(a, matrices(leading, a));
    Tensor y = Layout.expand(b, matrices(leading, b));
    return withRules(x, transA, y, transB, leading);
  }

  /** Whether every size of {@code shape} is that of {@code common}, or 1. */
  private static boolean fits(Shape shape, Shape common) {
    for (int i = 1; i <= shape.rank(); i++) {
      if (shape.dim(-i) != 1 && shape.dim(-i) != common.dim(-i)) {
        return false;
      }
    }
    return true;
  }

  private static Shape leading(Tensor x) {
    return Shape.of(Arrays.copyOf(x.shape().dims(), x.rank() - 2));
  }

  private static Shape matrices(Shape leading, Tensor x) {
    int[] dims = Arrays.copyOf(leading.dims(), leading.rank() + 2);
    dims[leading.rank()] = x.dim(-2);
    dims[leading.rank() + 1] = x.dim(-1);
    return Shape.of(dims);
  }

  private static Tensor gemm(
      Tensor a, boolean transA, Tensor b, boolean transB, Shape leading, DType dtype) {
    int m = a.dim(transA ? -1 : -2);
    int k = a.dim(transA ? -2 : -1);
    int n = b.dim(transB ? -2 : -1);
    int[] dims = Arrays.copyOf(leading.dims(), leading.rank() + 2);
    dims[leading.rank()] = m;
    dims[leading.rank() + 1] = n;
    int batch = leading.elements(0, leading.rank());
    Tensor c = Tensor.empty(Shape.of(dims), dtype, a.home());
    GemmShape shape = new GemmShape(batch, m, n, k, transA, transB, false, false);
    a.backend().gemm().gemm(c.buffer(), a.buffer(), b.buffer(), null, false, shape);
    return c;
  }

  /** y = x wᵀ + b, x [.., in], w [out, in]; dx = dy w, dw = dyᵀ x, db = Σ dy. */
  static Tensor linear(Tensor x, Tensor w, @Nullable Tensor b) {
    Mixed.checkWeight("linear", x, w);
    Elementwise.checkFloating("linear", x);
    Check.that(
        w.rank() == 2 && x.rank() >= 1, "linear: needs a matrix, %s x %s", x.shape(), w.shape());
    Check.that(
        x.dim(-1) == w.dim(1),
        "linear: weights %s expect %d features, got %d in %s",
        w.shape(),
        w.dim(1),
        x.dim(-1),
        x.shape());
    int in = w.dim(1);
    int out = w.dim(0);
    if (b != null) {
      Mixed.checkWeight("linear", x, b);
      Check.that(
          b.shape().equals(Shape.of(out)),
          "linear: bias %s does not fit weights %s",
          b.shape(),
          w.shape());
    }
    int rows = x.shape().elements(0, x.rank() - 1);
    Tensor y = Tensor.empty(x.shape().with(-1, out), x.dtype(), x.home());
    Tensor weight = Mixed.weight(x, w);
    Tensor bias = Mixed.weightIfPresent(x, b);
    x.backend()
        .gemm()
        .gemm(
            y.buffer(),
            x.buffer(),
            weight.buffer(),
            bias == null ? null : bias.buffer(),
            false,
            GemmShape.of(rows, out, in, false, true));
    Mixed.release(bias, b);
    Op.Rule dx =
        wrt(
            x,
            reads(weight),
            (dy, to) ->
                dy.backend()
                    .gemm()
                    .gemm(
                        to.buffer(),
                        dy.buffer(),
                        weight.buffer(),
                        null,
                        false,
                        GemmShape.of(rows, in, out, false, false)));
    y.madeBy(
        "linear",
        dx,
        b == null
            ? wrt(w, reads(x), (dy, to) -> weights(to, null, dy, x, rows))
            : weightsAndBias(x, w, b, rows));
    Mixed.release(weight, w);
    return y;
  }

  /** One kernel yields dw and db; db alone is a plain sum and needs no x. */
  private static Op.Rule weightsAndBias(Tensor x, Tensor w, Tensor b, int rows) {
    if (!w.requiresGrad()) {
      return wrt(b, reads(), (dy, to) -> sumRows(to, dy, rows, b.dim(0)));
    }
    return wrtAll(
        List.of(w, b),
        reads(x),
        (dy, to) -> weights(java.util.Objects.requireNonNull(to[0]), to[1], dy, x, rows));
  }

  private static void weights(Tensor dw, @Nullable Tensor db, Tensor dy, Tensor x, int rows) {
    dy.backend()
        .gemm()
        .backwardWeights(
            dw.buffer(),
            db == null ? null : db.buffer(),
            dy.buffer(),
            x.buffer(),
            rows,
            dw.dim(0),
            dw.dim(1));
  }

  static void sumRows(Tensor to, Tensor dy, int rows, int columns) {
    dy.backend()
        .reduce()
        .reduce(dev.thaw.backend.Reduction.SUM, to.buffer(), dy.buffer(), 1, rows, columns, 1);
  }
}
