package dev.thaw.cpu;

import static org.bytedeco.dnnl.global.dnnl.*;

import dev.thaw.backend.GemmShape;

/**
 * C = op(A) op(B) + bias + residual, then max(0, ·), for one shape.
 *
 * <p>B is read as it lies: oneDNN copies a panel at a time while it multiplies, so that packing B
 * anew for every call would only add to it. Where B stays, {@link #pack} once and {@link
 * #executePacked} save that copy.
 */
final class Matmul implements Prepared {
  /**
   * Identifies an instance: what it was made from.
   *
   * @param packed whether B is to lie as oneDNN likes it best
   */
  record Key(GemmShape shape, Epilogue epilogue, boolean packed, int threads) {}

  private final Epilogue epilogue;
  private final Primitive product;
  private final PackedWeights packing;
  private final long scratchBytes;

  Matmul(Key key) {
    epilogue = key.epilogue;
    GemmShape s = key.shape;
    boolean flat = s.batch() == 1;
    int batchA = s.sharedA() ? 1 : s.batch();
    int batchB = s.sharedB() ? 1 : s.batch();
    try (Layout c = matrices(flat, s.batch(), s.m(), s.n(), false);
        Layout a = matrices(flat, batchA, s.m(), s.k(), s.transA());
        Layout b = matrices(flat, batchB, s.k(), s.n(), s.transB());
        Layout any = flat ? Layout.any(s.k(), s.n()) : Layout.any(batchB, s.k(), s.n());
        Layout bias = matrices(flat, 1, 1, s.n(), false);
        Primitive.Maker maker = describe(key, c, a, key.packed ? any : b, bias);
        Layout chosen = maker.chosen(dnnl_query_weights_md)) {
      maker.with(DNNL_ARG_DST, c).with(DNNL_ARG_SRC, a).with(DNNL_ARG_WEIGHTS, chosen);
      if (epilogue.bias()) {
        maker.with(DNNL_ARG_BIAS, bias);
      }
      if (epilogue.residual() == Epilogue.Residual.SEPARATE) {
        maker.with(Epilogue.RESIDUAL_ARGUMENT, c);
      }
      product = maker.build();
      packing = PackedWeights.into(chosen, b, key, key.threads);
      scratchBytes = Math.max(product.scratchBytes(), packing.scratchBytes());
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

  private static Primitive.Maker describe(Key key, Layout c, Layout a, Layout b, Layout bias) {
    return Primitive.make(
        key,
        key.threads,
        "dnnl_matmul_primitive_desc_create",
        key.epilogue.attributes(c),
        (descriptor, attributes) ->
            dnnl_matmul_primitive_desc_create(
                descriptor,
                OneDnn.engine(),
                a.descriptor(),
                b.descriptor(),
                key.epilogue.bias() ? bias.descriptor() : null,
                c.descriptor(),
                attributes));
  }

  /** Bytes of a packed B; 0 when B is used as it lies. */
  long packedBytes() {
    return packing.bytes();
  }

  /** Bytes of scratch that {@link #pack} and {@link #executePacked} need. */
  long scratchBytes() {
    return scratchBytes;
  }

  @Override
  public long workspaceBytes() {
    return Prepared.align(packing.bytes()) + scratchBytes;
  }

  /** packed = b in the layout of choice; returns where B now is, packed or b itself. */
  long pack(long packed, long b, long scratch) {
    return packing.pack(packed, b, scratch);
  }

  /**
   * Computes with a B that {@link #pack} returned.
   *
   * @param bias read if the epilogue has one
   * @param residual read if the epilogue has a separate one
   */
  void executePacked(long c, long a, long packed, long bias, long residual, long scratch) {
    product.set(0, c);
    product.set(1, a);
    product.set(2, packed);
    int next = 3;
    if (epilogue.bias()) {
      product.set(next++, bias);
    }
    if (epilogue.residual() == Epilogue.Residual.SEPARATE) {
      product.set(next, residual);
    }
    product.execute(scratch);
  }

  /** Packs if this was made to, and computes. */
  void execute(long c, long a, long b, long bias, long residual, long workspace) {
    long scratch = workspace + Prepared.align(packing.bytes());
    executePacked(c, a, pack(workspace, b, scratch), bias, residual, scratch);
  }

  @Override
  public void close() {
    product.close();
    packing.close();
  }
}
