package dev.thaw.plan;

import dev.thaw.backend.Backend;
import dev.thaw.backend.Binary;
import dev.thaw.backend.BinaryKernels;
import dev.thaw.backend.Broadcast;
import dev.thaw.backend.ConvKernels;
import dev.thaw.backend.ConvShape;
import dev.thaw.backend.GemmKernels;
import dev.thaw.backend.NormKernels;
import dev.thaw.backend.PoolKernels;
import dev.thaw.backend.Unary;
import dev.thaw.backend.UnaryKernels;
import dev.thaw.memory.Buffer;
import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * Neighbours in a list of calls that one kernel can do. A result that only the next kernel reads is
 * never written: ReLU becomes the epilogue of the convolution, product or norm before it, a
 * residual sum that of its convolution or norm, a sum of two gradients that of the convolution that
 * made one, statistics come with the convolution, ReLU's backward becomes a mask of the pooling's
 * or norm's. A fused call computes what its parts did; {@link Plan} is held to the eager run in a
 * test for every model.
 */
final class Fusion {
  private static final Method WITH_STATISTICS =
      Call.method(ConvKernels.class, "forwardWithStatistics");

  private final Backend backend;
  private final ConstantCasts casts;
  private final Predicate<Buffer> moving;
  private final List<Buffer> made = new ArrayList<>();
  private final CallOrder calls;

  Fusion(Backend backend, ConstantCasts casts, Predicate<Buffer> moving) {
    this.backend = backend;
    this.casts = casts;
    this.moving = moving;
    this.calls = new CallOrder(casts.calls());
  }

  /** The shorter list. */
  List<Call> result() {
    norms();
    residuals();
    gradientSums();
    rectifiers();
    poolMasks();
    normMasks();
    normResiduals();
    statistics();
    return calls.left();
  }

  /** Buffers of folded weights, which the caller releases after use. */
  List<Buffer> made() {
    return made;
  }

  /**
   * norm(conv(x)) with constant weights and statistics becomes conv with other weights: w' = w · s,
   * b' = (b − μ) · s + β, s = γ / √(σ² + ε), per output channel, worked out in double from weights
   * that were not rounded before.
   */
  private void norms() {
    for (int i = 0; i < calls.size(); i++) {
      Call norm = calls.get(i);
      if (norm == null || !norm.is(NormKernels.class, "batchForward")) {
        continue;
      }
      Buffer before = norm.required(1);
      int at = calls.onlyWriter(before);
      Call conv = at < 0 ? null : calls.get(at);
      if (conv == null
          || !conv.is(ConvKernels.class, "forward")
          || conv.buffer(4) != null
          || conv.value(5, Boolean.class)
          || !calls.isOnlyReader(before, i)
          || !isConstant(conv.required(2))
          || (conv.buffer(3) != null && !isConstant(conv.required(3)))
          || !isConstant(norm.required(2))
          || !isConstant(norm.required(3))
          || !isConstant(norm.required(4))
          || !isConstant(norm.required(5))) {
        continue;
      }
      int channels = norm.value(9, Integer.class);
      Buffer bias = conv.buffer(3);
      Folding.Folded folded =
          Folding.of(
              backend,
              conv.required(2).dtype(),
              casts.origin(conv.required(2)),
              bias == null ? null : casts.origin(bias),
              norm.required(2),
              norm.required(3),
              norm.required(4),
              norm.required(5),
              channels,
              norm.value(10, Double.class));
      made.add(folded.weights());
      made.add(folded.bias());
      Call fused =
          conv.with(0, norm.required(0))
              .with(2, folded.weights())
              .with(3, folded.bias())
              .with(5, norm.value(7, Boolean.class));
      calls.replace(at, fused, i);
    }
  }

  /** Whether no step changes the contents. */
  private boolean isConstant(Buffer buffer) {
    return !buffer.isClosed() && calls.writersOf(buffer).isEmpty() && !moving.test(buffer);
  }

  /** sum = kernel(x) + shortcut, in whichever order, becomes the residual of whichever is last. */
  private void residuals() {
    for (int i = 0; i < calls.size(); i++) {
      Call sum = calls.get(i);
      if (sum == null || !isSum(sum)) {
        continue;
      }
      for (int side = 2; side <= 3; side++) {
        Buffer part = sum.required(side);
        Buffer other = sum.required(5 - side);
        int at = calls.onlyWriter(part);
        Call made = at < 0 ? null : calls.get(at);
        if (made == null
            || part == other
            || !calls.isOnlyReader(part, i)
            || !calls.isReady(other, at)) {
          continue;
        }
        int place =
            made.is(ConvKernels.class, "forward")
                ? 4
                : made.is(NormKernels.class, "batchForward") ? 6 : -1;
        if (place >= 0 && made.buffer(place) == null && !made.value(place + 1, Boolean.class)) {
          calls.replace(at, made.with(0, sum.required(1)).with(place, other), i);
          break;
        }
      }
    }
  }

