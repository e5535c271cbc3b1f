package dev.thaw.tensor;

import dev.thaw.backend.Binary;
import dev.thaw.backend.Broadcast;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.Check;
import dev.thaw.memory.Purpose;
import dev.thaw.memory.Scope;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Walks a tape from its last tensor to the leaves: nodes in an order in which every user of a node
 * comes before it, each live rule once. A node's incoming gradient and all that its rules read are
 * let go as soon as they ran, so a step peaks at what forward saved plus two gradients.
 */
final class Backward {
  private Backward() {}

  static void run(Tensor loss, Tensor seed) {
    Check.that(
        seed.shape().equals(loss.shape()),
        "backward: the seed %s is not shaped like %s",
        seed.shape(),
        loss.shape());
    Arithmetic.checkAlike("backward", loss, seed);
    Node last = loss.node;
    if (last == null && loss.requiresGrad()) {
      // A leaf, or an op that had nothing to do and returned it.
      try (Scope scratch = Scope.open()) {
        toLeaf(seed, loss, scratch);
      }
      return;
    }
    if (last == null) {
      throw new IllegalStateException(
          "backward: nothing before this tensor requires a gradient; every input is frozen or was"
              + " made under noGrad");
    }
    // Before anything is changed: it refuses a tape that was walked.
    List<Node> order = usersFirst(last);
    Mode mode = Mode.current();
    boolean recording = mode.recording;
    Purpose purpose = mode.purpose;
    mode.recording = false;
    mode.purpose = Purpose.GRADIENTS;
    try (Scope incoming = Scope.open()) {
      last.gradient = seed.alias(seed.shape());
      for (Node node : order) {
        Tensor dy = node.gradient;
        if (dy != null) {
          for (Op.Rule rule : node.rules()) {
            apply(rule, dy);
          }
          node.gradient = null;
          dy.close();
        }
        node.finish();
      }
    } finally {
      for (Node node : order) {
        node.visited = false;
        node.gradient = null;
      }
      mode.recording = recording;
      mode.purpose = purpose;
    }
  }

  /**
   * Depth-first search with an explicit stack, children before parents, then reversed.
   *
   * @throws IllegalStateException when a node on the way was walked before; no node stays marked
   */
  private static List<Node> usersFirst(Node last) {
    record Visit(Node node, List<Node> inputs, int[] next) {}
    List<Node> order = new ArrayList<>();
    ArrayDeque<Visit> stack = new ArrayDeque<>();
    try {
      stack.push(new Visit(last, inputs(last), new int[1]));
      last.visited = true;
      while (!stack.isEmpty()) {
        Visit visit = stack.peek();
        if (visit.next[0] == visit.inputs.size()) {
          order.add(visit.node);
          stack.pop();
        } else {
          Node input = visit.inputs.get(visit.next[0]++);
          if (!input.visited) {
            stack.push(new Visit(input, inputs(input), new int[1]));
            input.visited = true;
          }
        }
      }
    } catch (IllegalStateException e) {
      order.forEach(node -> node.visited = false);
      stack.forEach(visit -> visit.node.visited = false);
      throw e;
    }
    java.util.Collections.reverse(order);
    return order;
  }

  private static List<Node> inputs(Node node) {
    List<Node> inputs = new ArrayList<>();
    for (Op.Rule rule : node.rules()) {
      for (Tensor input : rule.inputs) {
        if (input.node != null) {
          inputs.add(input.node);
        }
      }
    }
    return inputs;
  }

  private static void apply(Op.Rule rule, Tensor dy) {
    try (Scope scratch = Scope.open()) {
      if (rule.returning != null) {
        Tensor input = rule.inputs.get(0);
        Tensor dx = rule.returning.apply(dy);
        Check.that(
            dx.shape().equals(input.shape()),
            "backward: a rule made a gradient %s for an input %s",
            dx.shape(),
            input.shape());
        Check.that(
            dx.dtype() == input.dtype(),
            "backward: a rule made a %s gradient for a %s input; convert it with to(dtype)",
            dx.dtype(),
            input.dtype());
        deliver(dx, input, scratch);
        return;
      }
      int n = rule.inputs.size();
      @Nullable Tensor[] into = new Tensor[n];
      boolean[] inPlace = new boolean[n];
      for (int i = 0; i < n; i++) {
        Tensor input = rule.inputs.get(i);
        if (input.requiresGrad()) {
          // A parameter met for the first time in this step is written where its gradient lies.
          inPlace[i] = input.node == null && !input.slot().isWritten();
          into[i] =
              inPlace[i]
                  ? new Tensor(input.slot().claim().hold(), input.shape(), input.home())
                  : Tensor.empty(input.shape(), input.dtype(), input.home());
        }
      }
      java.util.Objects.requireNonNull(rule.writing).accept(dy, into);
      for (int i = 0; i < n; i++) {
        Tensor dx = into[i];
        if (dx != null && !inPlace[i]) {
          deliver(dx, rule.inputs.get(i), scratch);
        }
      }
    }
  }

  private static void deliver(Tensor dx, Tensor input, Scope scratch) {
    Node node = input.node;
    if (node == null) {
      toLeaf(dx, input, scratch);
    } else if (node.gradient == null) {
      // A rule may pass dy on as it is: then each input gets a handle of its own.
      node.gradient = scratch.owns(dx) ? scratch.keep(dx) : scratch.keep(dx.alias(dx.shape()));
    } else {
      node.gradient = sum(node.gradient, dx, scratch);
    }
  }

  /** a + b, written over one of them when nobody else sees it. */
  private static Tensor sum(Tensor a, Tensor b, Scope scratch) {
    Tensor y;
    if (!a.buffer().isShared()) {
      y = a;
    } else if (scratch.owns(b) && !b.buffer().isShared()) {
      y = scratch.keep(b);
    } else {
      y = scratch.keep(Tensor.empty(a.shape(), a.dtype(), a.home()));
    }
    add(y.buffer(), a, b);
    if (y != a) {
      a.close();
    }
    return y;
  }

  private static void add(Buffer y, Tensor a, Tensor b) {
    Broadcast shape = Broadcast.of("backward", a.shape().dims(), b.shape().dims());
    a.backend().binary().forward(Binary.ADD, y, a.buffer(), b.buffer(), shape);
  }

  private static void toLeaf(Tensor dx, Tensor leaf, Scope scratch) {
    GradientSlot slot = leaf.slot();
    Buffer place = slot.buffer();
    if (slot.isWritten()) {
      Buffer sum = java.util.Objects.requireNonNull(place);
      try (Tensor before = new Tensor(sum.hold(), leaf.shape(), leaf.home())) {
        add(sum, before, dx);
      }
    } else if (place == null && scratch.owns(dx) && !dx.buffer().isShared()) {
      // Fresh from the rule and seen by nobody else: no copy.
      slot.adopt(dx.buffer());
    } else {
      Layout.copyAll(slot.claim(), dx.backend(), dx.buffer());
    }
  }
}
