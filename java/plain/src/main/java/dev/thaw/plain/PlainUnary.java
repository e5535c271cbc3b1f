package dev.thaw.plain;

import dev.thaw.backend.Unary;
import dev.thaw.backend.UnaryKernels;
import dev.thaw.backend.Writes;
import dev.thaw.memory.Buffer;

/** y = f(x), dx = dy · f'(saved): the lambdas of {@link Unary}, element by element. */
final class PlainUnary implements UnaryKernels {
  private static final int COST = 8;

  private final Workers workers;

  PlainUnary(Workers workers) {
    this.workers = workers;
  }

  @Override
  public void forward(Unary f, @Writes Buffer y, Buffer x, double a, double b) {
    double[] v = Reals.read(x);
    workers.each(
        v.length,
        (long) COST * v.length,
        (from, to) -> {
          for (int i = from; i < to; i++) {
            v[i] = f.value(v[i], a, b);
          }
        });
    Reals.write(y, v);
  }

  @Override
  public void backward(Unary f, @Writes Buffer dx, Buffer dy, Buffer saved, double a, double b) {
    double[] d = Reals.read(dy);
    double[] v = f.reads() == Unary.Reads.NOTHING ? d : Reals.read(saved);
    workers.each(
        d.length,
        (long) COST * d.length,
        (from, to) -> {
          for (int i = from; i < to; i++) {
            d[i] *= f.slope(v[i], a, b);
          }
        });
    Reals.write(dx, d);
  }
}