  /**
   * The sum of a convolution's gradient and another becomes the former's residual: where a block's
   * shortcut meets its first convolution. It takes the place of the sum, when the other gradient is
   * sure to be there.
   */
  private void gradientSums() {
    if (!backend.conv().addsGradients()) {
      return;
    }
    for (int i = 0; i < calls.size(); i++) {
      Call sum = calls.get(i);
      if (sum == null || !isSum(sum)) {
        continue;
      }
      for (int side = 2; side <= 3; side++) {
        Buffer part = sum.required(side);
        Buffer other = sum.required(5 - side);
        int at = madeFor(sum, part, i);
        Call made = at < 0 ? null : calls.get(at);
        if (made != null
            && made.is(ConvKernels.class, "backwardData")
            && made.buffer(3) == null
            && other != part
            && !made.reads().contains(sum.required(1))
            && calls.areKept(made.reads(), at, i)) {
          calls.replace(i, made.with(0, sum.required(1)).with(3, other), at);
          break;
        }
      }
    }
  }

  /**
   * The call before {@code i} that wrote {@code part} for the sum there and for nobody else; the
   * sum may then stand in the same place. Negative if there is none.
   */
  private int madeFor(Call sum, Buffer part, int i) {
    if (sum.required(1) != part) {
      return calls.isOnlyReader(part, i) ? calls.onlyWriter(part) : -1;
    }
    List<Integer> w = calls.writersOf(part);
    boolean once = part.isClosed() && w.size() == 2 && w.contains(i);
    int at = once ? w.get(w.get(0) == i ? 1 : 0) : -1;
    return at < i && calls.isNotReadBefore(part, i) ? at : -1;
  }

  /** Whether each element of one operand is added to one of the other. */
  private static boolean isSum(Call call) {
    return call.is(BinaryKernels.class, "forward")
        && call.value(0, Binary.class) == Binary.ADD
        && elementwise(call.value(4, Broadcast.class), call.required(1));
  }

  /** y = max(0, kernel(x)) becomes the kernel's epilogue. */
  private void rectifiers() {
    for (int i = 0; i < calls.size(); i++) {
      Call relu = calls.get(i);
      if (relu == null
          || !relu.is(UnaryKernels.class, "forward")
          || relu.value(0, Unary.class) != Unary.RELU) {
        continue;
      }
      Buffer before = relu.required(2);
      int at = calls.onlyWriter(before);
      Call made = at < 0 ? null : calls.get(at);
      if (made == null || !calls.isOnlyReader(before, i)) {
        continue;
      }
      int flag =
          made.is(ConvKernels.class, "forward")
              ? 5
              : made.is(GemmKernels.class, "gemm")
                  ? 4
                  : made.is(NormKernels.class, "batchForward") ? 7 : -1;
      if (flag >= 0 && !made.value(flag, Boolean.class)) {
        calls.replace(at, made.with(0, relu.required(1)).with(flag, true), i);
      }
    }
  }

  /**
   * ReLU's backward behind that of a max pooling becomes its mask: of a window's elements only the
   * largest gets a gradient, and ReLU passes it on where it is above 0, which the pooling's result
   * tells as well as ReLU's does, at a fraction of the size.
   */
  private void poolMasks() {
    for (int i = 0; i < calls.size(); i++) {
      Call relu = calls.get(i);
      if (relu == null
          || !relu.is(UnaryKernels.class, "backward")
          || relu.value(0, Unary.class) != Unary.RELU) {
        continue;
      }
      Buffer dy = relu.required(2);
      Buffer dx = relu.required(1);
      int at = calls.onlyWriter(dy);
      Call backward = at < 0 ? null : calls.get(at);
      if (backward == null
          || !backward.is(PoolKernels.class, "maxBackward")
          || backward.buffer(3) != null
          || !calls.isOnlyReader(dy, i)
          || calls.onlyWriter(dx) != i) {
        continue;
      }
      int before = calls.onlyWriter(backward.required(2));
      Call forward = before < 0 ? null : calls.get(before);
      if (forward != null
          && forward.is(PoolKernels.class, "maxForward")
          && forward.required(2) == relu.required(3)
          && calls.onlyWriter(forward.required(0)) == before) {
        calls.replace(at, backward.with(0, dx).with(3, forward.required(0)), i);
      }
    }
  }

