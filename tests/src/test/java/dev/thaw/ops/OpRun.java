package dev.thaw.ops;

import dev.thaw.backend.Backend;
import dev.thaw.backend.Philox;
import dev.thaw.memory.DType;
import dev.thaw.memory.Device;
import dev.thaw.memory.Scope;
import dev.thaw.tensor.Shape;
import dev.thaw.tensor.Tensor;
import dev.thaw.tensor.TensorOn;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.function.IntFunction;

/**
 * A case with its numbers drawn: the same on every backend, and exact in the dtype they were drawn
 * for, so that what differs between two runs was computed differently.
 */
final class OpRun {
  /** A stream of random numbers that is no operand's. */
  private static final int SEED_STREAM = 1000;

  private final OpCase line;
  private final long seed;
  private final DType drawnFor;
  private final double[][] numbers;

  OpRun(OpCase line, long seed, DType drawnFor) {
    this.line = line;
    this.seed = seed;
    this.drawnFor = drawnFor;
    numbers = new double[line.operands().size()][];
    for (int i = 0; i < numbers.length; i++) {
      Operand operand = line.operands().get(i);
      int n = (int) operand.shape().elements();
      numbers[i] = operand.domain().draw(n, new Philox(seed, i, 0));
      if (operand.integer() == null) {
        round(numbers[i]);
      }
    }
  }

  private void round(double[] x) {
    for (int i = 0; i < x.length; i++) {
      float f = (float) x[i];
      int bits = Float.floatToRawIntBits(f);
      x[i] = drawnFor == DType.BFLOAT16 ? Float.intBitsToFloat(bits & 0xFFFF0000) : f;
    }
  }

  /**
   * What a call gave.
   *
   * @param gradients by number of the operand; none where no rule ran
   */
  record Outcome(
      Shape shape,
      DType dtype,
      double[] y,
      Map<Integer, double[]> gradients,
      Map<Integer, DType> gradientDtypes) {}

  /** Which operands could have a gradient. */
  boolean[] differentiable() {
    boolean[] wants = new boolean[numbers.length];
    for (int i = 0; i < wants.length; i++) {
      wants[i] = line.operands().get(i).differentiable();
    }
    return wants;
  }

  double[] numbers(int operand) {
    return numbers[operand];
  }

  /** The gradient of the scalar that backward starts from: random, and the same everywhere. */
  double[] seedFor(Shape shape) {
    double[] dy = Domain.NORMAL.draw((int) shape.elements(), new Philox(seed, SEED_STREAM, 0));
    round(dy);
    return dy;
  }

  private Tensor operand(Backend home, DType dtype, int i, double[] values) {
    Operand operand = line.operands().get(i);
    return TensorOn.of(home, operand.dtype(dtype), operand.shape(), values);
  }

  private Tensor[] leaves(Backend home, IntFunction<DType> dtypes, boolean[] wants) {
    Tensor[] leaves = new Tensor[numbers.length];
    for (int i = 0; i < leaves.length; i++) {
      leaves[i] = operand(home, dtypes.apply(i), i, numbers[i]).requiresGrad(wants[i]);
    }
    return leaves;
  }

  /** Forward and backward as a user writes it. */
  Outcome direct(Backend home, DType dtype) {
    return direct(home, i -> dtype);
  }

  /** {@link #direct(Backend, DType)} with a dtype for each operand that holds no integers. */
  Outcome direct(Backend home, IntFunction<DType> dtypes) {
    try (Device.Use on = home.device().use();
        Scope scope = Scope.open()) {
      Tensor[] x = leaves(home, dtypes, differentiable());
      Tensor y = line.call().of(x);
      double[] values = y.toDoubles();
      backward(home, y);
      checkUnchanged(x);
      return outcome(y, values, x);
    }
  }

  /**
   * As {@link #direct} for the operands that {@code wants} names, with everything closed between
   * forward and backward but the result and the leaves whose gradients are asked for; those are
   * hidden behind a copy, so that the op's own operands are closed too.
   */
  Outcome closed(Backend home, DType dtype, boolean[] wants) {
    return closed(home, i -> dtype, wants);
  }

  /** The same with a dtype for each operand that holds no integers. */
  Outcome closed(Backend home, IntFunction<DType> dtypes, boolean[] wants) {
    try (Device.Use on = home.device().use();
        Scope scope = Scope.open()) {
      Tensor[] leaves = leaves(home, dtypes, wants);
      Tensor y;
      try (Scope inner = Scope.open()) {
        Tensor[] x = leaves.clone();
        for (int i = 0; i < x.length; i++) {
          // Twice negated: a copy to the bit, of which neither step keeps anything.
          x[i] = wants[i] ? leaves[i].neg().neg() : leaves[i];
        }
        y = inner.keep(line.call().of(x));
      }
      double[] values = y.toDoubles();
      for (int i = 0; i < leaves.length; i++) {
        if (!wants[i] && leaves[i] != y) {
          leaves[i].close();
        }
      }
      backward(home, y);
      return outcome(y, values, leaves);
    }
  }

  /** Forward alone, with other numbers for one operand. */
  double[] forward(Backend home, DType dtype, int changed, double[] values) {
    try (Device.Use on = home.device().use();
        Scope scope = Scope.open();
        Tensor.Gradients none = Tensor.noGrad()) {
      Tensor[] x = leaves(home, i -> dtype, new boolean[numbers.length]);
      x[changed] = operand(home, dtype, changed, values);
      Tensor y = line.call().of(x);
      if (y.requiresGrad()) {
        throw new AssertionError("a rule was noted under noGrad");
      }
      return y.toDoubles();
    }
  }

  private void backward(Backend home, Tensor y) {
    if (y.requiresGrad()) {
      y.backward(TensorOn.of(home, y.dtype(), y.shape(), seedFor(y.shape())));
    }
  }

  private static Outcome outcome(Tensor y, double[] values, Tensor[] leaves) {
    Map<Integer, double[]> gradients = new HashMap<>();
    Map<Integer, DType> dtypes = new HashMap<>();
    for (int i = 0; i < leaves.length; i++) {
      Tensor gradient = leaves[i].isOpen() ? leaves[i].grad() : null;
      if (gradient != null) {
        gradients.put(i, gradient.toDoubles());
        dtypes.put(i, gradient.dtype());
      }
    }
    return new Outcome(y.shape(), y.dtype(), values, gradients, dtypes);
  }

  private void checkUnchanged(Tensor[] x) {
    for (int i = 0; i < x.length; i++) {
      double[] now = x[i].toDoubles();
      int at = Arrays.mismatch(numbers[i], now);
      if (at >= 0 && now[at] != numbers[i][at]) {
        throw new AssertionError(
            String.format(
                "operand %d was changed: element %d is %s, was %s",
                i, at, now[at], numbers[i][at]));
      }
    }
  }
}
