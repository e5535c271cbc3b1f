package dev.thaw.tensor;

import java.util.List;
import java.util.function.BiConsumer;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * The door for authors of ops: how a result states its derivative.
 *
 * <pre>{@code
 * static Tensor cube(Tensor x) {                       // y = x³;  dx = dy · 3x²
 *   Tensor y = x.mul(x).mul(x);
 *   return y.detach().madeBy("cube", wrt(x, reads(x), dy -> dy.mul(x).mul(x).mul(3)));
 * }
 * }</pre>
 *
 * <p>A rule may read only what its {@code reads(..)} lists; nothing else is kept for it. It runs
 * with recording of gradients off, in a scope of its own, and only when its input needs a gradient.
 */
public final class Op {
  private Op() {}

  /**
   * What a rule reads: inputs, the output, or values saved by forward.
   *
   * @param tensors kept, as buffers, until the rule has run
   */
  public record Reads(List<Tensor> tensors) {
    /** Keeps a copy of the list. */
    public Reads {
      tensors = List.copyOf(tensors);
    }
  }

  /** How the gradient of a result becomes the gradients of some inputs. */
  public static final class Rule {
    final List<Tensor> inputs;
    final Reads reads;
    final @Nullable UnaryOperator<Tensor> returning;
    final @Nullable BiConsumer<Tensor, @Nullable Tensor[]> writing;

    private Rule(
        List<Tensor> inputs,
        Reads reads,
        @Nullable UnaryOperator<Tensor> returning,
        @Nullable BiConsumer<Tensor, @Nullable Tensor[]> writing) {
      this.inputs = inputs;
      this.reads = reads;
      this.returning = returning;
      this.writing = writing;
    }

    boolean isLive() {
      for (Tensor input : inputs) {
        if (input.requiresGrad()) {
          return true;
        }
      }
      return false;
    }
  }

  /** The list of what a rule reads; empty for a rule that reads dy alone. */
  public static Reads reads(Tensor... tensors) {
    return new Reads(List.of(tensors));
  }

  /**
   * The rule of an input whose gradient is an expression: {@code wrt(a, reads(b), dy ->
   * dy.mul(b))}.
   */
  public static Rule wrt(Tensor input, Reads reads, UnaryOperator<Tensor> gradient) {
    return new Rule(List.of(input), reads, gradient, null);
  }

  /**
   * The rule of an input whose gradient a kernel writes: {@code wrt(w, reads(x), (dy, dw) -> ..)}.
   * The destination has the input's shape and undefined contents, all of which must be overwritten;
   * for a parameter it is the gradient's own memory.
   */
  public static Rule wrt(Tensor input, Reads reads, BiConsumer<Tensor, Tensor> gradient) {
    return new Rule(
        List.of(input),
        reads,
        null,
        (dy, dx) -> gradient.accept(dy, java.util.Objects.requireNonNull(dx[0])));
  }

  /**
   * The rule of several inputs whose gradients one kernel yields: {@code wrtAll(List.of(w, b),
   * reads(x), (dy, d) -> ..)}. d[i] is the destination of input i, or null where none is needed.
   */
  public static Rule wrtAll(
      List<Tensor> inputs, Reads reads, BiConsumer<Tensor, @Nullable Tensor[]> gradients) {
    return new Rule(List.copyOf(inputs), reads, null, gradients);
  }
}