  /**
   * ReLU's backward before that of the norm which ReLU followed becomes its mask: the norm works
   * out again where it was above 0, from an input that it reads anyway.
   */
  private void normMasks() {
    for (int i = 0; i < calls.size(); i++) {
      Call backward = calls.get(i);
      if (backward == null
          || !backward.is(NormKernels.class, "batchBackward")
          || backward.buffer(7) != null) {
        continue;
      }
      Buffer dy = backward.required(4);
      int at = calls.onlyWriter(dy);
      Call relu = at < 0 ? null : calls.get(at);
      if (relu == null
          || !relu.is(UnaryKernels.class, "backward")
          || relu.value(0, Unary.class) != Unary.RELU
          || !calls.isOnlyReader(dy, i)
          || !calls.isKept(relu.required(2), at, i)) {
        continue;
      }
      int before = calls.onlyWriter(relu.required(3));
      Call forward = before < 0 ? null : calls.get(before);
      if (forward != null && isRectifiedBefore(forward, backward)) {
        calls.replace(i, backward.with(4, relu.required(2)).with(7, forward.required(3)), at);
      }
    }
  }

  /**
   * Whether {@code backward} is that of {@code forward}, a norm with a ReLU and nothing between.
   */
  private static boolean isRectifiedBefore(Call forward, Call backward) {
    return forward.is(NormKernels.class, "batchForward")
        && forward.buffer(6) == null
        && forward.value(7, Boolean.class)
        && forward.required(1) == backward.required(5)
        && forward.required(2) == backward.required(6)
        && forward.required(4) == backward.required(8)
        && forward.required(5) == backward.required(9)
        && forward.value(10, Double.class).equals(backward.value(13, Double.class));
  }

  /**
   * ReLU's backward before that of a norm, where the norm cannot tell from its input what passed:
   * at the end of a block, whose shortcut was added between the two. The norm's sums read ReLU's
   * result and write what they are of, the shortcut's gradient, in the place of ReLU's backward: so
   * whoever else reads it still finds it. If nobody does, it serves dx, which needs the sums first:
   * that reads one where dy and y were two.
   */
  private void normResiduals() {
    for (int i = 0; i < calls.size(); i++) {
      Call backward = calls.get(i);
      if (backward == null
          || !backward.is(NormKernels.class, "batchBackward")
          || backward.buffer(7) != null
          || backward.buffer(10) != null) {
        continue;
      }
      Buffer passed = backward.required(4);
      int at = calls.lastWriter(passed, i);
      Call relu = at < 0 ? null : calls.get(at);
      if (relu != null
          && relu.is(UnaryKernels.class, "backward")
          && relu.value(0, Unary.class) == Unary.RELU
          && relu.required(2) != passed
          && calls.canMove(backward, i, at)) {
        Call fused = backward.with(3, passed).with(4, relu.required(2)).with(10, relu.required(3));
        calls.replace(at, fused, i);
      }
    }
  }

  /**
   * A convolution and the statistics of what it wrote become one call, where the backend says that
   * it may gain.
   */
  private void statistics() {
    for (int i = 0; i < calls.size(); i++) {
      Call statistics = calls.get(i);
      if (statistics == null || !statistics.is(NormKernels.class, "statistics")) {
        continue;
      }
      Buffer y = statistics.required(2);
      int at = calls.onlyWriter(y);
      Call conv = at < 0 ? null : calls.get(at);
      if (conv != null
          && conv.is(ConvKernels.class, "forward")
          && conv.buffer(3) == null
          && conv.buffer(4) == null
          && !conv.value(5, Boolean.class)
          && backend.conv().gathersStatistics(y.dtype())
          && calls.areKept(conv.reads(), at, i)
          && calls.isNotReadBefore(y, i)) {
        @Nullable Object[] arguments = {
          y,
          statistics.required(0),
          statistics.required(1),
          conv.required(1),
          conv.required(2),
          conv.value(6, ConvShape.class)
        };
        calls.replace(i, new Call(WITH_STATISTICS, arguments), at);
      }
    }
  }

  /** Whether both operands are read as {@code y} is written. */
  static boolean elementwise(Broadcast shape, Buffer y) {
    return shape.dims().length == 1
        && shape.dims()[0] == y.elements()
        && shape.aStrides()[0] == 1
        && shape.bStrides()[0] == 1;
  }
}
