package dev.thaw.data;

import dev.thaw.backend.Philox;
import dev.thaw.memory.Check;
import dev.thaw.memory.DType;
import dev.thaw.tensor.Shape;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Some examples of another set, without a copy: numbers, and new labels where classes were chosen.
 */
final class Subset implements Dataset {
  private final Dataset whole;
  private final String name;
  private final int[] indices;
  private final List<String> classes;

  /** New label of each old one; only labels of kept examples are looked up. */
  private final int[] labels;

  private Subset(Dataset whole, String what, int[] indices, List<String> classes, int[] labels) {
    this.whole = whole;
    this.name = whole.name() + " (" + what + ")";
    this.indices = indices;
    this.classes = List.copyOf(classes);
    this.labels = labels;
  }

  static Dataset limit(Dataset d, int n) {
    Check.that(n > 0, "limit: expected at least 1 example, got %d", n);
    return n >= d.size() ? d : of(d, n + " of " + d.size(), fewest(d, n, false));
  }

  static Dataset perClass(Dataset d, int n) {
    Check.that(n > 0, "per class: expected at least 1 example, got %d", n);
    return of(d, "at most " + n + " a class", fewest(d, n, true));
  }

  static Dataset only(Dataset d, List<String> names) {
    int[] labels = new int[d.classes().size()];
    Arrays.fill(labels, -1);
    for (int i = 0; i < names.size(); i++) {
      int old = d.classes().indexOf(names.get(i));
      Check.that(
          old >= 0 && labels[old] < 0,
          "classes: %s is not one of %s, or given twice",
          names.get(i),
          d.classes());
      labels[old] = i;
    }
    int[] kept = new int[d.size()];
    int n = 0;
    for (int i = 0; i < kept.length; i++) {
      if (labels[d.label(i)] >= 0) {
        kept[n++] = i;
      }
    }
    return new Subset(d, "classes " + names, Arrays.copyOf(kept, n), names, labels);
  }

  static Dataset.Split holdout(Dataset d, double share, long seed) {
    Check.that(
        share > 0 && share < 1 && d.size() > 1,
        "holdout: expected a share between 0 and 1 of at least two examples, got %s of %d",
        share,
        d.size());
    int[] order = byHash(d.size(), seed, Streams.HOLDOUT);
    int n = (int) Math.min(d.size() - 1, Math.max(1, Math.round(share * d.size())));
    int[] held = Arrays.copyOf(order, n);
    int[] rest = Arrays.copyOfRange(order, n, order.length);
    Arrays.sort(held);
    Arrays.sort(rest);
    return new Dataset.Split(
        of(d, "without " + n + " held out", rest), of(d, n + " held out", held));
  }

  private static Dataset of(Dataset d, String what, int[] indices) {
    int[] same = new int[d.classes().size()];
    Arrays.setAll(same, i -> i);
    return new Subset(d, what, indices, d.classes(), same);
  }

  /** The first {@code n} by hash, of all or of each class, back in their own order. */
  private static int[] fewest(Dataset d, int n, boolean eachClass) {
    int[] order = byHash(d.size(), 0, Streams.SUBSET);
    int[] taken = new int[d.classes().size()];
    List<Integer> kept = new ArrayList<>();
    for (int i : order) {
      if (eachClass ? taken[d.label(i)]++ < n : kept.size() < n) {
        kept.add(i);
      }
    }
    return kept.stream().mapToInt(Integer::intValue).sorted().toArray();
  }

  /** 0 .. size - 1 ordered by a hash; ties, which 32 bits allow, by number. */
  private static int[] byHash(int size, long seed, int stream) {
    Philox hash = new Philox(seed, stream, 0);
    long[] keys = new long[size];
    for (int i = 0; i < size; i++) {
      keys[i] = ((long) hash.bits(i) << 32) | i;
    }
    Arrays.sort(keys);
    int[] order = new int[size];
    Arrays.setAll(order, i -> (int) keys[i]);
    return order;
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public int size() {
    return indices.length;
  }

  @Override
  public Shape shape() {
    return whole.shape();
  }

  @Override
  public DType dtype() {
    return whole.dtype();
  }

  @Override
  public List<String> classes() {
    return classes;
  }

  @Override
  public int label(int index) {
    return labels[whole.label(indices[index])];
  }

  @Override
  public void read(int index, ByteBuffer to) throws IOException {
    whole.read(indices[index], to);
  }
}
