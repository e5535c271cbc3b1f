package dev.thaw.tensor;

import dev.thaw.memory.Buffer;
import dev.thaw.memory.Check;
import dev.thaw.memory.DType;
import dev.thaw.memory.Handle;
import dev.thaw.memory.Scope;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A tensor's place on the tape: how it came about, whether its gradient is wanted, and where that
 * lies. What it holds, and what can be computed from it, is {@link Tensor}'s.
 */
abstract sealed class Taped extends Handle permits Tensor {
  private boolean wantsGrad;
  private @Nullable GradientSlot slot;

  /** How this tensor was made, or null: a leaf, or made without a live rule. */
  @Nullable Node node;

  Taped(Buffer buffer) {
    super(buffer);
  }

  Taped(Buffer buffer, boolean owned) {
    super(buffer, owned);
  }

  private Tensor self() {
    return (Tensor) this;
  }

  /** Whether backward would compute a gradient for this tensor. */
  public boolean requiresGrad() {
    return wantsGrad || node != null;
  }

  /**
   * Asks for a gradient of this leaf, or, with false, no longer.
   *
   * @return this tensor
   * @throws IllegalStateException when an op made this tensor: what flows through it follows from
   *     its inputs
   * @throws IllegalArgumentException when the elements are integers
   */
  public Tensor requiresGrad(boolean wants) {
    DType dtype = self().dtype();
    Check.that(!wants || dtype.isFloating(), "requiresGrad: %s has no gradient", dtype);
    if (node != null) {
      throw new IllegalStateException("requiresGrad: " + node.op + " made this tensor; detach it");
    }
    wantsGrad = wants;
    return self();
  }

  /**
   * The gradient that backward left at this leaf, or null where none did since the last clear. A
   * view: valid until it is cleared, and in the innermost scope.
   */
  public @Nullable Tensor grad() {
    if (slot == null || !slot.isWritten() || slot.buffer() == null) {
      return null;
    }
    return new Tensor(slot.buffer().hold(), self().shape(), self().home());
  }

  /** Where this leaf's gradient lies. */
  public GradientSlot slot() {
    if (slot == null) {
      slot = new GradientSlot(self());
    }
    return slot;
  }

  /**
   * Computes the gradient of this scalar with respect to every leaf that requires one and adds it
   * to what {@link #grad} holds. The tape is used up.
   *
   * @throws IllegalArgumentException when this tensor has more than one element
   * @throws IllegalStateException when nothing before it requires a gradient, or the tape was
   *     walked
   */
  public void backward() {
    Shape shape = self().shape();
    Check.that(
        shape.elements() == 1, "backward: %s is no scalar, give the gradient to start from", shape);
    try (Scope scope = Scope.open()) {
      Backward.run(self(), Tensor.full(1, shape, self().dtype(), self().home()));
    }
  }

  /** As {@link #backward()}, from {@code seed}, the gradient of some scalar by this tensor. */
  public void backward(Tensor seed) {
    Backward.run(self(), seed);
  }

  /** The same values without a past: gradients stop here. */
  public Tensor detach() {
    return self().alias(self().shape());
  }

  /**
   * States how gradients flow from this fresh result to its inputs; for authors of ops, see {@link
   * Op}. Rules whose inputs need no gradient are dropped, with all they would have kept.
   *
   * @return this tensor
   */
  public Tensor madeBy(String op, Op.Rule... rules) {
    Check.that(node == null && !wantsGrad, "%s: the result already has a past", op);
    if (Mode.current().recording) {
      List<Op.Rule> live = new ArrayList<>(rules.length);
      for (Op.Rule rule : rules) {
        if (rule.isLive()) {
          live.add(rule);
        }
      }
      if (!live.isEmpty()) {
        node = new Node(op, self().shape(), live);
      }
    }
    return self();
  }

  @Override
  protected void closed() {
    if (node != null) {
      node.release();
    }
    if (slot != null) {
      slot.release();
    }
  }

  /** How this tensor was made, as Graphviz DOT. */
  public String tapeAsDot() {
    return TapeDrawing.dot(self());
  }

  /** How this tensor was made, as a self-contained SVG picture. */
  public String tapeAsSvg() {
    return TapeDrawing.svg(self());
  }
}
