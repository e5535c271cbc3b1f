package dev.thaw.tensor;

import dev.thaw.memory.Buffer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * One step of the tape: the op that made a tensor, its live rules, and the buffers they will read.
 *
 * <p>A node lives as long as somebody can still ask for a gradient through it: an open handle of
 * its result, or a later node. So a tape that is never walked is freed by the scope of its last
 * tensor.
 */
final class Node {
  final String op;
  final Shape shape;
  private List<Op.Rule> rules;
  private List<Buffer> held;
  private int users = 1;
  private boolean used;

  /** What has arrived from later nodes during backward. */
  @Nullable Tensor gradient;

  /** In backward's search: whether the node is already on the list. */
  boolean visited;

  Node(String op, Shape shape, List<Op.Rule> live) {
    this.op = op;
    this.shape = shape;
    this.rules = live;
    this.held = hold(live);
    for (Op.Rule rule : live) {
      for (Tensor input : rule.inputs) {
        if (input.node != null) {
          input.node.users++;
        }
      }
    }
  }

  /** The union over the live rules of what they read, each buffer once. */
  private static List<Buffer> hold(List<Op.Rule> live) {
    List<Buffer> held = new ArrayList<>();
    Set<Buffer> seen = Collections.newSetFromMap(new IdentityHashMap<>());
    for (Op.Rule rule : live) {
      for (Tensor tensor : rule.reads.tensors()) {
        if (seen.add(tensor.buffer())) {
          held.add(tensor.buffer().hold());
        }
      }
    }
    return held;
  }

  List<Op.Rule> rules() {
    if (used) {
      throw new IllegalStateException(
          "backward: the tape through "
              + op
              + " "
              + shape
              + " was already walked; run forward again");
    }
    return rules;
  }

  /** For drawing: the rules, also after they ran. */
  List<Op.Rule> drawnRules() {
    return rules;
  }

  /** Bytes this node keeps for its rules. */
  long heldBytes() {
    long bytes = 0;
    for (Buffer buffer : held) {
      bytes += buffer.bytes();
    }
    return bytes;
  }

  List<Buffer> held() {
    return held;
  }

  void addUser() {
    users++;
  }

  /** Lets go of what the rules read: they have run. */
  void finish() {
    used = true;
    for (Buffer buffer : held) {
      buffer.release();
    }
    held = List.of();
  }

  /**
   * One user less; the last one frees this node and, without recursion, what only it kept alive.
   */
  void release() {
    if (--users > 0) {
      return;
    }
    ArrayDeque<Node> dead = new ArrayDeque<>();
    dead.push(this);
    while (!dead.isEmpty()) {
      Node node = dead.pop();
      node.finish();
      for (Op.Rule rule : node.rules) {
        for (Tensor input : rule.inputs) {
          if (input.node != null && --input.node.users == 0) {
            dead.push(input.node);
          }
        }
      }
      node.rules = List.of();
    }
  }
}
