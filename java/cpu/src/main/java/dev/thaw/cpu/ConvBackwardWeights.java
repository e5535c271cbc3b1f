package dev.thaw.cpu;

import static org.bytedeco.dnnl.global.dnnl.*;

import dev.thaw.backend.ConvShape;

/**
 * dw, and db if wanted, from dy and x. oneDNN writes dw in the layout it likes, from where it is
 * copied into ours; it cannot add to what is there.
 */
record ConvBackwardWeights(ConvShape shape, boolean bias, int threads)
    implements Recipe<ConvBackwardWeights.Call> {
  @Override
  public Call prepare() {
    try (ConvLayouts all = new ConvLayouts(shape);
        Primitive.Maker forward =
            new ConvForward(shape, Epilogue.NONE, threads).describe(all, dnnl_forward_training);
        Primitive.Maker maker = describe(all, forward);
        Layout weights = maker.chosen(dnnl_query_diff_weights_md)) {
      maker
          .with(DNNL_ARG_DIFF_WEIGHTS, weights)
          .with(DNNL_ARG_DIFF_DST, all.y)
          .with(DNNL_ARG_SRC, all.x);
      if (bias) {
        maker.with(DNNL_ARG_DIFF_BIAS, all.bias);
      }
      return new Call(bias, maker.build(), Packing.outOf(weights, all.weights, this, threads));
    }
  }

  private Primitive.Maker describe(ConvLayouts all, Primitive.Maker forward) {
    return Primitive.make(
        this,
        threads,
        "dnnl_convolution_backward_weights_primitive_desc_create",
        Epilogue.NONE.attributes(all.y),
        (descriptor, attributes) ->
            dnnl_convolution_backward_weights_primitive_desc_create(
                descriptor,
                OneDnn.engine(),
                dnnl_convolution_direct,
                all.x.descriptor(),
                all.anyWeights.descriptor(),
                bias ? all.bias.descriptor() : null,
                all.y.descriptor(),
                all.strides,
                all.dilations,
                all.paddings,
                all.paddings,
                forward.descriptor(),
                attributes));
  }

  /** The prepared call. */
  static final class Call implements Prepared {
    private final boolean bias;
    private final Primitive conv;
    private final Packing unpacking;

    private Call(boolean bias, Primitive conv, Packing unpacking) {
      this.bias = bias;
      this.conv = conv;
      this.unpacking = unpacking;
    }

    @Override
    public long workspaceBytes() {
      return Prepared.align(unpacking.bytes())
          + Math.max(conv.scratchBytes(), unpacking.scratchBytes());
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
}
