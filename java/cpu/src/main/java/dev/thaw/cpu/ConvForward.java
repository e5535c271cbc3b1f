package dev.thaw.cpu;

import static org.bytedeco.dnnl.global.dnnl.*;

import dev.thaw.backend.ConvShape;

/** y = x ∗ w + bias + residual, then max(0, ·). */
record ConvForward(ConvShape shape, Epilogue epilogue, int threads) implements Recipe<Product> {
  /** The same as a matrix product where that is faster: see {@link Pointwise}. */
  static Recipe<Product> of(ConvShape s, Epilogue epilogue, int threads) {
    return Pointwise.hasLargeWeights(s)
        ? new Matmul(Pointwise.forward(s), epilogue, false, threads)
        : new ConvForward(s, epilogue, threads);
  }

  @Override
  public Product prepare() {
    try (ConvLayouts all = new ConvLayouts(shape);
        Primitive.Maker maker = describe(all, dnnl_forward_inference)) {
      return new Product(
          this, maker, epilogue, DNNL_ARG_DST, all.y, DNNL_ARG_SRC, all.x, all.weights, all.bias);
    }
  }

  /** The descriptor, which the backward ones ask for as a hint. */
  Primitive.Maker describe(ConvLayouts all, int propagation) {
    return Primitive.make(
        this,
        threads,
        "dnnl_convolution_forward_primitive_desc_create",
        epilogue.attributes(all.y),
        (descriptor, attributes) ->
            dnnl_convolution_forward_primitive_desc_create(
                descriptor,
                OneDnn.engine(),
                propagation,
                dnnl_convolution_direct,
                all.x.descriptor(),
                all.anyWeights.descriptor(),
                epilogue.bias() ? all.bias.descriptor() : null,
                all.y.descriptor(),
                all.strides,
                all.dilations,
                all.paddings,
                all.paddings,
                attributes));
  }
}
