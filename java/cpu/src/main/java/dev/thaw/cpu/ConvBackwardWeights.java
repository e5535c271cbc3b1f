package dev.thaw.cpu;

import static org.bytedeco.dnnl.global.dnnl.*;

import dev.thaw.backend.ConvShape;
import org.bytedeco.dnnl.dnnl_primitive_desc;

/**
 * dw, and db if wanted, from dy and x, for one shape. oneDNN writes dw in the layout it likes, from
 * where it is copied into ours.
 */
final class ConvBackwardWeights implements Prepared {
  /** Identifies an instance: what it was made from. */
  record Key(ConvShape shape, boolean bias, int threads) {}

  private final boolean bias;
  private final Primitive conv;
  private final PackedWeights unpacking;
  private final long scratchBytes;

  ConvBackwardWeights(Key key) {
    bias = key.bias;
    try (ConvLayouts all = new ConvLayouts(key.shape);
        Primitive.Maker forward = ConvBackwardData.forwardHint(key.shape, key.threads, all);
        Primitive.Maker maker = describe(key, all, forward.descriptor());
        Layout weights = maker.chosen(dnnl_query_diff_weights_md)) {
      maker
          .with(DNNL_ARG_DIFF_WEIGHTS, weights)
          .with(DNNL_ARG_DIFF_DST, all.y)
          .with(DNNL_ARG_SRC, all.x);
      if (bias) {
        maker.with(DNNL_ARG_DIFF_BIAS, all.bias);
      }
      conv = maker.build();
      unpacking = PackedWeights.outOf(weights, all.weights, key, key.threads);
      scratchBytes = Math.max(conv.scratchBytes(), unpacking.scratchBytes());
    }
  }

  private static Primitive.Maker describe(Key key, ConvLayouts all, dnnl_primitive_desc forward) {
    return Primitive.make(
        key,
        key.threads,
        "dnnl_convolution_backward_weights_primitive_desc_create",
        Epilogue.NONE.attributes(all.y),
        (descriptor, attributes) ->
            dnnl_convolution_backward_weights_primitive_desc_create(
                descriptor,
                OneDnn.engine(),
                dnnl_convolution_direct,
                all.x.descriptor(),
                all.anyWeights.descriptor(),
                key.bias ? all.bias.descriptor() : null,
                all.y.descriptor(),
                all.strides,
                all.dilations,
                all.paddings,
                all.paddings,
                forward,
                attributes));
  }

  @Override
  public long workspaceBytes() {
    return Prepared.align(unpacking.bytes()) + scratchBytes;
  }

  /**
   * Computes.
   *
   * @param db written if this was made with a bias
   */
  void execute(long dw, long db, long dy, long x, long workspace) {
    long scratch = workspace + Prepared.align(unpacking.bytes());
    conv.set(0, unpacking.target(workspace, dw));
    conv.set(1, dy);
    conv.set(2, x);
    if (bias) {
      conv.set(3, db);
    }
    conv.execute(scratch);
    unpacking.unpack(dw, workspace, scratch);
  }

  @Override
  public void close() {
    conv.close();
    unpacking.close();
  }
}
