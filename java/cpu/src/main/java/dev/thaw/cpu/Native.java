package dev.thaw.cpu;

import org.bytedeco.javacpp.annotation.Cast;
import org.bytedeco.javacpp.annotation.NoException;
import org.bytedeco.javacpp.annotation.Platform;

/**
 * {@code native/thaw_cpu.h} as Java declarations, same names, same order; a test compares the two.
 * Convolutions are in {@link NativeConv}. Addresses are longs: no object is made for a call.
 * JavaCPP writes the C++ side of the binding while the module is built.
 */
@Platform(include = "thaw_cpu.h")
@NoException
final class Native {
  private Native() {}

  static native int thaw_abi_version();

  static native int thaw_choose_isa(int wanted);

  static native int thaw_isa();

  static native void thaw_set_threads(int threads);

  static native @Cast("int64_t") long thaw_allocate(@Cast("int64_t") long bytes);

  static native void thaw_free(@Cast("int64_t") long address, @Cast("int64_t") long bytes);

  static native void thaw_copy(
      @Cast("void*") long y, @Cast("const void*") long x, @Cast("int64_t") long bytes, int threads);

  static native void thaw_copy_strided(
      @Cast("void*") long y,
      @Cast("const void*") long x,
      int elementBytes,
      @Cast("int64_t") long yOffset,
      @Cast("int64_t") long xOffset,
      @Cast("const int*") int[] walk,
      int rank,
      int threads);

  static native void thaw_fill(
      @Cast("void*") long y, int dtype, @Cast("int64_t") long n, double value, int threads);

  static native void thaw_cast(
      @Cast("void*") long y,
      int yType,
      @Cast("const void*") long x,
      int xType,
      @Cast("int64_t") long n,
      int threads);

  static native int thaw_unary_find(@Cast("const char*") byte[] name);

  static native void thaw_unary_forward(
      int f,
      @Cast("float*") long y,
      @Cast("const float*") long x,
      @Cast("int64_t") long n,
      double a,
      double b,
      int threads);

  static native void thaw_unary_backward(
      int f,
      @Cast("float*") long dx,
      @Cast("const float*") long dy,
      @Cast("const float*") long saved,
      @Cast("int64_t") long n,
      double a,
      double b,
      int threads);

  static native void thaw_binary_2d(
      int f,
      @Cast("float*") long y,
      @Cast("const float*") long a,
      @Cast("const float*") long b,
      @Cast("int64_t") long rows,
      @Cast("int64_t") long columns,
      @Cast("int64_t") long aRow,
      @Cast("int64_t") long aColumn,
      @Cast("int64_t") long bRow,
      @Cast("int64_t") long bColumn,
      int threads);

  static native void thaw_binary_nd(
      int f,
      @Cast("float*") long y,
      @Cast("const float*") long a,
      @Cast("const float*") long b,
      @Cast("const int*") int[] walk,
      int rank,
      int threads);

  static native void thaw_reduce(
      int reduction,
      @Cast("float*") long y,
      @Cast("const float*") long x,
      @Cast("int64_t") long outer,
      @Cast("int64_t") long n,
      @Cast("int64_t") long inner,
      double scale,
      int threads);

  static native void thaw_gemv(
      @Cast("float*") long y,
      @Cast("const float*") long w,
      @Cast("const float*") long x,
      @Cast("const float*") long bias,
      int relu,
      @Cast("int64_t") long rows,
      @Cast("int64_t") long k,
      int threads);

  static native void thaw_argmax(
      @Cast("int64_t*") long y,
      @Cast("const float*") long x,
      @Cast("int64_t") long outer,
      @Cast("int64_t") long n,
      @Cast("int64_t") long inner,
      int threads);

  static native void thaw_pool_max_forward(
      @Cast("float*") long y,
      @Cast("int32_t*") long where,
      @Cast("const float*") long x,
      int n,
      int h,
      int w,
      int c,
      int outH,
      int outW,
      int kh,
      int kw,
      int strideH,
      int strideW,
      int padH,
      int padW,
      int adaptive,
      int threads);

  static native void thaw_pool_max_backward(
      @Cast("float*") long dx,
      @Cast("const float*") long dy,
      @Cast("const int32_t*") long where,
      @Cast("const float*") long y,
      int n,
      int h,
      int w,
      int c,
      int outH,
      int outW,
      int kh,
      int kw,
      int strideH,
      int strideW,
      int padH,
      int padW,
      int adaptive,
      int threads);

