package dev.thaw.plan;

import dev.thaw.backend.IndexKernels;
import dev.thaw.backend.NormKernels;
import dev.thaw.backend.RandomKernels;
import dev.thaw.backend.SegmentTable;
import dev.thaw.backend.Strided;
import dev.thaw.backend.Unary;
import dev.thaw.backend.UnaryKernels;
import dev.thaw.backend.UpdateKernels;
import dev.thaw.backend.UpdateRule;
import dev.thaw.memory.Buffer;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;

/**
 * Bytes that a call cannot but move: what it reads once and what it writes once, however often its
 * kernel passes over them, since a cache may hold what the second pass needs.
 */
final class Traffic {
  private Traffic() {}

  static long bytes(Call call) {
    if (call.method().getDeclaringClass() == UpdateKernels.class) {
      return update(call);
    }
    if (call.is(IndexKernels.class, "copy")) {
      return copy(call);
    }
    if (call.is(IndexKernels.class, "take") || call.is(IndexKernels.class, "gather")) {
      long y = call.required(0).bytes();
      return y + Math.min(y, call.required(1).bytes()) + call.required(2).bytes();
    }
    if (call.is(RandomKernels.class, "dropout")) {
      // Of the step's state one number.
      return call.required(0).bytes() + call.required(1).bytes();
    }
    long bytes = each(call.reads()) + each(call.writes());
    if (call.is(NormKernels.class, "track")) {
      // The running statistics are read too.
      return bytes + each(call.writes());
    }
    if (call.is(UnaryKernels.class, "backward")
        && call.value(0, Unary.class).reads() == Unary.Reads.NOTHING) {
      return call.required(1).bytes() + call.required(2).bytes();
    }
    return bytes + constantWeights(call);
  }

  private static long each(List<Buffer> buffers) {
    Set<Buffer> distinct = Collections.newSetFromMap(new IdentityHashMap<>());
    distinct.addAll(buffers);
    return distinct.stream().mapToLong(Buffer::bytes).sum();
  }

  /** The elements that the walk reaches, once each. */
  private static long copy(Call call) {
    int[] dims = call.value(4, int[].class);
    return (reached(dims, call.value(1, Strided.class))
            + reached(dims, call.value(3, Strided.class)))
        * call.required(0).dtype().bytes();
  }

  private static long reached(int[] dims, Strided walk) {
    long elements = 1;
    for (int i = 0; i < dims.length; i++) {
      elements *= walk.strides()[i] == 0 ? Math.min(dims[i], 1) : dims[i];
    }
    for (int d : dims) {
      elements = d == 0 ? 0 : elements;
    }
    return elements;
  }

  /** As many as the model has: a backend's own form of them may be larger. */
  private static long constantWeights(Call call) {
    if (!call.method().getName().endsWith("Constant")) {
      return 0;
    }
    return Flops.weights(call) * call.required(1).dtype().bytes();
  }

  /** Values, gradients and moments are in the table. */
  private static long update(Call call) {
    return switch (call.method().getName()) {
      case "norm" -> values(call.value(2, SegmentTable.class)) + call.required(0).bytes();
      // Reads value, gradient and moments, writes value and moments.
      case "step" ->
          values(call.value(1, SegmentTable.class))
              * (3 + 2L * call.value(0, UpdateRule.class).moments());
      // Rows below the limit are only read.
      default -> call.required(0).bytes();
    };
  }

  private static long values(SegmentTable table) {
    return table.activeElements() * table.dtype().bytes();
  }
}
