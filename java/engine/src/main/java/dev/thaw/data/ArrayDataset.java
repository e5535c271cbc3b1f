package dev.thaw.data;

import dev.thaw.memory.Check;
import dev.thaw.memory.DType;
import dev.thaw.tensor.Shape;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Examples that lie decoded in memory, as bytes or as floats: MNIST takes 47 MB so, and a read is a
 * copy.
 */
public final class ArrayDataset implements Dataset {
  private final String name;
  private final Shape shape;
  private final int elements;
  private final byte @Nullable [] bytes;
  private final float[] floats;
  private final int[] labels;
  private final List<String> classes;

  private ArrayDataset(
      String name,
      Shape shape,
      byte @Nullable [] bytes,
      float[] floats,
      int[] labels,
      List<String> classes) {
    this.name = name;
    this.shape = shape;
    this.elements = Math.toIntExact(shape.elements());
    this.bytes = bytes;
    this.floats = floats;
    this.labels = labels;
    this.classes = List.copyOf(classes);
    long values = bytes != null ? bytes.length : floats.length;
    Check.that(
        values == (long) elements * labels.length,
        "%s: %d values do not make %d examples of %s",
        name,
        values,
        labels.length,
        shape);
    for (int label : labels) {
      Check.that(
          label >= 0 && label < classes.size(),
          "%s: label %d is not one of %d classes",
          name,
          label,
          classes.size());
    }
  }

  /**
   * Pictures on the 0..255 scale.
   *
   * @param name where they come from
   * @param shape of one, [h, w, c]
   * @param pixels of all, one after the other, channels innermost; not copied
   * @param labels one for each; not copied
   * @param classes names, by label
   * @throws IllegalArgumentException when the numbers do not fit each other
   */
  public static ArrayDataset of(
      String name, Shape shape, byte[] pixels, int[] labels, List<String> classes) {
    return new ArrayDataset(name, shape, pixels, new float[0], labels, classes);
  }

  /**
   * Anything as float32: pictures on the 0..1 scale, or features, for which {@code shape} is [n].
   *
   * @throws IllegalArgumentException when the numbers do not fit each other
   */
  public static ArrayDataset of(
      String name, Shape shape, float[] values, int[] labels, List<String> classes) {
    return new ArrayDataset(name, shape, null, values, labels, classes);
  }

  /** Names for classes that have none: "0", "1" .. up to the largest of {@code labels}. */
  static List<String> numbered(int[] labels) {
    int largest = IntStream.of(labels).max().orElse(-1);
    return IntStream.rangeClosed(0, largest).mapToObj(Integer::toString).toList();
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public int size() {
    return labels.length;
  }

  @Override
  public Shape shape() {
    return shape;
  }

  @Override
  public DType dtype() {
    return bytes != null ? DType.UINT8 : DType.FLOAT32;
  }

  @Override
  public List<String> classes() {
    return classes;
  }

  @Override
  public int label(int index) {
    return labels[index];
  }

  @Override
  public void read(int index, ByteBuffer to) {
    int from = Math.multiplyExact(index, elements);
    if (bytes != null) {
      to.put(bytes, from, elements);
    } else {
      to.duplicate().order(ByteOrder.nativeOrder()).asFloatBuffer().put(floats, from, elements);
      to.position(to.position() + 4 * elements);
    }
  }
}
