package dev.thaw.cpu;

import static org.bytedeco.dnnl.global.dnnl.*;

import dev.thaw.backend.ConvShape;
import org.bytedeco.dnnl.dnnl_primitive_desc;

/**
 * dx from dy and w, for one shape. The weights' best layout is another one than forward's, so they
 * are packed anew; a frozen convolution packs once, as in {@link ConvForward}.
 */
final class ConvBackwardData implements Prepared {
  /** Identifies an instance: what it was made from. */
  record Key(ConvShape shape, int threads) {}

  private final Primitive conv;
  private final PackedWeights packing;
  private final long scratchBytes;

  ConvBackwardData(Key key) {
    try (ConvLayouts all = new ConvLayouts(key.shape);
        Primitive.Maker forward = forwardHint(key.shape, key.threads, all);
        Primitive.Maker maker = describe(key, all, forward.descriptor());
        Layout weights = maker.chosen(dnnl_query_weights_md)) {
      conv =
          maker
              .with(DNNL_ARG_DIFF_SRC, all.x)
              .with(DNNL_ARG_DIFF_DST, all.y)
              .with(DNNL_ARG_WEIGHTS, weights)
              .build();
      packing = PackedWeights.into(weights, all.weights, key, key.threads);
      scratchBytes = Math.max(conv.scratchBytes(), packing.scratchBytes());
    }
  }

  /** The forward descriptor that oneDNN asks for when a backward one is made. */
  static Primitive.Maker forwardHint(ConvShape shape, int threads, ConvLayouts all) {
    return Primitive.make(
        shape,
        threads,
        "dnnl_convolution_forward_primitive_desc_create",
        Epilogue.NONE.attributes(all.y),
        (descriptor, attributes) ->
            dnnl_convolution_forward_primitive_desc_create(
                descriptor,
                OneDnn.engine(),
                dnnl_forward_training,
                dnnl_convolution_direct,
                all.x.descriptor(),
                all.anyWeights.descriptor(),
                null,
                all.y.descriptor(),
                all.strides,
                all.dilations,
                all.paddings,
                all.paddings,
                attributes));
  }

  private static Primitive.Maker describe(Key key, ConvLayouts all, dnnl_primitive_desc forward) {
    return Primitive.make(
        key,
        key.threads,
        "dnnl_convolution_backward_data_primitive_desc_create",
        Epilogue.NONE.attributes(all.y),
        (descriptor, attributes) ->
            dnnl_convolution_backward_data_primitive_desc_create(
                descriptor,
                OneDnn.engine(),
                dnnl_convolution_direct,
                all.x.descriptor(),
                all.anyWeights.descriptor(),
                all.y.descriptor(),
                all.strides,
                all.dilations,
                all.paddings,
                all.paddings,
                forward,
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

  /** Computes with weights that {@link #pack} wrote, or with ours where nothing is packed. */
  void executePacked(long dx, long dy, long packed, long scratch) {
    conv.set(0, dx);
    conv.set(1, dy);
    conv.set(2, packed);
    conv.execute(scratch);
  }

  /** Packs and computes. */
  void execute(long dx, long dy, long w, long workspace) {
    long scratch = workspace + Prepared.align(packing.bytes());
    executePacked(dx, dy, pack(workspace, w, scratch), scratch);
  }

  @Override
  public void close() {
    conv.close();
    packing.close();
  }
}
