package dev.thaw.plan;

import dev.thaw.backend.Backend;
import dev.thaw.backend.ConstantWeights;
import dev.thaw.backend.ConvKernels;
import dev.thaw.backend.ConvShape;
import dev.thaw.backend.GemmKernels;
import dev.thaw.backend.GemmShape;
import dev.thaw.memory.Buffer;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * Weights that no step changes, put once into the form in which the backend's kernels like them
 * best, and the calls that use them.
 */
final class Constants {
  /** All that the form depends on: calls that agree in it share it. */
  private record Use(Buffer weights, boolean bias, boolean residual, boolean relu, Object shape) {}

  private final Backend backend;
  private final Predicate<Buffer> moving;
  private final Set<Buffer> written = Collections.newSetFromMap(new IdentityHashMap<>());
  private final Map<Use, Optional<ConstantWeights>> made = new LinkedHashMap<>();

  Constants(Backend backend, List<Call> calls, Predicate<Buffer> moving) {
    this.backend = backend;
    this.moving = moving;
    calls.forEach(call -> written.addAll(call.writes()));
  }

  /** Whether no run changes what {@code buffer} holds. */
  boolean isConstant(Buffer buffer) {
    return !buffer.isClosed() && !written.contains(buffer) && !moving.test(buffer);
  }

  /** {@code call} on constant weights, where it has such and the backend likes them otherwise. */
  Call with(Call call) {
    boolean conv = call.is(ConvKernels.class, "forward");
    if (!conv && !call.is(GemmKernels.class, "gemm")) {
      return call;
    }
    Buffer weights = call.required(2);
    if (!isConstant(weights)) {
      return call;
    }
    boolean residual = conv && call.buffer(4) != null;
    boolean relu = call.value(conv ? 5 : 4, Boolean.class);
    Object shape = call.value(conv ? 6 : 5, Record.class);
    ConstantWeights constant =
        made.computeIfAbsent(
                new Use(weights, call.buffer(3) != null, residual, relu, shape),
                use -> Optional.ofNullable(make(use)))
            .orElse(null);
    if (constant == null) {
      return call;
    }
    return call.as(
            conv
                ? Call.method(ConvKernels.class, "forwardConstant")
                : Call.method(GemmKernels.class, "gemmConstant"))
        .with(2, constant);
  }

  private @Nullable ConstantWeights make(Use use) {
    return use.shape instanceof ConvShape shape
        ? backend.conv().constant(use.weights, use.bias, use.residual, use.relu, shape)
        : backend.gemm().constant(use.weights, use.bias, use.relu, (GemmShape) use.shape);
  }

  /** What was made, which the caller closes. */
  List<ConstantWeights> made() {
    return made.values().stream().flatMap(Optional::stream).toList();
  }
}
