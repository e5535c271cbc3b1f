package dev.thaw.cpu;

import dev.thaw.backend.ConvShape;

/** A convolution's sizes as oneDNN wants them; the three primitives share them. */
final class ConvLayouts implements AutoCloseable {
  /** Pictures in and out, and their gradients. */
  final Layout x;

  final Layout y;

  /** Our weights, [k, kh, kw, c / groups]. */
  final Layout weights;

  /** The weights as oneDNN likes them best. */
  final Layout anyWeights;

  final Layout bias;

  final long[] strides;

  /** oneDNN counts the gaps between taps: 0 where we say 1. */
  final long[] dilations;

  final long[] paddings;

  ConvLayouts(ConvShape s) {
    x = Layout.pictures(s.n(), s.h(), s.w(), s.c());
    y = Layout.pictures(s.n(), s.outH(), s.outW(), s.k());
    bias = Layout.vector(s.k());
    strides = new long[] {s.strideH(), s.strideW()};
    dilations = new long[] {s.dilationH() - 1, s.dilationW() - 1};
    paddings = new long[] {s.padH(), s.padW()};
    long in = s.c() / s.groups();
    long out = s.k() / s.groups();
    long row = s.kw() * in;
    long filter = s.kh() * row;
    if (s.groups() == 1) {
      long[] dims = {out, in, s.kh(), s.kw()};
      weights = Layout.strided(dims, new long[] {filter, 1, row, in});
      anyWeights = Layout.any(dims);
    } else {
      long[] dims = {s.groups(), out, in, s.kh(), s.kw()};
      weights = Layout.strided(dims, new long[] {out * filter, filter, 1, row, in});
      anyWeights = Layout.any(dims);
    }
  }

  @Override
  public void close() {
    x.close();
    y.close();
    weights.close();
    anyWeights.close();
    bias.close();
  }
}