  static native void thaw_pool_average_forward(
      @Cast("float*") long y,
      @Cast("const float*") long x,
      int n,
      int h,
      int w,
      int c,
      int outH,
      int outW,
      int kh,
      int kw,
      int strideH,
      int strideW,
      int padH,
      int padW,
      int countPadding,
      int adaptive,
      int threads);

  static native void thaw_pool_average_backward(
      @Cast("float*") long dx,
      @Cast("const float*") long dy,
      int n,
      int h,
      int w,
      int c,
      int outH,
      int outW,
      int kh,
      int kw,
      int strideH,
      int strideW,
      int padH,
      int padW,
      int countPadding,
      int adaptive,
      int threads);

  static native void thaw_norm_statistics(
      @Cast("float*") long mean,
      @Cast("float*") long variance,
      @Cast("const float*") long x,
      @Cast("int64_t") long rows,
      @Cast("int64_t") long channels,
      int threads);

  static native void thaw_norm_track(
      @Cast("float*") long runningMean,
      @Cast("float*") long runningVariance,
      @Cast("const float*") long mean,
      @Cast("const float*") long variance,
      @Cast("int64_t") long rows,
      @Cast("int64_t") long channels,
      double momentum);

  static native void thaw_norm_batch_forward(
      @Cast("float*") long y,
      @Cast("const float*") long x,
      @Cast("const float*") long gamma,
      @Cast("const float*") long beta,
      @Cast("const float*") long mean,
      @Cast("const float*") long variance,
      @Cast("const float*") long residual,
      int relu,
      @Cast("int64_t") long rows,
      @Cast("int64_t") long channels,
      double eps,
      int threads);

  static native void thaw_norm_batch_backward(
      @Cast("float*") long dx,
      @Cast("float*") long dgamma,
      @Cast("float*") long dbeta,
      @Cast("float*") long dresidual,
      @Cast("const float*") long dy,
      @Cast("const float*") long x,
      @Cast("const float*") long gamma,
      @Cast("const float*") long beta,
      @Cast("const float*") long mean,
      @Cast("const float*") long variance,
      @Cast("const float*") long y,
      @Cast("int64_t") long rows,
      @Cast("int64_t") long channels,
      double eps,
      int threads);

  static native void thaw_norm_constant_backward(
      @Cast("float*") long dx,
      @Cast("const float*") long dy,
      @Cast("const float*") long gamma,
      @Cast("const float*") long variance,
      @Cast("int64_t") long rows,
      @Cast("int64_t") long channels,
      double eps,
      int threads);

  static native void thaw_norm_layer_forward(
      @Cast("float*") long y,
      @Cast("float*") long mean,
      @Cast("float*") long rstd,
      @Cast("const float*") long x,
      @Cast("const float*") long gamma,
      @Cast("const float*") long beta,
      @Cast("int64_t") long rows,
      @Cast("int64_t") long columns,
      double eps,
      int threads);

  static native void thaw_norm_layer_backward(
      @Cast("float*") long dx,
      @Cast("float*") long dgamma,
      @Cast("float*") long dbeta,
      @Cast("const float*") long dy,
      @Cast("const float*") long x,
      @Cast("const float*") long gamma,
      @Cast("const float*") long mean,
      @Cast("const float*") long rstd,
      @Cast("int64_t") long rows,
      @Cast("int64_t") long columns,
      int threads);

  static native void thaw_norm_pixels(
      @Cast("float*") long y,
      @Cast("const unsigned char*") long x,
      @Cast("const float*") long mean,
      @Cast("const float*") long std,
      @Cast("int64_t") long rows,
      @Cast("int64_t") long channels,
      int threads);

  static native void thaw_softmax_forward(
      @Cast("float*") long y,
      @Cast("const float*") long x,
      int log,
      @Cast("int64_t") long rows,
      @Cast("int64_t") long columns,
      int threads);

  static native void thaw_softmax_backward(
      @Cast("float*") long dx,
      @Cast("const float*") long dy,
      @Cast("const float*") long y,
      int log,
      @Cast("int64_t") long rows,
      @Cast("int64_t") long columns,
      int threads);

