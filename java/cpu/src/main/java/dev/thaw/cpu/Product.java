package dev.thaw.cpu;

import static org.bytedeco.dnnl.global.dnnl.*;

/**
 * A prepared y = x · w + bias + residual, then max(0, ·), where · is a convolution, its transpose
 * (the data gradient) or a matrix product: {@link ConvForward}, {@link ConvBackwardData} and {@link
 * Matmul} make these.
 *
 * <p>Whose weights change calls {@link #execute}. Whose weights stay calls {@link #pack} once and
 * then {@link #executePacked}, with packed weights that any number of instances may read.
 */
final class Product implements Prepared {
  private final Epilogue epilogue;
  private final Primitive primitive;
  private final Layout weights;
  private final Packing packing;
  private final long scratchBytes;

  /**
   * Builds the primitive.
   *
   * @param result oneDNN's number of the argument that is written, which lies as {@code y}
   * @param input the number of the one that is multiplied with the weights, which lies as {@code x}
   * @param ours how the caller's weights lie
   */
  Product(
      Recipe<Product> recipe,
      Primitive.Maker maker,
      Epilogue epilogue,
      int result,
      Layout y,
      int input,
      Layout x,
      Layout ours,
      Layout bias) {
    this.epilogue = epilogue;
    weights = maker.chosen(dnnl_query_weights_md);
    maker.with(result, y).with(input, x).with(DNNL_ARG_WEIGHTS, weights);
    if (epilogue.bias()) {
      maker.with(DNNL_ARG_BIAS, bias);
    }
    if (epilogue.residual() == Epilogue.Residual.SEPARATE) {
      maker.with(Epilogue.RESIDUAL_ARGUMENT, y);
    }
    primitive = maker.build();
    packing = Packing.into(weights, ours, recipe, maker.threads());
    scratchBytes = Math.max(primitive.scratchBytes(), packing.scratchBytes());
  }

  /** How packed weights lie. */
  Layout weights() {
    return weights;
  }

  /** Bytes of packed weights; 0 when the caller's layout is used as it is. */
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

  /** packed = w in the layout of choice; returns where the weights now are, packed or w itself. */
  long pack(long packed, long w, long scratch) {
    return packing.pack(packed, w, scratch);
  }

  /**
   * Computes with weights where {@link #pack} said they are.
   *
   * @param bias read if the epilogue has one
   * @param residual read if the epilogue has a separate one
   */
  void executePacked(long y, long x, long packed, long bias, long residual, long scratch) {
    primitive.set(0, y);
    primitive.set(1, x);
    primitive.set(2, packed);
    int next = 3;
    if (epilogue.bias()) {
      primitive.set(next++, bias);
    }
    if (epilogue.residual() == Epilogue.Residual.SEPARATE) {
      primitive.set(next, residual);
    }
    primitive.execute(scratch);
  }

  /** Packs where need be, and computes. */
  void execute(long y, long x, long w, long bias, long residual, long workspace) {
    long scratch = workspace + Prepared.align(packing.bytes());
    executePacked(y, x, pack(workspace, w, scratch), bias, residual, scratch);
  }

  @Override
  public void close() {
    primitive.close();
    packing.close();
    weights.close();
  }
}
