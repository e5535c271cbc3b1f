package dev.thaw.plain;

import dev.thaw.backend.IndexKernels;
import dev.thaw.backend.ResizeShape;
import dev.thaw.backend.Strided;
import dev.thaw.backend.Writes;
import dev.thaw.memory.Buffer;
import java.util.Arrays;

/** y[to] = x[from]: kernels that move values, and those that add where several meet. */
final class PlainIndex implements IndexKernels {
  private final PlainResize resize;

  PlainIndex(Workers workers) {
    resize = new PlainResize(workers);
  }

  @Override
  public void copy(@Writes Buffer y, Strided to, Buffer x, Strided from, int[] dims) {
    Object v = PlainStorage.array(x);
    Object result = PlainStorage.array(y);
    int xs = PlainStorage.start(x) + (int) from.offset();
    int ys = PlainStorage.start(y) + (int) to.offset();
    int last = dims.length - 1;
    int n = dims.length == 0 ? 1 : dims[last];
    int xStep = dims.length == 0 ? 1 : from.strides()[last];
    int yStep = dims.length == 0 ? 1 : to.strides()[last];
    for (int row = 0; row < Walk.rows(dims); row++) {
      int xi = xs + Walk.offset(row, dims, from.strides());
      int yi = ys + Walk.offset(row, dims, to.strides());
      if (xStep == 1 && yStep == 1) {
        System.arraycopy(v, xi, result, yi, n);
      } else {
        copyRow(result, yi, yStep, v, xi, xStep, n);
      }
    }
  }

  private static void copyRow(Object y, int yi, int yStep, Object x, int xi, int xStep, int n) {
    if (y instanceof float[] to && x instanceof float[] from) {
      for (int i = 0; i < n; i++) {
        to[yi + i * yStep] = from[xi + i * xStep];
      }
    } else if (y instanceof double[] to && x instanceof double[] from) {
      for (int i = 0; i < n; i++) {
        to[yi + i * yStep] = from[xi + i * xStep];
      }
    } else {
      // The other types are rare here, and this costs a call per element but no page of its own.
      for (int i = 0; i < n; i++) {
        System.arraycopy(x, xi + i * xStep, y, yi + i * yStep, 1);
      }
    }
  }

  @Override
  public void fill(@Writes Buffer y, double value) {
    double[] v = new double[PlainStorage.length(y)];
    Arrays.fill(v, value);
    Reals.write(y, v);
  }

  @Override
  public void cast(@Writes Buffer y, Buffer x) {
    if (x.dtype() == y.dtype()) {
      System.arraycopy(
          PlainStorage.array(x),
          PlainStorage.start(x),
          PlainStorage.array(y),
          PlainStorage.start(y),
          PlainStorage.length(y));
    } else {
      Reals.write(y, Reals.read(x));
    }
  }

  @Override
  public void take(
      @Writes Buffer y, Buffer x, Buffer index, int outer, int n, int count, int inner) {
    int[] at = Reals.indices("take", index, n);
    int xs = PlainStorage.start(x);
    int ys = PlainStorage.start(y);
    for (int o = 0; o < outer; o++) {
      for (int i = 0; i < count; i++) {
        System.arraycopy(
            PlainStorage.array(x),
            xs + (o * n + at[i]) * inner,
            PlainStorage.array(y),
            ys + (o * count + i) * inner,
            inner);
      }
    }
  }

  @Override
  public void takeBackward(
      @Writes Buffer dx, Buffer dy, Buffer index, int outer, int n, int count, int inner) {
    int[] at = Reals.indices("take", index, n);
    double[] d = Reals.read(dy);
    double[] result = new double[outer * n * inner];
    for (int o = 0; o < outer; o++) {
      for (int i = 0; i < count; i++) {
        for (int j = 0; j < inner; j++) {
          result[(o * n + at[i]) * inner + j] += d[(o * count + i) * inner + j];
        }
      }
    }
    Reals.write(dx, result);
  }

  @Override
  public void gather(
      @Writes Buffer y, Buffer x, Buffer index, int outer, int n, int count, int inner) {
    int[] at = Reals.indices("gather", index, n);
    int xs = PlainStorage.start(x);
    int ys = PlainStorage.start(y);
    for (int i = 0; i < outer * count * inner; i++) {
      int o = i / (count * inner);
      int from = (o * n + at[i]) * inner + i % inner;
      System.arraycopy(PlainStorage.array(x), xs + from, PlainStorage.array(y), ys + i, 1);
    }
  }

  @Override
  public void gatherBackward(
      @Writes Buffer dx, Buffer dy, Buffer index, int outer, int n, int count, int inner) {
    int[] at = Reals.indices("gather", index, n);
    double[] d = Reals.read(dy);
    double[] result = new double[outer * n * inner];
    for (int i = 0; i < d.length; i++) {
      int o = i / (count * inner);
      result[(o * n + at[i]) * inner + i % inner] += d[i];
    }
    Reals.write(dx, result);
  }

  @Override
  public void resize(@Writes Buffer y, Buffer x, ResizeShape shape) {
    resize.forward(y, x, shape);
  }

  @Override
  public void resizeBackward(@Writes Buffer dx, Buffer dy, ResizeShape shape) {
    resize.backward(dx, dy, shape);
  }
}
