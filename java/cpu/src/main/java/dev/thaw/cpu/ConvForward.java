package dev.thaw.cpu;

import static org.bytedeco.dnnl.global.dnnl.*;

import dev.thaw.backend.ConvShape;

/**
 * y = x ∗ w + bias + residual, then max(0, ·), for one shape.
 *
 * <p>Whose weights change calls {@link #execute}; whose weights stay calls {@link #pack} once and
 * then {@link #executePacked}, with packed weights that any number of instances may read.
 */
final class ConvForward implements Prepared {
  /** Identifies an instance: what it was made from. */
  record Key(ConvShape shape, Epilogue epilogue, int threads) {}

  private final Epilogue epilogue;
  private final Primitive conv;
  private final PackedWeights packing;
  private final long scratchBytes;

  ConvForward(Key key) {
    epilogue = key.epilogue;
    try (ConvLayouts all = new ConvLayouts(key.shape);
        Primitive.Maker maker = describe(key, all);
        Layout weights = maker.chosen(dnnl_query_weights_md)) {
      maker.with(DNNL_ARG_DST, all.y).with(DNNL_ARG_SRC, all.x).with(DNNL_ARG_WEIGHTS, weights);
      if (epilogue.bias()) {
        maker.with(DNNL_ARG_BIAS, all.bias);
      }
      if (epilogue.residual() == Epilogue.Residual.SEPARATE) {
        maker.with(Epilogue.RESIDUAL_ARGUMENT, all.y);
      }
      conv = maker.build();
      packing = PackedWeights.into(weights, all.weights, key, key.threads);
      scratchBytes = Math.max(conv.scratchBytes(), packing.scratchBytes());
    }
  }

  private static Primitive.Maker describe(Key key, ConvLayouts all) {
    return Primitive.make(
        key,
        key.threads,
        "dnnl_convolution_forward_primitive_desc_create",
        key.epilogue.attributes(all.y),
        (descriptor, attributes) ->
            dnnl_convolution_forward_primitive_desc_create(
                descriptor,
                OneDnn.engine(),
                dnnl_forward_inference,
                dnnl_convolution_direct,
                all.x.descriptor(),
                all.anyWeights.descriptor(),
                key.epilogue.bias() ? all.bias.descriptor() : null,
                all.y.descriptor(),
                all.strides,
                all.dilations,
                all.paddings,
                all.paddings,
                attributes));
  }

  /** Bytes of packed weights; 0 when our own layout is used as it is. */
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
   * Computes with weights that {@link #pack} wrote, or with ours where there is nothing to pack.
   *
   * @param bias read if the epilogue has one
   * @param residual read if the epilogue has a separate one
   */
  void executePacked(long y, long x, long packed, long bias, long residual, long scratch) {
    conv.set(0, y);
    conv.set(1, x);
    conv.set(2, packed);
    int next = 3;
    if (epilogue.bias()) {
      conv.set(next++, bias);
    }
    if (epilogue.residual() == Epilogue.Residual.SEPARATE) {
      conv.set(next, residual);
    }
    conv.execute(scratch);
  }

  /** Packs and computes. */
  void execute(long y, long x, long w, long bias, long residual, long workspace) {
    long scratch = workspace + Prepared.align(packing.bytes());
    executePacked(y, x, pack(workspace, w, scratch), bias, residual, scratch);
  }

  @Override
  public void close() {
    conv.close();
    packing.close();
  }
}