  static native @Cast("int64_t") long thaw_cross_entropy(
      @Cast("float*") long loss,
      @Cast("float*") long total,
      @Cast("float*") long logProbabilities,
      @Cast("const float*") long logits,
      @Cast("const void*") long targets,
      int wideTargets,
      @Cast("const float*") long weights,
      double smoothing,
      @Cast("int64_t") long ignored,
      @Cast("int64_t") long rows,
      @Cast("int64_t") long columns,
      int threads);

  static native @Cast("int64_t") long thaw_cross_entropy_backward(
      @Cast("float*") long dlogits,
      @Cast("const float*") long dloss,
      @Cast("const float*") long total,
      @Cast("const float*") long logProbabilities,
      @Cast("const void*") long targets,
      int wideTargets,
      @Cast("const float*") long weights,
      double smoothing,
      @Cast("int64_t") long ignored,
      @Cast("int64_t") long rows,
      @Cast("int64_t") long columns,
      int threads);

  static native @Cast("int64_t") long thaw_take(
      @Cast("void*") long y,
      @Cast("const void*") long x,
      int elementBytes,
      @Cast("const void*") long index,
      int wide,
      @Cast("int64_t") long outer,
      @Cast("int64_t") long n,
      @Cast("int64_t") long count,
      @Cast("int64_t") long inner,
      int threads);

  static native @Cast("int64_t") long thaw_take_backward(
      @Cast("float*") long dx,
      @Cast("const float*") long dy,
      @Cast("const void*") long index,
      int wide,
      @Cast("int64_t") long outer,
      @Cast("int64_t") long n,
      @Cast("int64_t") long count,
      @Cast("int64_t") long inner,
      int threads);

  static native @Cast("int64_t") long thaw_gather(
      @Cast("void*") long y,
      @Cast("const void*") long x,
      int elementBytes,
      @Cast("const void*") long index,
      int wide,
      @Cast("int64_t") long outer,
      @Cast("int64_t") long n,
      @Cast("int64_t") long count,
      @Cast("int64_t") long inner,
      int threads);

  static native @Cast("int64_t") long thaw_gather_backward(
      @Cast("float*") long dx,
      @Cast("const float*") long dy,
      @Cast("const void*") long index,
      int wide,
      @Cast("int64_t") long outer,
      @Cast("int64_t") long n,
      @Cast("int64_t") long count,
      @Cast("int64_t") long inner,
      int threads);

  static native void thaw_resize_forward(
      @Cast("float*") long y,
      @Cast("const float*") long x,
      int n,
      int h,
      int w,
      int c,
      int outH,
      int outW,
      int bilinear,
      int alignCorners,
      int threads);

  static native void thaw_resize_backward(
      @Cast("float*") long dx,
      @Cast("const float*") long dy,
      int n,
      int h,
      int w,
      int c,
      int outH,
      int outW,
      int bilinear,
      int alignCorners,
      int threads);

  static native void thaw_uniform(
      @Cast("float*") long y,
      @Cast("int64_t") long n,
      @Cast("int64_t") long seed,
      int stream,
      int call,
      int threads);

  static native void thaw_dropout(
      @Cast("float*") long y,
      @Cast("const float*") long x,
      @Cast("const double*") long callBase,
      @Cast("int64_t") long n,
      double p,
      @Cast("int64_t") long seed,
      int stream,
      int call,
      int threads);

  static native void thaw_update_norm(
      @Cast("double*") long squares,
      @Cast("double*") long state,
      @Cast("const thaw_segment*") long table,
      int count,
      int threads);

  static native void thaw_update_step(
      int rule,
      @Cast("const thaw_segment*") long table,
      @Cast("int32_t*") long steps,
      int count,
      @Cast("const double*") long state,
      int threads);

  static native void thaw_update_max_norm(
      @Cast("float*") long value,
      @Cast("int64_t") long rows,
      @Cast("int64_t") long columns,
      double limit,
      int threads);

  static native void thaw_stats_measure(
      @Cast("double*") long y, @Cast("const float*") long x, @Cast("int64_t") long n, int threads);

  static native @Cast("int64_t") long thaw_stats_hash(
      @Cast("const void*") long x, @Cast("int64_t") long bytes, int threads);
}
