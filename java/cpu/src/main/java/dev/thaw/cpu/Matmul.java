package dev.thaw.cpu;

import static org.bytedeco.dnnl.global.dnnl.*;

import dev.thaw.backend.GemmShape;

/**
 * C = op(A) op(B) + bias + residual, then max(0, ·), with A in the place of x and B in that of the
 * weights.
 *
 * <p>B is read as it lies: oneDNN copies a panel at a time while it multiplies, so that packing B
 * anew for every call would only add to it. Where B stays, packing it once saves that copy.
 *
 * @param packs whether B is to lie as oneDNN likes it best
 */
record Matmul(GemmShape shape, Epilogue epilogue, boolean packs, int threads)
    implements Recipe<Product> {
  @Override
  public Product prepare() {
    GemmShape s = shape;
    boolean flat = s.batch() == 1;
    int batchA = s.sharedA() ? 1 : s.batch();
    int batchB = s.sharedB() ? 1 : s.batch();
    try (Layout c = matrices(flat, s.batch(), s.m(), s.n(), false);
        Layout a = matrices(flat, batchA, s.m(), s.k(), s.transA());
        Layout b = matrices(flat, batchB, s.k(), s.n(), s.transB());
        Layout any = flat ? Layout.any(s.k(), s.n()) : Layout.any(batchB, s.k(), s.n());
        Layout bias = matrices(flat, 1, 1, s.n(), false);
        Primitive.Maker maker = describe(c, a, packs ? any : b, bias)) {
      return new Product(this, maker, epilogue, DNNL_ARG_DST, c, DNNL_ARG_SRC, a, b, bias);
    }
  }

  /** [batch, rows, columns], or its transpose in memory; without the batch where all have one. */
  private static Layout matrices(boolean flat, int batch, int rows, int columns, boolean trans) {
    long down = trans ? 1 : columns;
    long right = trans ? rows : 1;
    return flat
        ? Layout.strided(new long[] {rows, columns}, new long[] {down, right})
        : Layout.strided(
            new long[] {batch, rows, columns}, new long[] {(long) rows * columns, down, right});
  }

  private Primitive.Maker describe(Layout c, Layout a, Layout b, Layout bias) {
    return Primitive.make(
        this,
        threads,
        "dnnl_matmul_primitive_desc_create",
        epilogue.attributes(c),
        (descriptor, attributes) ->
            dnnl_matmul_primitive_desc_create(
                descriptor,
                OneDnn.engine(),
                a.descriptor(),
                b.descriptor(),
                epilogue.bias() ? bias.descriptor() : null,
                c.descriptor(),
                attributes));
  }
}
