package dev.thaw.cpu;

import static org.bytedeco.dnnl.global.dnnl.*;

import dev.thaw.backend.ConvShape;

/**
 * dx from dy and w. The weights' best layout is another one than forward's, so they are packed
 * anew; a frozen convolution packs once.
 */
record ConvBackwardData(ConvShape shape, int threads) implements Recipe<Product> {
  /** The same as a matrix product where that is faster. */
  static Recipe<Product> of(ConvShape s, int threads) {
    return Pointwise.hasLargeWeights(s)
        ? new Matmul(Pointwise.backwardData(s), Epilogue.NONE, false, threads)
        : new ConvBackwardData(s, threads);
  }

  @Override
  public Product prepare() {
    try (ConvLayouts all = new ConvLayouts(shape);
        Primitive.Maker forward =
            new ConvForward(shape, Epilogue.NONE, threads).describe(all, dnnl_forward_training);
        Primitive.Maker maker = describe(all, forward)) {
      return new Product(
          this,
          maker,
          Epilogue.NONE,
          DNNL_ARG_DIFF_SRC,
          all.x,
          DNNL_ARG_DIFF_DST,
          all.y,
          all.weights,
          all.bias);
    }
  }

  private Primitive.Maker describe(ConvLayouts all, Primitive.Maker forward) {
    return Primitive.make(
        this,
        threads,
        "dnnl_convolution_backward_data_primitive_desc_create",
        Epilogue.NONE.attributes(all.x),
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
                forward.descriptor(),
                attributes));
  }
}
