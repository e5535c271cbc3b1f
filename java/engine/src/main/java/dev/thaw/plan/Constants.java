package dev.thaw.plan;

import dev.thaw.backend.Backend;
import dev.thaw.backend.ConstantWeights;
import dev.thaw.backend.ConvKernels;
import dev.thaw.backend.ConvShape;
import dev.thaw.backend.GemmKernels;
import dev.thaw.backend.GemmShape;
import dev.thaw.memory.Buffer;
import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;
import java.util.function.Predicate;

/**
 * Weights that no step changes, put once into the form in which the backend's kernels like them
 * best, and the calls that use them.
 */
final class Constants {
  private final Backend backend;
  private final Predicate<Buffer> moving;
  private final Set<Buffer> written = Collections.newSetFromMap(new IdentityHashMap<>());
  private final List<ConstantWeights> made = new ArrayList<>();

  Constants(Backend backend, List<Call> calls, Predicate<Buffer> moving) {
    this.backend = backend;
    this.moving = moving;
    calls.forEach(call -> written.addAll(call.writes()));
  }

  /** {@code call} on constant weights, where it has such and the backend likes them otherwise. */
  Call with(Call call) {
    boolean conv = call.is(ConvKernels.class, "forward");
    if (!conv && !call.is(GemmKernels.class, "gemm")) {
      return call;
    }
    Buffer weights = call.required(2);
    if (weights.isClosed() || written.contains(weights) || moving.test(weights)) {
      return call;
    }
    boolean bias = call.buffer(3) != null;
    ConstantWeights constant =
        conv
            ? backend
                .conv()
                .constant(
                    weights,
                    bias,
                    call.buffer(4) != null,
                    call.value(5, Boolean.class),
                    call.value(6, ConvShape.class))
            : backend
                .gemm()
                .constant(
                    weights, bias, call.value(4, Boolean.class), call.value(5, GemmShape.class));
    if (constant == null) {
      return call;
    }
    made.add(constant);
    return call.as(
            conv
                ? Call.method(ConvKernels.class, "forwardConstant")
                : Call.method(GemmKernels.class, "gemmConstant"))
        .with(2, constant);
  }

  /** What was made, which the caller closes. */
  List<ConstantWeights> made() {
    return made;
  }
}
