package dev.thaw.tensor;

import java.util.ArrayDeque;
import java.util.Collection;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Questions about how a tensor came about. */
public final class Tape {
  private Tape() {}

  /** The shape of the pictures [n, h, w, c] that were flattened into {@code rows}, or null. */
  public static @Nullable Shape flattenedFrom(Tensor rows) {
    return rows.pictures;
  }

  /**
   * Those of {@code marked} that are met first on some path back from {@code last}: what stands
   * nearest to a net's output.
   *
   * @param last a tensor that requires a gradient; without a past, nothing is found
   */
  public static List<Tensor> nearest(Tensor last, Collection<Tensor> marked) {
    IdentityHashMap<Node, Tensor> marks = new IdentityHashMap<>();
    for (Tensor tensor : marked) {
      if (tensor.node != null) {
        marks.put(tensor.node, tensor);
      }
    }
    Set<Tensor> found = new LinkedHashSet<>();
    Set<Node> seen = Collections.newSetFromMap(new IdentityHashMap<>());
    ArrayDeque<Node> open = new ArrayDeque<>();
    if (last.node != null) {
      open.add(last.node);
    }
    while (!open.isEmpty()) {
      Node node = open.poll();
      if (!seen.add(node)) {
        continue;
      }
      Tensor mark = marks.get(node);
      if (mark != null) {
        found.add(mark);
        continue;
      }
      for (Op.Rule rule : node.drawnRules()) {
        for (Tensor input : rule.inputs) {
          if (input.node != null) {
            open.add(input.node);
          }
        }
      }
    }
    return List.copyOf(found);
  }
}
