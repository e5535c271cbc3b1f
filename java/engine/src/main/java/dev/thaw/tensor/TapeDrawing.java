package dev.thaw.tensor;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;

/** A tape as a picture: what made what, with shapes and the bytes each step keeps. */
final class TapeDrawing {
  private static final int WIDTH = 190;
  private static final int HEIGHT = 46;
  private static final int GAP_X = 24;
  private static final int GAP_Y = 34;

  /** One box: an op, or a leaf that wants a gradient. */
  private static final class Box {
    final String title;
    final String detail;
    final boolean leaf;
    int layer;
    int column;

    Box(String title, String detail, boolean leaf) {
      this.title = title;
      this.detail = detail;
      this.leaf = leaf;
    }
  }

  private final List<Box> boxes = new ArrayList<>();
  private final List<int[]> arrows = new ArrayList<>();
  private final IdentityHashMap<Object, Integer> known = new IdentityHashMap<>();

  private TapeDrawing(Tensor last) {
    ArrayDeque<Tensor> open = new ArrayDeque<>();
    box(last, open);
    while (!open.isEmpty()) {
      Tensor tensor = open.poll();
      int to = box(tensor, open);
      if (tensor.node != null) {
        for (Op.Rule rule : tensor.node.drawnRules()) {
          for (Tensor input : rule.inputs) {
            if (input.requiresGrad()) {
              arrows.add(new int[] {box(input, open), to});
            }
          }
        }
      }
    }
    place();
  }

  private int box(Tensor tensor, ArrayDeque<Tensor> open) {
    Object key = tensor.node != null ? tensor.node : tensor;
    Integer index = known.get(key);
    if (index != null) {
      return index;
    }
    Node node = tensor.node;
    boxes.add(
        node == null
            ? new Box("leaf", tensor.shape() + " " + tensor.dtype(), true)
            : new Box(node.op, node.shape + ", keeps " + node.heldBytes() + " bytes", false));
    known.put(key, boxes.size() - 1);
    open.add(tensor);
    return boxes.size() - 1;
  }

  /** A box lies one row below the lowest of its inputs; rows are filled from the left. */
  private void place() {
    boolean moved = true;
    for (int round = 0; moved && round <= boxes.size(); round++) {
      moved = false;
      for (int[] arrow : arrows) {
        Box from = boxes.get(arrow[0]);
        Box to = boxes.get(arrow[1]);
        if (to.layer <= from.layer) {
          to.layer = from.layer + 1;
          moved = true;
        }
      }
    }
    // A leaf stands right above its first user.
    for (int[] arrow : arrows) {
      Box from = boxes.get(arrow[0]);
      if (from.leaf) {
        from.layer = boxes.get(arrow[1]).layer - 1;
      }
    }
    Map<Integer, Integer> filled = new HashMap<>();
    for (Box box : boxes) {
      box.column = filled.merge(box.layer, 1, Integer::sum) - 1;
    }
  }

  static String dot(Tensor last) {
    TapeDrawing drawing = new TapeDrawing(last);
    StringBuilder dot = new StringBuilder("digraph tape {\n  node [shape=box];\n");
    for (int i = 0; i < drawing.boxes.size(); i++) {
      Box box = drawing.boxes.get(i);
      dot.append("  n").append(i).append(" [label=\"").append(box.title).append("\\n");
      dot.append(box.detail).append(box.leaf ? "\", style=rounded];\n" : "\"];\n");
    }
    for (int[] arrow : drawing.arrows) {
      dot.append("  n").append(arrow[0]).append(" -> n").append(arrow[1]).append(";\n");
    }
    return dot.append("}\n").toString();
  }

  static String svg(Tensor last) {
    TapeDrawing drawing = new TapeDrawing(last);
    int columns = 0;
    int layers = 0;
    for (Box box : drawing.boxes) {
      columns = Math.max(columns, box.column + 1);
      layers = Math.max(layers, box.layer + 1);
    }
    int width = columns * (WIDTH + GAP_X) + GAP_X;
    int height = layers * (HEIGHT + GAP_Y) + GAP_Y;
    StringBuilder svg = new StringBuilder();
    svg.append("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"").append(width);
    svg.append("\" height=\"").append(height);
    svg.append(
        "\" style=\"background:#fff\" font-family=\"sans-serif\" font-size=\"12\" text-anchor=\"middle\">\n");
    svg.append("<defs><marker id=\"a\" markerWidth=\"8\" markerHeight=\"8\" refX=\"7\" refY=\"4\"");
    svg.append(" orient=\"auto\"><path d=\"M0,0 L8,4 L0,8 z\"/></marker></defs>\n");
    for (int[] arrow : drawing.arrows) {
      Box from = drawing.boxes.get(arrow[0]);
      Box to = drawing.boxes.get(arrow[1]);
      svg.append("<line x1=\"").append(x(from) + WIDTH / 2);
      svg.append("\" y1=\"").append(y(from) + HEIGHT);
      svg.append("\" x2=\"").append(x(to) + WIDTH / 2).append("\" y2=\"").append(y(to));
      svg.append("\" stroke=\"#555\" marker-end=\"url(#a)\"/>\n");
    }
    for (Box box : drawing.boxes) {
      svg.append("<rect x=\"").append(x(box)).append("\" y=\"").append(y(box));
      svg.append("\" width=\"").append(WIDTH).append("\" height=\"").append(HEIGHT);
      svg.append("\" rx=\"").append(box.leaf ? 22 : 4).append("\" fill=\"");
      svg.append(box.leaf ? "#e8f1fb" : "#fdf3e3").append("\" stroke=\"#555\"/>\n");
      text(svg, x(box) + WIDTH / 2, y(box) + 19, box.title, "bold");
      text(svg, x(box) + WIDTH / 2, y(box) + 36, box.detail, "normal");
    }
    return svg.append("</svg>\n").toString();
  }

  private static int x(Box box) {
    return GAP_X + box.column * (WIDTH + GAP_X);
  }

  private static int y(Box box) {
    return GAP_Y + box.layer * (HEIGHT + GAP_Y);
  }

  private static void text(StringBuilder svg, int x, int y, String text, String weight) {
    String escaped = text.replace("&", "&amp;").replace("<", "&lt;");
    svg.append("<text x=\"").append(x).append("\" y=\"").append(y).append("\" font-weight=\"");
    svg.append(weight).append("\">").append(escaped).append("</text>\n");
  }
}
