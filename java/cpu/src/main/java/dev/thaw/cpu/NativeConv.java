package dev.thaw.cpu;

import org.bytedeco.javacpp.annotation.Cast;
import org.bytedeco.javacpp.annotation.NoException;
import org.bytedeco.javacpp.annotation.Platform;

/** The convolutions of {@code native/thaw_cpu.h}, declared as {@link Native} declares the rest. */
@Platform(include = "thaw_cpu.h")
@NoException
final class NativeConv {
  private NativeConv() {}

  static native void thaw_stem_forward(
      @Cast("float*") long y,
      @Cast("const float*") long x,
      @Cast("const float*") long w,
      @Cast("const float*") long bias,
      int relu,
      int n,
      int h,
      int width,
      int c,
      int k,
      int kh,
      int kw,
      int strideH,
      int strideW,
      int padH,
      int padW,
      int dilationH,
      int dilationW,
      int threads);

  static native void thaw_stem_backward(
      @Cast("float*") long dw,
      @Cast("float*") long db,
      @Cast("const float*") long dy,
      @Cast("const float*") long x,
      int n,
      int h,
      int width,
      int c,
      int k,
      int kh,
      int kw,
      int strideH,
      int strideW,
      int padH,
      int padW,
      int dilationH,
      int dilationW,
      int threads);

  static native void thaw_winograd_weights(
      @Cast("float*") long u, @Cast("const float*") long w, int c, int k, int threads);

  static native void thaw_winograd_weights_back(
      @Cast("float*") long u, @Cast("const float*") long w, int c, int k, int threads);

  static native void thaw_winograd_forward(
      @Cast("float*") long y,
      @Cast("const float*") long x,
      @Cast("const float*") long u,
      @Cast("const float*") long bias,
      @Cast("const float*") long residual,
      int relu,
      int n,
      int h,
      int width,
      int c,
      int k,
      int padH,
      int padW,
      int threads);

  static native void thaw_winograd_gradient(
      @Cast("float*") long dw,
      @Cast("float*") long u,
      @Cast("const float*") long dy,
      @Cast("const float*") long x,
      int n,
      int h,
      int width,
      int c,
      int k,
      int padH,
      int padW,
      int threads);

  static native void thaw_winograd4_weights(
      @Cast("float*") long u, @Cast("const float*") long w, int c, int k, int stride, int threads);

  static native void thaw_winograd4_forward(
      @Cast("float*") long y,
      @Cast("const float*") long x,
      @Cast("const float*") long u,
      @Cast("const float*") long bias,
      @Cast("const float*") long residual,
      int relu,
      int n,
      int h,
      int width,
      int c,
      int k,
      int stride,
      int padH,
      int padW,
      int threads);

  static native void thaw_cook_toom_weights(
      @Cast("float*") long u, @Cast("const float*") long w, int k, int kh);

  static native void thaw_cook_toom_forward(
      @Cast("float*") long y,
      @Cast("const float*") long x,
      @Cast("const float*") long u,
      @Cast("const float*") long bias,
      @Cast("const float*") long residual,
      int relu,
      int n,
      int h,
      int width,
      int k,
      int kh,
      int strideH,
      int padH,
      int padW,
      int threads);

  static native void thaw_pointwise_weights(
      @Cast("float*") long u, @Cast("const float*") long w, int c, int k, int threads);

  static native void thaw_pointwise_forward(
      @Cast("float*") long y,
      @Cast("const float*") long x,
      @Cast("const float*") long u,
      @Cast("const float*") long bias,
      @Cast("const float*") long residual,
      int relu,
      int n,
      int h,
      int width,
      int c,
      int k,
      int strideH,
      int strideW,
      int threads);
}
