package dev.thaw.cpu;

import dev.thaw.backend.NormKernels;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.DType;
import org.jspecify.annotations.Nullable;

/** Batch normalisation by channel and layer normalisation by row. */
final class CpuNorm implements NormKernels {

  CpuNorm() {}

  @Override
  public void statistics(Buffer mean, Buffer variance, Buffer x, int rows, int channels) {
    Native.thaw_norm_statistics(
        Address.floats(mean),
        Address.floats(variance),
        Address.floats(x),
        rows,
        channels,
        CpuThreads.forBytes(x.bytes()));
  }

  @Override
  public void track(
      Buffer runningMean,
      Buffer runningVariance,
      Buffer mean,
      Buffer variance,
      int rows,
      int channels,
      double momentum) {
    Native.thaw_norm_track(
        Address.floats(runningMean),
        Address.floats(runningVariance),
        Address.floats(mean),
        Address.floats(variance),
        rows,
        channels,
        momentum);
  }

  @Override
  public void batchForward(
      Buffer y,
      Buffer x,
      Buffer gamma,
      Buffer beta,
      Buffer mean,
      Buffer variance,
      @Nullable Buffer residual,
      boolean relu,
      int rows,
      int channels,
      double eps) {
    Native.thaw_norm_batch_forward(
        Address.floats(y),
        Address.floats(x),
        Address.floats(gamma),
        Address.floats(beta),
        Address.floats(mean),
        Address.floats(variance),
        Address.floatsOrNull(residual),
        relu ? 1 : 0,
        rows,
        channels,
        eps,
        CpuThreads.forBytes((residual == null ? 2 : 3) * x.bytes()));
  }

  @Override
  public void batchBackward(
      @Nullable Buffer dx,
      @Nullable Buffer dgamma,
      @Nullable Buffer dbeta,
      @Nullable Buffer dresidual,
      Buffer dy,
      Buffer x,
      Buffer gamma,
      @Nullable Buffer beta,
      Buffer mean,
      Buffer variance,
      @Nullable Buffer y,
      int rows,
      int channels,
      double eps) {
    Native.thaw_norm_batch_backward(
        Address.floatsOrNull(dx),
        Address.floatsOrNull(dgamma),
        Address.floatsOrNull(dbeta),
        Address.floatsOrNull(dresidual),
        Address.floats(dy),
        Address.floats(x),
        Address.floats(gamma),
        Address.floatsOrNull(beta),
        Address.floats(mean),
        Address.floats(variance),
        Address.floatsOrNull(y),
        rows,
        channels,
        eps,
        CpuThreads.forBytes((y == null ? 3 : 5) * x.bytes()));
  }

  @Override
  public void constantBackward(
      Buffer dx, Buffer dy, Buffer gamma, Buffer variance, int rows, int channels, double eps) {
    Native.thaw_norm_constant_backward(
        Address.floats(dx),
        Address.floats(dy),
        Address.floats(gamma),
        Address.floats(variance),
        rows,
        channels,
        eps,
        CpuThreads.forBytes(2 * dx.bytes()));
  }

  @Override
  public void layerForward(
      Buffer y,
      Buffer mean,
      Buffer rstd,
      Buffer x,
      Buffer gamma,
      Buffer beta,
      int rows,
      int columns,
      double eps) {
    Native.thaw_norm_layer_forward(
        Address.floats(y),
        Address.floats(mean),
        Address.floats(rstd),
        Address.floats(x),
        Address.floats(gamma),
        Address.floats(beta),
        rows,
        columns,
        eps,
        CpuThreads.forBytes(2 * x.bytes()));
  }

  @Override
  public void layerBackward(
      @Nullable Buffer dx,
      @Nullable Buffer dgamma,
      @Nullable Buffer dbeta,
      Buffer dy,
      Buffer x,
      Buffer gamma,
      Buffer mean,
      Buffer rstd,
      int rows,
      int columns) {
    Native.thaw_norm_layer_backward(
        Address.floatsOrNull(dx),
        Address.floatsOrNull(dgamma),
        Address.floatsOrNull(dbeta),
        Address.floats(dy),
        Address.floats(x),
        Address.floats(gamma),
        Address.floats(mean),
        Address.floats(rstd),
        rows,
        columns,
        CpuThreads.forBytes(3 * x.bytes()));
  }

  @Override
  public void pixels(Buffer y, Buffer x, Buffer mean, Buffer std, int rows, int channels) {
    Native.thaw_norm_pixels(
        Address.floats(y),
        Address.typed(x, DType.UINT8),
        Address.floats(mean),
        Address.floats(std),
        rows,
        channels,
        CpuThreads.forBytes(y.bytes() + x.bytes()));
  }
}
