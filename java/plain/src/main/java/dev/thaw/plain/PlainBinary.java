package dev.thaw.plain;

import dev.thaw.backend.Binary;
import dev.thaw.backend.BinaryKernels;
import dev.thaw.backend.Broadcast;
import dev.thaw.backend.Writes;
import dev.thaw.memory.Buffer;

/** y = f(a, b): the lambdas of {@link Binary}, row by row of the innermost dimension. */
final class PlainBinary implements BinaryKernels {
  private static final int COST = 4;

  private final Workers workers;

  PlainBinary(Workers workers) {
    this.workers = workers;
  }

  @Override
  public void forward(Binary f, @Writes Buffer y, Buffer a, Buffer b, Broadcast shape) {
    double[] u = Reals.read(a);
    double[] v = Reals.read(b);
    double[] result = new double[PlainStorage.length(y)];
    int last = shape.dims().length - 1;
    int columns = shape.dims()[last];
    int aStep = shape.aStrides()[last];
    int bStep = shape.bStrides()[last];
    workers.each(
        columns == 0 ? 0 : result.length / columns,
        (long) COST * result.length,
        (from, to) -> {
          for (int row = from; row < to; row++) {
            int ai = Walk.offset(row, shape.dims(), shape.aStrides());
            int bi = Walk.offset(row, shape.dims(), shape.bStrides());
            int yi = row * columns;
            for (int j = 0; j < columns; j++) {
              result[yi + j] = f.value(u[ai + j * aStep], v[bi + j * bStep]);
            }
          }
        });
    Reals.write(y, result);
  }
}
