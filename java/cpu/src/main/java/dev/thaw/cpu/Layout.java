package dev.thaw.cpu;

import static org.bytedeco.dnnl.global.dnnl.*;

import java.util.Arrays;
import org.bytedeco.dnnl.dnnl_memory_desc;

/** How float32 numbers lie in memory: oneDNN's memory descriptor, freed by {@link #close}. */
final class Layout implements AutoCloseable {
  private final dnnl_memory_desc descriptor;

  private Layout(dnnl_memory_desc descriptor) {
    this.descriptor = descriptor;
  }

  /** Numbers at these distances from each other, in elements. */
  static Layout strided(long[] dims, long[] strides) {
    dnnl_memory_desc made = new dnnl_memory_desc();
    OneDnn.check(
        dnnl_memory_desc_create_with_strides(made, dims.length, dims, dnnl_f32, strides),
        "dnnl_memory_desc_create_with_strides",
        new Sizes(dims));
    return new Layout(made);
  }

  /** Dense numbers in the order that {@code tag} names. */
  static Layout tagged(int tag, long... dims) {
    dnnl_memory_desc made = new dnnl_memory_desc();
    OneDnn.check(
        dnnl_memory_desc_create_with_tag(made, dims.length, dims, dnnl_f32, tag),
        "dnnl_memory_desc_create_with_tag",
        new Sizes(dims));
    return new Layout(made);
  }

  /** Whatever the primitive likes best. */
  static Layout any(long... dims) {
    return tagged(dnnl_format_tag_any, dims);
  }

  /** Pictures [n, h, w, c]; oneDNN names their sizes in the order n, c, h, w. */
  static Layout pictures(int n, int h, int w, int c) {
    return tagged(dnnl_acdb, n, c, h, w);
  }

  /** {@code n} numbers in a row. */
  static Layout vector(int n) {
    return tagged(dnnl_a, n);
  }

  static Layout copyOf(dnnl_memory_desc other) {
    dnnl_memory_desc made = new dnnl_memory_desc();
    OneDnn.check(dnnl_memory_desc_clone(made, other), "dnnl_memory_desc_clone", "a layout");
    return new Layout(made);
  }

  dnnl_memory_desc descriptor() {
    return descriptor;
  }

  /** Bytes a buffer of this layout takes, padding of blocks included. */
  long bytes() {
    return dnnl_memory_desc_get_size(descriptor);
  }

  /** Whether the same bytes mean the same numbers. */
  boolean sameAs(Layout other) {
    return dnnl_memory_desc_equal(descriptor, other.descriptor) != 0;
  }

  @Override
  public void close() {
    dnnl_memory_desc_destroy(descriptor);
    descriptor.setNull();
  }

  /** Sizes that become text only when they are printed. */
  private record Sizes(long[] dims) {
    @Override
    public String toString() {
      return "sizes " + Arrays.toString(dims);
    }
  }
}
